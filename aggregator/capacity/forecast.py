"""Forecasts of private load: past days and a calendar in, P10, P50 and P90 of each week's hours out.

`calibrate` learns from all cells; `forecast` applies it to one. Whoever has many cells calls `forecast_all`,
which does the same for all of them at once. Spare hours of a week are its planned busy hours less private
load, so private P90 goes with spare P10.

Given a calibration, more private load or more unknown time on any past day never lowers a forecast of private
load, and more planned hours on a coming day never raise it by more than themselves.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from aggregator.capacity.backcast import AHEAD
from aggregator.capacity.calibration import HALF_LIVES, START, Calibration, calibrate
from aggregator.capacity.conformal import USUAL_ERROR
from aggregator.capacity.level import NO_LIMIT, Shares, Weeks, bands, levels, weeks_of
from aggregator.capacity.load import WEEKS, History, Hours, Panel, align, reasons
from aggregator.model.capacity import NoNumber, Quantiles
from aggregator.model.week import Week

__all__ = [
    "Calibration",
    "PrivateDays",
    "PrivateWeek",
    "by_week_ahead",
    "calibrate",
    "forecast",
    "forecast_all",
    "forecast_days",
]


class PrivateWeek(NamedTuple):
    """Private load of a week, in hours within its planned busy time; None when `no_number` says why."""

    week: Week
    private: Quantiles | None
    no_number: NoNumber | None


class PrivateDays(NamedTuple):
    """The share (0 to 1) of each coming day that private load takes: (days, 3), P10 to P90."""

    shares: Shares
    no_number: NoNumber | None


def forecast(history: History, pbt_h: Hours, today: date, calibration: Calibration) -> list[PrivateWeek]:
    """Return private load of each week that `pbt_h` (planned busy hours a day, from today on) reaches into.

    Of the current week only the days from today on count.
    """
    return forecast_all([(history, pbt_h)], today, calibration)[0]


def forecast_all(
    cells: Sequence[tuple[History, Hours]], today: date, calibration: Calibration
) -> list[list[PrivateWeek]]:
    """Return `forecast` of each (history, planned busy hours a day), in their order."""
    if not cells:
        return []
    longest = max(len(pbt_h) for _, pbt_h in cells)
    found = forecast_days([history for history, _ in cells], longest, today, calibration)
    this_week = Week.of(today)
    names = [this_week.later(ahead) for ahead in range(longest // 7 + 2)]
    return [
        [
            PrivateWeek(name, Quantiles(*hours) if days.no_number is None else None, days.no_number)
            for name, hours in zip(
                names, by_week_ahead(days.shares[: len(pbt_h)] * pbt_h[:, None], today).tolist(), strict=False
            )
        ]
        for (_, pbt_h), days in zip(cells, found, strict=True)
    ]


def forecast_days(
    histories: Sequence[History], days: int, today: date, calibration: Calibration
) -> list[PrivateDays]:
    """Return what private load takes of each of so many days from today on, for each cell in their order."""
    if not histories:
        return []
    panel = align(histories, today)
    factors = np.stack([calibration.factors.get(key, np.ones(7)) for key in panel.keys])
    most = np.array([calibration.most.get(key, NO_LIMIT) for key in panel.keys])
    shares = _shares(panel, weeks_of(panel, factors, most), calibration)
    coming = today.weekday() + np.arange(days)
    ahead = np.minimum(coming // 7, AHEAD - 1)
    by_day = (shares[:, ahead] * factors[:, coming % 7][:, :, None]).clip(0, 1)
    return [PrivateDays(*found) for found in zip(by_day, reasons(panel), strict=True)]


def by_week_ahead(by_day: Hours, today: date) -> Hours:
    """Return sums by week of (days, n) hours from today on, the current week first: (weeks, n)."""
    if not len(by_day):
        return np.empty((0, by_day.shape[1]))
    ahead = (today.weekday() + np.arange(len(by_day))) // 7
    return np.asarray(np.add.reduceat(by_day, np.searchsorted(ahead, np.arange(ahead[-1] + 1))))


def _shares(panel: Panel, weeks: Weeks, calibration: Calibration) -> Shares:
    """Return (cells, ahead, 3): the share of effective hours that private load takes, before limits."""
    level, band = levels(weeks, WEEKS, HALF_LIVES), bands(weeks, WEEKS)
    result = np.empty((len(panel.keys), AHEAD, 3))
    for cell, key in enumerate(panel.keys):
        blends = calibration.blends.get(key.process, START)
        recent = level[cell, [HALF_LIVES.index(blend.half_life_weeks) for blend in blends]]
        mix = np.array([blend.mix for blend in blends])
        usual = calibration.usual.get(key, np.full(AHEAD, USUAL_ERROR))
        centre = (mix * recent)[:, None] + (1 - mix)[:, None] * band[cell]
        result[cell] = centre + usual[:, None] * np.array([blend.offsets for blend in blends])
    return np.sort(result, axis=2)
