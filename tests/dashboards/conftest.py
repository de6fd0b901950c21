"""One InfluxDB for all tests of dashboards; with demo data for those that ask for it."""

from collections.abc import Iterator

import pytest

from tests.aggregator.store.influx_engine import InfluxEngine, influx_engine
from tests.dashboards.demo import Demo, open_demo


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxEngine]:
    with influx_engine(tmp_path_factory.mktemp("influx")) as engine:
        yield engine


@pytest.fixture(scope="session")
def demo(engine: InfluxEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    yield from open_demo(engine, tmp_path_factory.mktemp("town"))
