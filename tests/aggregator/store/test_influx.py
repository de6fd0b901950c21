"""The InfluxDB home of the time series, on a real engine: Debian's, and any server that is named.

`MACHIKOBA_TEST_INFLUX_URL`, `_TOKEN` and `_ORG` name one more server, on which the suite runs in full.
"""

import os
from collections.abc import Iterator
from itertools import count

import pytest

from agent.contract.records import HOUR_MS
from aggregator.store.influx.hours import Hours
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.points import window_line
from aggregator.store.influx.server import Place, Server
from aggregator.store.timeseries import StoreError, TimeSeries
from tests.aggregator.store.conformance import MILL, NOON_MS, TimeSeriesConformance, minutes
from tests.aggregator.store.influx_engine import ORG, TOKEN, InfluxEngine, influx_engine
from tests.aggregator.store.overlap_conformance import OverlapConformance

NAMED = os.environ.get("MACHIKOBA_TEST_INFLUX_URL")
KEEP_DAYS = 36_500
_numbers = count()


@pytest.fixture(scope="module")
def engine_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxEngine]:
    with influx_engine(tmp_path_factory.mktemp("influx")) as engine:
        yield engine


@pytest.fixture(params=["debian", *(["named"] if NAMED else [])])
def place(request: pytest.FixtureRequest, engine_: InfluxEngine) -> Place:
    if request.param == "debian":
        return Place(engine_.url, ORG, TOKEN)
    return Place(
        NAMED or "", os.environ["MACHIKOBA_TEST_INFLUX_ORG"], os.environ["MACHIKOBA_TEST_INFLUX_TOKEN"]
    )


@pytest.fixture
def server(place: Place) -> Iterator[Server]:
    server = Server(place)
    yield server
    server.close()


@pytest.fixture
def influx(server: Server) -> Influx:
    """An empty home: its buckets come about by the first write."""
    return Influx(server, f"test-{os.getpid()}-{next(_numbers)}", KEEP_DAYS)


class TestInflux(TimeSeriesConformance, OverlapConformance):
    @pytest.fixture
    def timeseries(self, influx: Influx) -> TimeSeries:
        return influx


def test_lines_go_compressed_five_thousand_at_a_time(engine_: InfluxEngine) -> None:
    server = Server(Place(engine_.url, ORG, TOKEN))
    home = Influx(server, "batches", KEEP_DAYS)
    home.write(minutes(MILL, NOON_MS - 2 * HOUR_MS, 1), [])
    asked = len(engine_.requests)
    server.write(home.bucket, map(window_line, minutes(MILL, NOON_MS, 12_000)))
    assert engine_.requests[asked:] == ["/api/v2/write"] * 3
    assert engine_.encodings[asked:] == ["gzip"] * 3
    server.close()


def test_a_write_that_broke_before_its_hours_is_made_whole_by_the_next_try(
    influx: Influx, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise StoreError("cut")

    def known_ms() -> int:
        return sum(influx.hours([MILL], NOON_MS, NOON_MS + HOUR_MS)[0].state_ms)

    windows = minutes(MILL, NOON_MS, 3)
    influx.write(windows[:1], [])
    with monkeypatch.context() as broken, pytest.raises(StoreError, match="cut"):
        broken.setattr(Hours, "correct", cut)
        influx.write(windows, [])
    assert known_ms() == 60_000
    influx.write(windows, [])
    assert known_ms() == 180_000
