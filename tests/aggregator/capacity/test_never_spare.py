"""Silence, starvation, an unmanned night or a dead agent never raise measured spare time."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from agent.contract.records import HOUR_MS, MINUTE_MS
from aggregator.capacity.calendar import open_spans
from aggregator.capacity.time_elements import LONGEST_BREAK_MS, gap_ms
from aggregator.model.calendar import Break, Calendar, Shift
from aggregator.model.window import Window
from tests.aggregator.capacity.floors import (
    KEY,
    LETTERS,
    MINUTES,
    START_MS,
    Spans,
    any_spans,
    any_windows,
    at,
    measured,
    minutes,
    silenced,
)

ZONE = ZoneInfo("Asia/Tokyo")
cycle_times = st.sampled_from([None, 30.0, 400.0, 7200.0])
choices = st.lists(st.booleans(), min_size=400, max_size=400)

EVERY_DAY = frozenset(range(7))
calendars = st.builds(
    lambda start, length, lunch, staff: Calendar(
        (Shift(EVERY_DAY, start, start + length, (Break(start + lunch, start + lunch + 45),), staff),),
        works_on_holidays=True,
    ),
    start=st.integers(0, 1200),
    length=st.integers(120, 720),
    lunch=st.integers(0, 60),
    staff=st.sampled_from([None, 1, 3]),
)


def spans_of(calendar: Calendar) -> Spans:
    found = open_spans(calendar, KEY.machine, START_MS, START_MS + 24 * HOUR_MS, ZONE)
    return [(span.start_ms, span.end_ms) for span in found]


@given(windows=any_windows(), spans=any_spans(), cycle_s=cycle_times, chosen=choices)
def test_silence_never_raises_spare_time(
    windows: list[Window], spans: Spans, cycle_s: float | None, chosen: list[bool]
) -> None:
    before = measured(windows, spans, cycle_s)
    pairs = list(zip(windows, chosen, strict=False))
    offline = measured([silenced(each) if hit else each for each, hit in pairs], spans, cycle_s)
    lost = measured([each for each, hit in pairs if not hit], spans, cycle_s)
    assert offline.adot_ms <= before.adot_ms
    assert lost.adot_ms <= before.adot_ms
    assert offline.pbt_ms >= before.pbt_ms  # and planned stops that nobody saw are none
    assert lost.unknown_ms >= before.unknown_ms


@given(windows=any_windows(), spans=any_spans(), cycle_s=cycle_times, data=st.data())
def test_a_dead_agent_adds_nothing(
    windows: list[Window], spans: Spans, cycle_s: float | None, data: st.DataObject
) -> None:
    died = data.draw(st.integers(0, len(windows)))
    back = data.draw(st.integers(died, len(windows)))
    before, after = (measured(told, spans, cycle_s) for told in (windows, [*windows[:died], *windows[back:]]))
    assert after.adot_ms <= before.adot_ms
    assert after.apt_ms <= before.apt_ms
    assert measured([], spans, cycle_s).adot_ms == 0


@given(calendar=calendars, windows=any_windows(), cycle_s=cycle_times, chosen=choices)
def test_an_unmanned_night_adds_nothing(
    calendar: Calendar, windows: list[Window], cycle_s: float | None, chosen: list[bool]
) -> None:
    spans = spans_of(calendar)
    before = measured(windows, spans, cycle_s)
    unmanned = Shift(EVERY_DAY, 0, 24 * 60, staff=0)
    with_night = spans_of(replace(calendar, shifts=(*calendar.shifts, unmanned)))
    assert measured(windows, with_night, cycle_s) == before
    pairs = list(zip(windows, chosen, strict=False))
    idle = [_idle(each) if hit and _at_night(each, spans) else each for each, hit in pairs]
    lost = [each for each, hit in pairs if not (hit and _at_night(each, spans))]
    for other in (idle, lost):
        after = measured(other, spans, cycle_s)
        assert (after.pbt_ms, after.adot_ms) == (before.pbt_ms, before.adot_ms)
        assert (after.apt_ms, after.unknown_ms) == (before.apt_ms, before.unknown_ms)


def _idle(window: Window) -> Window:
    return replace(window, state_ms=(0, 0, window.length_ms, 0, 0, 0))


def _at_night(window: Window, spans: Spans) -> bool:
    """Tell whether all of the window lies in closed time that is no break."""
    end_ms = window.start_ms + window.length_ms
    closed_from = max((end for _, end in spans if end <= window.start_ms), default=-inf)
    closed_until = min((start for start, _ in spans if start >= end_ms), default=inf)
    inside = any(start < end_ms and window.start_ms < end for start, end in spans)
    return not inside and closed_until - closed_from > LONGEST_BREAK_MS


@given(windows=any_windows(), spans=any_spans(), cycle_s=cycle_times, share=st.floats(0.01, 0.99))
def test_short_waits_inside_worked_minutes_never_raise_spare_time(
    windows: list[Window], spans: Spans, cycle_s: float | None, share: float
) -> None:
    """Starved between cycles: every window still holds work, and some of it is waiting now."""
    before = measured(windows, spans, cycle_s)
    after = measured([_starved(each, share) for each in windows], spans, cycle_s)
    assert after.adot_ms <= before.adot_ms
    assert after.pbt_ms == before.pbt_ms


def _starved(window: Window, share: float) -> Window:
    running, setup, idle, down, stop, offline = window.state_ms
    waits = int(running * share)
    return replace(window, state_ms=(running - waits, setup, idle + waits, down, stop, offline))


runs = st.lists(st.tuples(st.sampled_from([*LETTERS, "R", "i"]), st.integers(1, 60)), min_size=3, max_size=20)


@given(runs=runs, cycle_s=st.sampled_from([None, 30.0, 400.0]), data=st.data())
def test_gaps_within_the_rule_never_raise_spare_time(
    runs: list[tuple[str, int]], cycle_s: float | None, data: st.DataObject
) -> None:
    """Work stops for a while here and there, with work on both sides: delay, however often."""
    text = "".join(letter * length for letter, length in runs)[:MINUTES]
    spans = [(at(0), at(len(text)))]
    before = measured(minutes(text), spans, cycle_s)
    longest = gap_ms(cycle_s) // MINUTE_MS
    worked = [n for n in range(1, len(text) - 1) if text[n - 1 : n + 1] == "RR"]
    assume(worked)
    starved = list(text)
    for start in data.draw(st.lists(st.sampled_from(worked), max_size=5)):
        stop = start
        while stop < len(text) - 1 and text[stop] == text[stop + 1] == "R" and stop - start < longest:
            stop += 1
        # Not beside another gap, or both together would be a longer one.
        if "i" not in starved[start - 1 : stop + 1]:
            starved[start:stop] = "i" * (stop - start)
    after = measured(minutes("".join(starved)), spans, cycle_s)
    assert after.adot_ms == before.adot_ms
    assert after.apt_ms <= before.apt_ms


@given(windows=any_windows(), spans=any_spans(), cycle_s=cycle_times, chosen=choices)
def test_more_work_never_raises_spare_time(
    windows: list[Window], spans: Spans, cycle_s: float | None, chosen: list[bool]
) -> None:
    def busier(window: Window) -> Window:
        running, setup, idle, down, stop, offline = window.state_ms
        return replace(window, state_ms=(running + idle, setup, 0, down, stop, offline))

    pairs: Sequence[tuple[Window, bool]] = list(zip(windows, chosen, strict=False))
    after = measured([busier(each) if hit else each for each, hit in pairs], spans, cycle_s)
    assert after.adot_ms <= measured(windows, spans, cycle_s).adot_ms
