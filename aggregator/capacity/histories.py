"""Histories of cells: measured days of machines in, hours a day of each cell out."""

import operator
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from agent.contract.records import HOUR_MS
from aggregator.capacity.load import History, Hours
from aggregator.model.capacity import CellKey, MachineDay
from aggregator.model.machine import MachineKey

HISTORY_WEEKS = 26
YIELD_DAYS = 28
_KINDS = 4  # planned, private, shared, unknown


class Histories:
    """Keeps what was added up: a machine whose days did not change is not added up again.

    Days of today and later are left out: what a day held is known when it is over.
    """

    def __init__(self) -> None:
        self._today = date.min
        self._added: dict[MachineKey, tuple[Sequence[MachineDay], Hours]] = {}
        self._cells: dict[CellKey, tuple[list[Hours], History]] = {}

    def of(
        self,
        machines: Mapping[CellKey, Iterable[MachineKey]],
        days: Mapping[MachineKey, Sequence[MachineDay]],
        today: date,
    ) -> dict[CellKey, History]:
        """Return every cell's past. A cell whose machines did not change has the same History as before.

        `days` are in day order; a machine has no planned time before its first day.
        """
        if today != self._today:
            self._today, self._added, self._cells = today, {}, {}
        return {
            cell: self._history(cell, [self._hours(key, days.get(key, ())) for key in keys])
            for cell, keys in machines.items()
        }

    def _hours(self, key: MachineKey, days: Sequence[MachineDay]) -> Hours:
        known = self._added.get(key)
        past = [day for day in days if day.day < self._today]
        if known is not None and same_values(known[0], past):
            return known[1]
        hours = machine_hours(past, self._today)
        self._added[key] = (past, hours)
        return hours

    def _history(self, cell: CellKey, machines: list[Hours]) -> History:
        known = self._cells.get(cell)
        if known is not None and same_values(known[0], machines):
            return known[1]
        history = _joined(cell, machines, self._today)
        self._cells[cell] = (machines, history)
        return history


def machine_hours(days: Sequence[MachineDay], today: date) -> Hours:
    """Return planned, private, shared and unknown hours of a machine, shape (4, days).

    The last column is yesterday; the columns go back to the machine's first day, at most 26 weeks.
    """
    first = today - timedelta(weeks=HISTORY_WEEKS)
    wanted = [day for day in days if first <= day.day < today]
    if not wanted:
        return np.zeros((_KINDS, 0))
    start = wanted[0].day.toordinal()
    hours = np.zeros((_KINDS, today.toordinal() - start))
    at = np.fromiter((day.day.toordinal() - start for day in wanted), np.int64, len(wanted))
    hours[:, at] = np.array(
        [(day.pbt_ms, day.private_ms, day.shared_ms, day.unknown_ms) for day in wanted], np.float64
    ).T
    hours /= HOUR_MS
    return hours


def same_values(before: Sequence[object], now: Sequence[object]) -> bool:
    """Tell whether both hold the very same values, which never change: nothing is to be worked out again."""
    return len(before) == len(now) and all(map(operator.is_, before, now))


def _joined(cell: CellKey, machines: Sequence[Hours], today: date) -> History:
    length = max((each.shape[1] for each in machines), default=0)
    hours = np.zeros((_KINDS, length))
    for each in machines:
        hours[:, length - each.shape[1] :] += each
    pbt_h, private_h, shared_h, unknown_h = hours
    return History(cell, today - timedelta(days=length), pbt_h, private_h, shared_h, unknown_h)


def good_share(machines: Iterable[Sequence[MachineDay]]) -> float | None:
    """Return good pieces as a share (0 to 1) of all that machines counted in their last four weeks.

    None where no machine counts both good pieces and scrap, or nothing was made.
    """
    counted = [
        (day.good, day.scrap)
        for days in machines
        for day in days[-YIELD_DAYS:]
        if day.good is not None and day.scrap is not None
    ]
    good, made = sum(good for good, _ in counted), sum(good + scrap for good, scrap in counted)
    return good / made if made > 0 else None
