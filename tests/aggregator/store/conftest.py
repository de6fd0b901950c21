"""Databases for the store's tests: SQLite files and a real PostgreSQL server of our own."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from aggregator.store.database import open_engine
from aggregator.store.migration import migrate

pytest.register_assert_rewrite(
    "tests.aggregator.store.conformance", "tests.aggregator.store.overlap_conformance"
)

_numbers = count()


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL's server is missing: apt-get install postgresql"
    return found[-1].parent


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL of our own, reached through a Unix socket; gives the URL of its first database."""
    binaries, root = _binaries(), os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="machikoba-pg-"))
    user = "postgres" if root else None  # PostgreSQL refuses to run as root
    if root:
        shutil.chown(folder, "postgres", "postgres")
    name = user or pwd.getpwuid(os.geteuid()).pw_name
    data = folder / "data"
    made = subprocess.run(
        [binaries / "initdb", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C", "-D", data],
        check=False, user=user, cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    options = ("-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=40")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, *options], user=user, cwd=folder, stderr=log
        )
    try:
        end = time.monotonic() + 60
        while subprocess.run([binaries / "pg_isready", "-q", "-h", folder], check=False).returncode:
            assert server.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, "PostgreSQL did not start"
            time.sleep(0.1)
        yield f"postgresql+psycopg://{name}@/postgres?host={folder}"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder)


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
