import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.contract.records import HOUR_MS, MINUTE_MS
from aggregator import measured_days
from aggregator.measured_days import KEPT_DAYS, MeasuredDays
from aggregator.model.calendar import Closure, Shift
from aggregator.model.capacity import MachineDay
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.store.timeseries import StoreError
from tests.aggregator.new_database import url_of
from tests.aggregator.shop import DAY_SHIFT, KEY, OTHER, TODAY, WEEKDAYS, Shop, open_shop

DAY = timedelta(days=1)
WORKDAY = "i" * 10 + "R" * 200 + "i" * 30  # the morning from 8 to 12


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path)


@pytest.fixture(autouse=True)
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured_days, "FOLLOW_REST_S", 0.01)
    monkeypatch.setattr(measured_days, "SWEEP_REST_S", 0.05)
    monkeypatch.setattr(measured_days, "FOLLOW_REST_SHARE", 0)
    monkeypatch.setattr(measured_days, "SWEEP_REST_SHARE", 0)
    monkeypatch.setattr(measured_days, "QUIET_REST_S", 0.1)


def by_day(days: MeasuredDays, key: MachineKey = KEY) -> Mapping[date, MachineDay]:
    return {day.day: day for day in days.days().get(key, ())}


def in_hours(day: MachineDay) -> tuple[float, ...]:
    """Return PBT, APT, ADET, ADOT and unknown."""
    spent = (day.pbt_ms, day.apt_ms, day.adet_ms, day.adot_ms, day.unknown_ms)
    return tuple(length / HOUR_MS for length in spent)


@contextmanager
def running(days: MeasuredDays) -> Iterator["asyncio.Task[None]"]:
    task = asyncio.create_task(days.run())
    try:
        yield task
    finally:
        task.cancel()


async def until(changes: Any, condition: Any) -> None:
    """Wait for news until the condition holds."""
    while not condition():
        await asyncio.wait_for(anext(changes), 20)


async def test_what_is_stored_is_measured_and_told(shop: Shop) -> None:
    with running(shop.days):
        async with shop.days.listen() as changes:
            shop.work(WORKDAY, 8)
            shop.services.board.stored([KEY])
            await until(changes, lambda: TODAY in by_day(shop.days))
            assert in_hours(by_day(shop.days)[TODAY]) == pytest.approx((8, 200 / 60, 10 / 60, 0.5, 4))
            shop.work("R" * 240, 13)
            shop.services.board.stored([KEY])
            await until(changes, lambda: by_day(shop.days)[TODAY].unknown_ms == 0)
    assert by_day(shop.days)[TODAY].apt_ms == 440 * MINUTE_MS
    assert shop.days.newest_ms(KEY) == shop.at(17)
    assert shop.days.newest_ms(OTHER) is None


async def test_days_begin_with_the_first_window_and_leave_no_gap(shop: Shop) -> None:
    shop.work("R" * 60, 9, days_ago=5)
    shop.work("R" * 60, 9, days_ago=1)
    await shop.days.refresh()
    days = list(shop.days.days()[KEY])
    assert [day.day for day in days] == [TODAY - back * DAY for back in range(5, -1, -1)]
    assert [day.unknown_ms // HOUR_MS for day in days] == [7, 8, 0, 0, 7, 8]  # Thu Fri Sat Sun Mon Tue
    assert shop.days.days().get(OTHER) is None
    assert shop.days.progress == 1


async def test_a_restart_finds_everything_stored_and_reads_no_window(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for back in range(10):
        shop.work(WORKDAY, 8, days_ago=back, job="J-1" if back % 2 else "")
    await shop.days.refresh()
    anew = shop.anew()
    monkeypatch.setattr(shop.services.timeseries, "windows", pytest.fail)
    await anew.refresh()
    assert anew.days() == shop.days.days()
    assert anew.jobs() == shop.days.jobs()
    assert anew.cycle_s(KEY) == shop.days.cycle_s(KEY) == 60


async def test_killed_in_the_middle_it_goes_on_where_it_was(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for back in range(40):
        shop.work(WORKDAY, 8, days_ago=back)
        shop.work("R" * 60, 9, days_ago=back, key=OTHER)
    monkeypatch.setattr(measured_days, "SLICE_S", 0.0)  # a day a slice
    killed = shop.anew()
    async with killed.listen() as changes:
        task = asyncio.create_task(killed.run())
        await until(changes, lambda: len(killed.days().get(OTHER, ())) > 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert 5 < len(killed.days()[OTHER]) < 40
    monkeypatch.setattr(measured_days, "SLICE_S", 0.2)
    await shop.days.refresh()
    assert len(shop.days.days()[KEY]) == len(shop.days.days()[OTHER]) == 40
    with shop.services.records.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM machine_days")
    fresh = shop.anew()
    await fresh.refresh()
    assert fresh.days() == shop.days.days()


async def test_what_another_process_loads_is_noticed(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MACHIKOBA_DATABASE_URL", url_of(shop.services.records.engine))
    shop.work("R" * 60, 9)
    lines = [
        ["window", *KEY, window.start_ms, MINUTE_MS, window.state_ms, 1, None, None, "J-7"]
        for window in shop.windows(WORKDAY, 8, days_ago=40)
    ]
    with running(shop.days):
        async with shop.days.listen() as changes:
            await until(changes, lambda: KEY in shop.days.days())
            file = tmp_path / "history.jsonl"
            file.write_text("\n".join(map(json.dumps, lines)))
            load = [sys.executable, "-m", "aggregator", "db", "load", str(file)]
            load += ["--federation", "higashimachi", "--data", str(tmp_path)]
            process = await asyncio.create_subprocess_exec(*load, stderr=subprocess.DEVNULL)
            assert await process.wait() == 0
            await until(changes, lambda: len(shop.days.days()[KEY]) == 41)
    assert in_hours(shop.days.days()[KEY][0]) == pytest.approx((8, 200 / 60, 10 / 60, 0.5, 4))
    assert shop.days.jobs()["J-7"].busy_ms == 200 * MINUTE_MS


async def test_a_late_window_corrects_its_day(shop: Shop) -> None:
    shop.work(WORKDAY, 8, days_ago=7)
    shop.work("R" * 60, 8)
    with running(shop.days):
        async with shop.days.listen() as changes:
            old = TODAY - 7 * DAY
            await until(changes, lambda: old in by_day(shop.days))
            assert by_day(shop.days)[old].unknown_ms == 4 * HOUR_MS
            shop.work("R" * 240, 13, days_ago=7)
            shop.services.board.stored([KEY])
            await until(changes, lambda: by_day(shop.days)[old].unknown_ms == 0)


async def test_another_calendar_measures_again_what_it_changes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for back in range(12):
        shop.work(WORKDAY, 8, days_ago=back)
    await shop.days.refresh()
    before = by_day(shop.days)
    read: list[int] = []
    windows = shop.services.timeseries.windows

    def reading(key: MachineKey, since_ms: int, until_ms: int) -> Sequence[Window]:
        read.append(since_ms)
        return windows(key, since_ms, until_ms)

    monkeypatch.setattr(shop.services.timeseries, "windows", reading)
    closed = Closure(TODAY - 6 * DAY, TODAY - 6 * DAY, "社員旅行")
    shop.set_calendar(replace(DAY_SHIFT, closures=(closed,)))
    await shop.days.refresh()
    after = by_day(shop.days)
    assert {day for day in after if after[day] != before[day]} == {TODAY - 6 * DAY}
    assert in_hours(after[TODAY - 6 * DAY]) == (0, 0, 0, 0, 0)
    assert after[TODAY - 6 * DAY].outside_ms == 200 * MINUTE_MS
    assert read
    assert {shop.at(-1, 6) <= since_ms < shop.at(0, 5) for since_ms in read} == {True}


async def test_a_new_calendar_ends_the_longest_rest(shop: Shop) -> None:
    await shop.days.refresh()
    resting = asyncio.create_task(shop.days._rest(3600.0))
    await asyncio.sleep(0.2)
    assert not resting.done()
    shop.set_calendar(replace(DAY_SHIFT, closures=(Closure(TODAY, TODAY),)))
    await asyncio.wait_for(resting, 20)


async def test_without_a_calendar_there_is_no_planned_busy_time(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, calendar=None)
    shop.work(WORKDAY, 8)
    await shop.days.refresh()
    (day,) = shop.days.days()[KEY]
    assert in_hours(day) == (0, 0, 0, 0, 0)
    assert (day.outside_ms, day.cycles) == (200 * MINUTE_MS, 200)
    shop.set_calendar(DAY_SHIFT)
    await shop.days.refresh()
    assert shop.days.days()[KEY][0].pbt_ms == 8 * HOUR_MS


async def test_of_today_only_what_is_over_counts(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, hour=10.02)
    shop.work("R" * 120, 8)
    await shop.days.refresh()
    assert in_hours(by_day(shop.days)[TODAY]) == (2, 2, 0, 0, 0)
    shop.clock.now_ms += 33 * MINUTE_MS  # the agent has died
    await shop.days.refresh()
    assert in_hours(by_day(shop.days)[TODAY]) == (2.5, 2, 0, 0, 0.5)
    shop.clock.now_ms = shop.at(9, -1)  # tomorrow
    await shop.days.refresh()
    assert in_hours(by_day(shop.days)[TODAY]) == (8, 2, 0, 0, 6)
    assert in_hours(by_day(shop.days)[TODAY + DAY]) == (1, 0, 0, 0, 1)


async def test_windows_from_tomorrow_do_not_count_today(shop: Shop) -> None:
    shop.clock.now_ms = shop.at(10)
    shop.work("R" * 240, 8)  # until 12: the agent's clock is ahead
    shop.work("R" * 60, 9, days_ago=-3)
    await shop.days.refresh()
    assert in_hours(by_day(shop.days)[TODAY]) == (2, 2, 0, 0, 0)
    assert max(by_day(shop.days)) == TODAY


async def test_work_at_night_and_on_days_off_is_outside(shop: Shop) -> None:
    shop.work("i" * 240 + "R" * 60, 4, days_ago=1)
    shop.work("R" * 30, 22, days_ago=1, job="J-1")
    shop.work("R" * 30, 9, days_ago=2)  # Sunday
    await shop.days.refresh()
    days = by_day(shop.days)
    assert days[TODAY - DAY].outside_ms == 30 * MINUTE_MS
    assert days[TODAY - DAY].apt_ms == 60 * MINUTE_MS
    assert days[TODAY - 2 * DAY].outside_ms == 30 * MINUTE_MS
    assert shop.days.jobs()["J-1"].busy_ms == 30 * MINUTE_MS


async def test_a_shift_over_midnight_counts_on_both_days(tmp_path: Path) -> None:
    night = replace(DAY_SHIFT, shifts=(Shift(WEEKDAYS, 22 * 60, 30 * 60),))
    shop = open_shop(tmp_path, calendar=night)
    shop.work("R" * 480, 22, days_ago=1)
    await shop.days.refresh()
    days = by_day(shop.days)
    assert [days[TODAY - DAY].apt_ms, days[TODAY].apt_ms] == [2 * HOUR_MS, 6 * HOUR_MS]
    assert days[TODAY].pbt_ms == 6 * HOUR_MS  # the evening is not over yet: it has not begun


async def test_a_merged_hour_over_midnight_is_shared_out(tmp_path: Path) -> None:
    night = replace(DAY_SHIFT, shifts=(Shift(WEEKDAYS, 22 * 60, 30 * 60),))
    shop = open_shop(tmp_path, zone="Asia/Kolkata", calendar=night)
    shop.write([Window(KEY, shop.at(23.5, 1), HOUR_MS, (HOUR_MS, 0, 0, 0, 0, 0), 6)])
    await shop.days.refresh()
    days = by_day(shop.days)
    assert [days[TODAY - DAY].apt_ms, days[TODAY].apt_ms] == [HOUR_MS // 2, HOUR_MS // 2]
    assert [days[TODAY - DAY].cycles, days[TODAY].cycles] == [6, 0]


async def test_days_are_right_where_clocks_are_changed(tmp_path: Path) -> None:
    always = replace(DAY_SHIFT, shifts=(Shift(frozenset(range(7)), 0, 24 * 60),))
    shop = open_shop(tmp_path, zone="Europe/Berlin", calendar=always)
    shop.work("R", 0, days_ago=35)
    await shop.days.refresh()
    days = by_day(shop.days)
    assert days[date(2026, 10, 24)].pbt_ms == 24 * HOUR_MS
    assert days[date(2026, 10, 25)].pbt_ms == 25 * HOUR_MS


async def test_a_day_whose_midnight_is_left_out_is_measured(tmp_path: Path) -> None:
    always = replace(DAY_SHIFT, shifts=(Shift(frozenset(range(7)), 0, 24 * 60),))
    shop = open_shop(tmp_path, zone="Africa/Cairo", calendar=always)
    shop.clock.now_ms = shop.at(12, 212)  # 26 April; on the 24th clocks went from 24:00 to 1:00
    shop.work("R", 9, days_ago=215)
    await shop.days.refresh()
    assert by_day(shop.days)[date(2026, 4, 24)].pbt_ms == 23 * HOUR_MS
    assert by_day(shop.days)[date(2026, 4, 25)].pbt_ms == 24 * HOUR_MS


async def test_how_long_a_gap_may_be_follows_the_measured_cycle_time(shop: Shop) -> None:
    for back in (1, 4, 5):
        hours = [
            Window(KEY, shop.at(hour, back), HOUR_MS, (HOUR_MS, 0, 0, 0, 0, 0), 3) for hour in (8, 9, 10, 11)
        ]
        shop.write(hours)
        shop.work("i" * 90 + "R" * 150, 13, days_ago=back)
    await shop.days.refresh()
    assert shop.days.cycle_s(KEY) == pytest.approx((4 * 3600 + 9000) / 162)
    assert in_hours(by_day(shop.days)[TODAY - DAY])[2:4] == (0, 1.5)  # 5 cycles of 2.5 min are 12.5 min
    for back in (1, 4, 5):
        shop.write(
            [
                replace(window, cycles=0)
                for window in shop.services.timeseries.windows(KEY, shop.at(13, back), shop.at(17, back))
            ]
        )
    await shop.days.refresh()
    assert shop.days.cycle_s(KEY) == pytest.approx((4 * 3600 + 9000) / 12)
    assert in_hours(by_day(shop.days)[TODAY - DAY])[2:4] == (1.5, 0)  # 5 cycles of 33 min


async def test_good_share_is_of_days_that_counted(shop: Shop) -> None:
    shop.work("R" * 5, 8, days_ago=3)
    counted = [replace(window, good=3, scrap=1) for window in shop.windows("RR", 9, days_ago=1)]
    shop.write(counted)
    assert shop.days.good_share(KEY) is None
    await shop.days.refresh()
    assert shop.days.good_share(KEY) == 0.75
    assert shop.days.good_share(OTHER) is None


async def test_jobs_add_up_over_machines_and_days_and_follow_corrections(shop: Shop) -> None:
    shop.work("RRii", 9, days_ago=1, job="J-1")
    shop.work("RS", 9, job="J-1")
    shop.work("RRR", 10, key=OTHER, job="J-1")
    await shop.days.refresh()
    found = shop.days.jobs()["J-1"]
    assert (found.busy_ms, found.cycles, found.good) == (7 * MINUTE_MS, 6, None)
    shop.work("RR", 9, days_ago=1, job="J-2")
    shop.work("D", 9 + 2 / 60, days_ago=1)
    await shop.days.refresh()
    assert shop.days.jobs()["J-2"].busy_ms == 2 * MINUTE_MS
    assert shop.days.jobs()["J-1"].busy_ms == 5 * MINUTE_MS
    anew = shop.anew()
    await anew.refresh()
    assert anew.jobs() == shop.days.jobs()


async def test_days_before_the_26_weeks_are_forgotten(shop: Shop) -> None:
    shop.work("R", 9, days_ago=KEPT_DAYS)
    shop.work("R", 9, days_ago=KEPT_DAYS + 1)
    await shop.days.refresh()
    assert len(shop.days.days()[KEY]) == KEPT_DAYS + 1
    shop.clock.now_ms += 24 * HOUR_MS
    await shop.days.refresh()
    assert shop.days.days()[KEY][0].day == TODAY - (KEPT_DAYS - 1) * DAY
    assert len(shop.days.days()[KEY]) == KEPT_DAYS + 1


async def test_what_was_handed_out_never_changes(shop: Shop) -> None:
    shop.work("R", 9)
    await shop.days.refresh()
    days = shop.days.days()
    copy = dict(days)
    shop.work("RRR", 10)
    shop.work("R", 9, key=OTHER)
    await shop.days.refresh()
    assert dict(days) == copy
    assert shop.days.days() != days


async def test_while_the_store_fails_the_old_numbers_stay(
    shop: Shop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.work(WORKDAY, 8)
    await shop.days.refresh()
    old = shop.days.days()

    def fail(*_: object) -> None:
        raise StoreError("database: disk full")

    with caplog.at_level(logging.INFO), monkeypatch.context() as patched:
        patched.setattr(shop.services.timeseries, "days", fail)
        shop.work("RRRR", 14)
        await shop.days.refresh()
        await shop.days.refresh()
        assert shop.days.days() == old
        patched.undo()
        await shop.days.refresh()
    assert shop.days.days() != old
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "disk full" in caplog.text


async def test_it_ends_with_the_board_and_so_do_its_listeners(shop: Shop) -> None:
    task = asyncio.create_task(shop.days.run())
    async with shop.days.listen() as changes:
        waiting = asyncio.ensure_future(anext(changes, None))
        await asyncio.sleep(0)
        shop.services.board.close()
        assert await asyncio.wait_for(waiting, 20) is None
    await asyncio.wait_for(task, 20)
