"""Windows of the replayed NIST log against the machine's own clock of automatic operation, `auto_time`.

The controller's counter grows by a second for each second in automatic. Between two successive rows of it
that nothing UNAVAILABLE separates, and whose growth is not longer than the time between them (+30 s), the
windows must have grown by the same time in RUNNING. Both are summed by UTC day (of the later row); a day is
usable when its counter grew by more than 600 s.

Windows are minutes and the counter's rows lie anywhere: the minute in which an interval begins or ends counts
by the share of it that lies within. Where one interval ends the next one begins, so that the two shares of
such a minute add up; only where a chain of intervals begins or breaks off is there an error, of seconds.
"""

import csv
import gzip
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

from agent.contract.records import Window
from agent.contract.states import INDEX, State

LOG = Path(__file__).parent / "data" / "mazak03_2016_2017.csv.gz"
UNKNOWN = "UNAVAILABLE"


class Spent(NamedTuple):
    """What this comparison needs of a window, wherever it comes from (a record, the API)."""

    start_ms: int
    length_ms: int
    running_ms: int
    offline_ms: int


class Day(NamedTuple):
    """A day's growth of `auto_time` and of time in RUNNING, both in seconds, over the same intervals."""

    day: date
    auto_time_s: float
    running_s: float

    @property
    def error(self) -> float:
        """How much longer RUNNING is, as a share of `auto_time`."""
        return self.running_s / self.auto_time_s - 1


def spent(windows: Iterable[Window]) -> list[Spent]:
    """Take what is needed out of records."""
    running, offline = INDEX[State.RUNNING], INDEX[State.OFFLINE]
    return [
        Spent(one.start_ms, one.length_ms, one.state_ms[running], one.state_ms[offline]) for one in windows
    ]


def compare(windows: Sequence[Spent], log: Path = LOG, least_s: float = 600) -> list[Day]:
    """Return the usable days; `windows` are one machine's, in order of time, and may lack some."""
    starts = [window.start_ms for window in windows]
    growth: dict[date, list[tuple[float, float]]] = {}
    for from_ms, to_ms, grown_s in auto_time_intervals(log):
        running_s = _running_ms(windows, starts, from_ms, to_ms) / 1000
        growth.setdefault(datetime.fromtimestamp(to_ms / 1000, UTC).date(), []).append((grown_s, running_s))
    days = [
        Day(day, sum(auto for auto, _ in pairs), sum(run for _, run in pairs))
        for day, pairs in growth.items()
    ]
    return [day for day in days if day.auto_time_s > least_s]


def total_error(days: Sequence[Day]) -> float:
    """Return by how much RUNNING differs from `auto_time` over all days, as a share (never negative)."""
    return abs(sum(day.running_s for day in days) / sum(day.auto_time_s for day in days) - 1)


def median_error(days: Sequence[Day]) -> float:
    """Return the median of the days' errors, as a share (never negative)."""
    return median(abs(day.error) for day in days)


def rows(log: Path = LOG) -> Iterator[tuple[int, str, str]]:
    """Yield (at_ms, key, value) of the log in order of time, without stale rows."""
    newest_ms = 0
    with gzip.open(log, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            at_ms = int(datetime.fromisoformat(row["at"]).timestamp() * 1000)
            if at_ms >= newest_ms:
                newest_ms = at_ms
                yield at_ms, row["key"], row["value"]


def auto_time_intervals(log: Path = LOG) -> Iterator[tuple[int, int, int]]:
    """Yield (from_ms, to_ms, growth in seconds) between rows of `auto_time` that can be compared."""
    before: tuple[int, int] | None = None
    for at_ms, key, value in rows(log):
        if value == UNKNOWN:
            before = None
        elif key == "auto_time":
            if before is not None and 0 <= int(value) - before[1] <= (at_ms - before[0]) / 1000 + 30:
                yield before[0], at_ms, int(value) - before[1]
            before = at_ms, int(value)


def unavailable_stretches(log: Path = LOG) -> Iterator[tuple[int, int]]:
    """Yield (from_ms, to_ms) wherever `execution` is UNAVAILABLE until its next value."""
    since_ms: int | None = None
    for at_ms, key, value in rows(log):
        if key != "execution":
            continue
        if value != UNKNOWN and since_ms is not None:
            yield since_ms, at_ms
            since_ms = None
        elif value == UNKNOWN and since_ms is None:
            since_ms = at_ms


def within(windows: Sequence[Spent], from_ms: int, to_ms: int) -> Sequence[Spent]:
    """Return the windows that lie in a stretch of time as a whole."""
    first = bisect_left(windows, from_ms, key=lambda window: window.start_ms)
    return windows[
        first : bisect_right(windows, to_ms, key=lambda window: window.start_ms + window.length_ms)
    ]


def _running_ms(windows: Sequence[Spent], starts: Sequence[int], from_ms: int, to_ms: int) -> float:
    running_ms = 0.0
    for window in windows[max(0, bisect_right(starts, from_ms) - 1) : bisect_right(starts, to_ms)]:
        end_ms = window.start_ms + window.length_ms
        shared_ms = max(0, min(to_ms, end_ms) - max(from_ms, window.start_ms))
        running_ms += window.running_ms * shared_ms / window.length_ms
    return running_ms
