"""agent/measuring/window.py: aligned, gapless windows that add up exactly, whatever happens in between."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.contract.records import HOUR_MS, MINUTE_MS, Window
from agent.contract.states import STATES, State
from agent.measuring.window import OpenWindow, Step, advance, change_job, close, skip

NOON_MS = 1_764_590_400_000  # 2025-12-01T12:00:00Z


def opened(start_ms: int = NOON_MS, **fields: object) -> OpenWindow:
    return replace(OpenWindow("mc-01", start_ms, start_ms), **fields)


def milliseconds(window: Window) -> dict[State, int]:
    return {state: spent for state, spent in zip(STATES, window.state_ms, strict=True) if spent}


def test_a_minute_closes_exactly_at_the_minute() -> None:
    window, closed = advance(opened(state=State.RUNNING), NOON_MS + 59_999)
    assert closed == []
    window, closed = advance(window, NOON_MS + MINUTE_MS)
    assert [(one.start_ms, one.length_ms, milliseconds(one)) for one in closed] == [
        (NOON_MS, MINUTE_MS, {State.RUNNING: MINUTE_MS})
    ]
    assert (window.start_ms, window.at_ms, sum(window.state_ms)) == (NOON_MS + MINUTE_MS,) * 2 + (0,)


def test_time_goes_to_the_state_that_was_in_force() -> None:
    window, _ = advance(opened(state=State.RUNNING), NOON_MS + 10_001)
    window, _ = advance(replace(window, state=State.DOWN), NOON_MS + 12_000)
    _, closed = advance(replace(window, state=State.IDLE), NOON_MS + 61_000)
    assert milliseconds(closed[0]) == {State.RUNNING: 10_001, State.DOWN: 1_999, State.IDLE: 48_000}


def test_a_window_that_begins_within_a_minute_is_shorter() -> None:
    _, closed = advance(opened(NOON_MS + 42_500), NOON_MS + 3 * MINUTE_MS)
    assert [one.length_ms for one in closed] == [17_500, MINUTE_MS, MINUTE_MS]


def test_a_job_change_ends_the_window_and_tags_the_next() -> None:
    window, closed = change_job(opened(cycles=3), "job-1", NOON_MS + 20_000)
    assert [(one.length_ms, one.cycles, one.job) for one in closed] == [(20_000, 3, "")]
    window, closed = change_job(window, "job-1", NOON_MS + 30_000)
    assert closed == []
    window, closed = change_job(window, "", NOON_MS + MINUTE_MS)
    assert [(one.start_ms, one.length_ms, one.job) for one in closed] == [(NOON_MS + 20_000, 40_000, "job-1")]
    assert (window.job, window.cycles) == ("", 0)


def test_a_job_change_at_the_start_of_a_window_makes_no_empty_window() -> None:
    window, closed = change_job(opened(), "job-1", NOON_MS)
    assert (window.job, closed) == ("job-1", [])
    assert close(window, NOON_MS)[1] == []


def test_an_orderly_stop_leaves_nothing_open() -> None:
    window, closed = close(opened(state=State.IDLE, cycles=2, cycles_total=9), NOON_MS + 30_000)
    assert [(one.length_ms, one.cycles, one.cycles_total) for one in closed] == [(30_000, 2, 9)]
    assert (window.start_ms, window.end_ms, window.cycles) == (NOON_MS + 30_000, NOON_MS + MINUTE_MS, 0)


def test_time_running_backwards_is_the_callers_error() -> None:
    for step in (advance, close, skip, lambda window, at_ms: change_job(window, "job-1", at_ms)):
        with pytest.raises(ValueError, match=r"mc-01: time ran backwards"):
            step(opened(), NOON_MS - 1)


def test_two_weeks_away_are_whole_hours_and_add_up() -> None:
    start_ms, end_ms = NOON_MS + 65_000, NOON_MS + 14 * 24 * HOUR_MS + 90_500
    window, closed = skip(opened(start_ms, state=State.RUNNING), end_ms)
    lengths = [one.length_ms for one in closed]
    assert (lengths.count(HOUR_MS), lengths.count(MINUTE_MS), len(lengths)) == (335, 59, 395)
    assert sum(lengths) + window.at_ms - window.start_ms == end_ms - start_ms
    assert all(one.start_ms % one.length_ms == 0 for one in closed[1:])
    assert {state for one in closed for state in milliseconds(one)} == {State.OFFLINE}


def test_a_short_time_away_keeps_its_minutes() -> None:
    _, closed = skip(opened(NOON_MS), NOON_MS + 2 * HOUR_MS)
    assert [one.length_ms for one in closed] == [MINUTE_MS] * 120


def test_what_was_not_counted_is_none_and_not_zero() -> None:
    _, closed = advance(opened(cycles=5), NOON_MS + 2 * MINUTE_MS)
    assert [(one.cycles, one.good, one.scrap) for one in closed] == [(5, None, None), (0, None, None)]


def test_good_pieces_are_cycles_by_pieces_less_scrap() -> None:
    _, closed = advance(opened(cycles=5, pieces_per_cycle=4, scrap=3), NOON_MS + 2 * MINUTE_MS)
    assert [(one.good, one.scrap) for one in closed] == [(17, 3), (0, 0)]


def test_scrap_counted_after_its_cycle_is_taken_off_later_and_good_is_never_negative() -> None:
    window, first = advance(opened(cycles=0, scrap=2), NOON_MS + 3 * MINUTE_MS)
    _, second = advance(replace(window, cycles=7), NOON_MS + 5 * MINUTE_MS)
    assert [one.good for one in first + second] == [0, 0, 0, 5, 0]
    assert sum(one.scrap or 0 for one in first + second) == 2


Move = Callable[[OpenWindow, int], Step]


def _enter(state: State) -> Move:
    def move(window: OpenWindow, at_ms: int) -> Step:
        window, closed = advance(window, at_ms)
        return replace(window, state=state), closed

    return move


def _count(cycles: int, scrap: int) -> Move:
    def move(window: OpenWindow, at_ms: int) -> Step:
        window, closed = advance(window, at_ms)
        return replace(window, cycles=window.cycles + cycles, scrap=(window.scrap or 0) + scrap), closed

    return move


def _job(job: str) -> Move:
    return lambda window, at_ms: change_job(window, job, at_ms)


pauses_ms = (
    st.integers(0, 200) | st.integers(0, 5 * MINUTE_MS) | st.sampled_from([MINUTE_MS, 3 * HOUR_MS + 7])
)
moves = st.one_of(
    st.sampled_from([*STATES]).map(_enter),
    st.builds(_count, st.integers(0, 5), st.integers(0, 3)),
    st.sampled_from(["", "job-1", "job-2"]).map(_job),
    st.just(close),
    st.just(skip),
)
histories = st.lists(st.tuples(pauses_ms, moves), max_size=30)


def play(history: Sequence[tuple[int, Move]], start_ms: int) -> tuple[OpenWindow, list[Window]]:
    window, windows, at_ms = opened(start_ms), [], start_ms
    for pause_ms, move in history:
        at_ms += pause_ms
        window, closed = move(window, at_ms)
        windows += closed
    window, closed = close(window, at_ms)
    return window, windows + closed


@given(start_ms=st.integers(NOON_MS, NOON_MS + HOUR_MS), history=histories)
def test_windows_are_gapless_aligned_and_add_up_exactly(
    start_ms: int, history: list[tuple[int, Move]]
) -> None:
    window, windows = play(history, start_ms)
    assert window.at_ms == start_ms + sum(pause_ms for pause_ms, _ in history)
    at_ms = start_ms
    for one in windows:
        assert one.start_ms == at_ms
        assert one.length_ms > 0
        assert sum(one.state_ms) == one.length_ms
        assert min(one.state_ms) >= 0
        at_ms += one.length_ms
        unit_ms = MINUTE_MS if one.length_ms <= MINUTE_MS else HOUR_MS
        assert one.start_ms // unit_ms == (at_ms - 1) // unit_ms, "a window lies within one minute or hour"
        assert unit_ms == MINUTE_MS or one.length_ms == HOUR_MS
    assert at_ms == window.at_ms


@given(
    history=st.lists(
        st.tuples(pauses_ms, st.builds(_count, st.integers(0, 5), st.integers(0, 3))), max_size=20
    )
)
def test_no_piece_is_lost_between_windows(history: list[tuple[int, Move]]) -> None:
    """Good pieces, summed, are all pieces less all scrap, but for scrap still owed."""
    window, windows = play([(0, _count(0, 0)), *history], NOON_MS)
    cycles, scrap = sum(one.cycles or 0 for one in windows), sum(one.scrap or 0 for one in windows)
    assert sum(one.good or 0 for one in windows) == cycles - scrap + window.owed
    assert all(one.good is not None and one.good >= 0 for one in windows)


@given(history=histories, splits=st.lists(st.integers(0, 5 * MINUTE_MS), max_size=10))
def test_windows_do_not_depend_on_how_often_time_is_told(
    history: list[tuple[int, Move]], splits: list[int]
) -> None:
    moved = [(pause_ms, move) for pause_ms, move in history if move is not skip]
    split = []
    for index, (pause_ms, move) in enumerate(moved):
        part_ms = min(pause_ms, splits[index]) if index < len(splits) else 0
        split += [(part_ms, advance), (pause_ms - part_ms, move)]
    assert play(moved, NOON_MS) == play(split, NOON_MS)
