"""What a cell's past weeks say of its load: the recent level, and how high its own weeks go.

Both are averages of past weeks' busy shares with weights that depend on the calendar alone, so that more load
or more unknown time on any past day never lowers any of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregator.capacity.load import LEAST_COVERAGE, Panel, by_week
from aggregator.capacity.profile import Factors

Shares = NDArray[np.float64]

BANDS = ((0.02, 0.18), (0.4, 0.6), (0.82, 0.98))
"""P10, P50 and P90 of past weeks are the means of the weeks that lie between these shares of them all."""
BAND_HALF_LIFE_WEEKS = 8.0
NO_LIMIT = 1e9


class Weeks(NamedTuple):
    """Busy hours, planned hours and effective hours (planned x weekday factor) by week, (cells, weeks).

    Unknown time counts as busy, since nobody has seen that it was free; but no week counts as busier than the
    busiest that is known.
    """

    busy_h: Shares
    pbt_h: Shares
    effective_h: Shares


def weeks_of(panel: Panel, factors: Factors, most: Shares) -> Weeks:
    """Return the weeks of a panel; `most` (cells,) is the highest share that a week counts as busy."""
    effective_h = by_week(panel.pbt_h * factors[:, panel.weekday])
    busy_h = np.minimum(by_week(panel.private_h + panel.unknown_h), most[:, None] * effective_h)
    return Weeks(busy_h, by_week(panel.pbt_h), effective_h)


def highest_shares(panel: Panel, factors: Factors) -> Shares:
    """Return each cell's busiest known week as a share of effective hours, (cells,); NO_LIMIT without one."""
    planned_h, unknown_h = by_week(panel.pbt_h), by_week(panel.unknown_h)
    known_h = planned_h - unknown_h
    good = (planned_h > 0) & (known_h >= LEAST_COVERAGE * planned_h)
    effective_h = by_week(panel.pbt_h * factors[:, panel.weekday]) * known_h / np.maximum(planned_h, 1e-9)
    share = np.where(good, by_week(panel.private_h) / np.maximum(effective_h, 1e-9), 0.0)
    return np.where(good.any(1), share.max(1), NO_LIMIT)


def levels(weeks: Weeks, until: int, half_lives: Sequence[float]) -> Shares:
    """Return (cells, half-lives): busy share of the weeks before `until`, recent ones counting most."""
    ages = np.arange(until)[::-1]
    weight = np.stack([0.5 ** (ages / half_life) for half_life in half_lives], axis=1)
    planned_h = weeks.effective_h[:, :until] @ weight
    return np.asarray(weeks.busy_h[:, :until] @ weight / np.maximum(planned_h, 1e-9))


def bands(weeks: Weeks, until: int) -> Shares:
    """Return (cells, 3): P10, P50, P90 of the weeks' busy shares before `until`; recent ones count most."""
    ages = np.arange(until)[::-1]
    share = weeks.busy_h[:, :until] / np.maximum(weeks.effective_h[:, :until], 1e-9)
    weight = (weeks.pbt_h[:, :until] > 0) * 0.5 ** (ages / BAND_HALF_LIFE_WEEKS)
    weight /= np.maximum(weight.sum(1, keepdims=True), 1e-9)
    order = np.argsort(share, axis=1, kind="stable")
    share, weight = np.take_along_axis(share, order, 1), np.take_along_axis(weight, order, 1)
    high = weight.cumsum(1)
    low = high - weight
    result = [
        (share * (high.clip(first, last) - low.clip(first, last))).sum(1) / (last - first)
        for first, last in BANDS
    ]
    return np.stack(result, axis=1)
