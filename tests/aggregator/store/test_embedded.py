"""The SQL home of the time series, on SQLite and PostgreSQL."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from aggregator.store.database import open_engine
from aggregator.store.embedded import Embedded
from aggregator.store.timeseries import StoreError, TimeSeries
from tests.aggregator.store.conformance import MILL, NOON_MS, TimeSeriesConformance, minute
from tests.aggregator.store.overlap_conformance import OverlapConformance


class TestEmbedded(TimeSeriesConformance, OverlapConformance):
    @pytest.fixture
    def timeseries(self, engine: Engine) -> TimeSeries:
        return Embedded(engine)


def test_a_write_that_fails_leaves_nothing(engine: Engine) -> None:
    store = Embedded(engine)
    too_large = minute(MILL, NOON_MS + 60_000, cycles_total=2**63)
    with pytest.raises((StoreError, OverflowError)):
        store.write([minute(MILL, NOON_MS), too_large], [])
    assert store.machines() == []
    assert store.windows(MILL, 0, NOON_MS * 2) == []


def test_a_store_that_cannot_be_reached_says_where_it_is(sqlite_url: str, tmp_path: Path) -> None:
    engine = open_engine(sqlite_url)
    (tmp_path / "data" / "machikoba.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match=r"machikoba\.db: file is not a database"):
        Embedded(engine).machines()
    engine.dispose()


def test_two_processes_see_each_others_machines(engine: Engine) -> None:
    """`machikoba db load` writes while `machikoba serve` reads."""
    reader, writer = Embedded(engine), Embedded(engine)
    assert reader.latest([MILL]) == {}
    writer.write([minute(MILL, NOON_MS)], [])
    assert reader.latest([MILL]) == {MILL: minute(MILL, NOON_MS)}
