"""Working time in, moments out: how long work takes when machines give only a share of it, in many draws."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from agent.contract.records import HOUR_MS

Floats = NDArray[np.float64]
Spans = Sequence[tuple[int, int]]


class WorkTime:
    """Working time of a machine: moments are UTC ms, lengths hours; after the last span nothing is done."""

    def __init__(self, spans: Spans) -> None:
        self.starts = np.array([start for start, _ in spans], dtype=np.float64)
        self.ends = np.array([end for _, end in spans], dtype=np.float64)
        self.hours = (self.ends - self.starts) / HOUR_MS
        self.until = np.concatenate([[0.0], np.cumsum(self.hours)])

    def since_start(self, at_ms: Floats | float) -> Floats:
        """Return the hours worked from the first span to each moment."""
        at = np.asarray(at_ms, dtype=np.float64)
        if not len(self.starts):
            return np.zeros_like(at)
        span = np.maximum(np.searchsorted(self.starts, at, side="right") - 1, 0)
        inside = np.clip((at - self.starts[span]) / HOUR_MS, 0.0, self.hours[span])
        return np.asarray(self.until[span] + inside)

    def between(self, since_ms: float, until_ms: float) -> float:
        """Return the hours of working time between two moments, below 0 when they are the other way round."""
        return float(self.since_start(until_ms) - self.since_start(since_ms))

    def after(self, at_ms: Floats | float, hours: Floats | float) -> Floats:
        """Return the moments at which so many hours have been worked; inf is behind the last span.

        Work that needs no time is done at once.
        """
        at, needed = np.broadcast_arrays(np.asarray(at_ms, np.float64), np.asarray(hours, np.float64))
        if not len(self.starts):
            return np.where(needed <= 0, at, np.inf)
        wanted = self.since_start(at) + needed
        span = np.searchsorted(self.until[1:], wanted - 1e-9, side="left")
        found = np.minimum(span, len(self.starts) - 1)
        ends = self.ends[found] - (self.until[found + 1] - wanted) * HOUR_MS
        ends = np.where(span < len(self.starts), np.maximum(ends, at), np.inf)
        return np.asarray(np.where(needed <= 0, at, ends))


@lru_cache(maxsize=256)
def work_time(spans: tuple[tuple[int, int], ...]) -> WorkTime:
    """Return the working time of spans that are asked for again and again."""
    return WorkTime(spans)


class Curves:
    """Machine hours that working time gives: `shares` is (rows, spans), above 0, one row for each luck."""

    def __init__(self, time: WorkTime, shares: Floats) -> None:
        self._time = time
        self._rates = shares
        self._until = np.concatenate(
            [np.zeros((len(shares), 1)), np.cumsum(shares * time.hours, axis=1)], axis=1
        )
        self._apart = float(self._until.max(initial=0.0)) + 1.0
        rows = np.arange(len(shares))[:, None] * self._apart  # so that one search serves all rows
        self._ends = (self._until[:, 1:] + rows).ravel()

    def after(self, at_ms: Floats, hours: Floats, row: NDArray[np.int64]) -> Floats:
        """Return by draw when so many machine hours from `at_ms` on are worked; inf behind the last span.

        Work that needs no time is done at once. `row` is each draw's luck.
        """
        time, spans = self._time, len(self._time.starts)
        at_ms, hours = np.broadcast_to(at_ms, row.shape), np.broadcast_to(hours, row.shape)
        if not spans:
            return np.where(hours <= 0, at_ms, np.inf)
        finite = np.where(np.isfinite(at_ms), at_ms, time.ends[-1])
        span = np.maximum(np.searchsorted(time.starts, finite, side="right") - 1, 0)
        inside = np.clip((finite - time.starts[span]) / HOUR_MS, 0.0, time.hours[span])
        wanted = self._until[row, span] + inside * self._rates[row, span] + hours
        reached = np.minimum(wanted, self._until[row, -1])
        found = np.searchsorted(self._ends, reached + row * self._apart - 1e-9) - row * spans
        found = np.clip(found, 0, spans - 1)
        left = (wanted - self._until[row, found]) / self._rates[row, found]
        ends = np.maximum(time.starts[found] + left * HOUR_MS, finite)
        ends = np.where(wanted <= self._until[row, -1] + 1e-9, ends, np.inf)
        ends = np.where(hours <= 0, at_ms, ends)
        return np.asarray(np.where(np.isfinite(at_ms), ends, np.inf))
