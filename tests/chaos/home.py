"""Where the records of the chaos lie: a PostgreSQL that is killed, a SQLite file that is locked, an InfluxDB.

In the InfluxDB, which is killed too, lie the time series; all else lies in PostgreSQL then.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine

from aggregator.store.embedded import Embedded
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.server import Server
from aggregator.store.timeseries import TimeSeries
from tests.chaos.plan import DATABASE, INFLUXD
from tests.influx_adapter import ORG, TOKEN
from tests.influx_engine import Influxd, influx_engine
from tests.postgres import Postgres
from tests.stack import wait_until

BUCKET, KEEP_DAYS = "chaos", 36_500


class Home(Protocol):
    """Databases, by their names in the plan, that can be taken away and given back."""

    url: str
    names: Sequence[str]
    settings: str
    """What the aggregator's settings say besides `database_url`."""

    def take_away(self, name: str) -> None:
        """Take one from the aggregator in this moment."""

    def give_back(self, name: str) -> None:
        """Let it work again, soon."""

    def series(self, engine: Engine) -> TimeSeries:
        """Return where the time series lie."""

    def settle(self) -> None:
        """Wait until it works."""

    def remove(self) -> None:
        """End it."""


class Killed:
    """A PostgreSQL server: to take it away is to kill all of its processes."""

    names: Sequence[str] = (DATABASE,)
    settings = ""

    def __init__(self) -> None:
        self._server = Postgres()
        self._server.create()
        self._server.start()
        self.url = self._server.url

    def take_away(self, _name: str) -> None:
        self._server.kill()

    def give_back(self, _name: str) -> None:
        self._server.launch()

    def series(self, engine: Engine) -> TimeSeries:
        return Embedded(engine)

    def settle(self) -> None:
        wait_until(lambda: self._server.is_ready, "PostgreSQL has recovered")

    def remove(self) -> None:
        self._server.remove()


class Series:
    """An influxd for the time series, and a PostgreSQL server for all else: both are killed."""

    names: Sequence[str] = (DATABASE, INFLUXD)

    def __init__(self, folder: Path) -> None:
        self._ends = ExitStack()
        self._rest = Killed()
        self._ends.callback(self._rest.remove)
        self.url = self._rest.url
        influx = folder / "influx"
        influx.mkdir()
        self._engine = self._ends.enter_context(influx_engine(influx))
        token = influx / "token"
        token.write_text(TOKEN)
        table = f'url = "{self._engine.url}"\norg = "{ORG}"\nbucket = "{BUCKET}"\ntoken_file = "{token}"'
        self.settings = f"[influx]\n{table}\nkeep_days = {KEEP_DAYS}\n"

    @property
    def _influxd(self) -> Influxd:
        assert self._engine.server is not None
        return self._engine.server

    def take_away(self, name: str) -> None:
        if name == INFLUXD:
            self._influxd.kill()
        else:
            self._rest.take_away(name)

    def give_back(self, name: str) -> None:
        if name == INFLUXD:
            self._influxd.launch()
        else:
            self._rest.give_back(name)

    def settle(self) -> None:
        self._rest.settle()
        self._influxd.wait()

    def series(self, _engine: Engine) -> TimeSeries:
        return Influx(Server(self._engine.place), BUCKET, KEEP_DAYS)

    def remove(self) -> None:
        self._ends.close()


class Locked:
    """A SQLite file: to take it away is to hold its write lock."""

    names: Sequence[str] = (DATABASE,)
    settings = ""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "machikoba.db"
        self._holder: sqlite3.Connection | None = None
        self.url = f"sqlite:///{self._path}"

    def take_away(self, _name: str) -> None:
        self._holder = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        self._holder.execute("BEGIN IMMEDIATE")

    def give_back(self, _name: str) -> None:
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    def series(self, engine: Engine) -> TimeSeries:
        return Embedded(engine)

    def settle(self) -> None:
        self.give_back(DATABASE)

    def remove(self) -> None:
        self.give_back(DATABASE)


HOMES: dict[str, Callable[[Path], Home]] = {
    "influxdb": Series,
    "postgresql": lambda _: Killed(),
    "sqlite": Locked,
}
NAMES = {"influxdb": Series.names, "postgresql": Killed.names, "sqlite": Locked.names}
