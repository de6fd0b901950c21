"""A PostgreSQL server of our own, reached through a Unix socket: started, killed and started again."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psutil
import psycopg

from tests.stack import wait_until

START_S = 120.0


class Postgres:
    """`url` is that of its first database; it lies in a folder of its own, which `remove` deletes."""

    def __init__(self) -> None:
        root = os.geteuid() == 0
        self._user = "postgres" if root else None  # PostgreSQL refuses to run as root
        self._folder = Path(tempfile.mkdtemp(prefix="machikoba-pg-"))
        if root:
            shutil.chown(self._folder, "postgres", "postgres")
        self._binaries = binaries()
        self._numbers = count()
        self._server: subprocess.Popen[bytes] | None = None
        name = self._user or pwd.getpwuid(os.geteuid()).pw_name
        self.url = f"postgresql+psycopg://{name}@/postgres?host={self._folder}"

    def create(self) -> None:
        """Make its files."""
        settings = ("--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        made = subprocess.run(
            [self._binaries / "initdb", *settings, "-D", self._folder / "data"],
            check=False, user=self._user, cwd=self._folder, capture_output=True, text=True,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start it without waiting until it can be used."""
        # Without fsync a power cut would lose commits; killed processes do not: the kernel has them.
        options = ("-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=40")
        command: list[str | Path] = [
            self._binaries / "postgres",
            "-D",
            self._folder / "data",
            "-k",
            self._folder,
            *options,
        ]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(command, user=self._user, cwd=self._folder, stderr=log)
        return self._server

    def start(self) -> None:
        """Start it and wait until it can be used."""
        server = self.launch()

        def usable() -> bool:
            assert server.poll() is None, self.log
            return self.is_ready

        wait_until(usable, "PostgreSQL starts", START_S)

    @property
    def is_ready(self) -> bool:
        """Tell whether it can be used."""
        asked: list[str | Path] = [self._binaries / "pg_isready", "-q", "-h", self._folder]
        return subprocess.run(asked, check=False).returncode == 0

    @property
    def log(self) -> str:
        """What it said so far."""
        return (self._folder / "log").read_text()

    def new(self, template: str = "template1") -> str:
        """Make a database, a copy of `template`; return its URL."""
        name = f"machikoba_{next(self._numbers)}"
        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as line:
            line.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self.url.replace("/postgres?", f"/{name}?")

    def kill(self) -> None:
        """End all of its processes at once: one that is left would keep the next start from beginning."""
        if self._server is None:
            return
        if self._server.poll() is None:
            children = psutil.Process(self._server.pid).children()
            self._server.kill()
            for child in children:
                if child.is_running():
                    child.kill()
            psutil.wait_procs(children, timeout=30)
        self._server.wait()

    def remove(self) -> None:
        """End it and delete its files."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(60)
        subprocess.run(["rm", "-rf", self._folder], check=True)  # of so many files rmtree takes ten seconds


@contextmanager
def started() -> Iterator[Postgres]:
    """A server of our own, until the block ends."""
    server = Postgres()
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.remove()


def binaries() -> Path:
    """Return the folder of the server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL's server is missing: apt-get install postgresql"
    return found[-1].parent
