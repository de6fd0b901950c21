"""A machine's windows and open spans of one local day in, its time elements (ISO 22400-2) by day or hour out.

The gap rule splits IDLE. An idle stretch no longer than max(15 min, 5 x the machine's median cycle time) is
delay (ADET: starved, blocked), a longer one is measured spare time (ADOT: no order). How stretches are found:

- A window in which the machine was busy (RUNNING, SETUP, DOWN) or unknown for any part ends the stretch
  before it, and its own idle time is delay: the order inside a window is not stored, so the idle time of a
  minute that was also worked in may be many short waits.
- Unknown time, OFFLINE or not stored, ends a stretch as busy time does. Silence can only make stretches
  shorter, and so never turns into spare time.
- Breaks and planned stops are not counted in a stretch's length, and do not end it: idle before and after
  lunch is one gap. A break in which the machine was busy or unknown does end it, and so does closed time of
  more than two hours, whatever is known of it: a night adds nothing.
- Idle time at the edges of work (after opening, before closing, at midnight) is a stretch like any other: a
  slow start of ten minutes is delay, an afternoon without work is spare.
- A day of work on which the machine never was busy, known throughout, has no gap between busy stretches. The
  five cycles are not asked for then, or a furnace with cycles of three hours would never have time.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from agent.contract.records import HOUR_MS
from aggregator.capacity.cut import cut_states
from aggregator.capacity.element_sums import NOTHING, Elements, ElementSums
from aggregator.model.capacity import MachineDay
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateMs, Window

OpenSpan = Sequence[int | None]
"""`(start_ms, end_ms, …)` in UTC ms: manned working time, `capacity.calendar.Span` or a plain pair."""

SHORTEST_GAP_MS = 15 * 60_000
GAP_CYCLES = 5
LONGEST_BREAK_MS = 2 * 60 * 60_000


def gap_ms(median_cycle_s: float | None) -> int:
    """Return up to which length an idle stretch is delay; 15 minutes while no cycle time is known."""
    return max(SHORTEST_GAP_MS, round(GAP_CYCLES * 1000 * (median_cycle_s or 0)))


def elements_of_day(
    key: MachineKey,
    day: date,
    windows: Sequence[Window],
    spans: Sequence[OpenSpan],
    median_cycle_s: float | None,
) -> MachineDay:
    """Return the day's time elements.

    `windows` in time order and `spans` (sorted, disjoint) are cut to the day already; without spans there is
    no PBT. Where windows overlap the earlier one counts.
    """
    found = _added_up(windows, spans, median_cycle_s, None)
    good = [window.good for window in windows if window.good is not None]
    scrap = [window.scrap for window in windows if window.scrap is not None]
    return MachineDay(
        key,
        day,
        *found.get(0, NOTHING),
        cycles=sum(window.cycles for window in windows),
        good=sum(good) if good else None,
        scrap=sum(scrap) if scrap else None,
    )


def elements_of_hours(
    windows: Sequence[Window], spans: Sequence[OpenSpan], median_cycle_s: float | None
) -> dict[int, Elements]:
    """Return the same elements by UTC hour (when it begins).

    They add up to the day's, for a gap is judged as a whole.

    Hours that are neither open nor worked in are absent.
    """
    return _added_up(windows, spans, median_cycle_s, HOUR_MS)


def _added_up(
    windows: Sequence[Window],
    spans: Sequence[OpenSpan],
    median_cycle_s: float | None,
    step_ms: int | None,
) -> dict[int, Elements]:
    open_spans = [(start or 0, end or 0) for start, end, *_ in spans]
    sums = ElementSums(step_ms)
    for start, end in open_spans:
        sums.add_span(start, end)
    begins = _turns(open_spans)
    turn = 0
    for start_ms, state_ms, span, tagged, after_silence in _pieces(windows, open_spans):
        if after_silence:
            sums.end_stretch()
        if span is None:
            sums.add_closed(start_ms, state_ms)
            continue
        if begins[span] != turn:
            sums.end_stretch()
            turn = begins[span]
        sums.add_open(start_ms, state_ms, tagged)
    sums.end_stretch()
    return sums.elements(gap_ms(median_cycle_s), SHORTEST_GAP_MS)


def _turns(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Return for each span when the work began that it is part of: breaks are part of it, nights end it."""
    turns: list[int] = []
    before_ms = -LONGEST_BREAK_MS
    for start, end in spans:
        turns.append(start if start - before_ms > LONGEST_BREAK_MS or not turns else turns[-1])
        before_ms = end
    return turns


_Piece = tuple[int, StateMs, int | None, bool, bool]
"""Start, states, the open span it lies in, whether it is tagged, and comes after time not stored."""


def _pieces(windows: Iterable[Window], spans: Sequence[tuple[int, int]]) -> Iterator[_Piece]:
    """Yield windows, cut where a span begins or ends."""
    told_ms = 0  # the end of what was yielded
    at = 0  # the first span that does not end before the window
    for window in windows:
        start, state_ms, tagged = window.start_ms, window.state_ms, bool(window.job)
        end = start + window.length_ms
        if start < told_ms:
            if end <= told_ms:
                continue
            _, state_ms = cut_states(state_ms, told_ms - start)
            start = told_ms
        after_silence = start > told_ms
        told_ms = end
        while at < len(spans) and spans[at][1] <= start:
            at += 1
        here = at
        while here < len(spans) and start < end:  # once, but for windows that a span's edge cuts
            opens, closes = spans[here]
            is_open = opens <= start
            edge = closes if is_open else opens
            if edge >= end:
                break
            piece, state_ms = cut_states(state_ms, edge - start)
            yield start, piece, here if is_open else None, tagged, after_silence
            start, after_silence = edge, False
            here += is_open
        is_open = here < len(spans) and spans[here][0] <= start
        yield start, state_ms, here if is_open else None, tagged, after_silence
