"""The InfluxDB home of the time series, on a real engine: Debian's, and any server that is named.

`MACHIKOBA_TEST_INFLUX_URL`, `_TOKEN` and `_ORG` name one more server, on which the suite runs in full.
"""

import os
from collections.abc import Iterator
from itertools import count

import pytest

from agent.contract.records import HOUR_MS
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.points import window_line
from aggregator.store.influx.server import Place, Server
from aggregator.store.timeseries import StoreError, TimeSeries
from tests.aggregator.store.conformance import MILL, NOON_MS, TimeSeriesConformance, minute, minutes
from tests.aggregator.store.influx_engine import ORG, TOKEN, InfluxEngine, influx_engine
from tests.aggregator.store.overlap_conformance import OverlapConformance
from tests.stack import free_port

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


def test_a_wrong_token_is_told_in_one_sentence(engine_: InfluxEngine) -> None:
    server = Server(Place(engine_.url, ORG, "wrong"))
    with pytest.raises(StoreError, match=r"refuses the token for bucket 'b'; check influx\.token_file"):
        Influx(server, "b", KEEP_DAYS).write([minute(MILL, NOON_MS)], [])
    assert "wrong" not in repr(Place(engine_.url, ORG, "wrong"))
    server.close()


def test_a_server_that_is_away_is_told_with_its_place() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    server = Server(Place(url, ORG, TOKEN))
    influx = Influx(server, "b", KEEP_DAYS)
    for call in (lambda: influx.write([minute(MILL, NOON_MS)], []), lambda: influx.latest([MILL])):
        with pytest.raises(StoreError, match=f"influx {url}: cannot be reached"):
            call()
    server.close()


def test_a_batch_that_is_too_large_is_sent_in_halves(
    engine_: InfluxEngine, server: Server, influx: Influx
) -> None:
    influx.write([minute(MILL, NOON_MS - HOUR_MS)], [])
    asked = len(engine_.requests)
    engine_.failures.append((413, b"{}"))
    windows = minutes(MILL, NOON_MS, 100)
    server.write(influx.bucket, map(window_line, windows))
    assert engine_.requests[asked:] == ["/api/v2/write"] * 3
    assert list(influx.windows(MILL, NOON_MS, NOON_MS + 2 * HOUR_MS)) == windows


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (429, b'{"message":"org has exceeded limited writes"}', "asks us to slow down"),
        (503, b'{"message":"unavailable"}', "status 503: unavailable"),
        (500, b"<html>\n\nbroken</html>", "status 500: <html> broken</html>"),
    ],
)
def test_what_the_server_refuses_is_told_and_not_acknowledged(
    engine_: InfluxEngine, influx: Influx, status: int, body: bytes, said: str
) -> None:
    influx.write([minute(MILL, NOON_MS)], [])
    later = minute(MILL, NOON_MS + 60_000)
    engine_.failures.append((status, body))
    with pytest.raises(StoreError, match=said):
        influx.write([later], [])
    influx.write([later], [])
    assert list(influx.windows(MILL, NOON_MS, NOON_MS + HOUR_MS)) == [minute(MILL, NOON_MS), later]


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
        broken.setattr(influx, "_correct_hours", cut)
        influx.write(windows, [])
    assert known_ms() == 60_000
    influx.write(windows, [])
    assert known_ms() == 180_000
