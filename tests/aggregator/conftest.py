"""Databases of both kinds: SQLite files, and those of one PostgreSQL server, copied from one with tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from aggregator.store.database import open_engine
from aggregator.store.migration import migrate
from tests.aggregator.new_database import new_database
from tests.postgres import Postgres, started

# Here, before ingest's and results' tests import them: these suites tell what differs, as tests do.
pytest.register_assert_rewrite(
    "tests.aggregator.store.conformance", "tests.aggregator.store.overlap_conformance"
)

BOTH = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of our own, one a run."""
    with started() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_tables(postgres: Postgres) -> str:
    """The name of a PostgreSQL database with the newest tables, to be copied."""
    url = postgres.new()
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    return str(engine.url.database)


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """An empty PostgreSQL database."""
    return postgres.new()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'data' / 'machikoba.db'}"


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(params=BOTH)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of each kind with the newest tables."""
    if request.param == "sqlite":
        engine = new_database(tmp_path / "data" / "machikoba.db")
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        engine = open_engine(postgres.new(request.getfixturevalue("postgres_tables")))
    yield engine
    engine.dispose()
