"""Databases with the newest tables, made once and copied: to migrate each test's own takes longer.

They are SQLite files. With MACHIKOBA_TEST_DATABASE=postgresql (`make test-postgresql`) they are databases of
a PostgreSQL server of our own, for whatever stands on records: pages, API, planning, work, orders.
"""

import atexit
import os
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, NullPool, create_engine

from aggregator.store import database
from aggregator.store.database import open_engine
from aggregator.store.migration import migrate
from tests.postgres import Postgres

ON_POSTGRESQL = os.environ.get("MACHIKOBA_TEST_DATABASE") == "postgresql"
if ON_POSTGRESQL:
    # Many tests leave engines to the garbage collector: none keeps a connection.
    database.create_engine = partial(create_engine, poolclass=NullPool)  # type: ignore[attr-defined]


class Kept:
    """A database as it was when `engine`, which is closed by this, had its file at `path`."""

    def __init__(self, engine: Engine, path: Path) -> None:
        engine.dispose()  # the last connection folds SQLite's log into the file
        self._file = None if ON_POSTGRESQL else path.read_bytes()
        self._template = str(engine.url.database)

    def copied(self, path: Path) -> Engine:
        """Open a copy, which is the file `path`."""
        if self._file is None:
            return open_engine(_server().new(self._template))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._file)
        return open_engine(f"sqlite:///{path}")


def new_database(path: Path) -> Engine:
    """Open a new database with the newest tables, the file `path`."""
    return _new_tables().copied(path)


def url_of(engine: Engine) -> str:
    """Return the setting `database_url` of an open database."""
    return engine.url.render_as_string(hide_password=False)


@cache
def _new_tables() -> Kept:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "new.db"
        engine = open_engine(_server().new() if ON_POSTGRESQL else f"sqlite:///{path}")
        migrate(engine)
        return Kept(engine, path)


@cache
def _server() -> Postgres:
    server = Postgres()
    atexit.register(server.remove)
    server.create()
    server.start()
    return server
