"""How far arrivals were off: past ones with what came of them in, corrections of new ones out.

A score is how far off the P50 was, in standard deviations: as the draws had them, and what no draw knows of
on top, which is most of the chance once little is left. The scores of past orders say where P10, P50 and P90
have to lie so that they hold (split-conformal); assumed scores stand beside few.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from agent.contract.records import HOUR_MS
from aggregator.progress.worktime import Floats

LEVELS = (0.1, 0.5, 0.9)
STAGES = (0.05, 0.375, 0.625)
"""Up to which share done a prediction is of the first, second and third stage; the fourth is beyond."""
PRIOR_SPREAD = 1.3
"""Draws know of less than what can happen."""
PRIOR = np.array([NormalDist(0, PRIOR_SPREAD).inv_cdf((rank + 0.5) / 20) for rank in range(20)])
"""Scores assumed before any is known; each counts like one of a past order."""
UNSEEN_MS = 7 * HOUR_MS
"""So much of a standard deviation is in no draw: the better part of a working day, if that much is left."""
OTHER_STAGE = 0.2
"""What scores of other stages count."""
_SPREAD = NormalDist().inv_cdf(0.9) - NormalDist().inv_cdf(0.1)


class Outcome(NamedTuple):
    """An arrival before calibration (`Arrival.raw_ms`), told `at_ms` when a share `done` (0 to 1) of the
    order was made, and when the order was really done (both UTC ms)."""

    at_ms: int
    done: float
    raw_ms: tuple[int, int, int]
    actual_ms: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """By stage, where P10, P50 and P90 lie, in standard deviations from the P50 of the draws."""

    offsets: tuple[tuple[float, float, float], ...]


def calibrate(outcomes: Iterable[Outcome]) -> Calibration:
    """Return what past outcomes teach; of one order at most one a stage should be told, or it counts more."""
    known = list(outcomes)
    scores = np.array([_score(each) for each in known])
    stages = np.array([stage_of(each.done) for each in known], dtype=np.int64)
    weights = [np.where(stages == stage, 1.0, OTHER_STAGE) for stage in range(len(STAGES) + 1)]
    return Calibration(tuple(_offsets(scores, each) for each in weights))


def stage_of(done: float) -> int:
    """Return the stage of a prediction, 0 to 3."""
    return sum(done > edge for edge in STAGES)


def calibrated(ends: Floats, now_ms: int, done: float, calibration: Calibration) -> Floats:
    """Return the draws of an end (UTC ms) moved so that past errors are in them; nothing ends before now."""
    finite = ends[np.isfinite(ends)]
    if len(finite) < len(ends) * LEVELS[-1]:
        return ends
    raw = np.quantile(finite, LEVELS)
    if raw[2] - raw[0] < 1:
        return ends
    spread = _spread(raw, now_ms)
    aims = raw[1] + spread * np.array(calibration.offsets[stage_of(done)])
    return np.asarray(np.maximum(_through(ends, raw, aims), now_ms))


def _through(ends: Floats, raw: Floats, aims: Floats) -> Floats:
    """Return the draws so that those at `raw` come to lie at `aims`, all others in proportion."""
    low = (aims[1] - aims[0]) / max(raw[1] - raw[0], 1.0)
    high = (aims[2] - aims[1]) / max(raw[2] - raw[1], 1.0)
    return np.asarray(
        np.where(ends < raw[1], aims[1] + (ends - raw[1]) * low, aims[1] + (ends - raw[1]) * high)
    )


def _score(outcome: Outcome) -> float:
    return (outcome.actual_ms - outcome.raw_ms[1]) / _spread(outcome.raw_ms, outcome.at_ms)


def _spread(raw: Sequence[float] | Floats, at_ms: int) -> float:
    unseen_ms = min(UNSEEN_MS, max(float(raw[1]) - at_ms, HOUR_MS))
    return float(raw[2] - raw[0]) / _SPREAD + unseen_ms


def _offsets(scores: Floats, weights: Floats) -> tuple[float, float, float]:
    values = np.concatenate([scores, PRIOR])
    counts = np.concatenate([weights, np.ones(len(PRIOR))])
    order = np.argsort(values, kind="stable")
    values, counts = values[order], counts[order]
    places = (np.cumsum(counts) - counts / 2) / counts.sum()
    low, middle, high = np.interp(LEVELS, places, values)
    return float(low), float(middle), float(high)


UNTAUGHT = calibrate(())
