"""The tables come about by migrations, on both databases, once, whoever comes first."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from aggregator.errors import AggregatorError
from aggregator.store.database import open_engine, reading, writing
from aggregator.store.migration import migrate
from aggregator.store.work_schema import metadata


def test_migrations_make_exactly_the_tables_of_the_schema(engine: Engine) -> None:
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO factories VALUES ('aoki', '青木精機')"))
    migrate(engine)
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT name FROM factories")) == "青木精機"


def test_processes_that_start_together_wait_for_each_other(database_url: str) -> None:
    engines = [open_engine(database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, engines))
    with reading(engines[0]) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    for engine in engines:
        engine.dispose()


def test_a_newer_schema_is_left_alone(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(AggregatorError, match=r"written by a newer machikoba \(schema 9999\)"):
        migrate(engine)


def test_a_migration_that_fails_leaves_nothing_behind(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(database_url)
    upgrade = command.upgrade

    def fail_at_the_end(config: Config, revision: str) -> None:
        upgrade(config, revision)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "upgrade", fail_at_the_end)
    with pytest.raises(KeyboardInterrupt):
        migrate(engine)
    with reading(engine) as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()
