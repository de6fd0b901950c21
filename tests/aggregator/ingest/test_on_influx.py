"""Records on their way into InfluxDB: what it refuses is kept aside, what fails is told and tried again."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Response

from agent.contract.records import HOUR_MS
from aggregator.api.health import readyz
from aggregator.ingest import writer as module
from aggregator.ingest.events import RecordsArrived
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.points import window_line
from aggregator.store.influx.server import Server
from tests.aggregator.ingest.messages import AT_MS, GOOD, arrived_rows
from tests.aggregator.ingest.test_writer import END_MS, MILL, Bench, arrived, bench, until
from tests.aggregator.store.conformance import LATHE, minute
from tests.influx_engine import InfluxEngine

__all__ = ["bench"]
MONTH_MS = 30 * 24 * HOUR_MS


@pytest.fixture
def home(influx_home: Influx, bench: Bench) -> Influx:
    """The writer of `bench` on InfluxDB."""
    bench.writer._committer._timeseries = influx_home
    return influx_home


async def ready(bench: Bench) -> tuple[int, list[str]]:
    services: Any = SimpleNamespace(status=bench.status)
    bench.status.broker_connected = True
    response = Response()
    answer = await readyz(services, response)
    return response.status_code, answer.reasons


def bad() -> RecordsArrived:
    return arrived_rows({**GOOD, "sequence": 6, "start_ms": AT_MS - MONTH_MS})


async def test_a_point_that_is_refused_is_kept_aside_and_everything_is_acknowledged(
    bench: Bench, home: Influx, influx_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    home.write([minute(LATHE, AT_MS)], [])
    line = window_line(minute(LATHE, AT_MS - MONTH_MS)).replace("cycles=3i", "cycles=1.5")
    influx_server.write(home.bucket, [line])  # another program's: from now on no number of cycles fits there
    async with bench.running():
        bench.writer.submit(arrived(1, 5))
        bench.writer.submit(bad())
        bench.writer.submit(arrived(7, 5))
        while await bench.announced() != ("aoki", "epoch-1", 11):
            pass
    (refused,) = bench.records.refused("aoki")
    assert (refused.sequence, "InfluxDB refuses it: " in refused.reason) == (6, True)
    assert f'"start_ms": {AT_MS - MONTH_MS}' in refused.content
    assert len(home.windows(MILL, 0, END_MS * 2)) == 10
    said = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert len(said) == 1
    assert "records of aoki: InfluxDB refuses it: " in said[0]
    assert "cycles" in said[0]


async def test_while_influx_fails_the_operator_reads_why_and_nothing_is_announced(
    bench: Bench, home: Influx, influxdb: InfluxEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_RETRY_S", 0.05)
    monkeypatch.setattr(module, "LAST_RETRY_S", 0.05)
    async with bench.running():
        with influxdb.refusing("/api/v2/write", 503):
            bench.writer.submit(arrived(1, 5))
            await until(lambda: not bench.status.store_ok)
            assert await ready(bench) == (503, [f"influx {influxdb.url}: status 503: on purpose"])
            assert await bench.quiet()
        assert await bench.announced() == ("aoki", "epoch-1", 5)
    assert (await ready(bench))[1] == []
    assert len(home.windows(MILL, 0, END_MS * 2)) == 5


async def test_asked_to_wait_it_waits_so_long(
    bench: Bench, home: Influx, influxdb: InfluxEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_RETRY_S", 0.01)
    began = time.monotonic()
    async with bench.running():
        with influxdb.breaking("/api/v2/write", 1, 429, headers={"Retry-After": "2"}):
            bench.writer.submit(arrived(1, 5))
            await until(lambda: not bench.status.store_ok)
            tries = influxdb.requests.count("/api/v2/write")
            assert await bench.announced() == ("aoki", "epoch-1", 5)
    assert time.monotonic() - began >= 2
    assert tries >= 1
