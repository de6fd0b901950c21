"""The InfluxDB home of the time series, on a real engine: Debian's, or a server that is named."""

from pathlib import Path

import pytest
import urllib3

from agent.contract.records import HOUR_MS
from aggregator.store.influx.hours import Hours
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.points import window_line
from aggregator.store.influx.server import Server
from aggregator.store.timeseries import StoreError, TimeSeries
from tests.aggregator.store.conformance import MILL, NOON_MS, TimeSeriesConformance, minutes
from tests.aggregator.store.overlap_conformance import OverlapConformance
from tests.influx_adapter import TOKEN, basic
from tests.influx_engine import NAMED, InfluxEngine, any_influxdb, influx_engine


class TestInflux(TimeSeriesConformance, OverlapConformance):
    @pytest.fixture
    def timeseries(self, influx_home: Influx) -> TimeSeries:
        return influx_home


def test_lines_go_compressed_five_thousand_at_a_time(
    influxdb: InfluxEngine, influx_server: Server, influx_home: Influx
) -> None:
    influx_home.write(minutes(MILL, NOON_MS - 2 * HOUR_MS, 1), [])
    asked = len(influxdb.requests)
    influx_server.write(influx_home.bucket, map(window_line, minutes(MILL, NOON_MS, 12_000)))
    assert influxdb.requests[asked:] == ["/api/v2/write"] * 3
    assert influxdb.encodings[asked:] == ["gzip"] * 3


def test_a_write_that_broke_before_its_hours_is_made_whole_by_the_next_try(
    influx_home: Influx, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise StoreError("cut")

    def known_ms() -> int:
        return sum(influx_home.hours([MILL], NOON_MS, NOON_MS + HOUR_MS)[0].state_ms)

    windows = minutes(MILL, NOON_MS, 3)
    influx_home.write(windows[:1], [])
    with monkeypatch.context() as broken, pytest.raises(StoreError, match="cut"):
        broken.setattr(Hours, "correct", cut)
        influx_home.write(windows, [])
    assert known_ms() == 60_000
    influx_home.write(windows, [])
    assert known_ms() == 180_000


@pytest.mark.parametrize("version", [2, 3])
def test_a_named_server_is_left_as_it_was_found(tmp_path: Path, version: int) -> None:
    with influx_engine(tmp_path) as theirs, pytest.MonkeyPatch.context() as patch:
        theirs.speaks = version
        for name, value in (("URL", theirs.url), ("TOKEN", theirs.place.token), ("ORG", theirs.place.org)):
            patch.setenv(f"{NAMED}_{name}", value)
        with any_influxdb(tmp_path / "unused") as engine, engine.bucket("left") as bucket:
            server = Server(engine.place)
            Influx(server, bucket, 36_500).write(minutes(MILL, NOON_MS, 3), [])
            assert {bucket, f"{bucket}-totals"} <= set(databases(theirs))
            server.close()
        assert databases(theirs) == []


def databases(engine: InfluxEngine) -> list[str]:
    """Return the buckets of Debian's server, as it calls them."""
    url = f"{engine.inner}/query?q=SHOW+DATABASES"
    [series] = urllib3.request("POST", url, headers=basic(TOKEN)).json()["results"][0]["series"]
    return [name for (name,) in series.get("values", [])]
