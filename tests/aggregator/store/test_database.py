"""Transactions: all or nothing, durable, and one writer at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from aggregator.errors import AggregatorError, ConfigError
from aggregator.store import database as module
from aggregator.store.database import open_engine, place_of, reading, writing
from aggregator.store.migration import migrate
from aggregator.store.timeseries import StoreError


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.scalar(text("SELECT count(*) FROM factories")) or 0)


def test_a_write_that_fails_half_way_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        connection.execute(text("INSERT INTO factories VALUES ('a', 'A')"))
        raise ZeroDivisionError
    assert count(engine) == 0


def test_what_the_database_refuses_is_a_store_error_without_its_values(engine: Engine) -> None:
    with pytest.raises(StoreError) as caught, writing(engine) as connection:
        connection.execute(text("INSERT INTO factories VALUES (:id, NULL)"), {"id": "secret-value"})
    assert place_of(engine) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_reader_sees_one_moment_and_stops_no_writer(engine: Engine) -> None:
    names = text("SELECT count(*) FROM factories")
    with reading(engine) as connection:
        assert connection.scalar(names) == 0
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_add_factory, engine).result(30)
        assert connection.scalar(names) == 0
    assert count(engine) == 1


def test_a_reader_sees_nothing_of_a_write_that_has_not_ended(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO factories VALUES ('a', 'A')"))
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(count, engine).result(30) == 0
    assert count(engine) == 1


def test_a_readers_unchanging_view_is_not_handed_on_to_a_writer(engine: Engine) -> None:
    assert count(engine) == 0
    with writing(engine) as connection:
        level = connection.get_isolation_level()
    assert level == {"sqlite": "SERIALIZABLE", "postgresql": "READ COMMITTED"}[engine.dialect.name]


def _add_factory(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO factories VALUES ('a', 'A')"))


def test_writers_wait_for_each_other(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    migrate(engine)
    started = threading.Event()

    def write_second() -> None:
        started.set()
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO factories SELECT 'b', name FROM factories WHERE id = 'a'"))

    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            second = pool.submit(write_second)
            started.wait(30)
            connection.execute(text("INSERT INTO factories VALUES ('a', 'A')"))
        second.result(30)
    assert count(engine) == 2
    engine.dispose()


def test_a_writer_that_waits_too_long_says_so(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT_MS", 50)
    engine, other = open_engine(sqlite_url), open_engine(sqlite_url)
    migrate(engine)
    with writing(engine), pytest.raises(StoreError, match="database is locked"), writing(other):
        pass
    engine.dispose()
    other.dispose()


def test_what_is_committed_is_on_the_disk(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    with reading(engine) as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 2  # FULL
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    engine.dispose()


def test_the_folder_is_made(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/a/b/machikoba.db")
    migrate(engine)
    assert (tmp_path / "a" / "b" / "machikoba.db").exists()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o077 == 0  # nobody else's business
    engine.dispose()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AggregatorError, match=r"data folder .*/file cannot be used: File exists"):
        open_engine(f"sqlite:///{tmp_path}/file/machikoba.db")


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite://", "sqlite:///:memory:", "oracle://x/y", "mssql://x/y"]
)
def test_a_url_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^database_url: "):
        open_engine(url)


def test_a_plain_postgresql_url_finds_its_driver(postgres_url: str) -> None:
    engine = open_engine(postgres_url.replace("postgresql+psycopg", "postgresql"))
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()
