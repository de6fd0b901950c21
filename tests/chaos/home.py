"""Where the records of the chaos lie: a PostgreSQL that is killed, or a SQLite file that is locked."""

import sqlite3
from pathlib import Path
from typing import Protocol

from tests.postgres import Postgres
from tests.stack import wait_until


class Home(Protocol):
    """A database that can be taken away and given back."""

    url: str

    def take_away(self) -> None:
        """Take it from the aggregator in this moment."""

    def give_back(self) -> None:
        """Let it work again, soon."""

    def settle(self) -> None:
        """Wait until it works."""

    def remove(self) -> None:
        """End it."""


class Killed:
    """A PostgreSQL server: to take it away is to kill all of its processes."""

    def __init__(self) -> None:
        self._server = Postgres()
        self._server.create()
        self._server.start()
        self.url = self._server.url

    def take_away(self) -> None:
        self._server.kill()

    def give_back(self) -> None:
        self._server.launch()

    def settle(self) -> None:
        wait_until(lambda: self._server.is_ready, "PostgreSQL has recovered")

    def remove(self) -> None:
        self._server.remove()


class Locked:
    """A SQLite file: to take it away is to hold its write lock."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "machikoba.db"
        self._holder: sqlite3.Connection | None = None
        self.url = f"sqlite:///{self._path}"

    def take_away(self) -> None:
        self._holder = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        self._holder.execute("BEGIN IMMEDIATE")

    def give_back(self) -> None:
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    def settle(self) -> None:
        self.give_back()

    def remove(self) -> None:
        self.give_back()
