"""Brings a database to the schema of this version: an engine in, the newest tables there afterwards."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from aggregator.errors import AggregatorError
from aggregator.store.database import place_of, writing
from aggregator.store.timeseries import StoreError

logger = logging.getLogger(__name__)

_LOCK = 0x6D616368  # any number, the same in every process: PostgreSQL's advisory lock


def migrate(engine: Engine) -> None:
    """Create or upgrade the tables in one transaction; raises AggregatorError when that cannot be.

    Processes that start together wait for each other.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    try:
        with writing(engine) as connection:
            _wait_for_others(connection)
            _refuse_newer(connection, ScriptDirectory.from_config(config), place_of(engine))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except StoreError as error:
        raise AggregatorError(f"{error}: check the path and its rights, or restore a backup") from error


def _wait_for_others(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _refuse_newer(connection: Connection, scripts: ScriptDirectory, place: str) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise AggregatorError(
            f"database {place}: was written by a newer machikoba (schema {current}): "
            "install that version, or restore the backup made before its upgrade"
        )
    if current != scripts.get_current_head():
        logger.info("database %s: upgrading from schema %s to %s", place, current, scripts.get_current_head())
