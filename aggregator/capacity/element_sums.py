"""Adds up time elements piece by piece, for a day as a whole or hour by hour. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from aggregator.capacity.cut import cut_states
from aggregator.model.window import StateMs


class Elements(NamedTuple):
    """Milliseconds, as in `MachineDay`."""

    pbt_ms: int
    apt_ms: int
    aust_ms: int
    adet_ms: int
    adot_ms: int
    unknown_ms: int
    shared_ms: int
    outside_ms: int


_NEVER_MS = 1 << 62
NOTHING = Elements(0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(slots=True)
class _Part:
    """What is known of a step of time before its idle stretches are judged."""

    open: int = 0
    apt: int = 0
    aust: int = 0
    adet: int = 0
    adot: int = 0
    shared: int = 0
    stopped: int = 0
    outside: int = 0


@dataclass(slots=True)
class _Stretch:
    """Idle time that nothing interrupts, by step: all of it, and the part tagged with a job."""

    length: int = 0
    steps: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, step: int, idle: int, tagged: bool) -> None:
        before, before_tagged = self.steps.get(step, (0, 0))
        self.steps[step] = (before + idle, before_tagged + idle * tagged)
        self.length += idle


class ElementSums:
    """Sums of pieces in time order, by steps of `step_ms` (UTC), or all in one without."""

    def __init__(self, step_ms: int | None) -> None:
        self._step_ms = step_ms
        self._parts: dict[int, _Part] = {}
        self._stretch = _Stretch()
        self._stretches: list[_Stretch] = []

    def add_span(self, start_ms: int, end_ms: int) -> None:
        """Add time that is open."""
        while start_ms < end_ms:
            edge_ms = min(end_ms, self._edge(start_ms))
            self._part(start_ms).open += edge_ms - start_ms
            start_ms = edge_ms

    def add_open(self, start_ms: int, state_ms: StateMs, tagged: bool) -> None:
        """Add a piece that lies in open time; a piece that is mixed is busy as a whole."""
        running, setup, _, down, _, offline = state_ms
        busy = bool(running or setup or down or offline)
        if busy:
            self.end_stretch()
        for at_ms, (running, setup, idle, down, stop, _) in self._steps(start_ms, state_ms):
            part = self._part(at_ms)
            part.stopped += stop
            if not busy:
                if idle:
                    self._stretch.add(self._step(at_ms), idle, tagged)
                continue
            part.apt += running
            part.aust += setup
            part.adet += down + idle
            if tagged:
                part.shared += running + setup + down + idle

    def add_closed(self, start_ms: int, state_ms: StateMs) -> None:
        """Add a piece that lies in closed time."""
        running, setup, _, down, _, offline = state_ms
        if running or setup or down or offline:
            self.end_stretch()
            for at_ms, (running, setup, _, down, _, _) in self._steps(start_ms, state_ms):
                if running or setup or down:
                    self._part(at_ms).outside += running + setup + down

    def end_stretch(self) -> None:
        """Let the idle time that follows be another stretch."""
        if self._stretch.length:
            self._stretches.append(self._stretch)
            self._stretch = _Stretch()

    def elements(self, longest_delay_ms: int, shortest_gap_ms: int) -> dict[int, Elements]:
        """Return the elements by step; where a machine never was busy `shortest_gap_ms` is the rule."""
        parts = self._parts.values()
        idle = sum(stretch.length for stretch in self._stretches)
        worked = sum(part.apt + part.aust + part.adet for part in parts)
        known_throughout = sum(part.open - part.stopped for part in parts) == worked + idle
        longest = shortest_gap_ms if not worked and known_throughout else longest_delay_ms
        for stretch in self._stretches:
            self._judge(stretch, stretch.length <= longest)
        return {step: _elements(part) for step, part in self._parts.items()}

    def _judge(self, stretch: _Stretch, is_delay: bool) -> None:
        for step, (idle, tagged) in stretch.steps.items():
            part = self._parts[step]
            if is_delay:
                part.adet += idle
                part.shared += tagged
            else:
                part.adot += idle

    def _steps(self, start_ms: int, state_ms: StateMs) -> Iterator[tuple[int, StateMs]]:
        """Yield the piece, cut where a step ends."""
        end_ms = start_ms + sum(state_ms)
        while (edge_ms := self._edge(start_ms)) < end_ms:
            head, state_ms = cut_states(state_ms, edge_ms - start_ms)
            yield start_ms, head
            start_ms = edge_ms
        yield start_ms, state_ms

    def _part(self, at_ms: int) -> _Part:
        step = self._step(at_ms)
        part = self._parts.get(step)
        if part is None:
            part = self._parts[step] = _Part()
        return part

    def _step(self, at_ms: int) -> int:
        return at_ms - at_ms % self._step_ms if self._step_ms else 0

    def _edge(self, at_ms: int) -> int:
        return at_ms - at_ms % self._step_ms + self._step_ms if self._step_ms else _NEVER_MS


def _elements(part: _Part) -> Elements:
    pbt = part.open - part.stopped
    unknown = pbt - part.apt - part.aust - part.adet - part.adot
    return Elements(pbt, part.apt, part.aust, part.adet, part.adot, unknown, part.shared, part.outside)
