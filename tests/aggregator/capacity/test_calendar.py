"""Manned working time: no minute too many, none twice, and right where clocks are changed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.capacity.calendar import Span, open_ms, open_spans, spans_by_machine
from aggregator.model.calendar import Break, Calendar, Closure, Overtime, PlannedStop, Shift
from tests.aggregator.capacity.calendars import (
    DAYS,
    FIRST,
    ZONES,
    calendars,
    closures,
    extras,
    minutes_of,
    ms,
    open_minutes,
    range_of,
    shifts,
    stops,
)

TOKYO, BERLIN = ZONES["Asia/Tokyo"], ZONES["Europe/Berlin"]
HOUR_MS = 3_600_000
EVERY_DAY = frozenset(range(7))
WEEKDAYS = frozenset(range(5))
DAY_SHIFT = Shift(WEEKDAYS, 8 * 60, 17 * 60, (Break(12 * 60, 13 * 60),))
NIGHT_SHIFT = Shift(EVERY_DAY, 22 * 60, 30 * 60)


def hours(
    calendar: Calendar, first: date, days: int = 1, zone: ZoneInfo = TOKYO, machine: str = "m"
) -> float:
    since, until = range_of(first, days, zone)
    return open_ms(open_spans(calendar, machine, since, until, zone), since, until) / HOUR_MS


def at(day: date, hour: int, zone: ZoneInfo = TOKYO) -> int:
    return ms(datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(hours=hour))


def test_a_week_of_day_shifts_is_forty_hours_without_its_breaks() -> None:
    assert hours(Calendar((DAY_SHIFT,)), date(2026, 11, 9), 7) == 40


def test_no_shift_begins_on_a_public_holiday_not_even_on_one_between_two_others() -> None:
    calendar = Calendar((DAY_SHIFT,))
    open_days = [hours(calendar, date(2026, 9, day)) for day in (18, 21, 22, 23, 24)]
    assert open_days == [8, 0, 0, 0, 8]
    assert hours(replace(calendar, works_on_holidays=True), date(2026, 9, 21), 4) == 32


def test_a_closed_day_has_no_time_but_the_night_before_ends() -> None:
    calendar = Calendar((DAY_SHIFT, NIGHT_SHIFT), closures=(Closure(date(2026, 8, 13), date(2026, 8, 15)),))
    found = [hours(calendar, date(2026, 8, day)) for day in (13, 14, 15, 16)]
    assert found == [6, 0, 0, 2]


def test_an_unmanned_night_is_no_time() -> None:
    calendar = Calendar((DAY_SHIFT, replace(NIGHT_SHIFT, staff=0)))
    assert hours(calendar, date(2026, 11, 9), 7) == 40


def test_overtime_counts_on_a_closed_day_and_a_planned_stop_wins_over_it() -> None:
    day = date(2026, 8, 13)
    calendar = Calendar(
        (DAY_SHIFT,),
        closures=(Closure(day, day),),
        overtime=(Overtime(at(day, 8), at(day, 12)),),
        planned_stops=(PlannedStop(at(day, 9), at(day, 10)),),
    )
    assert hours(calendar, day) == 3
    assert hours(replace(calendar, planned_stops=()), day) == 4


def test_what_is_of_one_machine_leaves_the_others_alone() -> None:
    day = date(2026, 11, 9)
    calendar = Calendar(
        (DAY_SHIFT,),
        machine_shifts=(("night", (NIGHT_SHIFT,)), ("idle", ())),
        planned_stops=(PlannedStop(at(day, 8), at(day, 9), "stopped"),),
        overtime=(Overtime(at(day, 17), at(day, 19), "late"),),
    )
    found = {name: hours(calendar, day, machine=name) for name in ("m", "night", "idle", "stopped", "late")}
    assert found == {"m": 8, "night": 8, "idle": 0, "stopped": 7, "late": 10}


def test_where_shifts_overlap_the_larger_staff_counts_and_no_minute_twice() -> None:
    day = date(2026, 11, 9)
    calendar = Calendar((Shift(WEEKDAYS, 480, 720, staff=2), Shift(WEEKDAYS, 600, 840, staff=5)))
    assert open_spans(calendar, "m", *range_of(day, 1, TOKYO), TOKYO) == [
        Span(at(day, 8), at(day, 10), 2),
        Span(at(day, 10), at(day, 14), 5),
    ]


def test_a_night_shift_lasts_an_hour_less_or_more_when_clocks_are_changed() -> None:
    nights = Calendar((NIGHT_SHIFT,), works_on_holidays=True)
    ordinary = hours(nights, date(2026, 3, 25), 2, BERLIN)
    spring = hours(nights, date(2026, 3, 28), 2, BERLIN)
    autumn = hours(nights, date(2026, 10, 24), 2, BERLIN)
    assert (ordinary, spring, autumn) == (16, 15, 17)


@pytest.mark.parametrize(
    ("day", "start_min", "end_min", "start", "end"),
    [
        (date(2026, 3, 29), 150, 360, (1, 0), (4, 0)),  # 2:30 is left out: from 3:00, which is 1:00 UTC
        (date(2026, 3, 29), 60, 150, (0, 0), (1, 0)),
        (date(2026, 10, 25), 150, 360, (0, 30), (5, 0)),  # 2:30 comes twice: from the first
        (date(2026, 10, 25), 60, 150, (-1, 0), (0, 30)),
    ],
)
def test_a_clock_time_left_out_or_doubled_has_one_meaning(
    day: date, start_min: int, end_min: int, start: tuple[int, int], end: tuple[int, int]
) -> None:
    calendar = Calendar((Shift(EVERY_DAY, start_min, end_min),), works_on_holidays=True)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    [span] = open_spans(calendar, "m", *range_of(day, 1, BERLIN), BERLIN)
    expected = [midnight + timedelta(hours=hour, minutes=minute) for hour, minute in (start, end)]
    assert [span.start_ms, span.end_ms] == [ms(moment) for moment in expected]


def test_machines_that_work_like_the_rest_share_their_spans() -> None:
    since, until = range_of(date(2026, 11, 9), 7, TOKYO)
    calendar = Calendar((DAY_SHIFT,), machine_shifts=(("own", (NIGHT_SHIFT,)),))
    found = spans_by_machine(calendar, ["a", "own", "b"], since, until, TOKYO)
    assert found["a"] is found["b"]
    assert found["own"] == open_spans(calendar, "own", since, until, TOKYO) != found["a"]


def test_the_open_part_of_any_range_is_counted() -> None:
    day = date(2026, 11, 9)
    spans = open_spans(Calendar((DAY_SHIFT,)), "m", *range_of(day, 7, TOKYO), TOKYO)
    assert open_ms(spans, at(day, 11), at(day, 14)) == 2 * HOUR_MS
    assert open_ms(spans, at(day, 12), at(day, 13)) == 0


@settings(max_examples=60, deadline=None)
@given(calendars(), st.sampled_from(sorted(ZONES)), st.sampled_from(["m-1", "m-2"]), st.integers(0, 1440))
def test_every_minute_is_as_a_wall_clock_says(
    calendar: Calendar, zone_name: str, machine: str, offset: int
) -> None:
    zone = ZONES[zone_name]
    since, until = (edge + offset * 60_000 for edge in range_of(FIRST, 6, zone))
    spans = open_spans(calendar, machine, since, until, zone)
    assert minutes_of(spans) == open_minutes(calendar, machine, since, until, zone)


@given(calendars(), st.sampled_from(sorted(ZONES)))
def test_spans_are_sorted_disjoint_manned_and_within_the_range(calendar: Calendar, zone_name: str) -> None:
    zone = ZONES[zone_name]
    since, until = range_of(FIRST, DAYS, zone)
    spans = open_spans(calendar, "m-1", since, until, zone)
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(spans))
    assert all(since <= span.start_ms < span.end_ms <= until and span.staff != 0 for span in spans)


def covered(calendar: Calendar) -> set[int]:
    return set(minutes_of(open_spans(calendar, "m-1", *range_of(FIRST, DAYS, BERLIN), BERLIN)))


@given(calendars(), shifts())
def test_one_more_shift_never_takes_time_away(calendar: Calendar, shift: Shift) -> None:
    own = tuple((machine, (*ours, shift)) for machine, ours in calendar.machine_shifts)
    more = replace(calendar, shifts=(*calendar.shifts, shift), machine_shifts=own)
    assert covered(calendar) <= covered(more)
    if shift.staff == 0:
        assert covered(calendar) == covered(more)


@given(calendars(), extras())
def test_more_overtime_never_takes_time_away(calendar: Calendar, extra: Overtime) -> None:
    assert covered(calendar) <= covered(replace(calendar, overtime=(*calendar.overtime, extra)))


@given(calendars(), stops(), closures(), st.integers(0, 2800))
def test_one_more_stop_closure_or_break_never_gives_time(
    calendar: Calendar, stop: PlannedStop, closure: Closure, rest: int
) -> None:
    before = covered(calendar)
    assert covered(replace(calendar, planned_stops=(*calendar.planned_stops, stop))) <= before
    assert covered(replace(calendar, closures=(*calendar.closures, closure))) <= before
    tired = [
        tuple(replace(shift, breaks=(*shift.breaks, Break(rest, rest + 45))) for shift in own)
        for own in (calendar.shifts, *(own for _, own in calendar.machine_shifts))
    ]
    own = tuple(zip((machine for machine, _ in calendar.machine_shifts), tired[1:], strict=True))
    assert covered(replace(calendar, shifts=tired[0], machine_shifts=own)) <= before


@given(calendars())
def test_a_closed_fortnight_has_overtime_alone(calendar: Calendar) -> None:
    closed = replace(calendar, closures=(Closure(FIRST - timedelta(days=3), FIRST + timedelta(days=DAYS)),))
    alone = Calendar(planned_stops=calendar.planned_stops, overtime=calendar.overtime)
    assert covered(closed) == covered(alone)
