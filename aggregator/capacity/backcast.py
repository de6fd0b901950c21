"""Past weeks' actual load beside what could be known before them: what forecasts are judged by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.capacity.level import Shares, Weeks, bands, levels
from aggregator.capacity.load import (
    LEAST_COVERAGE,
    LEAST_WEEKS,
    WEEKS,
    Panel,
    by_week,
    known_share,
    long_enough,
)
from aggregator.capacity.profile import Factors

AHEAD = 12
"""Weeks ahead that are told apart: 0 is the week that runs; what lies beyond the last is treated like it."""

ORIGINS = range(LEAST_WEEKS, WEEKS)
"""After how many weeks of the panel forecasts are made once more."""


@dataclass(frozen=True, slots=True)
class Backcast:
    """`levels` (cells, origins, half-lives) and `bands` (cells, origins, 3) were known at each origin.

    `actual` (cells, origins, ahead) is the private share of effective hours that came. `weight` (same shape)
    says how much it tells: its week's planned hours relative to the cell's usual ones, 0 where it is not
    known or no forecast could have been made.
    """

    levels: Shares
    bands: Shares
    actual: Shares
    weight: Shares

    def of(self, cells: NDArray[np.int64]) -> "Backcast":
        """Return that of some cells (their places)."""
        return Backcast(self.levels[cells], self.bands[cells], self.actual[cells], self.weight[cells])


def backcast(panel: Panel, factors: Factors, weeks: Weeks, half_lives: tuple[float, ...]) -> Backcast:
    """Go back to each origin, and forward from there to each week that is over by now."""
    actual, weight = _actual(panel, factors, weeks)
    return Backcast(
        levels=np.stack([levels(weeks, origin, half_lives) for origin in ORIGINS], axis=1),
        bands=np.stack([bands(weeks, origin) for origin in ORIGINS], axis=1),
        actual=actual,
        weight=np.where(_told(panel)[:, :, None], weight, 0.0),
    )


def _told(panel: Panel) -> NDArray[np.bool_]:
    """Return at which origins there would have been a number, (cells, origins)."""
    pbt_h, unknown_h = by_week(panel.pbt_h), by_week(panel.unknown_h)
    return np.stack(
        [
            long_enough(pbt_h[:, :origin], unknown_h[:, :origin])
            & (known_share(pbt_h[:, :origin], unknown_h[:, :origin]) >= LEAST_COVERAGE)
            for origin in ORIGINS
        ],
        axis=1,
    )


def _actual(panel: Panel, factors: Factors, weeks: Weeks) -> tuple[Shares, Shares]:
    first, last = _spans(int(panel.weekday[0]))
    over = last <= 7 * WEEKS
    first, last = np.minimum(first, 7 * WEEKS), np.minimum(last, 7 * WEEKS)

    def total(hours: Shares) -> Shares:
        sums = np.concatenate([np.zeros((len(hours), 1)), hours.cumsum(1)], axis=1)
        return np.asarray(sums[:, last] - sums[:, first])

    planned_h, unknown_h = total(panel.pbt_h), total(panel.unknown_h)
    known_h = planned_h - unknown_h
    effective_h = total(panel.pbt_h * factors[:, panel.weekday])
    usable = over & (planned_h > 1e-6) & (known_h >= LEAST_COVERAGE * planned_h)
    share = total(panel.private_h) * planned_h / np.maximum(known_h * effective_h, 1e-9)
    usual_h = weeks.pbt_h.sum(1) / np.maximum((weeks.pbt_h > 0).sum(1), 1)
    weight = np.minimum(1.0, planned_h / np.maximum(usual_h[:, None, None], 1e-9))
    return np.where(usable, share, 0.0), np.where(usable, weight, 0.0)


def _spans(weekday: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first columns and ends of calendar weeks, (origins, ahead); each origin is a `weekday`."""
    origin = 7 * np.array(ORIGINS)[:, None]
    monday = origin - weekday + 7 * np.arange(AHEAD)[None, :]
    return np.maximum(monday, origin), monday + 7
