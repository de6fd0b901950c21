"""Windows of one machine that overlap: stored and new ones in; which stay out. Pure.

Of windows that overlap, those stay that know more (fewer milliseconds OFFLINE), else the longer, else those
that came last. So the order of arrival does not matter: a merged window replaces the minutes it is made of,
and the same minutes change nothing when they come after it; OFFLINE hours, told by an agent whose memory is
an old copy, replace nothing that was measured in them.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from agent.contract.records import HOUR_MS
from agent.contract.states import INDEX, State
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window

_OFFLINE = INDEX[State.OFFLINE]


class Weight(NamedTuple):
    """What a window counts for against others; the weights of several add up."""

    known_ms: int
    length_ms: int


class Stored(NamedTuple):
    """A window in the store."""

    start_ms: int
    weight: Weight

    @property
    def end_ms(self) -> int:
        """Where it ends."""
        return self.start_ms + self.weight.length_ms


def weight_of(window: Window) -> Weight:
    """Return what a window counts for."""
    return Weight(window.length_ms - window.state_ms[_OFFLINE], window.length_ms)


class Settled(NamedTuple):
    """What to do: `put` are the new windows that stay, `dropped` the starts of stored ones that go."""

    put: Sequence[Window]
    dropped: Collection[int]


def stretches(new: Iterable[Window]) -> Iterator[tuple[MachineKey, list[Window]]]:
    """Split windows by machine, and where hours without any lie between them: of those nothing is read.

    A stretch keeps the order of `new`; windows of two stretches cannot overlap.
    """
    machines: dict[MachineKey, list[Window]] = defaultdict(list)
    for window in new:
        machines[window.key].append(window)
    for key, mine in machines.items():
        places = sorted({window.start_ms // HOUR_MS for window in mine})
        breaks = accumulate((later - earlier > 2 for earlier, later in pairwise(places)), initial=0)
        stretch_of = dict(zip(places, breaks, strict=True))
        stretches: dict[int, list[Window]] = defaultdict(list)
        for window in mine:
            stretches[stretch_of[window.start_ms // HOUR_MS]].append(window)
        yield from ((key, stretch) for stretch in stretches.values())


def settle(stored: Iterable[Stored], new: Sequence[Window]) -> Settled:
    """Return which windows of one machine stay; the new ones come in their order."""
    timeline = sorted(stored)
    if _follow(timeline[-1].end_ms if timeline else 0, new):
        return Settled(new, ())
    return _Timeline(timeline).with_new(new)


def _follow(end_ms: int, new: Iterable[Window]) -> bool:
    """Tell whether the windows come in time order without overlap, as they nearly always do."""
    for window in new:
        if window.start_ms < end_ms:
            return False
        end_ms = window.start_ms + window.length_ms
    return True


class _Timeline:
    """Windows in time order, to which new ones are added one by one."""

    def __init__(self, stored: list[Stored]) -> None:
        self._windows = stored
        self._put: dict[int, Window] = {}

    def with_new(self, new: Iterable[Window]) -> Settled:
        before = {window.start_ms for window in self._windows}
        for window in new:
            self._add(window)
        after = (window.start_ms for window in self._windows)
        return Settled(list(self._put.values()), before.difference(after))

    def _add(self, window: Window) -> None:
        mine = Stored(window.start_ms, weight_of(window))
        first, behind = self._overlapped(mine)
        others = self._windows[first:behind]
        if others:
            if mine.weight < _sum(others):
                return
            for other in others:
                self._put.pop(other.start_ms, None)
        self._windows[first:behind] = [mine]
        self._put[mine.start_ms] = window

    def _overlapped(self, mine: Stored) -> tuple[int, int]:
        """Return the slice of those that share time with `mine`; an empty one is where it belongs."""
        first = bisect_right(self._windows, mine.start_ms, key=_start)
        if first and self._windows[first - 1].end_ms > mine.start_ms:
            first -= 1
        return first, bisect_left(self._windows, mine.end_ms, key=_start)


def _start(window: Stored) -> int:
    return window.start_ms


def _sum(windows: Iterable[Stored]) -> Weight:
    known, lengths = zip(*(window.weight for window in windows), strict=True)
    return Weight(sum(known), sum(lengths))
