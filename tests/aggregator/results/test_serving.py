"""`machikoba serve` on InfluxDB: what an agent delivers is there for a dashboard, whatever is killed."""

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from agent.contract import names
from agent.contract.records import MINUTE_MS, Window
from agent.contract.sparkplug import DataType
from aggregator.model.machine import MachineKey
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.server import Server
from tests.agent.brokers import running
from tests.aggregator.ingest.delivery import Delivery
from tests.aggregator.ingest.edge import Edge
from tests.aggregator.ingest.messages import dbirth, metric, nbirth, ndata
from tests.aggregator.results.asked import Row, asked
from tests.aggregator.serving import Serve
from tests.influx_engine import InfluxEngine
from tests.stack import NO_TLS, wait_until

MILL = MachineKey("aoki", "mc-01")
WITHIN_S = 120.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running("mosquitto", tmp_path_factory.mktemp("broker")) as broker:
        yield broker.port


@pytest.fixture(scope="module")
def home(influxdb: InfluxEngine, server: Server) -> Iterator[Influx]:
    """Where the aggregator writes to."""
    with influxdb.bucket("serving") as bucket:
        yield Influx(server, bucket, 36_500)


@pytest.fixture(scope="module")
def serve(
    tmp_path_factory: pytest.TempPathFactory, broker: int, influxdb: InfluxEngine, home: Influx
) -> Iterator[Serve]:
    folder = tmp_path_factory.mktemp("serve")
    (folder / "token").write_text(influxdb.place.token)
    place = {
        "URL": influxdb.url,
        "ORG": influxdb.place.org,
        "TOKEN_FILE": str(folder / "token"),
        "BUCKET": home.bucket,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**place, "KEEP_DAYS": "36500"}.items():
            patch.setenv(f"MACHIKOBA_INFLUX__{name}", value)
        serve = Serve(folder, broker)
        serve.start()
        yield serve
        serve.kill()


def ready(serve: Serve) -> tuple[int, list[str]]:
    answer = httpx.get(f"{serve.url}/readyz", timeout=60, verify=NO_TLS)
    return answer.status_code, answer.json()["reasons"]


def eventually(ask: Callable[[], list[Row]], what: str) -> list[Row]:
    wait_until(ask, what, WITHIN_S)
    return ask()


def test_what_an_agent_delivers_is_there_for_a_dashboard_and_a_failure_is_told(
    serve: Serve, broker: int, influxdb: InfluxEngine, home: Influx, server: Server
) -> None:
    now_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
    rows = [
        (number, Window("mc-01", now_ms - (10 - number) * MINUTE_MS, MINUTE_MS, (60_000, 0, 0, 0, 0, 0), 4))
        for number in range(1, 5)
    ]
    with Edge(broker) as edge:
        wait_until(lambda: any(state["online"] for state in edge.states()), "the aggregator is there")
        health = metric(names.OUTBOX_RECORDS, 4, DataType.INT64, 60)
        edge.send(nbirth(more=[health]), dbirth(1, name="1号機"), ndata(2, rows[:3]))
        edge.wait_for_stored("epoch-1", 3)
        (agent,) = eventually(
            lambda: asked(server, home.bucket, "connected, outbox_records", "agents WHERE connected = 1")[:1],
            "the agent is told",
        )
        assert agent["outbox_records"] == 4
        lasting = f"{home.bucket}-totals"
        assert [
            row["label"]
            for row in eventually(lambda: asked(server, lasting, "label", "machines"), "machines have names")
        ] == ["青木精機 1号機"]
        where = "kpi_hours WHERE outside_ms > 0"  # there is no calendar yet
        eventually(lambda: asked(server, lasting, "outside_ms", where), "hours are measured")
        cells = eventually(lambda: asked(server, lasting, "known, reason", "capacity"), "capacity is told")
        assert {(row["known"], row["reason"]) for row in cells} == {(0, "no_calendar")}
        assert len(cells) == 12
        silent = "states WHERE state = 'OFFLINE'"
        offline = eventually(lambda: asked(server, home.bucket, "code", silent), "silence is told")
        assert now_ms - 7 * MINUTE_MS <= offline[0]["at_ms"]
        with influxdb.refusing("/api/v2/write", 503):
            edge.send(ndata(3, rows[3:]))
            wait_until(lambda: ready(serve)[0] == 503, "it is not ready", WITHIN_S)
            assert ready(serve)[1] == [f"influx {influxdb.url}: status 503: on purpose"]
        edge.wait_for_stored("epoch-1", 4)
        assert ready(serve) == (200, [])
    assert [window.cycles for window in home.windows(MILL, 0, now_ms)] == [4] * 4


def test_killed_while_it_stores_nothing_is_lost_or_doubled(serve: Serve, broker: int, home: Influx) -> None:
    count, killed = 2_000, 0

    def kill(sent: int) -> None:
        nonlocal killed
        if sent > 1_000 and not killed:
            killed += 1
            serve.kill()
            serve.start()

    with Edge(broker) as edge:
        Delivery(edge, count, "epoch-2").run(kill)
    counts = home.counts([MILL], 0, 10**12)
    assert (killed, counts[MILL].windows) == (1, count)
    hours = home.hours([MILL], 0, 10**12)
    assert sum(sum(hour.state_ms) for hour in hours) == count * MINUTE_MS
