from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.contract.records import HOUR_MS, MINUTE_MS
from aggregator.capacity.job_totals import jobs_of_day
from aggregator.capacity.time_elements import elements_of_day
from aggregator.day_book import DayBook
from aggregator.day_survey import Ground, StaleDay, Survey, basis_of, over_until
from aggregator.model.calendar import Calendar, Overtime, Shift
from aggregator.model.capacity import MachineDay
from aggregator.model.machine import MachineKey
from aggregator.model.window import Totals, Window
from aggregator.store.machine_days import MachineDays
from tests.aggregator.capacity.floors import any_windows
from tests.aggregator.shop import DAY_SHIFT, KEY, TODAY, Shop, open_shop

NOW_MS = 1_795_500_420_000
DAY = timedelta(days=1)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path, hour=24)


def survey_of(shop: Shop, book: DayBook) -> Survey:
    services = shop.services
    days = MachineDays(services.records.engine)
    return Survey(services.timeseries, days, services.profiles, book, zone=shop.zone)


def look(shop: Shop, book: DayBook, keys: Sequence[MachineKey] = (KEY,), days: int = 3) -> deque[StaleDay]:
    survey = survey_of(shop, book)
    ground = survey.ground(list(keys), shop.clock(), days)
    return survey.look(ground, [ground.today - back * DAY for back in range(days)], {})


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        (None, -2 * MINUTE_MS),  # five minutes past the hour, at seven past
        (0, 0),
        (-MINUTE_MS, -MINUTE_MS),
        (-3 * MINUTE_MS, -3 * MINUTE_MS),
        (-3 * MINUTE_MS - 1, -2 * MINUTE_MS),
        (-HOUR_MS, -2 * MINUTE_MS),
        (2 * MINUTE_MS, 2 * MINUTE_MS),
        (HOUR_MS, -2 * MINUTE_MS),
    ],
)
def test_today_is_over_up_to_the_newest_window_or_the_clock(newest: int | None, expected: int) -> None:
    newest_ms = None if newest is None else NOW_MS + newest
    assert over_until(NOW_MS, newest_ms) == NOW_MS + expected


def test_time_that_was_over_stays_over_while_a_machine_falls_silent() -> None:
    newest_ms = NOW_MS - 17_000
    told = [over_until(NOW_MS + later, newest_ms) for later in range(0, HOUR_MS, 7_000)]
    assert told == sorted(told)


def test_the_basis_tells_whatever_a_day_is_made_of() -> None:
    totals = Totals(KEY, 0, 1, (1, 2, 3, 4, 5, 6), 7, None, 0)
    spans = ((0, 5), (7, 9))
    found = {
        basis_of(9, 15, spans, totals),
        basis_of(8, 15, spans, totals),
        basis_of(9, 16, spans, totals),
        basis_of(9, 15, spans[:1], totals),
        basis_of(9, 15, spans, None),
        basis_of(9, 15, spans, replace(totals, cycles=8)),
        basis_of(9, 15, spans, replace(totals, good=0)),
        basis_of(9, 15, spans, replace(totals, state_ms=(2, 1, 3, 4, 5, 6))),
    }
    assert len(found) == 8
    assert basis_of(9, 15, spans, totals) == 8_367_408_952_325_934_959  # the same in every process
    assert all(-(2**63) <= basis < 2**63 for basis in found)


def test_stale_days_come_newest_first_and_days_between_with_them(shop: Shop) -> None:
    shop.work("R" * 5, 9, days_ago=3)
    shop.work("R" * 5, 9, days_ago=1)
    found = look(shop, DayBook(), days=6)
    assert [each.day for each in found] == [TODAY + DAY - back * DAY for back in (0, 1, 2, 3, 4)][0:5]


def test_empty_days_wait_until_an_older_day_has_windows(shop: Shop) -> None:
    shop.work("R" * 5, 9, days_ago=3)
    survey = survey_of(shop, DayBook())
    ground = survey.ground([KEY], shop.at(18), 6)
    empty: dict[MachineKey, list[object]] = {}
    first = survey.look(ground, [TODAY, TODAY - DAY], empty)  # type: ignore[arg-type]
    assert (list(first), empty) == ([], {KEY: [TODAY, TODAY - DAY]})
    second = survey.look(ground, [TODAY - 2 * DAY, TODAY - 3 * DAY], empty)  # type: ignore[arg-type]
    assert [each.day for each in second] == [TODAY - back * DAY for back in (0, 1, 2, 3)]
    assert empty == {}


def test_what_is_measured_is_stale_no_more_until_a_window_comes(shop: Shop) -> None:
    book = DayBook()
    shop.work("R" * 5, 9)
    stale = look(shop, book)
    book.put(survey_of(shop, book).measure(stale, 1.0))
    assert not look(shop, book)
    shop.work("D", 9)  # replaces a minute
    assert [each.day for each in look(shop, book)] == [TODAY]


def test_at_least_one_day_is_measured_however_short_the_time(shop: Shop) -> None:
    for back in range(3):
        shop.work("R" * 5, 9, days_ago=back)
    stale = look(shop, DayBook())
    assert len(stale) == 3
    first = stale[0].day
    assert [each.elements.day for each in survey_of(shop, DayBook()).measure(stale, 0.0)] == [first]
    assert len(stale) == 2


def test_what_someone_measured_in_between_is_not_overwritten(shop: Shop) -> None:
    book = DayBook()
    shop.work("R" * 5, 9)
    found_early = look(shop, book)
    shop.work("R" * 5, 10)
    newer = survey_of(shop, book).measure(look(shop, book), 1.0)
    book.put(newer)
    assert survey_of(shop, book).measure(found_early, 1.0) == []
    assert book.days[KEY][0].outside_ms + book.days[KEY][0].apt_ms == 10 * MINUTE_MS


def test_the_gap_rule_uses_two_figures_of_the_cycle_time(shop: Shop) -> None:
    shop.write([Window(KEY, shop.at(9, 1), HOUR_MS, (HOUR_MS, 0, 0, 0, 0, 0), 7)])
    assert {each.cycle_s for each in look(shop, DayBook())} == {510}  # of 514.3


def test_machines_of_unknown_factories_have_no_spans(shop: Shop) -> None:
    stranger = MachineKey("nobody", "m-1")
    survey = survey_of(shop, DayBook())
    ground: Ground = survey.ground([stranger, KEY], shop.clock(), 1)
    assert not ground.spans[stranger]
    assert ground.spans[KEY]
    assert ground.newest_ms == {}


numbers = count()
calendars = st.sampled_from(
    [
        DAY_SHIFT,
        Calendar(),
        Calendar((Shift(frozenset(range(7)), 0, 1440),), works_on_holidays=True),
        Calendar((Shift(frozenset(range(7)), 100, 200), Shift(frozenset(range(7)), 300, 330))),
        replace(DAY_SHIFT, overtime=(Overtime(1_795_446_000_000, 1_795_446_000_000 + 90_500),)),
    ]
)


@given(windows=any_windows(), calendar=calendars)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reading_only_what_matters_changes_nothing(
    shop: Shop, windows: list[Window], calendar: Calendar
) -> None:
    """Nights without work are not read; elements and jobs are those of all windows all the same."""
    key = MachineKey("aoki", f"m-{next(numbers)}")
    shop.set_calendar(calendar)
    shop.write([replace(window, key=key) for window in windows])
    book = DayBook()
    stored = shop.services.timeseries.windows(key, shop.at(0), shop.at(24))
    stale = [each for each in look(shop, book, [key]) if each.day == TODAY]
    found = survey_of(shop, book).measure(deque(stale), 10.0)
    assert len(found) == bool(stored)
    for each, asked in zip(found, stale, strict=True):
        whole: MachineDay = elements_of_day(key, TODAY, stored, asked.spans, asked.cycle_s)
        assert each.elements == whole
        assert each.jobs == tuple(jobs_of_day(stored, asked.spans))


def test_zones_have_their_own_days(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, zone="America/New_York")
    shop.work("R" * 10, 23.9)
    assert shop.zone == ZoneInfo("America/New_York")
    shop.clock.now_ms = shop.at(30)
    book = DayBook()
    book.put(survey_of(shop, book).measure(look(shop, book), 1.0))
    assert [(day.day, day.outside_ms) for day in book.days[KEY]] == [
        (TODAY, 6 * MINUTE_MS),
        (TODAY + DAY, 4 * MINUTE_MS),
    ]
