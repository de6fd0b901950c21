"""A machine's states in the store against those that it was really in. Pure.

What the store says a machine did while it was known, it has to have done: at the same time, or just before,
for a change is seen a moment late. Nothing is known of the time in which its agent was dead. The rest may be
OFFLINE: of the seconds before it was killed an agent knows what it had written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from agent.contract.records import StateChange, Window
from agent.contract.states import STATES, State
from tests.system.truth import Life

SEEN_LATE_MS = 3_000
"""A change is seen so much later at most: polling, and a computer on which everything is being killed."""
SEEN_EARLY_MS = 250
APART_MS = 50
"""Changes never share a millisecond, so that some are stored a little later than they were."""
FOR_GOOD_MS = 10**13

Span = tuple[int, int]
"""From, and to, in UTC milliseconds."""


@dataclass
class Known:
    """How long machines were known and OFFLINE by their windows; `wrong` says what was never so."""

    known_ms: int = 0
    offline_ms: int = 0
    dead_ms: int = 0
    wrong: list[str] = field(default_factory=list)


def judge_states(
    windows: Sequence[Window], changes: Sequence[StateChange], life: Life, dead: Sequence[Span]
) -> Known:
    """Compare windows and changes (by time) with the machine's life; its agent was `dead` in these spans."""
    offline_ms = sum(window.state_ms[STATES.index(State.OFFLINE)] for window in windows)
    length_ms = sum(window.length_ms for window in windows)
    known = Known(length_ms - offline_ms, offline_ms, sum(until - since for since, until in dead))
    for window in windows:
        known.wrong += _wrong_window(window, changes, dead)
    for change, until_ms in _spans(changes):
        known.wrong += _wrong_change(change, until_ms, life, dead)
    return known


def _wrong_window(window: Window, changes: Sequence[StateChange], dead: Sequence[Span]) -> list[str]:
    """Tell where a window is not what the changes say, or knows of time in which nobody looked."""
    span = (window.start_ms, window.start_ms + window.length_ms)
    inside = [
        (change.state, _overlap(span, (change.at_ms, until_ms))) for change, until_ms in _spans(changes)
    ]
    spent = dict(zip(STATES, window.state_ms, strict=True))
    wrong = [
        f"{spent_ms} ms {state}, {changed_ms} ms between changes of {window}"
        for state, spent_ms in spent.items()
        if abs(spent_ms - (changed_ms := sum(ms for each, ms in inside if each is state))) > APART_MS
    ]
    dead_ms = sum(_overlap(span, each) for each in dead)
    if spent[State.OFFLINE] < dead_ms:
        wrong.append(f"{spent[State.OFFLINE]} ms OFFLINE, but nobody looked for {dead_ms} ms of {window}")
    return wrong


def _wrong_change(change: StateChange, until_ms: int, life: Life, dead: Sequence[Span]) -> list[str]:
    if change.state is State.OFFLINE:
        return []
    span = (change.at_ms, until_ms)
    wrong = [
        f"{change} held for {_overlap(span, each)} ms in which nobody looked"
        for each in dead
        if _overlap(span, each)
    ]
    at_ms = change.at_ms
    for begins_ms, ends_ms, state in _life_spans(life):
        # While a state is true, or was just before, it may be told; what is left of the span is wrong.
        if state == change.state and begins_ms - SEEN_EARLY_MS <= at_ms < ends_ms + SEEN_LATE_MS:
            at_ms = ends_ms + SEEN_LATE_MS
    if at_ms < until_ms:
        wrong.append(f"{change} held until {until_ms}, but was not true after {at_ms}")
    return wrong


def _spans(changes: Sequence[StateChange]) -> list[tuple[StateChange, int]]:
    ends = [after.at_ms for _, after in pairwise(changes)]
    return list(zip(changes, [*ends, FOR_GOOD_MS], strict=True))


def _life_spans(life: Life) -> list[tuple[int, int, str]]:
    ends = [at_ms for at_ms, _ in life.changes[1:]]
    return [
        (at_ms, end_ms, state)
        for (at_ms, state), end_ms in zip(life.changes, [*ends, FOR_GOOD_MS], strict=True)
    ]


def _overlap(one: Span, other: Span) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))
