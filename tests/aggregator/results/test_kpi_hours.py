"""KPIs by hour in InfluxDB are those of the pages, whatever comes late or breaks in between."""

import logging
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from agent.contract.names import SHARE_UTILIZATION
from agent.contract.records import HOUR_MS
from aggregator.capacity.kpi import kpis
from aggregator.measured_days import KEPT_DAYS
from aggregator.model.machine import Factory, Machine
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.points import gone_line
from aggregator.store.influx.server import Server
from tests.aggregator.new_database import Kept
from tests.aggregator.results.asked import Row, asked
from tests.aggregator.shop import DAY_SHIFT, KEY, OTHER, TODAY, Shop, open_shop
from tests.influx_engine import InfluxEngine

ELEMENTS = ("pbt_ms", "apt_ms", "aust_ms", "adet_ms", "adot_ms", "unknown_ms", "shared_ms", "outside_ms")
MORNING = "S" * 30 + "R" * 80 + "i" * 20 + "R" * 60 + "D" * 10 + "o" * 20 + "i" * 20  # from 8 to 12


@pytest.fixture
def shop(tmp_path: Path, home: Influx) -> Shop:
    shop = open_shop(tmp_path, home=home)
    name_machines(shop)
    return shop


def name_machines(shop: Shop, process: str | None = "cutting", **more: str) -> None:
    machines = [Machine(key, key.machine, process, "measured", **more) for key in (KEY, OTHER)]
    shop.services.records.remember([Factory("aoki", "青木精機")], machines)


def hours(shop: Shop, server: Server, fields: str = "*", rest: str = "") -> list[Row]:
    home = shop.services.timeseries
    assert isinstance(home, Influx)
    names = ", ".join(f'"{name}" AS {name}' for name in ELEMENTS) if fields == "*" else fields
    where = f"kpi_hours WHERE machine = '{KEY.machine}' {rest}"
    return asked(server, f"{home.bucket}-totals", names, where)


def ratio(kpi: str) -> str:
    return f'sum("{kpi}_part_ms") / sum("{kpi}_of_ms") AS share'


async def test_hours_add_up_to_the_day_and_its_kpis_are_those_of_the_page(shop: Shop, server: Server) -> None:
    shop.work(MORNING, 8, job="J-1")
    shop.work("R" * 30, 19, days_ago=1)  # after closing
    await shop.days.refresh()
    yesterday, today = shop.days.days()[KEY]
    for day, since in ((yesterday, shop.at(0, 1)), (today, shop.at(0))):
        span = f"AND time >= {since}ms AND time < {since + 24 * HOUR_MS}ms"
        found = hours(shop, server, rest=span)
        for name in ELEMENTS:
            assert sum(row[name] for row in found) == getattr(day, name), name
        for name, value in asdict(kpis(day)).items():
            told = hours(shop, server, ratio(name), f'{span} AND "{name}_of_ms" > 0')
            assert [row["share"] for row in told] == ([] if value is None else [pytest.approx(value)])
    assert (yesterday.outside_ms, today.apt_ms) == (HOUR_MS // 2, 140 * 60_000)


async def test_a_gap_over_the_full_hour_is_spare_in_both_hours(shop: Shop, server: Server) -> None:
    shop.work("R" * 50 + "i" * 20 + "R" * 50, 8)
    await shop.days.refresh()
    found = {row["at_ms"]: row["adot_ms"] for row in hours(shop, server)}
    assert found[shop.at(8)] == found[shop.at(9)] == 600_000


async def test_late_windows_correct_the_hours_they_fall_in(shop: Shop, server: Server) -> None:
    whole = shop.windows("R" * 60, 9)
    shop.write(whole[:20] + whole[50:])
    await shop.days.refresh()
    shop.write(whole[20:50])
    await shop.days.refresh()
    (at_nine,) = [row for row in hours(shop, server) if row["at_ms"] == shop.at(9)]
    assert (at_nine["apt_ms"], at_nine["unknown_ms"]) == (HOUR_MS, 0)


async def test_an_hour_that_is_no_longer_open_keeps_nothing(shop: Shop, server: Server) -> None:
    shop.work("R" * 60, 9)
    await shop.days.refresh()
    assert sum(row["pbt_ms"] for row in hours(shop, server)) > 0
    shop.set_calendar(None)
    await shop.days.refresh()
    (at_nine,) = [row for row in hours(shop, server) if row["at_ms"] == shop.at(9)]
    assert (at_nine["pbt_ms"], at_nine["outside_ms"]) == (0, HOUR_MS)
    assert hours(shop, server, ratio("availability"), 'AND "availability_of_ms" > 0') == []


async def test_a_day_counts_as_measured_only_once_its_hours_are_written(
    shop: Shop, server: Server, influxdb: InfluxEngine, caplog: pytest.LogCaptureFixture
) -> None:
    shop.work("R" * 60, 9)
    survey = shop.anew()
    with influxdb.refusing("/api/v2/write", 503), caplog.at_level(logging.WARNING):
        await survey.refresh()
    assert "days are not measured until the store answers again: influx" in caplog.text
    assert survey.days() == {}
    await shop.anew().refresh()
    assert sum(row["apt_ms"] for row in hours(shop, server)) == HOUR_MS


async def test_a_machine_of_another_process_is_not_counted_for_both(shop: Shop, server: Server) -> None:
    name_machines(shop, None)
    shop.work("R" * 60, 9)
    for process in ("cutting", "pressing", "pressing"):
        await shop.anew().refresh()
        name_machines(shop, process)
    await shop.anew().refresh()
    found = hours(shop, server, "sum(apt_ms) AS apt_ms", "GROUP BY process")
    assert {row["process"]: row["apt_ms"] for row in found} == {
        "unknown": 0,
        "cutting": 0,
        "pressing": HOUR_MS,
    }


async def test_where_only_busy_or_not_is_told_the_other_kpis_are_not_defined(
    shop: Shop, server: Server
) -> None:
    name_machines(shop, share=SHARE_UTILIZATION)
    shop.work("R" * 60, 9)
    await shop.days.refresh()
    (found,) = hours(
        shop,
        server,
        "sum(aubt_ms) AS busy, sum(apt_ms) AS apt, sum(availability_of_ms) AS of, "
        "sum(allocation_efficiency_part_ms) AS part",
    )
    assert (found["busy"], found["apt"], found["of"], found["part"]) == (HOUR_MS, 0, 0, HOUR_MS)


async def test_another_home_gets_the_days_that_were_measured_before(
    shop: Shop, tmp_path: Path, server: Server, influxdb: InfluxEngine
) -> None:
    shop.work("R" * 60, 9)
    await shop.days.refresh()
    old, engine = shop.services.timeseries, shop.services.records.engine
    with influxdb.bucket("another") as bucket:
        copy = Kept(engine, tmp_path / "machikoba.db").copied(tmp_path / "other" / "machikoba.db")
        other = open_shop(tmp_path / "other", home=Influx(server, bucket, 36_500), engine=copy)
        other.write(old.windows(KEY, 0, shop.clock()))
        await other.days.refresh()
        assert sum(row["apt_ms"] for row in hours(other, server)) == HOUR_MS


async def test_days_whose_minutes_have_gone_stay_what_they_were(shop: Shop, server: Server) -> None:
    shop.work("R" * 60 + "i" * 60, 9, days_ago=60)
    shop.work("i" * 60, 9, days_ago=57)
    shop.work("R" * 60, 9, days_ago=11)
    await shop.days.refresh()
    before = [shop.days.days()[KEY][at] for at in (0, 3)]
    known = f"AND time < {shop.at(0, 30)}ms AND apt_ms + adot_ms > 0"
    written = hours(shop, server, rest=known)
    assert [day.adot_ms for day in before] == [HOUR_MS, HOUR_MS]
    let_minutes_go(shop, server, before_days_ago=30)
    longer = replace(DAY_SHIFT, shifts=(replace(DAY_SHIFT.shifts[0], end_min=1080),))
    shop.set_calendar(longer)
    for days in (shop.days, shop.anew()):
        await days.refresh()
        assert [days.days()[KEY][at] for at in (0, 3)] == before
        assert days.days()[KEY][-12].pbt_ms == 9 * HOUR_MS
    assert hours(shop, server, rest=known) == written != []


async def test_days_whose_minutes_had_gone_before_they_were_measured_are_made_of_their_hours(
    shop: Shop, server: Server
) -> None:
    shop.work("R" * 60 + "i" * 60, 9, days_ago=60)
    shop.work("R", 9, days_ago=1)
    let_minutes_go(shop, server, before_days_ago=30)
    await shop.days.refresh()
    day = shop.days.days()[KEY][0]
    assert (day.apt_ms, day.adot_ms, day.unknown_ms, day.cycles) == (HOUR_MS, HOUR_MS, 6 * HOUR_MS, 60)
    told = hours(shop, server, rest=f"AND time < {shop.at(0, 30)}ms")
    assert sum(row["apt_ms"] for row in told) == HOUR_MS


def let_minutes_go(shop: Shop, server: Server, before_days_ago: int) -> None:
    """Take the windows away and leave the hours, as a retention does."""
    home = shop.services.timeseries
    assert isinstance(home, Influx)
    old = home.windows(KEY, 0, shop.at(0, before_days_ago))
    server.write(home.bucket, [gone_line(window.key, window.start_ms) for window in old])


async def test_days_older_than_those_in_memory_are_written_back_once_and_corrected(
    shop: Shop, server: Server, influxdb: InfluxEngine
) -> None:
    old = KEPT_DAYS + 40
    shop.work("R" * 60, 9, days_ago=old, job="J-1")
    shop.work("R" * 60, 9, days_ago=1)
    await shop.days.refresh()
    past = f"AND time < {shop.at(0, KEPT_DAYS)}ms"
    assert [
        (row["at_ms"], row["shared_ms"]) for row in hours(shop, server, rest=f"{past} AND apt_ms > 0")
    ] == [(shop.at(9, old), HOUR_MS)]
    assert shop.days.jobs()["J-1"].cycles == 60
    assert all((TODAY - day.day).days <= KEPT_DAYS for day in shop.days.days()[KEY])
    writes = influxdb.requests.count("/api/v2/write")
    await shop.anew().refresh()
    assert influxdb.requests.count("/api/v2/write") == writes
    shop.work("S" * 30, 10, days_ago=old)
    shop.write([replace(window, job="J-2") for window in shop.windows("R" * 60, 9, days_ago=old)])
    await shop.days.remeasure(KEY, shop.at(9, old), shop.at(10, old))
    await shop.days.refresh()
    told = hours(shop, server, "sum(apt_ms) AS apt, sum(aust_ms) AS aust", f"{past} GROUP BY machine")
    assert [(row["apt"], row["aust"]) for row in told] == [(HOUR_MS, HOUR_MS // 2)]
    assert shop.days.jobs().keys() == {"J-2"}


async def test_the_past_is_looked_at_again_the_next_day_and_after_a_failure(
    shop: Shop, server: Server, influxdb: InfluxEngine
) -> None:
    shop.work("R" * 60, 9, days_ago=KEPT_DAYS + 1)
    with influxdb.refusing("/api/v2/write", 503):
        await shop.days.refresh()
    await shop.days.refresh()
    past = f"AND time < {shop.at(0, KEPT_DAYS)}ms"
    assert sum(row["apt_ms"] for row in hours(shop, server, rest=past)) == HOUR_MS
    shop.work("R" * 60, 10, days_ago=KEPT_DAYS + 1)
    await shop.days.refresh()
    assert sum(row["apt_ms"] for row in hours(shop, server, rest=past)) == HOUR_MS
    shop.clock.now_ms = shop.at(18, -1)
    await shop.days.refresh()
    assert sum(row["apt_ms"] for row in hours(shop, server, rest=past)) == 2 * HOUR_MS
