"""The measured past of a cell as hours a day: what went to the factory's own work, to shared orders, or is unknown."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from aggregator.model.capacity import CellKey

Hours = NDArray[np.float64]

COVERED_DAYS = 28
"""Days before today whose planned time has to be known."""


@dataclass(frozen=True, slots=True)
class History:
    """Hours of a cell on consecutive local days from `first_day` on, summed over its machines.

    Arrays have one shape, (days,); private_h + shared_h + unknown_h <= pbt_h on every day, and what is left is
    spare time. Days on which the cell does not work hold zeros. The days of today and later are not read.
    """

    key: CellKey
    first_day: date
    pbt_h: Hours
    private_h: Hours
    shared_h: Hours
    unknown_h: Hours

    def days_before(self, today: date) -> int:
        """Return how many of the days lie before today."""
        return min(max((today - self.first_day).days, 0), len(self.pbt_h))


def coverage(history: History, today: date) -> float:
    """Return the known share (0 to 1) of the planned time of the last four weeks.

    Where nothing was planned in them (a long closure), the whole past counts; without any planned time it is 0.
    """
    end = history.days_before(today)
    first = max(0, (today - history.first_day).days - COVERED_DAYS)
    if not history.pbt_h[first:end].sum() > 0:
        first = 0
    planned_h = float(history.pbt_h[first:end].sum())
    if planned_h <= 0:
        return 0.0
    return min(1.0, max(0.0, 1 - float(history.unknown_h[first:end].sum()) / planned_h))
