"""Where results are written back to, in every test of this folder."""

import pytest

from aggregator.store.influx.influx import Influx
from aggregator.store.influx.server import Server


@pytest.fixture(name="server", scope="session")
def server_(influx_server: Server) -> Server:
    """The InfluxDB of the tests."""
    return influx_server


@pytest.fixture(name="home")
def home_(influx_home: Influx) -> Influx:
    """An empty home in it."""
    return influx_home
