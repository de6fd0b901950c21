"""One moment of a database, whichever kind it is, in a SQLite file; and such a file back into a database."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, func, inspect, select, table, text

from aggregator.errors import AggregatorError
from aggregator.store.database import open_engine, place_of, reading, writing
from aggregator.store.migration import is_known, migrate, newest_schema, schema_of, upgrade
from aggregator.store.timeseries import StoreError
from aggregator.store.work_schema import metadata

ROWS_AT_ONCE = 2_000
VERSION_TABLE = "alembic_version"

_CALLED_BY_TRIGGERS = """
SELECT DISTINCT tgfoid::regprocedure::text
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE NOT tgisinternal AND relname = ANY(:tables) AND pg_table_is_visible(pg_class.oid)
  AND NOT EXISTS (
    SELECT FROM pg_trigger AS other JOIN pg_class AS its ON its.oid = other.tgrelid
    WHERE other.tgfoid = pg_trigger.tgfoid
      AND NOT (its.relname = ANY(:tables) AND pg_table_is_visible(its.oid))
  )
"""


def save(engine: Engine, path: Path) -> None:
    """Write the database as it is at this moment to `path`; who writes meanwhile does not wait."""
    if engine.dialect.name == "sqlite":
        _save_sqlite(Path(place_of(engine)), path)
        return
    copy = open_engine(f"sqlite:///{path}")
    try:
        migrate(copy)
        with reading(engine) as source, writing(copy) as target:
            if schema_of(source) != newest_schema():
                raise AggregatorError(
                    f"database {place_of(engine)}: has the tables of another version "
                    f"(schema {schema_of(source)}); run machikoba db upgrade first"
                )
            _fill(source, target)
    finally:
        copy.dispose()


def fill(engine: Engine, path: Path) -> None:
    """Replace our tables in PostgreSQL by those of the file, which are of the newest schema, in one step."""
    copy = open_engine(f"sqlite:///{path}")
    try:
        with reading(copy) as source, writing(engine) as target:
            _require_alone(target, place_of(engine))
            _require_ours(target, place_of(engine))
            _drop_all(target)
            upgrade(target, place_of(engine))
            _fill(source, target)
            _continue_numbers(target)
    finally:
        copy.dispose()


def counts_of(connection: Connection) -> dict[str, int]:
    """Return the rows of every table, of whatever schema."""
    names = sorted(set(inspect(connection).get_table_names()) - {VERSION_TABLE})
    return {name: connection.scalar(select(func.count()).select_from(table(name))) or 0 for name in names}


def _save_sqlite(source: Path, path: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as live,
            closing(sqlite3.connect(path)) as copy,
        ):
            live.backup(copy)  # in one step: a single read transaction, which in WAL mode holds up nobody
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    except sqlite3.Error as error:
        raise StoreError(f"database {source}: cannot be copied: {error}") from error


def _fill(source: Connection, target: Connection) -> None:
    for one in metadata.sorted_tables:
        rows = source.execution_options(yield_per=ROWS_AT_ONCE).execute(select(one))
        for some in rows.mappings().partitions():
            target.execute(one.insert(), [dict(row) for row in some])


def _drop_all(connection: Connection) -> None:
    # Dropped, not emptied: the audit log gives no line away. What others have in the database stays: of the
    # functions only those go that our tables' own triggers call.
    names = [VERSION_TABLE, *metadata.tables]
    called = list(connection.scalars(text(_CALLED_BY_TRIGGERS), {"tables": names}))
    for name in names:
        connection.execute(text(f'DROP TABLE IF EXISTS "{name}" CASCADE'))
    for function in called:
        connection.execute(text(f"DROP FUNCTION {function}"))


def _require_ours(connection: Connection, place: str) -> None:
    """Raise AggregatorError where a newer version has left tables that its next start would stumble over."""
    if is_known(schema_of(connection)):
        return
    known = {VERSION_TABLE, *metadata.tables}
    if others := sorted(set(inspect(connection).get_table_names()) - known):
        raise AggregatorError(
            f"database {place}: was upgraded by a newer machikoba, whose tables this one does not know "
            f"({', '.join(others)}); make the database anew, empty, and restore again"
        )


def _require_alone(connection: Connection, place: str) -> None:
    others = connection.scalar(
        text(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
    )
    if others:
        raise AggregatorError(f"database {place}: is in use by others ({others}); stop machikoba serve first")


def _continue_numbers(connection: Connection) -> None:
    """Let PostgreSQL's counters go on behind the numbers that rows brought with them."""
    for one in metadata.sorted_tables:
        column = one.autoincrement_column
        if column is not None:
            highest = connection.scalar(select(func.max(column)))
            sequence = func.pg_get_serial_sequence(one.name, column.name)
            connection.execute(select(func.setval(sequence, highest or 1, highest is not None)))
