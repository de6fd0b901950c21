"""Databases for the store's tests: SQLite files and a real PostgreSQL server of our own."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from aggregator.store.database import open_engine
from aggregator.store.migration import migrate
from tests.postgres import Postgres

pytest.register_assert_rewrite(
    "tests.aggregator.store.conformance", "tests.aggregator.store.overlap_conformance"
)

_numbers = count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL of our own; gives the URL of its first database."""
    server = Postgres()
    try:
        server.create()
        server.start()
        yield server.url
    finally:
        server.remove()


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """An empty PostgreSQL database."""
    database = f"machikoba_{next(_numbers)}"
    engine = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {database}"))
    engine.dispose()
    return postgres_server.replace("/postgres?", f"/{database}?")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'data' / 'machikoba.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database of each kind with the newest tables."""
    engine = open_engine(database_url)
    migrate(engine)
    yield engine
    engine.dispose()
