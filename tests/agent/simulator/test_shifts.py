"""Shifts: weekly hours become the open stretches of a local day."""

from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from agent.simulator.shifts import Shift, at_local_ms, day_of, day_span_ms, joined, open_ms

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = frozenset(range(7))
HOUR_MS = 3_600_000
FRIDAY = date(2026, 11, 20)


def clock(stretches: list[tuple[int, int]], zone: ZoneInfo = TOKYO) -> list[str]:
    ends = [[datetime.fromtimestamp(at_ms / 1000, zone) for at_ms in stretch] for stretch in stretches]
    return [f"{start:%d %H:%M}-{end:%d %H:%M}" for start, end in ends]


def test_breaks_cut_a_shift_apart() -> None:
    day = Shift(frozenset({4}), 480, 1035, ((900, 910), (720, 765)))
    opened = open_ms([day], frozenset(), TOKYO, FRIDAY)
    assert clock(opened) == ["20 08:00-20 12:00", "20 12:45-20 15:00", "20 15:10-20 17:15"]


def test_a_night_shift_reaches_into_the_day_after_it_began() -> None:
    night = Shift(frozenset({4}), 22 * 60, 30 * 60, ((25 * 60, 26 * 60),))
    assert clock(open_ms([night], frozenset(), TOKYO, FRIDAY)) == ["20 22:00-21 00:00"]
    saturday = open_ms([night], frozenset(), TOKYO, date(2026, 11, 21))
    assert clock(saturday) == ["21 00:00-21 01:00", "21 02:00-21 06:00"]


def test_shifts_that_meet_are_one_stretch() -> None:
    early, late = Shift(EVERY_DAY, 360, 840), Shift(EVERY_DAY, 840, 1320)
    assert clock(open_ms([early, late], frozenset(), TOKYO, FRIDAY)) == ["20 06:00-20 22:00"]


def test_a_closed_date_has_no_shift_but_the_rest_of_the_night_before() -> None:
    night = Shift(EVERY_DAY, 22 * 60, 30 * 60)
    opened = open_ms([night], frozenset({FRIDAY}), TOKYO, FRIDAY)
    assert clock(opened) == ["20 00:00-20 06:00"]


def test_the_day_on_which_clocks_go_back_has_25_hours() -> None:
    start, end = day_span_ms(date(2026, 10, 25), BERLIN)
    assert end - start == 25 * HOUR_MS
    all_day = Shift(EVERY_DAY, 0, 1440)
    assert open_ms([all_day], frozenset(), BERLIN, date(2026, 10, 25)) == [(start, end)]


def test_a_shift_begins_by_the_clock_on_the_wall_after_the_clocks_went_forward() -> None:
    opens_ms = at_local_ms(date(2026, 3, 29), 8 * 60, BERLIN)
    assert datetime.fromtimestamp(opens_ms / 1000, BERLIN).hour == 8


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_every_moment_lies_in_its_own_day(at_ms: int) -> None:
    start, end = day_span_ms(day_of(at_ms, BERLIN), BERLIN)
    assert start <= at_ms < end


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)).map(lambda pair: (pair[0], sum(pair)))))
def test_joining_keeps_every_moment_once(stretches: list[tuple[int, int]]) -> None:
    apart = joined(stretches)
    inside = {moment for start, end in stretches for moment in range(start, end)}
    assert [moment for start, end in apart for moment in range(start, end)] == sorted(inside)
    assert all(end < later for (_, end), (later, _) in pairwise(apart))
