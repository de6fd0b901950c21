"""A machine's windows and open spans of one local day in, its time elements (ISO 22400-2) out.

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

from aggregator.capacity.cut import cut_states
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
    open_spans = [(start or 0, end or 0) for start, end, *_ in spans]
    sums = _Sums()
    begins = _turns(open_spans)
    turn = 0
    for state_ms, span, tagged, after_silence in _pieces(windows, open_spans):
        if after_silence:
            sums.end_stretch()
        if span is None:
            sums.add_closed(state_ms)
            continue
        if begins[span] != turn:
            sums.end_stretch()
            turn = begins[span]
        sums.add_open(state_ms, tagged)
    sums.end_stretch()
    open_ms = sum(end - start for start, end in open_spans)
    good = [window.good for window in windows if window.good is not None]
    scrap = [window.scrap for window in windows if window.scrap is not None]
    return sums.machine_day(
        key,
        day,
        open_ms,
        gap_ms(median_cycle_s),
        (
            sum(window.cycles for window in windows),
            sum(good) if good else None,
            sum(scrap) if scrap else None,
        ),
    )


class _Sums:
    """A day added up piece by piece; `idle` (and its tagged part) are of the stretch that goes on."""

    def __init__(self) -> None:
        self.apt = self.aust = self.adet = self.shared = self.stopped = self.outside = self.offline = 0
        self.idle = self.idle_tagged = 0
        self.stretches: list[tuple[int, int]] = []

    def add_open(self, state_ms: StateMs, tagged: bool) -> None:
        running, setup, idle, down, stop, offline = state_ms
        self.stopped += stop
        if running or setup or down or offline:
            self.end_stretch()
            self.apt += running
            self.aust += setup
            self.adet += down + idle
            self.offline += offline
            if tagged:
                self.shared += running + setup + down + idle
        else:
            self.idle += idle
            if tagged:
                self.idle_tagged += idle

    def add_closed(self, state_ms: StateMs) -> None:
        running, setup, _, down, _, offline = state_ms
        if running or setup or down or offline:
            self.end_stretch()
            self.outside += running + setup + down

    def end_stretch(self) -> None:
        if self.idle:
            self.stretches.append((self.idle, self.idle_tagged))
            self.idle = self.idle_tagged = 0

    def machine_day(
        self,
        key: MachineKey,
        day: date,
        open_ms: int,
        longest_delay_ms: int,
        counts: tuple[int, int | None, int | None],
    ) -> MachineDay:
        pbt = open_ms - self.stopped
        idle = sum(length for length, _ in self.stretches)
        unknown = pbt - self.apt - self.aust - self.adet - idle
        if not (self.apt or self.aust or self.adet or unknown):  # never busy, and known throughout
            longest_delay_ms = SHORTEST_GAP_MS
        short = [stretch for stretch in self.stretches if stretch[0] <= longest_delay_ms]
        delay = sum(length for length, _ in short)
        return MachineDay(
            key,
            day,
            pbt,
            self.apt,
            self.aust,
            self.adet + delay,
            idle - delay,
            unknown,
            self.shared + sum(tagged for _, tagged in short),
            self.outside,
            *counts,
        )


def _turns(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Return for each span when the work began that it is part of: breaks are part of it, nights end it."""
    turns: list[int] = []
    before_ms = -LONGEST_BREAK_MS
    for start, end in spans:
        turns.append(start if start - before_ms > LONGEST_BREAK_MS or not turns else turns[-1])
        before_ms = end
    return turns


_Piece = tuple[StateMs, int | None, bool, bool]
"""States, the open span it lies in, whether it is tagged with a job, and comes after time not stored."""


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
            yield piece, here if is_open else None, tagged, after_silence
            start, after_silence = edge, False
            here += is_open
        is_open = here < len(spans) and spans[here][0] <= start
        yield state_ms, here if is_open else None, tagged, after_silence
