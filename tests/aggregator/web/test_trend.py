from agent.contract.states import State
from aggregator.model.machine import MachineKey
from aggregator.model.window import Totals
from aggregator.web.trend import trend_of

HOUR = 3_600_000
UNTIL = 1_000 * HOUR + HOUR // 2


def test_a_day_has_24_whole_hours_and_the_one_that_has_begun() -> None:
    trend = trend_of([], 2, UNTIL)
    assert [column.start_ms for column in trend.columns] == [hour * HOUR for hour in range(976, 1_001)]
    assert not trend.known


def test_columns_stack_states_from_the_ground_and_leave_unknown_time_open() -> None:
    total = Totals(
        MachineKey("a", "m"), 999 * HOUR, 1_000 * HOUR, (HOUR // 2, 0, HOUR // 4, 0, 0, HOUR // 4), 9, 9, 0
    )
    column = trend_of([total], 2, UNTIL).columns[-2]
    assert [(part.state, part.y, part.height) for part in column.segments] == [
        (State.RUNNING, 0.75, 0.25),
        (State.IDLE, 0.625, 0.125),
    ]
    assert column.load.coverage == 0.375
    assert column.load.cycles == 9


def test_the_hour_that_has_begun_is_measured_against_what_has_passed_of_it() -> None:
    total = Totals(MachineKey("a", "m"), 1_000 * HOUR, 1_001 * HOUR, (HOUR // 2, 0, 0, 0, 0, 0), 9, 9, 0)
    column = trend_of([total], 1, UNTIL).columns[-1]
    assert column.load.coverage == 1
    assert column.segments[0].height == 0.5
