"""Answers in parts: all rows are read, however many, and one that is cut off counts as none."""

from collections import Counter
from collections.abc import Iterator

import pytest

from agent.contract.records import HOUR_MS
from agent.contract.states import State
from aggregator.model.window import StateChange
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.server import Server
from aggregator.store.timeseries import StoreError
from tests.aggregator.store.conformance import MILL, NOON_MS, minutes
from tests.influx_engine import InfluxEngine, influx_engine

LIMIT = 100  # rows that this server gives in an answer that is not asked for in parts
CHUNK = 10_000  # rows of a part
CUT = b'{"results":[{"statement_id":0,"partial":true}]}\n'


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxEngine]:
    with influx_engine(tmp_path_factory.mktemp("influx"), rows=LIMIT) as engine:
        yield engine


@pytest.fixture
def server(engine: InfluxEngine) -> Iterator[Server]:
    server = Server(engine.place)
    yield server
    server.close()


@pytest.fixture
def influx(server: Server) -> Influx:
    return Influx(server, "home", 36_500)


def test_a_limit_of_rows_at_the_server_leaves_nothing_out(influx: Influx) -> None:
    windows = minutes(MILL, NOON_MS, 2 * LIMIT)
    influx.write(windows, [])
    assert influx.windows(MILL, NOON_MS, NOON_MS + 4 * HOUR_MS) == windows


def test_series_longer_than_the_servers_parts_are_whole(server: Server) -> None:
    server.make_bucket("long", None)
    here = [f"m,factory=aoki,machine=mc-0{number}" for number in (1, 2)]
    lines = [f"{each} v=1i {at}" for each in here for at in range(2 * CHUNK + 1)]
    assert not server.write("long", lines).refused
    for count in (CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1):
        statement = f"SELECT v FROM m WHERE time < {count}ms GROUP BY factory, machine"
        found = Counter(key.machine for key, _, _ in server.rows("long", statement))
        assert found == {"mc-01": count, "mc-02": count}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (CUT, "its answer ends too early"),
        (CUT + CUT, "its answer ends too early"),
        (CUT + b'{"error":"engine is closed"}', "engine is closed"),
        (CUT + b'{"results":[{"statement_id":0,"error":"timeout reached"}]}', "timeout reached"),
        (CUT + b'{"results":[{"sta', "answers in no way InfluxDB does"),
        (b"", "answers in no way InfluxDB does"),
        (b"[]", "answers in no way InfluxDB does"),
    ],
)
def test_an_answer_that_is_cut_off_is_none(
    engine: InfluxEngine, influx: Influx, answer: bytes, told: str
) -> None:
    engine.answer_next(200, answer)
    with pytest.raises(StoreError, match=told):
        influx.windows(MILL, NOON_MS, NOON_MS + HOUR_MS)


PAGE = "<html>ただいま混み合っています</html>".encode("shift_jis")


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, b"<html>Sign in</html>", "answers a write with status 200 instead of 204"),
        (201, b'{"message":"some points were rejected"}', "answers a write with status 201 instead of 204"),
        (502, PAGE, "answers in no way InfluxDB does"),
        (503, b'{"error":{"code":503,"message":"busy"}}', "status 503: .*busy"),
        (503, b"[" * 100_000, r"status 503: \[\["),
    ],
)
def test_what_something_between_answers_to_a_write_stores_nothing_and_is_told(
    engine: InfluxEngine, influx: Influx, status: int, body: bytes, told: str
) -> None:
    influx.write(minutes(MILL, NOON_MS, 1), [])
    change = StateChange(MILL, NOON_MS + status, State.DOWN)
    with engine.refusing("/api/v2/write", status, body), pytest.raises(StoreError, match=told):
        influx.write([], [change])
    influx.write([], [change])
    assert influx.changes(MILL, change.at_ms, change.at_ms + 1) == [change]


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>Sign in</html>"), (502, PAGE)])
def test_what_something_between_answers_to_a_new_bucket_is_told(
    engine: InfluxEngine, server: Server, status: int, body: bytes
) -> None:
    told = "answers in no way InfluxDB does"
    with engine.refusing("/api/v2/buckets", status, body), pytest.raises(StoreError, match=told):
        server.make_bucket("between", None)
