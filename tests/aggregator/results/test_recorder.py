"""What the recorder writes back: the spare hours, orders and agents that pages show."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from aggregator.alerting.rule import lateness
from aggregator.app import recorder_of
from aggregator.capacity.terms import sums_by_process
from aggregator.live import LiveAgent
from aggregator.model.machine import Factory
from aggregator.results.recorder import Recorder
from aggregator.services import Services
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.server import Server
from tests.aggregator.busy_town import found_busy_town
from tests.aggregator.ordered_town import ORDER, found_ordered_town
from tests.aggregator.results.asked import Row, asked
from tests.aggregator.town import NOW_MS, ZONE, found_town
from tests.influx_engine import InfluxEngine

MINUTE_MS = NOW_MS - NOW_MS % 60_000


@pytest.fixture(scope="module")
def reckoned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A town whose spare hours are reckoned; the tests change nothing of it."""
    services = found_busy_town(tmp_path_factory.mktemp("busy")).services
    asyncio.run(services.days.refresh())
    asyncio.run(services.spare.refresh())
    yield services
    services.records.engine.dispose()


def recorder(services: Services, home: Influx) -> Recorder:
    return recorder_of(replace(services, timeseries=home))


def lasting(server: Server, home: Influx, fields: str, rest: str) -> list[Row]:
    return asked(server, f"{home.bucket}-totals", fields, rest)


async def test_spare_hours_lie_at_the_monday_of_their_week(
    reckoned: Services, home: Influx, server: Server
) -> None:
    await recorder(reckoned, home).turn(home.results)
    fields = (
        "spare_p10_h, spare_p50_h, spare_p90_h, pbt_h, committed_h, coverage, known, reason, declared_known"
    )
    rows = lasting(server, home, fields, "capacity GROUP BY factory, process, week")
    cells = reckoned.spare.cells()
    found = {(row["factory"], row["process"], row["week"]): row for row in rows}
    assert len(found) == len(rows) == len(cells) > 50
    for cell in cells:
        row = found[(*cell.key, str(cell.week))]
        monday = datetime.fromtimestamp(row["at_ms"] / 1000, ZONE)
        assert (monday.date(), monday.hour, monday.minute) == (cell.week.monday, 0, 0)
        assert row["known"] == (cell.spare is not None)
        assert row["reason"] == (cell.no_number or "")
        assert row["declared_known"] == (cell.declared_h is not None)
        assert row["pbt_h"] == pytest.approx(cell.pbt_h)
        if cell.spare is not None:
            told = (row["spare_p10_h"], row["spare_p50_h"], row["spare_p90_h"])
            assert told == pytest.approx((cell.spare.p10, cell.spare.p50, cell.spare.p90))


async def test_processes_have_the_totals_of_the_page(
    reckoned: Services, home: Influx, server: Server
) -> None:
    await recorder(reckoned, home).turn(home.results)
    rows = lasting(
        server, home, "spare_p10_h, known, level, silent", "capacity_process GROUP BY process, week"
    )
    found = {(row["process"], row["week"]): row for row in rows}
    for total in sums_by_process(reckoned.spare.cells()):
        row = found[total.process, str(total.week)]
        assert row["silent"] == len(total.silent)
        assert row["spare_p10_h"] == pytest.approx(total.spare.p10 if total.spare else 0)


async def test_what_is_reckoned_anew_replaces_the_week_and_what_is_gone_has_no_number(
    reckoned: Services, home: Influx, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = recorder(reckoned, home)
    await told.turn(home.results)
    first, *others = [cell for cell in reckoned.spare.cells() if cell.key.factory != "aoki"]
    fresh = replace(first, pbt_h=1.25)
    monkeypatch.setattr(reckoned.spare, "cells", lambda: [fresh, *others])
    await told.turn(home.results)
    where = f"capacity WHERE factory = '{first.key.factory}' AND week = '{first.week}'"
    assert [row["pbt_h"] for row in lasting(server, home, "pbt_h", where)] == [1.25]
    gone = lasting(server, home, "known, pbt_h", "capacity WHERE factory = 'aoki'")
    assert {(row["known"], row["pbt_h"]) for row in gone} == {(0, 0)}


async def test_what_went_while_nothing_ran_has_no_number_after_the_start(
    reckoned: Services, home: Influx, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await recorder(reckoned, home).turn(home.results)
    others = [cell for cell in reckoned.spare.cells() if cell.key.process != "cutting"]
    monkeypatch.setattr(reckoned.spare, "cells", lambda: others)
    await recorder(reckoned, home).turn(home.results)
    for measurement in ("capacity", "capacity_process"):
        gone = lasting(server, home, "known, spare_p90_h", f"{measurement} WHERE process = 'cutting'")
        assert {(row["known"], row["spare_p90_h"]) for row in gone} == {(0, 0)}
        there = lasting(server, home, "known", f"{measurement} WHERE known = 1 GROUP BY process, week")
        assert "pressing" in {row["process"] for row in there}


async def test_nothing_is_written_twice_for_nothing(
    reckoned: Services, home: Influx, influxdb: InfluxEngine
) -> None:
    told = recorder(reckoned, home)
    await told.turn(home.results)
    asked_before = len(influxdb.requests)
    await told.turn(home.results)
    assert influxdb.requests[asked_before:] == []


async def test_agents_are_told_with_what_they_said_last(home: Influx, server: Server, tmp_path: Path) -> None:
    services = found_town(tmp_path, days=0.1).services
    board = services.board
    home.write(services.timeseries.windows(services.records.machines()[0].key, 0, NOW_MS), [])
    board.update_agent(LiveAgent("aoki", True, NOW_MS, "1.0", 41, False, 3, 27_000_000, 99))
    board.update_agent(LiveAgent("fujimi", True, NOW_MS, outbox_records=0))
    board.agent_left("fujimi")
    await recorder(services, home).turn(home.results)
    fields = (
        "connected, lag_ms, outbox_records, time_synchronised, reconnects, memory_bytes, uptime_s, version"
    )
    rows = {row["factory"]: row for row in asked(server, home.bucket, fields, "agents GROUP BY factory")}
    assert rows.keys() == {factory.id for factory in services.records.factories()}
    aoki = rows["aoki"]
    assert (aoki["at_ms"], aoki["connected"], aoki["outbox_records"]) == (MINUTE_MS, 1, 41)
    assert (aoki["time_synchronised"], aoki["reconnects"], aoki["version"]) == (0, 3, "1.0")
    assert 0 <= aoki["lag_ms"] < 10 * 60_000
    assert (rows["fujimi"]["connected"], rows["fujimi"]["outbox_records"]) == (0, None)
    assert rows["fujimi"]["lag_ms"] == -1


async def test_names_are_one_point_a_machine_and_follow_their_change(
    home: Influx, server: Server, tmp_path: Path
) -> None:
    services = found_town(tmp_path, days=0.1).services
    await recorder(services, home).turn(home.results)
    services.records.remember([Factory("aoki", "新青木精機")], [])
    await recorder(services, home).turn(home.results)
    rows = lasting(server, home, "label, process", "machines WHERE machine = 'mc-01'")
    assert [(row["label"], row["process"]) for row in rows] == [
        ("新青木精機 マシニングセンタ 1号機", "cutting")
    ]


async def test_an_order_at_risk_is_told_without_its_buyer(
    home: Influx, server: Server, tmp_path: Path
) -> None:
    services = found_ordered_town(tmp_path).services
    await services.order_book.refresh()
    [progress] = services.order_book.orders()
    await recorder(services, home).turn(home.results)
    (row,) = asked(
        server, home.bucket, "late, late_known, share, due_ms, p50_ms, process", 'orders GROUP BY "order"'
    )
    late = lateness(progress)
    assert (row["order"], row["at_ms"], row["due_ms"]) == (ORDER, MINUTE_MS, progress.due_ms)
    assert (row["late"], row["late_known"]) == (pytest.approx(late or 0), late is not None)
    assert row["share"] == pytest.approx(progress.share)
    everything = server.series(home.bucket, "SELECT * FROM orders GROUP BY *")
    assert progress.draft.buyer not in repr(list(everything))


async def test_without_a_home_that_others_read_nothing_runs(reckoned: Services) -> None:
    async with asyncio.timeout(30):
        await recorder_of(reckoned).run()


async def test_while_the_store_fails_it_is_said_once_and_then_made_good(
    reckoned: Services, home: Influx, server: Server, influxdb: InfluxEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aggregator.results.recorder.REST_S", 0.05)
        with influxdb.refusing("/api/v2/write", 500):
            task = asyncio.create_task(recorder(reckoned, home).run())
            await said(caplog, "results are not written back until the store answers again: influx")
            await asyncio.sleep(0.3)
        await said(caplog, "results are written back again")
        task.cancel()
    assert caplog.text.count("results are not written back") == 1
    assert len(lasting(server, home, "known", "capacity")) == len(reckoned.spare.cells())


async def said(caplog: pytest.LogCaptureFixture, sentence: str) -> None:
    async with asyncio.timeout(60):
        while sentence not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
