"""Where a demo's job lies in what its machine did."""

from aggregator.demo.walk import Stretch, good_of, walk_back
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window

KEY = MachineKey("aoki", "mc-01")
MINUTE_MS = 60_000


def minute(number: int, cycles: int, good: int | None = None) -> Window:
    return Window(KEY, number * MINUTE_MS, MINUTE_MS, (MINUTE_MS, 0, 0, 0, 0, 0), cycles, good)


def test_good_pieces_are_counted_ones_else_cycles() -> None:
    assert good_of(minute(0, 5), 2) == 10
    assert good_of(minute(0, 5, good=3), 2) == 3


def test_the_shortest_stretch_up_to_the_last_cycle_before_now() -> None:
    newest_first = [
        minute(number, cycles) for number, cycles in ((9, 7), (8, 0), (7, 2), (6, 0), (5, 2), (4, 9))
    ]
    until_ms = 9 * MINUTE_MS
    assert walk_back(newest_first, until_ms, 4, 1) == Stretch(5 * MINUTE_MS, 8 * MINUTE_MS, 4)


def test_windows_that_do_not_reach_back_give_what_they_have() -> None:
    assert walk_back([minute(1, 3), minute(0, 1)], 5 * MINUTE_MS, 100, 1) == Stretch(0, 2 * MINUTE_MS, 4)


def test_a_machine_that_made_nothing_was_not_at_work() -> None:
    assert walk_back([minute(1, 0)], 5 * MINUTE_MS, 1, 1) is None
    assert walk_back([], 5 * MINUTE_MS, 1, 1) is None
