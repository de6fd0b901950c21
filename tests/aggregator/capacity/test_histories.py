from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from aggregator.capacity.histories import Histories, good_share
from aggregator.model.capacity import CellKey, MachineDay
from aggregator.model.machine import MachineKey

TODAY = date(2026, 11, 24)
CELL = CellKey("aoki", "cutting")
OLD, NEW = MachineKey("aoki", "m-1"), MachineKey("aoki", "m-2")
HOUR_MS = 3_600_000


def days(
    key: MachineKey, back: int, busy_h: int = 5, shared_h: int = 2, unknown_h: int = 1
) -> list[MachineDay]:
    """Return days of eight planned hours, from so many days back up to today."""
    return [
        MachineDay(
            key, TODAY - timedelta(days=number), 8 * HOUR_MS, busy_h * HOUR_MS, 0, 0,
            (8 - busy_h - unknown_h) * HOUR_MS, unknown_h * HOUR_MS, shared_ms=shared_h * HOUR_MS,
        )
        for number in range(back, -1, -1)
    ]  # fmt: skip


def test_machines_add_up_and_a_new_one_counts_from_its_first_day() -> None:
    histories = Histories().of({CELL: [OLD, NEW]}, {OLD: days(OLD, 10), NEW: days(NEW, 3)}, TODAY)
    history = histories[CELL]
    assert history.first_day == TODAY - timedelta(days=10)
    assert history.pbt_h.tolist() == [8] * 7 + [16] * 3
    assert history.private_h.tolist() == [3] * 7 + [6] * 3
    assert history.shared_h.tolist() == [2] * 7 + [4] * 3
    assert history.unknown_h.tolist() == [1] * 7 + [2] * 3


def test_a_day_that_is_not_there_holds_nothing() -> None:
    some: Sequence[MachineDay] = [day for day in days(OLD, 4) if day.day != TODAY - timedelta(days=2)]
    history = Histories().of({CELL: [OLD]}, {OLD: some}, TODAY)[CELL]
    assert history.pbt_h.tolist() == [8, 8, 0, 8]


def test_a_past_that_did_not_change_is_the_same_object_whatever_today_brings() -> None:
    histories, measured = Histories(), days(OLD, 10)
    first = histories.of({CELL: [OLD]}, {OLD: measured}, TODAY)[CELL]
    later = [*measured[:-1], days(OLD, 0, busy_h=7)[0]]
    assert histories.of({CELL: [OLD]}, {OLD: later}, TODAY)[CELL] is first
    corrected = [*measured[:-2], days(OLD, 1, busy_h=7)[0]]
    assert histories.of({CELL: [OLD]}, {OLD: corrected}, TODAY)[CELL] is not first


def test_a_cell_without_days_has_an_empty_past() -> None:
    assert len(Histories().of({CELL: [OLD]}, {}, TODAY)[CELL].pbt_h) == 0


def test_yield_is_what_machines_counted() -> None:
    counted = [
        MachineDay(OLD, TODAY, 0, 0, 0, 0, 0, 0, good=90, scrap=10),
        MachineDay(OLD, TODAY, 0, 0, 0, 0, 0, 0, good=None, scrap=5),
    ]
    assert good_share([counted]) == pytest.approx(0.9)
    assert good_share([counted[1:]]) is None
