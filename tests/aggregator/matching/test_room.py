"""What is held and what is new fits within P10, for all machines and for every set that work is bound to."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from aggregator.matching.offer import Market, Offer, Taken
from aggregator.matching.room import Shortage, shortages
from aggregator.model.proposal import Lot, WeekWork
from aggregator.model.week import Week
from tests.aggregator.planning.markets import FIRST, offer

PROCESSES = {"cut": "cutting"}
BOTH = ("cu-01", "cu-02")


def lot(minutes: int, machines: Sequence[str] = BOTH, week: Week = FIRST, factory: str = "aoki") -> Lot:
    return Lot("cut", factory, 1, (WeekWork(week, minutes),), tuple(machines))


def held(*taken: Taken, p10: int = 1_000) -> Market:
    """Return two machines with 1,000 minutes a week on P10, 500 each, of which some are taken this week."""
    free: Offer = offer("aoki", "cutting", p10)
    first, *others = free.weeks
    return Market((replace(free, weeks=(replace(first, taken=taken), *others)),))


@pytest.mark.parametrize(
    ("taken", "lots", "lacking"),
    [
        ([], [lot(1_000)], []),
        ([], [lot(1_001)], [1]),
        ([], [lot(600), lot(500)], [100]),
        ([Taken(frozenset(BOTH), 400)], [lot(600)], []),
        ([Taken(frozenset(BOTH), 401)], [lot(600)], [1]),
        ([], [lot(500, ["cu-01"])], []),
        ([], [lot(510, ["cu-01"])], [10]),
        ([Taken(frozenset({"cu-01"}), 500)], [lot(500, ["cu-02"])], []),
        ([Taken(frozenset({"cu-01"}), 500)], [lot(501)], [1]),
        ([Taken(frozenset({"cu-01"}), 300)], [lot(300, ["cu-01"])], [100]),
        ([Taken(frozenset(BOTH), 600)], [lot(500, ["cu-01"])], [100]),
        ([Taken(frozenset({"gone"}), 600)], [lot(500)], [100]),
        ([], [lot(10, ["gone"])], [10]),
        ([], [lot(10, week=FIRST.later(-1))], [10]),
        ([], [lot(10, week=FIRST.later(99))], [10]),
        ([], [lot(10, factory="nobody")], [10]),
    ],
)
def test_what_is_lacking_is_told_to_the_minute(
    taken: list[Taken], lots: list[Lot], lacking: list[int]
) -> None:
    assert [each.minutes for each in shortages(held(*taken), lots, PROCESSES)] == lacking


def test_a_shortage_names_the_machines_that_are_too_few() -> None:
    found = shortages(held(), [lot(510, ["cu-01"]), lot(100, week=FIRST.later(1))], PROCESSES)
    assert found == [Shortage("aoki", "cutting", FIRST, 10, ("cu-01",))]
    found = shortages(held(), [lot(1_010)], PROCESSES)
    assert found == [Shortage("aoki", "cutting", FIRST, 10)]
