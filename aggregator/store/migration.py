"""Brings a database to the schema of this version: an engine in, the newest tables there afterwards."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from aggregator.errors import AggregatorError
from aggregator.store.database import place_of, take_turns, writing
from aggregator.store.timeseries import StoreError

logger = logging.getLogger(__name__)

_LOCK = 0x6D616368


def migrate(engine: Engine) -> None:
    """Create or upgrade the tables in one transaction; raises AggregatorError when that cannot be.

    Processes that start together wait for each other.
    """
    try:
        with writing(engine) as connection:
            take_turns(connection, _LOCK)
            upgrade(connection, place_of(engine))
    except StoreError as error:
        raise AggregatorError(f"{error}: check the path and its rights, or restore a backup") from error


def upgrade(connection: Connection, place: str) -> None:
    """Do the same inside a transaction that somebody else began."""
    _refuse_newer(connection, place)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def newest_schema() -> str:
    """Return the schema of this version."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def schema_of(connection: Connection) -> str | None:
    """Return the schema that the tables have; None where there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def is_known(schema: str | None) -> bool:
    """Tell whether this version can read tables of that schema; None, no tables at all, is known, too."""
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    return schema is None or schema in known


def require_known(schema: str | None, place: str) -> None:
    """Raise AggregatorError in one sentence if a newer version wrote what lies at `place`."""
    if not is_known(schema):
        raise AggregatorError(
            f"{place}: was written by a newer machikoba (schema {schema}): "
            "install that version, or restore the backup made before its upgrade"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def _refuse_newer(connection: Connection, place: str) -> None:
    current = schema_of(connection)
    require_known(current, f"database {place}")
    if current != newest_schema():
        logger.info("database %s: upgrading from schema %s to %s", place, current, newest_schema())
