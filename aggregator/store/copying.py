"""Copies a history of windows and state changes from one home of the time series to another.

Which hours are there already is told by their sums: only those are copied that differ. So whoever is killed
goes on where it was, and whoever copies twice changes nothing. Then window is held against window, which
finds what sums do not tell (jobs that were corrected); that is copied again. Hours whose minutes the source
no longer has come over as one window each: resolution is lost, totals are not.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.contract.records import HOUR_MS, MINUTE_MS
from agent.contract.states import STATES
from aggregator.model.machine import MachineKey
from aggregator.model.window import Totals, Window
from aggregator.store.timeseries import ALWAYS_MS, Counts, RefusedWrite, TimeSeries

CHUNK_MS = 3 * 24 * HOUR_MS
"""A transaction takes at most so much of a machine: a running aggregator writes in between."""
CHANGES_AT_ONCE = 5_000
CHANGES_MS = 10 * CHUNK_MS
"""So much of a machine's changes is read at once."""

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
        self._unlike: dict[MachineKey, set[int]] = {}

    def chunks(self) -> list[Chunk]:
        """Return what is to be copied, machine by machine, the oldest first."""
        found: list[Chunk] = []
        for key in self.keys:
            here, there, unlike = (
                _hours(self._source, key),
                _hours(self._target, key),
                self._unlike.get(key, ()),
            )
            found += _chunks(
                key, [hour for at_ms, hour in here.items() if at_ms in unlike or there.get(at_ms) != hour]
            )
        return found

    def copy(self, chunk: Chunk) -> None:
        """Copy the hours of a chunk."""
        since_ms, until_ms = chunk.hours[0], chunk.hours[-1] + HOUR_MS
        by_hour: dict[int, list[Window]] = defaultdict(list)
        for window in self._source.windows(chunk.key, since_ms, until_ms):
            by_hour[_hour_of(window)].append(window)
        totals = {hour.start_ms: hour for hour in self._source.hours([chunk.key], since_ms, until_ms)}
        windows: list[Window] = []
        for at_ms in chunk.hours:
            windows += _whole(by_hour[at_ms], totals.get(at_ms))
        self.refused += self._target.write(windows, [])

    def copy_changes(self) -> None:
        """Copy the state changes that the target does not have as they are."""
        for key in self.keys:
            for since_ms, until_ms in _spans(_hours(self._source, key), 0, CHANGES_MS):
                there = set(self._target.changes(key, since_ms, until_ms))
                missing = [
                    each for each in self._source.changes(key, since_ms, until_ms) if each not in there
                ]
                for at in range(0, len(missing), CHANGES_AT_ONCE):
                    self.refused += self._target.write([], missing[at : at + CHANGES_AT_ONCE])

    def kept(self) -> list[Chunk]:
        """Return all hours whose windows both sides have, which are to be held against each other."""
        return [
            chunk
            for key in self.keys
            for chunk in _chunks(
                key,
                [
                    hour
                    for hour in _hours(self._source, key).values()
                    if hour.start_ms >= self._minutes_since_ms
                ],
            )
        ]

    def hold_against(self, chunk: Chunk) -> None:
        """Find hours of a chunk whose windows are not the same on both sides: `chunks` will have them too."""
        span = chunk.key, chunk.hours[0], chunk.hours[-1] + HOUR_MS
        apart = set(self._source.windows(*span)) ^ set(self._target.windows(*span))
        self._unlike.setdefault(chunk.key, set()).update(map(_hour_of, apart))

    def forget(self) -> None:
        """Begin to hold against each other from the start."""
        self._unlike.clear()

    def compare(self) -> Iterator[Differs]:
        """Yield where the homes differ: hours and their sums, windows, state changes."""
        here, there = self._counts(self._minutes_since_ms)
        for key in self.keys:
            ours, theirs = _hours(self._source, key), _hours(self._target, key)
            unlike = len(self._unlike.get(key, ()))
            pairs = [
                ("hours", len(ours), len(theirs.keys() & ours.keys())),
                *_sums(ours.values(), [theirs[at_ms] for at_ms in ours if at_ms in theirs]),
                ("windows", here[key].windows, there[key].windows),
                ("hours with their windows", len(ours), len(ours) - unlike),
                ("state changes", here[key].changes, there[key].changes),
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


def _hour_of(window: Window) -> int:
    return window.start_ms - window.start_ms % HOUR_MS


def _spans(hours: Hours, since_ms: int, step_ms: int) -> Iterator[tuple[int, int]]:
    """Yield all of time from `since_ms` on, in steps where there are hours."""
    for at_ms in sorted({at_ms - at_ms % step_ms for at_ms in hours}):
        if at_ms > since_ms:
            yield since_ms, at_ms
            since_ms = at_ms
    yield since_ms, ALWAYS_MS


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
    jobs = {window.job for window in windows}
    return [hour.merged(jobs.pop() if len(jobs) == 1 else "")]


def _sums(ours: Iterable[Totals], theirs: Iterable[Totals]) -> Iterator[tuple[str, int, int]]:
    """Yield the sums over all hours of each side."""
    one, other = _added(ours), _added(theirs)
    names = (*(f"ms {state}" for state in STATES), "cycles", "good pieces", "scrap")
    yield from zip(names, one, other, strict=True)


def _added(hours: Iterable[Totals]) -> list[int]:
    rows = [(*hour.state_ms, hour.cycles, hour.good or 0, hour.scrap or 0) for hour in hours]
    return [sum(column) for column in zip(*rows, strict=True)] or [0] * (len(STATES) + 3)
