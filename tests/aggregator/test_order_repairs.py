"""Breakdowns count once they are over, however often a job changed meanwhile; the past is read hourly."""

from collections.abc import Sequence

import pytest

from agent.contract.records import HOUR_MS
from agent.contract.states import State
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange
from aggregator.order_repairs import MOST, Repairs, breakdowns_h
from aggregator.store.timeseries import StoreError

KEY = MachineKey("fujimi", "pr-01")
RUNNING, DOWN, OFFLINE = State.RUNNING, State.DOWN, State.OFFLINE


def changes(*told: tuple[float, State]) -> list[StateChange]:
    return [StateChange(KEY, round(hours * HOUR_MS), state) for hours, state in told]


@pytest.mark.parametrize(
    ("told", "lasted"),
    [
        ([], []),
        ([(1, DOWN), (3, RUNNING), (5, DOWN), (5.5, State.SETUP)], [2, 0.5]),
        ([(1, DOWN), (2, DOWN), (4, RUNNING)], [3]),
        ([(0, RUNNING), (1, DOWN)], []),
        ([(1, DOWN), (3, OFFLINE), (9, RUNNING)], []),
    ],
)
def test_how_long_breakdowns_lasted(told: Sequence[tuple[float, State]], lasted: list[float]) -> None:
    assert breakdowns_h(changes(*told)) == lasted


class Series:
    """State changes of one machine, and how often they were asked for."""

    def __init__(self) -> None:
        self.told = changes(*((n, DOWN if n % 2 else RUNNING) for n in range(1, 3 * MOST)))
        self.asked = 0
        self.failing = False

    def changes(self, key: MachineKey, since_ms: int, until_ms: int) -> list[StateChange]:
        self.asked += 1
        if self.failing:
            raise StoreError("gone")
        return self.told


def test_they_are_read_once_an_hour_and_stay_while_the_store_is_gone() -> None:
    series, clock = Series(), [1000 * HOUR_MS]
    repairs = Repairs(series, lambda: clock[0])  # type: ignore[arg-type]
    assert repairs.of(KEY) == repairs.of(KEY) == (1.0,) * MOST
    assert series.asked == 1
    clock[0] += HOUR_MS
    series.failing = True
    assert repairs.of(KEY) == (1.0,) * MOST
    series.failing, series.told = False, []
    assert repairs.of(KEY) == ()
    assert Repairs(series, lambda: clock[0]).of(MachineKey("aoki", "mc-01")) == ()  # type: ignore[arg-type]
