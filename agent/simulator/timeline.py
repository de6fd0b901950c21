"""The timeline of a machine: (machine, local day) in, state changes and cycles on the wall clock out.

Every local day draws from its own stream of random numbers, so any day can be made without those before it:
history is made newest day first, and a simulator that restarts continues the very same timeline.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from heapq import merge
from math import log
from random import Random
from typing import NamedTuple

from agent.contract.states import State
from agent.simulator.activity import Activity, Change, Worker
from agent.simulator.plant import Machine
from agent.simulator.shifts import day_of, day_span_ms, open_ms


class StateChanged(NamedTuple):
    """The machine is in `state` from `at_ms` on."""

    at_ms: int
    state: State


class CycleDone(NamedTuple):
    """A cycle ended; `good` tells whether its pieces are."""

    at_ms: int
    good: bool


Event = StateChanged | CycleDone


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of wall clock: open for work (`state` None), or held in one state."""

    start_ms: int
    end_ms: int
    state: State | None


@dataclass(frozen=True, slots=True)
class Day:
    """One machine's local day: changes (the first at `start_ms`, no two alike in a row) and ends of cycles.

    `scrapped` are the indexes of those cycles whose pieces are scrap.
    """

    start_ms: int
    end_ms: int
    changes: list[Change]
    cycles: list[int]
    scrapped: list[int]

    def events(self) -> Iterator[Event]:
        """Yield changes and cycles in order of time."""
        scrapped = set(self.scrapped)
        changes = (StateChanged(at_ms, state) for at_ms, state in self.changes)
        cycles = (CycleDone(at_ms, index not in scrapped) for index, at_ms in enumerate(self.cycles))
        return merge(changes, cycles, key=_at_ms)


def _at_ms(event: Event) -> int:
    return event.at_ms


def make_day(machine: Machine, day: date) -> Day:
    """Return what the machine does on a local day; a pure function of its arguments."""
    rng = Random(f"{machine.seed}/{machine.key}/{day.isoformat()}")
    start_ms, end_ms = day_span_ms(day, machine.factory.zone)
    spans = _spans(machine, day, start_ms, end_ms)
    length_ms = sum(span.end_ms - span.start_ms for span in spans if span.state is None)
    load = _load_of(machine, day, rng)
    activity = Worker(machine.rhythm, load, rng, length_ms).work() if length_ms else Activity()
    changes, cycles = _place(spans, activity)
    # Scrap has a stream of its own: what comes later in the day does not change which cycles were scrap.
    scrap = Random(f"{machine.seed}/{machine.key}/{day.isoformat()}/scrap")
    return Day(start_ms, end_ms, changes, cycles, _scrapped(len(cycles), machine.rhythm.scrap_rate, scrap))


def events(machine: Machine, day: date) -> Iterator[Event]:
    """Yield a local day's events in order; the first says the state at midnight, changed or not."""
    return make_day(machine, day).events()


def events_after(machine: Machine, at_ms: int) -> Iterator[Event]:
    """Yield every event after a moment; state changes only where the state differs from the one before."""
    day = day_of(at_ms, machine.factory.zone)
    state: State | None = None
    while True:
        made = make_day(machine, day)
        for event in made.events():
            if isinstance(event, StateChanged):
                if event.state is state:
                    continue
                state = event.state
            if event.at_ms > at_ms:
                yield event
        if machine.end_ms is not None and made.end_ms > machine.end_ms:
            return
        day += timedelta(days=1)


def _spans(machine: Machine, day: date, start_ms: int, end_ms: int) -> list[Span]:
    spans = []
    now = start_ms
    for opens_ms, closes_ms in open_ms(
        machine.factory.shifts, machine.factory.closed, machine.factory.zone, day
    ):
        if now < opens_ms:
            spans.append(Span(now, opens_ms, State.PLANNED_STOP))
        spans.append(Span(opens_ms, closes_ms, None))
        now = closes_ms
    if now < end_ms:
        spans.append(Span(now, end_ms, State.PLANNED_STOP))
    for scripted in machine.scripted:
        spans = _overlay(spans, Span(scripted.start_ms, scripted.end_ms, scripted.state))
    if machine.end_ms is not None:
        spans = _overlay(spans, Span(machine.end_ms, max(machine.end_ms, end_ms), State.PLANNED_STOP))
    return spans


def _overlay(spans: list[Span], top: Span) -> list[Span]:
    """Lay a span over the others, as far as it reaches into them."""
    result = []
    for span in spans:
        cut_start, cut_end = max(span.start_ms, top.start_ms), min(span.end_ms, top.end_ms)
        if cut_start >= cut_end:
            result.append(span)
            continue
        pieces = (
            Span(span.start_ms, cut_start, span.state),
            Span(cut_start, cut_end, top.state),
            Span(cut_end, span.end_ms, span.state),
        )
        result += [piece for piece in pieces if piece.start_ms < piece.end_ms]
    return result


def _load_of(machine: Machine, day: date, rng: Random) -> float:
    load = machine.load[day.weekday()]
    if not 0 < load < 1:
        return load
    return min(1.0, max(0.05, load * (1 + machine.rhythm.load_swing * rng.gauss(0, 1))))


def _scrapped(cycles: int, rate: float, rng: Random) -> list[int]:
    """Draw which cycles are scrap: geometric steps from one to the next."""
    if rate <= 0:
        return []
    if rate >= 1:
        return list(range(cycles))
    scrapped = []
    index = -1
    while (index := index + 1 + int(log(1 - rng.random()) / log(1 - rate))) < cycles:
        scrapped.append(index)
    return scrapped


def _place(spans: list[Span], activity: Activity) -> tuple[list[Change], list[int]]:
    """Put the activity's own clock, which runs in open spans only, on the wall clock."""
    changes: list[Change] = []
    cycles: list[int] = []
    open_clock = 0
    times = [at_ms for at_ms, _state in activity.changes]
    for span in spans:
        if span.state is not None:
            changes.append((span.start_ms, span.state))
            continue
        offset = span.start_ms - open_clock
        until = open_clock + span.end_ms - span.start_ms
        first, last = bisect_left(times, open_clock + 1), bisect_left(times, until)
        changes.append((span.start_ms, activity.changes[first - 1][1]))
        changes += [(at_ms + offset, state) for at_ms, state in activity.changes[first:last]]
        finished = activity.cycles[
            bisect_left(activity.cycles, open_clock) : bisect_left(activity.cycles, until)
        ]
        cycles += [at_ms + offset for at_ms in finished]
        open_clock = until
    return _without_repeats(changes), cycles


def _without_repeats(changes: list[Change]) -> list[Change]:
    kept: list[Change] = []
    for change in changes:
        if not kept or kept[-1][1] is not change[1]:
            kept.append(change)
    return kept
