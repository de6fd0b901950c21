from agent.contract.states import STATES, State
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateMs, Window
from aggregator.web.strip import HEIGHTS, Bar, minute_bars, stacked_bars

KEY = MachineKey("aoki", "mc-01")
MINUTE = 60_000


def window(minute: int, state: State, length_ms: int = MINUTE) -> Window:
    spent = [0] * 6
    spent[STATES.index(state)] = length_ms
    running, setup, idle, down, planned_stop, offline = spent
    return Window(KEY, minute * MINUTE, length_ms, (running, setup, idle, down, planned_stop, offline), 0)


def test_equal_minutes_are_one_bar_and_missing_ones_none() -> None:
    windows = [window(minute, State.RUNNING) for minute in (0, 1, 2, 5)] + [window(6, State.DOWN)]
    assert minute_bars(windows, 0) == [
        Bar(0, 3, State.RUNNING),
        Bar(5, 1, State.RUNNING),
        Bar(6, 1, State.DOWN),
    ]


def test_a_minute_shows_the_state_that_lasted_longest() -> None:
    spent: StateMs = (20_000, 0, 25_000, 15_000, 0, 0)
    assert minute_bars([Window(KEY, 0, MINUTE, spent, 0)], 0) == [Bar(0, 1, State.IDLE)]
    early = [window(0, State.SETUP, 10_000), Window(KEY, 10_000, 50_000, (50_000, 0, 0, 0, 0, 0), 1)]
    assert minute_bars(early, 0) == [Bar(0, 1, State.RUNNING)]


def test_a_long_window_fills_the_minutes_it_covers_within_the_strip() -> None:
    assert minute_bars([window(-30, State.RUNNING, 60 * MINUTE)], 0) == [Bar(0, 30, State.RUNNING)]
    assert minute_bars([window(50, State.RUNNING, 60 * MINUTE)], 0) == [Bar(50, 10, State.RUNNING)]


def test_states_are_told_by_height_as_well() -> None:
    assert set(HEIGHTS) == set(STATES)
    assert Bar(0, 1, State.RUNNING).height > Bar(0, 1, State.SETUP).height > Bar(0, 1, State.IDLE).height


def test_a_stacked_bar_leaves_out_what_does_not_occur() -> None:
    assert stacked_bars((2, 0, 1, 0, 0, 3)) == [
        Bar(0, 2, State.RUNNING),
        Bar(2, 1, State.IDLE),
        Bar(3, 3, State.OFFLINE),
    ]
