"""Databases with the newest tables, made once and copied: to migrate each test's own takes longer."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from aggregator.store.database import open_engine
from aggregator.store.migration import migrate


def new_database(path: Path) -> Engine:
    """Open a new SQLite file with the newest tables."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_new_tables())
    return open_engine(f"sqlite:///{path}")


def content_of(engine: Engine, path: Path) -> bytes:
    """Close the database and return its file: the last connection folds the log into it."""
    engine.dispose()
    return path.read_bytes()


@cache
def _new_tables() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "new.db"
        engine = open_engine(f"sqlite:///{path}")
        migrate(engine)
        return content_of(engine, path)
