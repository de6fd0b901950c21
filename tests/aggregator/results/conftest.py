"""An InfluxDB for what is written back: one engine for the session, buckets of their own for every test."""

import os
from collections.abc import Iterator
from itertools import count

import pytest

from aggregator.store.influx.influx import Influx
from aggregator.store.influx.server import Place, Server
from tests.aggregator.store.influx_engine import ORG, TOKEN, InfluxEngine, influx_engine

_numbers = count()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxEngine]:
    with influx_engine(tmp_path_factory.mktemp("influx")) as engine:
        yield engine


@pytest.fixture
def server(engine: InfluxEngine) -> Iterator[Server]:
    server = Server(Place(engine.url, ORG, TOKEN))
    yield server
    server.close()


@pytest.fixture
def home(server: Server) -> Influx:
    return Influx(server, f"results-{os.getpid()}-{next(_numbers)}", 36_500)
