"""What people do without a forecast: last week again, a mean, past quantiles, or what the owner declares.

Each takes what was seen of a cell by a Monday and gives P10, P50, P90 of private load as shares of planned
time, which are then multiplied with the calendar of the week to come, as in the forecast. A single number is
all three quantiles at once. Weeks of which less than 80 percent is known are left out.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aggregator.capacity.load import History, by_week
from tests.bench.fleets import Truth

Shares = NDArray[np.float64]
LEVELS = np.array([0.1, 0.5, 0.9])


def known_weeks(seen: History, until: int) -> tuple[Shares, Shares]:
    """Return private and known hours of the well known weeks among the 26 before `until`, oldest first."""
    first = max(0, until - 26)
    planned_h, private_h, unknown_h = (
        by_week(hours[None, 7 * first : 7 * until])[0]
        for hours in (seen.pbt_h, seen.private_h, seen.unknown_h)
    )
    known_h = planned_h - unknown_h
    good = (planned_h > 0) & (known_h >= 0.8 * planned_h)
    return private_h[good], known_h[good]


def last_week(cell: Truth, until: int) -> Shares:
    """Return the share of the last week that is known."""
    private_h, known_h = known_weeks(cell.seen, until)
    return np.repeat(private_h[-1:] / known_h[-1:], 3)


def four_week_mean(cell: Truth, until: int) -> Shares:
    """Return the share of the last four weeks that are known."""
    private_h, known_h = known_weeks(cell.seen, until)
    return np.repeat(private_h[-4:].sum() / known_h[-4:].sum(), 3)


def quantiles_26(cell: Truth, until: int) -> Shares:
    """Return the cell's own quantiles over 26 weeks."""
    private_h, known_h = known_weeks(cell.seen, until)
    return np.asarray(np.quantile(private_h / known_h, LEVELS))


def declared(cell: Truth, _until: int) -> Shares:
    """Return what is left beside the share of time that the owner declares free."""
    return np.repeat(1 - cell.declared, 3)


BASELINES: dict[str, Callable[[Truth, int], Shares]] = {
    "last week": last_week,
    "four-week mean": four_week_mean,
    "26-week quantiles": quantiles_26,
    "declared": declared,
}
