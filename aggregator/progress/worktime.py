"""Working time in, moments out: how long work takes when machines give only a share of it, in many draws."""

from collections.abc import Sequence

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
        """Return the moments at which so many hours have been worked; inf is behind the last span."""
        return Curves(self, np.ones((1, len(self.starts)))).after(
            np.atleast_1d(np.asarray(at_ms, dtype=np.float64)),
            np.atleast_1d(np.asarray(hours, dtype=np.float64)),
            np.ones((1, 1)),
        )


class Curves:
    """Machine hours that working time gives, by several curves: `shares` is (curves, spans), each above 0.

    A draw is a mix of the curves: `mix` is (draws or 1, curves).
    """

    def __init__(self, time: WorkTime, shares: Floats) -> None:
        self._time = time
        self._rates = shares
        zeros = np.zeros((len(shares), 1))
        self._until = np.concatenate([zeros, np.cumsum(shares * time.hours, axis=1)], axis=1)

    def after(self, at_ms: Floats, hours: Floats, mix: Floats) -> Floats:
        """Return by draw when so many machine hours from `at_ms` on are worked; inf behind the last span.

        Work that needs no time is done at once.
        """
        time, spans = self._time, len(self._time.starts)
        at_ms, hours, mix = _alike(at_ms, hours, mix)
        if not spans:
            return np.where(hours <= 0, at_ms, np.inf)
        finite = np.where(np.isfinite(at_ms), at_ms, time.ends[-1])
        span = np.maximum(np.searchsorted(time.starts, finite, side="right") - 1, 0)
        inside = np.clip((finite - time.starts[span]) / HOUR_MS, 0.0, time.hours[span])
        wanted = self._value(self._until, span, mix) + inside * self._value(self._rates, span, mix) + hours
        low, high = span, np.full_like(span, spans)
        for _ in range(spans.bit_length() + 1):  # the first span at whose end all is done
            middle = (low + high) // 2
            enough = self._value(self._until, np.minimum(middle + 1, spans), mix) >= wanted - 1e-9
            open_ = low < high
            high = np.where(open_ & enough, middle, high)
            low = np.where(open_ & ~enough, middle + 1, low)
        found = np.minimum(low, spans - 1)
        rate = self._value(self._rates, found, mix)
        left = (wanted - self._value(self._until, found, mix)) / rate
        ends = np.maximum(time.starts[found] + left * HOUR_MS, finite)
        ends = np.where(hours <= 0, at_ms, np.where(low < spans, ends, np.inf))
        return np.where(np.isfinite(at_ms), ends, np.inf)

    @staticmethod
    def _value(curves: Floats, place: NDArray[np.int64], mix: Floats) -> Floats:
        return np.asarray((curves[:, place].T * mix).sum(1))


def _alike(at_ms: Floats, hours: Floats, mix: Floats) -> tuple[Floats, Floats, Floats]:
    """Return all three with as many draws."""
    draws = max(len(at_ms), len(hours), len(mix))
    mix = np.broadcast_to(mix, (draws, mix.shape[1]))
    return np.broadcast_to(at_ms, (draws,)), np.broadcast_to(hours, (draws,)), mix
