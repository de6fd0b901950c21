"""States that were never true are found, as is time that somebody claims to know though nobody looked."""

from dataclasses import replace

import pytest

from agent.contract.records import StateChange, Window
from agent.contract.states import State
from tests.chaos.states import SEEN_LATE_MS, Known, judge_states
from tests.system.truth import Life

T_MS = 1_795_000_020_000
LIFE = Life([(T_MS - 60_000, "IDLE"), (T_MS, "RUNNING"), (T_MS + 30_000, "DOWN"), (T_MS + 50_000, "RUNNING")])
DEAD = [(T_MS + 12_000, T_MS + 20_000)]


def change(after_ms: int, state: State) -> StateChange:
    return StateChange("pr-01", T_MS + after_ms, state)


CHANGES = [
    change(200, State.RUNNING),
    change(10_000, State.OFFLINE),
    change(22_000, State.RUNNING),
    change(30_250, State.DOWN),
    change(50_100, State.RUNNING),
    change(60_000, State.OFFLINE),
]
WINDOW = Window("pr-01", T_MS + 200, 59_800, (27_950, 0, 0, 19_850, 0, 12_000), 0, 0, 0, 0)


def judged(changes: list[StateChange] = CHANGES, window: Window = WINDOW) -> Known:
    return judge_states([window], changes, LIFE, DEAD)


def test_what_was_seen_a_moment_late_and_unknown_around_a_kill_is_right() -> None:
    known = judged()
    assert known.wrong == []
    assert (known.known_ms, known.offline_ms, known.dead_ms) == (47_800, 12_000, 8_000)


@pytest.mark.parametrize("number", [0, 2, 3, 4])
@pytest.mark.parametrize("state", [State.IDLE, State.SETUP, State.PLANNED_STOP])
def test_a_state_that_was_not_true_is_found(number: int, state: State) -> None:
    changes = [*CHANGES]
    changes[number] = replace(changes[number], state=state)
    if (number, state) == (0, State.IDLE):
        changes[1] = change(SEEN_LATE_MS + 500, State.OFFLINE)  # it was idle just before
    assert any("was not true after" in each for each in judged(changes).wrong)


def test_a_state_that_is_held_for_too_long_is_found() -> None:
    changes = [each for each in CHANGES if each.state is not State.DOWN]
    assert any("was not true after" in each for each in judged(changes).wrong)


def test_time_in_which_the_agent_was_dead_is_not_known() -> None:
    changes = [CHANGES[0], *CHANGES[3:]]
    window = replace(WINDOW, state_ms=(39_950, 0, 0, 19_850, 0, 0))
    wrong = judged(changes, window).wrong
    assert any("in which nobody looked" in each for each in wrong)
    assert any("0 ms OFFLINE, but nobody looked for 8000 ms" in each for each in wrong)


def test_a_window_that_is_not_what_the_changes_say_is_found() -> None:
    window = replace(WINDOW, state_ms=(27_850, 0, 100, 19_850, 0, 12_000))
    wrong = judged(window=window).wrong
    assert len(wrong) == 2
    assert "100 ms IDLE, 0 ms between changes" in wrong[1]
