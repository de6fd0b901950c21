"""When live values are told: states at once, the rest at its pace, the last value always."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.contract.states import State
from agent.live import PAUSE_S, LiveValues
from agent.measuring.machine import Live


def shows(state: State = State.IDLE, since_ms: int = 0, cycles: int = 0) -> Live:
    return Live(state, since_ms, cycles, None, "")


def born() -> LiveValues:
    live = LiveValues()
    live.show("mc-01", shows())
    live.tell("mc-01", 0.0)
    return live


def test_nothing_is_due_that_was_told() -> None:
    live = born()
    live.show("mc-01", shows())
    assert (live.due(100.0), live.next_due_s()) == ([], None)


def test_a_change_of_state_is_due_at_once() -> None:
    live = born()
    live.show("mc-01", shows(State.RUNNING, 1))
    assert live.due(0.0) == ["mc-01"]


def test_cycles_wait_for_their_pace() -> None:
    live = born()
    live.show("mc-01", shows(cycles=1))
    assert (live.due(0.5), live.next_due_s()) == ([], PAUSE_S)
    assert live.due(PAUSE_S) == ["mc-01"]


def test_a_change_of_state_never_waits_behind_a_cycle_count() -> None:
    live = born()
    live.show("mc-01", shows(cycles=1))
    live.tell("mc-01", 1.0)
    live.show("mc-01", shows(State.DOWN, 1_100, cycles=1))
    assert live.due(1.1) == ["mc-01"]


def test_a_second_change_of_state_waits_and_the_last_one_goes_out() -> None:
    live = born()
    live.show("mc-01", shows(State.RUNNING, 100))
    live.tell("mc-01", 0.1)
    for number in range(1, 6):
        live.show("mc-01", shows(State.DOWN if number % 2 else State.RUNNING, 100 + number))
    assert (live.due(1.0), live.next_due_s()) == ([], 0.1 + PAUSE_S)
    assert live.due(0.1 + PAUSE_S) == ["mc-01"]
    assert live.now("mc-01") == shows(State.DOWN, 105)


def test_a_state_left_and_entered_again_is_told_for_its_time() -> None:
    live = born()
    live.show("mc-01", shows(State.IDLE, 5_000))
    assert live.due(0.0) == ["mc-01"]


def test_each_machine_has_its_own_pace() -> None:
    live = born()
    live.show("mc-02", shows())
    live.tell("mc-02", 0.9)
    for machine in ("mc-01", "mc-02"):
        live.show(machine, shows(cycles=5))
    assert live.due(1.0) == ["mc-01"]


CHANGES = st.tuples(st.floats(0, 0.7), st.sampled_from(State), st.integers(0, 3))


@given(st.lists(CHANGES, min_size=1, max_size=60))
def test_no_state_is_told_twice_in_a_second_and_none_is_late(changes: list[tuple[float, State, int]]) -> None:
    live, now_s, told = born(), 0.0, list[tuple[float, Live]]()
    last_s = {"state": float("-inf"), "any": 0.0}

    def tell_due() -> None:
        for machine in live.due(now_s):
            before, after = live.told(machine), live.now(machine)
            told.append((now_s, after))
            kind = "state" if before.state != after.state else "any"
            assert now_s >= last_s[kind] + PAUSE_S
            live.tell(machine, now_s)
            last_s["any"] = now_s
            last_s[kind] = now_s

    for number, (pause_s, state, cycles) in enumerate(changes):
        end_s = now_s + pause_s
        while (due_s := live.next_due_s()) is not None and due_s <= end_s:
            now_s = max(now_s, due_s)
            tell_due()
        now_s = end_s
        since_ms = live.now("mc-01").state_since_ms if state == live.now("mc-01").state else number + 1
        live.show("mc-01", shows(state, since_ms, (live.now("mc-01").cycles_total or 0) + cycles))
        tell_due()
    now_s += PAUSE_S
    tell_due()
    assert live.told("mc-01") == live.now("mc-01")
    assert all(before < after for (before, _), (after, _) in pairwise(told))
