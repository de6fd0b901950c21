from dataclasses import astuple
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.records import HOUR_MS, MINUTE_MS
from agent.contract.states import State
from aggregator.capacity.time_elements import elements_of_day, elements_of_hours, gap_ms
from aggregator.model.capacity import MachineDay
from aggregator.model.window import Window
from tests.aggregator.capacity.floors import (
    DAY,
    KEY,
    LETTERS,
    MINUTES,
    Spans,
    all_of,
    any_spans,
    any_windows,
    at,
    measured,
    minutes,
    span,
)

NAMES = ("pbt", "apt", "aust", "adet", "adot", "unknown", "shared", "outside")


def in_minutes(day: MachineDay) -> dict[str, float]:
    """Return what is not 0, in minutes."""
    spent = {name: getattr(day, f"{name}_ms") / MINUTE_MS for name in NAMES}
    return {name: length for name, length in spent.items() if length}


# What happened, minute by minute; open spans by minute; what it comes to.
CASES = {
    "work of every kind is counted once": (
        "RRRSSDRR", [(0, 8)], {"pbt": 8, "apt": 5, "aust": 2, "adet": 1},
    ),
    "fifteen minutes of waiting are delay": (
        "R" + "i" * 15 + "R", [(0, 17)], {"pbt": 17, "apt": 2, "adet": 15},
    ),
    "sixteen minutes of waiting are spare": (
        "R" + "i" * 16 + "R", [(0, 18)], {"pbt": 18, "apt": 2, "adot": 16},
    ),
    "what was not stored ends a stretch": (
        "R" + "i" * 10 + "." + "i" * 10 + "R", [(0, 23)], {"pbt": 23, "apt": 2, "adet": 20, "unknown": 1},
    ),
    "what was offline ends a stretch": (
        "R" + "i" * 10 + "o" + "i" * 10 + "R", [(0, 23)], {"pbt": 23, "apt": 2, "adet": 20, "unknown": 1},
    ),
    "idle before and after lunch is one gap": (
        "R" + "i" * 10 + "p" * 60 + "i" * 10 + "R", [(0, 11), (71, 82)],
        {"pbt": 22, "apt": 2, "adot": 20},
    ),
    "work through lunch ends a gap": (
        "R" + "i" * 10 + "i" * 20 + "R" * 20 + "i" * 20 + "i" * 10 + "R", [(0, 11), (71, 82)],
        {"pbt": 22, "apt": 2, "adet": 20, "outside": 20},
    ),
    "a lunch of which nothing is known ends a gap": (
        "R" + "i" * 10 + "." * 60 + "i" * 10 + "R", [(0, 11), (71, 82)], {"pbt": 22, "apt": 2, "adet": 20},
    ),
    "a night of more than two hours ends a gap": (
        "R" + "i" * 10 + "i" * 121 + "i" * 10 + "R", [(0, 11), (132, 143)], {"pbt": 22, "apt": 2, "adet": 20},
    ),
    "a break of two hours ends no gap": (
        "R" + "i" * 10 + "i" * 120 + "i" * 10 + "R", [(0, 11), (131, 142)], {"pbt": 22, "apt": 2, "adot": 20},
    ),
    "a planned stop is no planned busy time and ends no gap": (
        "R" + "i" * 10 + "ppppp" + "i" * 10 + "R", [(0, 27)], {"pbt": 22, "apt": 2, "adot": 20},
    ),
    "a slow start is delay, an afternoon without work is spare": (
        "i" * 10 + "R" * 5 + "i" * 30, [(0, 45)], {"pbt": 45, "apt": 5, "adet": 10, "adot": 30},
    ),
    "work outside the calendar is no part of it": (
        "RRRRDD", [(2, 3)], {"pbt": 1, "apt": 1, "outside": 5},
    ),
    "without a calendar there is no planned busy time": ("RRii", [], {"outside": 2}),
    "silence is unknown": ("", [(0, 60)], {"pbt": 60, "unknown": 60}),
    "a day off": ("i" * 60, [], {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_elements_of_a_few_minutes(name: str) -> None:
    text, spans, expected = CASES[name]
    assert in_minutes(measured(minutes(text), [span(*each) for each in spans])) == expected


def test_machines_with_long_cycles_wait_longer_before_it_is_spare_time() -> None:
    windows = minutes("R" + "i" * 40 + "R")
    assert in_minutes(measured(windows, [span(0, 42)], 8 * 60)) == {"pbt": 42, "apt": 2, "adet": 40}
    assert in_minutes(measured(windows, [span(0, 42)], 7.9 * 60)) == {"pbt": 42, "apt": 2, "adot": 40}
    assert gap_ms(None) == gap_ms(2.5) == gap_ms(180) == 15 * MINUTE_MS
    assert gap_ms(181) == 905_000


def test_a_furnace_without_any_work_all_day_has_time() -> None:
    idle, cycle_s = minutes("i" * 480), 3 * 3600
    assert in_minutes(measured(idle, [span(0, 480)], cycle_s)) == {"pbt": 480, "adot": 480}
    assert in_minutes(measured(idle[1:], [span(0, 480)], cycle_s)) == {"pbt": 480, "adet": 479, "unknown": 1}
    assert in_minutes(measured(idle[:9], [span(0, 9)], cycle_s)) == {"pbt": 9, "adet": 9}


def test_idle_time_of_a_minute_that_was_worked_in_is_delay() -> None:
    mixed = Window(KEY, at(0), MINUTE_MS, (20_000, 0, 40_000, 0, 0, 0), 1)
    day = measured([mixed, *minutes("i" * 30, 1)], [span(0, 31)])
    assert (day.apt_ms, day.adet_ms, day.adot_ms) == (20_000, 40_000, 30 * MINUTE_MS)


def test_a_window_over_the_edge_of_a_shift_is_shared_out() -> None:
    hour = Window(KEY, at(0), 60 * MINUTE_MS, (1_000_001, 0, 0, 0, 0, 2_599_999), 7)
    day = measured([hour], [(at(20), at(30)), (at(40), at(60))])
    assert day.pbt_ms == 30 * MINUTE_MS == day.apt_ms + day.unknown_ms
    assert day.apt_ms + day.outside_ms == 1_000_001
    assert day.apt_ms == pytest.approx(500_000, abs=2)
    assert day.cycles == 7


def test_of_windows_that_overlap_the_earlier_counts() -> None:
    first = Window(KEY, at(0), 40_000, (40_000, 0, 0, 0, 0, 0), 1)
    second = Window(KEY, at(0) + 20_000, MINUTE_MS, (0, 60_000, 0, 0, 0, 0), 1)
    inside = Window(KEY, at(0) + 30_000, 5_000, (0, 0, 0, 5_000, 0, 0), 1)
    day = measured([first, second, inside], [(at(0), at(0) + 80_000)])
    assert (day.pbt_ms, day.apt_ms, day.aust_ms, day.adet_ms) == (80_000, 40_000, 40_000, 0)


def test_time_tagged_with_a_job_is_shared_with_the_delay_in_it() -> None:
    tagged = minutes("RSD" + "i" * 5 + "R", job="J-1") + minutes("RR" + "i" * 30, 9)
    day = measured(tagged, [span(0, 41)])
    assert in_minutes(day)["shared"] == 9
    assert day.private_ms == 2 * MINUTE_MS


def test_long_gaps_are_spare_whatever_they_are_tagged_with() -> None:
    day = measured(minutes("R" + "i" * 30 + "R", job="J-1"), [span(0, 32)])
    assert in_minutes(day) == {"pbt": 32, "apt": 2, "adot": 30, "shared": 2}


def test_pieces_are_none_where_nobody_counts_them() -> None:
    counted = Window(KEY, at(1), MINUTE_MS, all_of(State.RUNNING), 3, good=2, scrap=1)
    day = measured([*minutes("R"), counted], [span(0, 2)])
    assert (day.cycles, day.good, day.scrap) == (3, 2, 1)
    assert measured(minutes("R"), [span(0, 1)]).good is None


def brute_force(text: str, open_minutes: set[int], longest_delay: float) -> dict[str, int]:
    """Walk the minutes of a day one by one; slow, and written another way than the code."""
    known = [text[minute] if minute < len(text) else "." for minute in range(MINUTES)]
    inside = [known[minute] for minute in sorted(open_minutes)]
    sums = {
        "apt": inside.count("R"),
        "aust": inside.count("S"),
        "unknown": inside.count("o") + inside.count("."),
    }
    sums["pbt"] = len(inside) - inside.count("p")
    sums["outside"] = sum(known[m] in "RSD" for m in range(MINUTES) if m not in open_minutes)
    # A line of what matters to gaps: open idle minutes, and marks that end a stretch.
    nights = {
        minute
        for is_closed, run in groupby(range(MINUTES), lambda minute: minute not in open_minutes)
        for closed in [list(run)]
        if is_closed and len(closed) > 120
        for minute in closed
    }
    line = "".join(
        "i" if minute in open_minutes and letter == "i" else "x"
        for minute, letter in enumerate(known)
        if letter in "RSDo." or minute in nights or (minute in open_minutes and letter == "i")
    )
    stretches = [len(list(run)) for letter, run in groupby(line) if letter == "i"]
    if set(inside) <= {"i", "p"}:
        longest_delay = 15
    sums["adot"] = sum(length for length in stretches if length > longest_delay)
    sums["adet"] = inside.count("D") + inside.count("i") - sums["adot"]
    return {name: length for name, length in sums.items() if length}


runs = st.lists(st.tuples(st.sampled_from([*LETTERS, ".", "i", "i"]), st.integers(1, 40)), max_size=25)


@given(
    runs=runs,
    spans=st.sets(st.integers(0, 600), max_size=6).map(sorted),
    cycle_min=st.sampled_from([None, 1, 4, 20]),
)
def test_a_walk_over_the_minutes_finds_the_same(
    runs: list[tuple[str, int]], spans: list[int], cycle_min: int | None
) -> None:
    text = "".join(letter * length for letter, length in runs)[:MINUTES]
    pairs = list(zip(spans[::2], spans[1::2], strict=False))
    open_minutes = {minute for first, last in pairs for minute in range(first, last)}
    cycle_s = None if cycle_min is None else cycle_min * 60
    day = measured(minutes(text), [span(*pair) for pair in pairs], cycle_s)
    assert in_minutes(day) == brute_force(text, open_minutes, max(15, 5 * (cycle_min or 0)))


@given(windows=any_windows(), spans=any_spans(), cycle_s=st.sampled_from([None, 30.0, 400.0, 7200.0]))
def test_every_millisecond_of_planned_busy_time_is_counted_once(
    windows: list[Window], spans: Spans, cycle_s: float | None
) -> None:
    day = elements_of_day(KEY, DAY, windows, spans, cycle_s)
    open_ms = sum(end - start for start, end in spans)
    assert day.pbt_ms == day.apt_ms + day.aust_ms + day.adet_ms + day.adot_ms + day.unknown_ms
    assert 0 <= day.pbt_ms <= open_ms
    assert min(astuple(day)[2:-3]) >= 0
    assert day.shared_ms <= day.apt_ms + day.aust_ms + day.adet_ms
    busy_ms = sum(sum(window.state_ms[:2]) + window.state_ms[3] for window in windows)
    waiting_ms = sum(window.state_ms[2] for window in windows)
    assert day.apt_ms + day.aust_ms + day.adet_ms + day.outside_ms <= busy_ms + waiting_ms
    assert day.apt_ms + day.aust_ms + day.adet_ms + day.adot_ms + day.outside_ms >= busy_ms
    stopped_ms = sum(window.state_ms[4] for window in windows)
    assert open_ms - day.pbt_ms <= stopped_ms


@given(windows=any_windows(), spans=any_spans())
def test_what_is_open_and_what_is_not_add_up_to_the_windows(windows: list[Window], spans: Spans) -> None:
    inside = measured(windows, spans)
    always = measured(windows, [(at(0), at(MINUTES))])
    assert always.outside_ms == 0
    assert inside.apt_ms <= always.apt_ms
    assert always.apt_ms == sum(window.state_ms[0] for window in windows)
    assert always.aust_ms == sum(window.state_ms[1] for window in windows)
    assert inside.cycles == always.cycles == len(windows)


@given(windows=any_windows(), spans=any_spans(), cycle_s=st.sampled_from([None, 30.0, 400.0, 7200.0]))
def test_the_hours_of_a_day_add_up_to_the_day(
    windows: list[Window], spans: Spans, cycle_s: float | None
) -> None:
    day = elements_of_day(KEY, DAY, windows, spans, cycle_s)
    hours = elements_of_hours(windows, spans, cycle_s)
    columns = zip(*hours.values(), strict=True)
    assert [sum(column) for column in columns] == ([*astuple(day)[2:-3]] if hours else [])
    for start_ms, hour in hours.items():
        assert start_ms % HOUR_MS == 0
        assert hour.pbt_ms == hour.apt_ms + hour.aust_ms + hour.adet_ms + hour.adot_ms + hour.unknown_ms
        open_ms = sum(max(0, min(b, start_ms + HOUR_MS) - max(a, start_ms)) for a, b in spans)
        assert 0 <= hour.pbt_ms <= open_ms
        assert min(hour) >= 0


def test_a_gap_over_the_full_hour_is_judged_as_a_whole_and_each_hour_gets_its_part() -> None:
    windows = minutes("R" * 50 + "i" * 20 + "R" * 50, first=480)
    hours = elements_of_hours(windows, [span(480, 600)], None)
    assert sorted(hours) == [at(480), at(540)]
    assert [hour.adot_ms // MINUTE_MS for hour in hours.values()] == [10, 10]
    assert [hour.apt_ms // MINUTE_MS for hour in hours.values()] == [50, 50]
