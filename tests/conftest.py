"""What all tests share: how hypothesis searches, in which order files run, an InfluxDB."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from aggregator.store.influx.influx import Influx
from aggregator.store.influx.server import Server
from tests.influx_engine import InfluxEngine, any_influxdb

# No deadlines: a busy computer is no bug. In CI always the same examples, so that a failure can be repeated.
settings.register_profile("machikoba", deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("machikoba"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "machikoba")

TESTS = Path(__file__).parent
LONGEST = (
    "system/test_demo.py",  # runs for minutes, mostly waiting
    "chaos/test_chaos.py",  # two minutes, likewise
    "browser/test_story.py",  # likewise
    "system/test_real_log.py",
    "agent/test_app.py",
    "system/test_work_on_jobs.py",
    "aggregator/backup/test_running.py",
    "chaos/test_two_weeks.py",
    "deploy/test_town.py",
    "browser/test_pages.py",
    "browser/test_capacity.py",
    "browser/test_floor_live.py",
    "system/test_demo_killed.py",
    "aggregator/matching/test_answer.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files: with `-n`, others run beside them, and none is left over at the end."""
    rank = {TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.fixture(scope="session")
def influxdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxEngine]:
    """An InfluxDB for all tests of this process: the server that is named, or else Debian's."""
    with any_influxdb(tmp_path_factory.mktemp("influx")) as engine:
        yield engine


@pytest.fixture(scope="session")
def influx_server(influxdb: InfluxEngine) -> Iterator[Server]:
    """The same, as the aggregator talks to it."""
    server = Server(influxdb.place)
    yield server
    server.close()


@pytest.fixture
def influx_home(influxdb: InfluxEngine, influx_server: Server) -> Iterator[Influx]:
    """An empty home in it: its buckets come about by the first write."""
    with influxdb.bucket("home") as bucket:
        yield Influx(influx_server, bucket, 36_500)
