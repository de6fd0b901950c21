"""The SQL database behind the stores: a URL in, an engine whose transactions end in full or not at all.

SQLite and PostgreSQL behave alike here. A write transaction takes SQLite's only write lock when it begins,
so that it never has to give up half-way, and every commit is on the disk before it returns.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from agent.contract.masking import masked_queries
from aggregator.errors import AggregatorError, ConfigError
from aggregator.store.timeseries import StoreError

BUSY_TIMEOUT_MS = 30_000
_WRITES = "machikoba_writes"


def open_engine(url: str) -> Engine:
    """Return the engine for `url`, creating SQLite's folder; raises AggregatorError in one sentence.

    No connection is made yet. PostgreSQL needs the package psycopg.
    """
    try:
        parsed = make_url(url)
        if "@" in (parsed.host or ""):
            raise ConfigError("database_url: write an @ in the user's name or password as %40")
        # Errors and the library's own log would repeat what is written: hashes, texts of orders.
        engine = create_engine(
            _with_driver(parsed), pool_pre_ping=not _is_sqlite(parsed), hide_parameters=True
        )
    except (ArgumentError, ValueError):  # ValueError: the port is no number
        raise ConfigError("database_url: is no database URL; example: sqlite:////srv/machikoba.db") from None
    except ModuleNotFoundError as error:
        raise ConfigError(f"database_url: needs the Python package {error.name}") from error
    if engine.dialect.name not in {"sqlite", "postgresql"}:
        raise ConfigError(f"database_url: expected sqlite or postgresql, got {engine.dialect.name}")
    if _is_sqlite(parsed):
        _make_folder(parsed)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection in a read transaction: one unchanging view. Raises StoreError."""
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with _store_errors(engine), engine.execution_options(**options).begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection in a write transaction, durable once the block ends. Raises StoreError."""
    with _store_errors(engine), engine.execution_options(**{_WRITES: True}).begin() as connection:
        yield connection


def take_turns(connection: Connection, what: int) -> None:
    """Wait until no other write transaction has taken its turn at `what`: any number, the same everywhere.

    SQLite has one writer at a time in any case.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:what)"), {"what": what})


def upsert(dialect: Dialect, table: Table) -> str:
    """Return the SQL that inserts rows or replaces those of the same primary key.

    It takes tuples in the order of the table's columns, through `exec_driver_sql`: without SQLAlchemy's own
    handling of parameters a row is stored in half the time.
    """
    if dialect.name == "postgresql":
        statement: Any = postgresql.insert(table)
        style: Any = "format"
    else:
        statement, style = sqlite.insert(table), "qmark"
    names = [column.name for column in table.columns if not column.primary_key]
    others = {name: statement.excluded[name] for name in names}
    make_dialect: Any = type(dialect)
    plain = make_dialect(paramstyle=style)
    replacing = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=others)
    return str(replacing.compile(dialect=plain))


def is_missing(url: str) -> bool:
    """Tell whether it is a file of SQLite's that is not there; nothing is made or asked."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return False
    return _is_sqlite(parsed) and not Path(parsed.database or "").exists()


def place_of(engine: Engine) -> str:
    """Return where the database is, for messages: without the password."""
    url = engine.url
    if _is_sqlite(url):
        return str(url.database)
    return masked_queries(url.render_as_string(hide_password=True))


@contextmanager
def _store_errors(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeoutError, sqlite3.Error) as error:
        reason = getattr(error, "orig", None) or error
        raise StoreError(f"database {place_of(engine)}: {_first_line(reason)}") from error


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0]


def _with_driver(url: URL) -> URL:
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _make_folder(url: URL) -> None:
    if not url.database or url.database == ":memory:":
        raise ConfigError("database_url: a database in memory would lose what it acknowledged; name a file")
    folder = Path(url.database).parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # password hashes lie in it
    except OSError as error:
        raise AggregatorError(f"data folder {folder} cannot be used: {error.strerror}") from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",  # what is acknowledged survives a power cut
        "foreign_keys=ON",
        "cache_size=-32768",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
