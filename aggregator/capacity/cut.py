"""Cuts windows in two, in whole milliseconds: what the parts hold adds up to what the window held."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from aggregator.model.window import StateMs, Window


def cut_states(state_ms: StateMs, at_ms: int) -> tuple[StateMs, StateMs]:
    """Return the states of the first `at_ms` milliseconds, and of the rest.

    The order inside a window is not stored, so each part gets its share of every state. Both parts add up
    exactly: shares are rounded as running sums, so that no millisecond is lost or made.
    """
    length_ms = sum(state_ms)
    first, so_far, taken = [], 0, 0
    for spent_ms in state_ms:
        so_far += spent_ms
        share = so_far * at_ms // length_ms - taken
        taken += share
        first.append(share)
    running, setup, idle, down, stop, offline = (
        spent_ms - share for spent_ms, share in zip(state_ms, first, strict=True)
    )
    head = (first[0], first[1], first[2], first[3], first[4], first[5])
    return head, (running, setup, idle, down, stop, offline)


def cut_to(windows: Iterable[Window], start_ms: int, end_ms: int) -> Iterator[Window]:
    """Yield the parts of windows (in time order) that lie in `[start_ms, end_ms)`, and only those.

    Cycles and pieces stay with the part in which the window begins, as they do in the store's sums.
    """
    for window in windows:
        window_end_ms = window.start_ms + window.length_ms
        if window.start_ms >= end_ms or window_end_ms <= start_ms:
            continue
        part = window
        if window_end_ms > end_ms:
            head, _ = cut_states(part.state_ms, end_ms - part.start_ms)
            part = replace(part, length_ms=end_ms - part.start_ms, state_ms=head)
        if part.start_ms < start_ms:
            part = _without_head(part, start_ms - part.start_ms)
        yield part


def _without_head(window: Window, at_ms: int) -> Window:
    _, tail = cut_states(window.state_ms, at_ms)
    return Window(
        window.key,
        window.start_ms + at_ms,
        window.length_ms - at_ms,
        tail,
        cycles=0,
        cycles_total=window.cycles_total,
        job=window.job,
    )
