"""A real store in a file, for tests of what ingest writes into it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from aggregator.store.embedded import Embedded
from aggregator.store.records import Records
from tests.aggregator.new_database import new_database


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A SQLite database with the newest tables."""
    engine = new_database(tmp_path / "machikoba.db")
    yield engine
    engine.dispose()


@pytest.fixture
def timeseries(engine: Engine) -> Embedded:
    """The time series in it."""
    return Embedded(engine)


@pytest.fixture
def records(engine: Engine) -> Records:
    """The records in it."""
    return Records(engine)
