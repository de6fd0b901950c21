"""Copies a history of windows and state changes from one home of the time series to another.

What is there already is told by its hours: only those are copied whose sums differ. So whoever is killed goes
on where it was, and whoever copies twice changes nothing. Hours whose minutes the source no longer has come
over as one window each: resolution is lost, totals are not.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agent.contract.records import HOUR_MS, MINUTE_MS
from agent.contract.states import STATES
from aggregator.model.machine import MachineKey
from aggregator.model.window import Totals, Window
from aggregator.store.timeseries import ALWAYS_MS, Counts, RefusedWrite, TimeSeries

CHUNK_MS = 3 * 24 * HOUR_MS
"""A transaction takes at most so much of a machine: a running aggregator writes in between."""
CHANGES_AT_ONCE = 5_000

Hours = Mapping[int, Totals]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Hours of a machine that are to be copied; `minutes` is how much time windows cover in them."""

    key: MachineKey
    hours: tuple[int, ...]
    minutes: int


@dataclass(frozen=True, slots=True)
class Differs:
    """Where two homes differ: a machine, what is compared, and what each has."""

    key: MachineKey
    what: str
    source: int
    target: int


class Copying:
    """Minutes older than `minutes_since_ms` may be missing on either side. Everything raises StoreError."""

    def __init__(self, source: TimeSeries, target: TimeSeries, minutes_since_ms: int) -> None:
        self._source = source
        self._target = target
        self._minutes_since_ms = minutes_since_ms
        self.keys = sorted(source.machines())
        self.refused: list[RefusedWrite] = []

    def chunks(self, anew: bool = False) -> list[Chunk]:
        """Return what is to be copied, machine by machine, the oldest first; `anew`: all of it."""
        found: list[Chunk] = []
        for key in self.keys:
            there = {} if anew else _hours(self._target, key)
            here = _hours(self._source, key)
            found += _chunks(key, [hour for at_ms, hour in here.items() if there.get(at_ms) != hour])
        return found

    def copy(self, chunk: Chunk) -> None:
        """Copy the hours of a chunk."""
        since_ms, until_ms = chunk.hours[0], chunk.hours[-1] + HOUR_MS
        by_hour: dict[int, list[Window]] = defaultdict(list)
        for window in self._source.windows(chunk.key, since_ms, until_ms):
            by_hour[window.start_ms - window.start_ms % HOUR_MS].append(window)
        totals = {hour.start_ms: hour for hour in self._source.hours([chunk.key], since_ms, until_ms)}
        windows: list[Window] = []
        for at_ms in chunk.hours:
            windows += _whole(by_hour[at_ms], totals.get(at_ms))
        self.refused += self._target.write(windows, [])

    def copy_changes(self, told: Callable[[int], None], anew: bool = False) -> None:
        """Copy the state changes of machines of which the target has another number; tell how many."""
        here, there = self._counts(0)
        for key in self.keys:
            if not anew and here[key].changes == there[key].changes:
                continue
            changes = self._source.changes(key, 0, ALWAYS_MS)
            for at in range(0, len(changes), CHANGES_AT_ONCE):
                part = changes[at : at + CHANGES_AT_ONCE]
                self.refused += self._target.write([], part)
                told(len(part))

    def compare(self) -> Iterator[Differs]:
        """Yield where the homes differ: hours and their sums, windows, state changes."""
        here, there = self._counts(self._minutes_since_ms)
        all_here, all_there = self._counts(0)
        for key in self.keys:
            ours, theirs = _hours(self._source, key), _hours(self._target, key)
            pairs = [
                ("hours", len(ours), len(theirs.keys() & ours.keys())),
                *_sums(ours.values(), [theirs[at_ms] for at_ms in ours if at_ms in theirs]),
                ("windows", here[key].windows, there[key].windows),
                ("state changes", all_here[key].changes, all_there[key].changes),
            ]
            yield from (Differs(key, what, one, other) for what, one, other in pairs if one != other)

    def counted(self) -> Counts:
        """Return how many windows and changes the target has of the machines that were copied."""
        _, there = self._counts(0)
        found = [there[key] for key in self.keys]
        return Counts(sum(each.windows for each in found), sum(each.changes for each in found))

    def _counts(self, since_ms: int) -> tuple[Mapping[MachineKey, Counts], Mapping[MachineKey, Counts]]:
        empty = dict.fromkeys(self.keys, Counts(0, 0))
        ours = self._source.counts(self.keys, since_ms, ALWAYS_MS)
        return empty | dict(ours), empty | dict(self._target.counts(self.keys, since_ms, ALWAYS_MS))


def _hours(home: TimeSeries, key: MachineKey) -> Hours:
    return {hour.start_ms: hour for hour in home.hours([key], 0, ALWAYS_MS)}


def _chunks(key: MachineKey, hours: Sequence[Totals]) -> Iterator[Chunk]:
    spans: dict[int, list[Totals]] = defaultdict(list)
    for hour in hours:
        spans[hour.start_ms // CHUNK_MS].append(hour)
    for _, some in sorted(spans.items()):
        covered_ms = sum(sum(hour.state_ms) for hour in some)
        yield Chunk(key, tuple(hour.start_ms for hour in some), covered_ms // MINUTE_MS)


def _whole(windows: list[Window], hour: Totals | None) -> list[Window]:
    """Return an hour's windows; where some have gone already, one window that holds their sums."""
    if hour is None or sum(window.length_ms for window in windows) == sum(hour.state_ms):
        return windows
    length_ms = sum(hour.state_ms)
    merged = Window(hour.key, hour.start_ms, length_ms, hour.state_ms, hour.cycles, hour.good, hour.scrap)
    jobs = {window.job for window in windows}
    return [replace(merged, job=jobs.pop() if len(jobs) == 1 else "")]


def _sums(ours: Iterable[Totals], theirs: Iterable[Totals]) -> Iterator[tuple[str, int, int]]:
    """Yield the sums over all hours of each side."""
    one, other = _added(ours), _added(theirs)
    names = (*(f"ms {state}" for state in STATES), "cycles", "good pieces", "scrap")
    yield from zip(names, one, other, strict=True)


def _added(hours: Iterable[Totals]) -> list[int]:
    rows = [(*hour.state_ms, hour.cycles, hour.good or 0, hour.scrap or 0) for hour in hours]
    return [sum(column) for column in zip(*rows, strict=True)] or [0] * (len(STATES) + 3)
