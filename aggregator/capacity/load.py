"""The measured past of cells: hours a day in, aligned arrays that end yesterday out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from aggregator.model.capacity import CellKey, NoNumber

Hours = NDArray[np.float64]

WEEKS = 26
"""How far back the past is looked at: older weeks tell little of the coming ones."""
COVERED_WEEKS = 4
LEAST_COVERAGE = 0.8
LEAST_WEEKS = 2


@dataclass(frozen=True, slots=True)
class History:
    """Hours of a cell on consecutive local days from `first_day` on, summed over its machines.

    Arrays have one shape, (days,). On every day private_h + shared_h + unknown_h <= pbt_h, and the rest is
    spare time; on days without work all are 0. Days from today on are not looked at, so they may be there.
    """

    key: CellKey
    first_day: date
    pbt_h: Hours
    private_h: Hours
    shared_h: Hours
    unknown_h: Hours


@dataclass(frozen=True, slots=True)
class Panel:
    """Cells side by side, (cells, 7 x WEEKS) hours a day; the last column is yesterday.

    Weeks here are seven days that end yesterday (or 7, 14, … days before it), so that each holds every
    weekday once. `weekday` tells that of each column, 0 is Monday. Days before a history began hold zeros.
    """

    keys: tuple[CellKey, ...]
    weekday: NDArray[np.int64]
    pbt_h: Hours
    private_h: Hours
    unknown_h: Hours


def align(histories: Sequence[History], today: date) -> Panel:
    """Return the last weeks of all histories, up to yesterday."""
    return Panel(
        keys=tuple(history.key for history in histories),
        weekday=(np.arange(7 * WEEKS) + today.weekday()) % 7,
        pbt_h=_rows([(history, history.pbt_h) for history in histories], today),
        private_h=_rows([(history, history.private_h) for history in histories], today),
        unknown_h=_rows([(history, history.unknown_h) for history in histories], today),
    )


def _rows(arrays: Sequence[tuple[History, Hours]], today: date) -> Hours:
    rows = np.zeros((len(arrays), 7 * WEEKS))
    for row, (history, hours) in zip(rows, arrays, strict=True):
        first = 7 * WEEKS - (today - history.first_day).days  # the column of the history's first day
        end = min(7 * WEEKS, first + len(hours))
        if end > max(first, 0):
            row[max(first, 0) : end] = hours[max(first, 0) - first : end - first]
    return rows


def by_week(hours: Hours) -> Hours:
    """Return (cells, weeks) sums of (cells, days)."""
    return np.asarray(hours.reshape(len(hours), hours.shape[1] // 7, 7).sum(2))


def coverage(history: History, today: date) -> float:
    """Return the known share (0 to 1) of the planned time of the last four weeks.

    Where nothing was planned in them (a long closure), all weeks count; without any planned time it is 0.
    """
    panel = align([history], today)
    return float(known_share(by_week(panel.pbt_h), by_week(panel.unknown_h))[0])


def known_share(pbt_h: Hours, unknown_h: Hours) -> NDArray[np.float64]:
    """Return `coverage` at the end of some weeks, (cells,); hours are (cells, weeks)."""
    last = slice(max(0, pbt_h.shape[1] - COVERED_WEEKS), None)
    idle = pbt_h[:, last].sum(1) <= 0
    planned_h = np.where(idle, pbt_h.sum(1), pbt_h[:, last].sum(1))
    lost_h = np.where(idle, unknown_h.sum(1), unknown_h[:, last].sum(1))
    share = 1 - lost_h / np.where(planned_h > 0, planned_h, 1)
    return np.asarray(np.where(planned_h > 0, share.clip(0, 1), 0.0))


def long_enough(pbt_h: Hours, unknown_h: Hours) -> NDArray[np.bool_]:
    """Return which cells have enough weeks of which anything is known, (cells,); hours are (cells, weeks)."""
    return np.asarray((pbt_h - unknown_h > 1e-9).sum(1) >= LEAST_WEEKS)


def reasons(panel: Panel) -> list[NoNumber | None]:
    """Return why there can be no forecast for each cell; None where there can be one."""
    pbt_h, unknown_h = by_week(panel.pbt_h), by_week(panel.unknown_h)
    covered = known_share(pbt_h, unknown_h) >= LEAST_COVERAGE
    return [
        NoNumber.NO_HISTORY if not enough else None if known else NoNumber.LOW_COVERAGE
        for enough, known in zip(long_enough(pbt_h, unknown_h), covered, strict=True)
    ]
