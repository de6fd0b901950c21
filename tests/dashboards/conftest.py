"""One InfluxDB with demo data for all tests of dashboards."""

from collections.abc import Iterator

import pytest

from tests.aggregator.store.influx_engine import influx_engine
from tests.dashboards.demo import Demo, open_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with influx_engine(tmp_path_factory.mktemp("influx")) as engine:
        yield from open_demo(engine, tmp_path_factory.mktemp("town"))
