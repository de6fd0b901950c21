from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, event

from agent.contract.records import HOUR_MS
from aggregator.live import Board
from aggregator.measured_days import MeasuredDays
from aggregator.model.calendar import Calendar, Shift
from aggregator.model.capacity import MachineDay
from aggregator.model.job import JobTotals
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.store.embedded import Embedded
from aggregator.store.machine_days import MachineDays, MeasuredDay
from aggregator.store.profiles import Profiles
from aggregator.store.records import Records
from aggregator.store.series import SeriesIds
from aggregator.store.timeseries import StoreError

KEY, OTHER = MachineKey("aoki", "mc-01"), MachineKey("aoki", "mc-02")
TODAY = date(2026, 11, 24)
ZONE = ZoneInfo("Asia/Tokyo")


def a_day(key: MachineKey, day: date, apt_ms: int = 3, jobs: tuple[JobTotals, ...] = ()) -> MeasuredDay:
    elements = MachineDay(key, day, 10 + apt_ms, apt_ms, 1, 2, 3, 4, 5, 6, 7, None, 0)
    return MeasuredDay(elements, 2**40, -(2**62), jobs)


def test_days_come_back_as_they_were_by_machine_and_day(engine: Engine) -> None:
    store = MachineDays(engine)
    days = [a_day(OTHER, TODAY), a_day(KEY, TODAY), a_day(KEY, TODAY - timedelta(days=1), 9)]
    store.save(days)
    store.save([])
    found = MachineDays(engine).load(TODAY - timedelta(days=1))
    assert sorted(found, key=repr) == sorted(days, key=repr)
    assert [each.elements.day for each in found if each.elements.key == KEY] == [
        TODAY - timedelta(days=1),
        TODAY,
    ]
    assert {each.elements.day for each in store.load(TODAY)} == {TODAY}


def test_a_day_saved_again_replaces_it_and_its_jobs(engine: Engine) -> None:
    store = MachineDays(engine)
    one = JobTotals("J-1", 10, 2, None, None, (1, 2, 3, 4, 5, 2**40), 2, 0)
    two = JobTotals("J-2", 5, 1, 3, 1)
    yesterday = TODAY - timedelta(days=1)
    store.save([a_day(KEY, TODAY, 3, (one, two)), a_day(KEY, yesterday, 3, (one,)), a_day(OTHER, TODAY)])
    store.save([a_day(KEY, TODAY, 8, (two,))])
    assert [each.elements.apt_ms for each in store.load(yesterday) if each.elements.key == KEY] == [3, 8]
    assert sorted(store.jobs(), key=repr) == sorted([(KEY, yesterday, one), (KEY, TODAY, two)], key=repr)


def test_days_and_jobs_are_saved_both_or_neither(engine: Engine) -> None:
    store = MachineDays(engine)
    store.save([a_day(KEY, TODAY, 3, (JobTotals("J-1", 10, 2, None, None),))])
    same = JobTotals("J-2", 5, 1, None, None)
    with pytest.raises(StoreError):
        store.save([a_day(KEY, TODAY, 8, (same, replace(same, cycles=9)))])  # one job twice
    (day,) = MachineDays(engine).load(TODAY)
    assert day.elements.apt_ms == 3
    assert [job.job for _, _, job in store.jobs()] == ["J-1"]


def test_machines_are_found_by_the_series_that_windows_have(engine: Engine) -> None:
    with engine.begin() as connection:
        before = SeriesIds().claim(connection, [OTHER, KEY])
    MachineDays(engine).save([a_day(KEY, TODAY)])
    with engine.begin() as connection:
        assert SeriesIds().find(connection, [OTHER, KEY]) == before


def test_many_days_are_read_in_one_query(engine: Engine) -> None:
    store = MachineDays(engine)
    store.save([a_day(KEY, TODAY - timedelta(days=back)) for back in range(100)])
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    assert len(store.load(TODAY - timedelta(days=99))) == 100
    assert len([text for text in statements if "machine_days" in text]) == 1


async def test_days_are_measured_once_and_found_again_after_a_restart(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeseries, profiles = Embedded(engine), Profiles(engine)
    start_ms = round(datetime(2026, 11, 24, 9, tzinfo=ZONE).timestamp() * 1000)
    hours = [
        Window(KEY, start_ms + n * HOUR_MS, HOUR_MS, (0, 0, HOUR_MS, 0, 0, 0), 0, job="J-1") for n in (1, 2)
    ]
    hours.append(Window(KEY, start_ms, HOUR_MS, (HOUR_MS, 0, 0, 0, 0, 0), 60, 59, 1, 60, "J-1"))
    timeseries.write(hours, [])
    calendar = Calendar((Shift(frozenset({1}), 9 * 60, 12 * 60),))
    profiles.save(replace(profiles.get("aoki"), calendar=calendar), 0, "tests", start_ms)

    def measured() -> MeasuredDays:
        return MeasuredDays(
            timeseries=timeseries,
            days=MachineDays(engine),
            records=Records(engine),
            profiles=profiles,
            board=Board(),
            zone=ZONE,
            now=lambda: start_ms + 9 * HOUR_MS,
        )

    first = measured()
    await first.refresh()
    (day,) = first.days()[KEY]
    assert (day.pbt_ms, day.apt_ms, day.adot_ms, day.shared_ms) == (
        3 * HOUR_MS,
        HOUR_MS,
        2 * HOUR_MS,
        HOUR_MS,
    )
    states = (HOUR_MS, 0, 2 * HOUR_MS, 0, 0, 0)
    assert first.jobs() == {"J-1": JobTotals("J-1", HOUR_MS, 60, 59, 1, states, 0, 0)}
    monkeypatch.setattr(timeseries, "windows", pytest.fail)
    second = measured()
    await second.refresh()
    assert (second.days(), second.jobs()) == (first.days(), first.jobs())
    assert (second.cycle_s(KEY), second.good_share(KEY)) == (60, 59 / 60)
