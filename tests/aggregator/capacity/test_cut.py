from hypothesis import given
from hypothesis import strategies as st

from agent.contract.records import MINUTE_MS
from agent.contract.states import State
from aggregator.capacity.cut import cut_states, cut_to
from aggregator.model.window import StateMs, Window
from tests.aggregator.capacity.floors import KEY, START_MS, all_of, split_of

HOUR_MS = 60 * MINUTE_MS


@given(state_ms=split_of(HOUR_MS), at_ms=st.integers(0, HOUR_MS))
def test_both_parts_add_up_to_the_window(state_ms: StateMs, at_ms: int) -> None:
    head, tail = cut_states(state_ms, at_ms)
    assert sum(head) == at_ms
    assert min(*head, *tail) >= 0
    assert tuple(one + other for one, other in zip(head, tail, strict=True)) == state_ms
    for share, whole in zip(head, state_ms, strict=True):
        assert abs(share - whole * at_ms / HOUR_MS) <= 1


def test_a_day_holds_its_parts_of_windows_and_the_counts_that_begin_in_it() -> None:
    before, over, inside, out, after = (
        Window(KEY, START_MS + start, length, all_of(State.RUNNING, length), 1, good=1, scrap=0, job="J")
        for start, length in (
            (-2 * HOUR_MS, HOUR_MS),
            (-20_000, MINUTE_MS),
            (HOUR_MS, MINUTE_MS),
            (2 * HOUR_MS - 15_000, MINUTE_MS),
            (2 * HOUR_MS, MINUTE_MS),
        )
    )
    parts = list(cut_to([before, over, inside, out, after], START_MS, START_MS + 2 * HOUR_MS))
    assert [(part.start_ms - START_MS, part.length_ms) for part in parts] == [
        (0, 40_000),
        (HOUR_MS, MINUTE_MS),
        (2 * HOUR_MS - 15_000, 15_000),
    ]
    assert [part.state_ms[0] for part in parts] == [40_000, MINUTE_MS, 15_000]
    assert [(part.cycles, part.good, part.scrap) for part in parts] == [(0, None, None), (1, 1, 0), (1, 1, 0)]
    assert {part.job for part in parts} == {"J"}


def test_a_window_longer_than_the_range_is_cut_at_both_ends() -> None:
    hour = Window(KEY, START_MS, HOUR_MS, (HOUR_MS // 2, 0, HOUR_MS // 2, 0, 0, 0), 9)
    (part,) = cut_to([hour], START_MS + MINUTE_MS, START_MS + 3 * MINUTE_MS)
    assert (part.start_ms, part.length_ms, part.state_ms) == (
        START_MS + MINUTE_MS,
        2 * MINUTE_MS,
        (MINUTE_MS, 0, MINUTE_MS, 0, 0, 0),
    )
