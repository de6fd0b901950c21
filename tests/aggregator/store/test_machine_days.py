from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, event

from aggregator.model.capacity import MachineDay
from aggregator.model.job import JobTotals
from aggregator.model.machine import MachineKey
from aggregator.store.machine_days import MachineDays, MeasuredDay
from aggregator.store.series import SeriesIds
from aggregator.store.timeseries import StoreError

KEY, OTHER = MachineKey("aoki", "mc-01"), MachineKey("aoki", "mc-02")
TODAY = date(2026, 11, 24)


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
    one, two = JobTotals("J-1", 10, 2, None, None), JobTotals("J-2", 5, 1, 3, 1)
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
