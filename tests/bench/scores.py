"""Forecasts of spare hours beside what came: pinball loss and coverage, over any part of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS = np.array([0.1, 0.5, 0.9])
ROUNDING_H = 1e-6


@dataclass(frozen=True, slots=True)
class Scores:
    """One row a forecast week: labels, planned and actual spare hours, and (rows, 3) P10, P50, P90 of spare.

    `spare_h` has an entry for each method; `forecast` is ours.
    """

    fleet: NDArray[np.str_]
    process: NDArray[np.str_]
    ahead: NDArray[np.int64]
    planned_h: NDArray[np.float64]
    actual_h: NDArray[np.float64]
    spare_h: dict[str, NDArray[np.float64]]

    def part(self, rows: NDArray[np.bool_]) -> "Scores":
        """Return some of the rows."""
        spare_h = {name: hours[rows] for name, hours in self.spare_h.items()}
        return Scores(
            self.fleet[rows],
            self.process[rows],
            self.ahead[rows],
            self.planned_h[rows],
            self.actual_h[rows],
            spare_h,
        )

    def pinball(self, method: str = "forecast") -> float:
        """Return the mean pinball loss of the three quantiles, in percent of planned time."""
        over = self.actual_h[:, None] - self.spare_h[method]
        loss_h = np.maximum(LEVELS * over, (LEVELS - 1) * over).mean(1)
        return 100 * float(loss_h.sum() / self.planned_h.sum())

    def best_baseline(self) -> str:
        """Return the baseline that loses least here."""
        return min((name for name in self.spare_h if name != "forecast"), key=self.pinball)

    def ratio(self) -> float:
        """Return our loss relative to that of the best baseline."""
        return self.pinball() / self.pinball(self.best_baseline())

    def coverage(self, method: str = "forecast") -> float:
        """Return how often the actual lies between P10 and P90."""
        low, high = self.spare_h[method][:, 0], self.spare_h[method][:, 2]
        inside = (self.actual_h >= low - ROUNDING_H) & (self.actual_h <= high + ROUNDING_H)
        return float(inside.mean())

    def kept(self, method: str = "forecast") -> float:
        """Return how often there was at least P10: what matching promises."""
        return float((self.actual_h >= self.spare_h[method][:, 0] - ROUNDING_H).mean())

    def width(self) -> float:
        """Return the mean distance from P10 to P90, in percent of planned time."""
        hours = self.spare_h["forecast"]
        return 100 * float((hours[:, 2] - hours[:, 0]).sum() / self.planned_h.sum())


def joined(parts: list[Scores]) -> Scores:
    """Return all rows of some scores with the same methods."""
    return Scores(
        np.concatenate([part.fleet for part in parts]),
        np.concatenate([part.process for part in parts]),
        np.concatenate([part.ahead for part in parts]),
        np.concatenate([part.planned_h for part in parts]),
        np.concatenate([part.actual_h for part in parts]),
        {name: np.concatenate([part.spare_h[name] for part in parts]) for name in parts[0].spare_h},
    )
