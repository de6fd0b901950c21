"""Demo data in an InfluxDB for those tests of dashboards that ask for it."""

from collections.abc import Iterator

import pytest

from aggregator.store.influx.influx import Influx
from aggregator.store.influx.server import Server
from tests.dashboards.demo import Demo, open_demo
from tests.influx_engine import InfluxEngine


@pytest.fixture(scope="session")
def demo(
    influxdb: InfluxEngine, influx_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Demo]:
    with influxdb.bucket("demo") as bucket:
        home = Influx(influx_server, bucket, 36_500)
        yield from open_demo(influxdb, home, tmp_path_factory.mktemp("town"))
