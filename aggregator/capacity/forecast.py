"""Forecasts of private load: past days and a calendar in, P10, P50 and P90 of each week's hours out.

`calibrate` learns from all cells how far such forecasts were off; `forecast` applies it to one cell. Whoever has
many cells calls `forecast_all`, which does the same for all of them at once. Spare hours of a week are its
planned busy hours less private load, so private P90 goes with spare P10.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from aggregator.capacity.load import History, Hours, coverage
from aggregator.model.capacity import NoNumber, Quantiles
from aggregator.model.week import Week

LEAST_COVERAGE = 0.8
LEAST_WEEKS = 2
HALF_LIFE_WEEKS = 4.0
DEFAULT_SPREAD = (-0.3, 0.0, 0.3)


class PrivateWeek(NamedTuple):
    """Private load in a week, in hours within its planned busy time; None exactly when `no_number` says why."""

    week: Week
    private: Quantiles | None
    no_number: NoNumber | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What past errors of each process say: offsets of P10, P50, P90 as shares of planned busy time."""

    offsets: dict[str, tuple[float, float, float]] = field(default_factory=dict)


def calibrate(histories: Sequence[History], today: date) -> Calibration:
    """Return what is learnt from the past of all cells (days before today)."""
    return Calibration({history.key.process: DEFAULT_SPREAD for history in histories})


def forecast(history: History, pbt_h: Hours, today: date, calibration: Calibration) -> list[PrivateWeek]:
    """Return private load of each week that `pbt_h` (planned busy hours a day, from today on) reaches into.

    Of the current week only the days from today on count.
    """
    weeks = sorted({Week.of(today + timedelta(days=day)) for day in range(len(pbt_h))})
    reason = _no_number(history, today)
    if reason is not None:
        return [PrivateWeek(week, None, reason) for week in weeks]
    shares = np.clip(
        _level(history, today) + np.array(calibration.offsets.get(history.key.process, DEFAULT_SPREAD)), 0, 1
    )
    return [
        PrivateWeek(week, Quantiles(*(shares * _hours(pbt_h, today, week)).tolist()), None) for week in weeks
    ]


def forecast_all(
    cells: Sequence[tuple[History, Hours]], today: date, calibration: Calibration
) -> list[list[PrivateWeek]]:
    """Return `forecast` of each (history, planned busy hours a day), in their order."""
    return [forecast(history, pbt_h, today, calibration) for history, pbt_h in cells]


def _no_number(history: History, today: date) -> NoNumber | None:
    if history.days_before(today) < 7 * LEAST_WEEKS:
        return NoNumber.NO_HISTORY
    return NoNumber.LOW_COVERAGE if coverage(history, today) < LEAST_COVERAGE else None


def _level(history: History, today: date) -> float:
    end = history.days_before(today)
    weeks_ago = np.arange(end)[::-1] // 7
    weight = 0.5 ** (weeks_ago / HALF_LIFE_WEEKS)
    busy_h = history.private_h[:end] + history.unknown_h[:end]
    return float((weight * busy_h).sum() / (weight * history.pbt_h[:end]).sum())


def _hours(pbt_h: Hours, today: date, week: Week) -> float:
    first = (week.monday - today).days
    return float(pbt_h[max(0, first) : first + 7].sum())
