"""Windows for tests of time elements: letters a minute, or anything hypothesis thinks of."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from hypothesis import strategies as st

from agent.contract.records import MINUTE_MS
from agent.contract.states import INDEX, State
from aggregator.capacity.time_elements import elements_of_day
from aggregator.model.capacity import MachineDay
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateMs, Window

KEY = MachineKey("aoki", "mc-01")
DAY = date(2026, 11, 24)
START_MS = 1_795_446_000_000  # its midnight in Tokyo
MINUTES = 24 * 60

LETTERS = {
    "R": State.RUNNING,
    "S": State.SETUP,
    "i": State.IDLE,
    "D": State.DOWN,
    "p": State.PLANNED_STOP,
    "o": State.OFFLINE,
}
"""A dot stands for a minute without a window."""

Spans = list[tuple[int, int]]


def all_of(state: State, length_ms: int = MINUTE_MS) -> StateMs:
    """Return a window's states when it was in one all the time."""
    spent = [0] * 6
    spent[INDEX[state]] = length_ms
    running, setup, idle, down, stop, offline = spent
    return running, setup, idle, down, stop, offline


def at(minute: int) -> int:
    """Return when that minute of the day begins."""
    return START_MS + minute * MINUTE_MS


def minutes(text: str, first: int = 0, job: str = "") -> list[Window]:
    """Return a window a letter, from the minute `first` of the day on."""
    return [
        Window(KEY, at(first + number), MINUTE_MS, all_of(LETTERS[letter]), 0, job=job)
        for number, letter in enumerate(text)
        if letter != "."
    ]


def span(first: int, last: int) -> tuple[int, int]:
    """Return an open span by minutes of the day."""
    return at(first), at(last)


def measured(windows: Sequence[Window], spans: Spans, median_cycle_s: float | None = None) -> MachineDay:
    """Return the day's elements."""
    return elements_of_day(KEY, DAY, windows, spans, median_cycle_s)


def split_of(length_ms: int) -> st.SearchStrategy[StateMs]:
    """Any way to spend so long: all of it in one state, or a mixture."""
    pure = st.sampled_from(State).map(lambda state: all_of(state, length_ms))
    marks = st.lists(st.integers(0, length_ms), min_size=5, max_size=5).map(sorted)
    mixed = marks.map(lambda cuts: _between([0, *cuts, length_ms]))
    return st.one_of(pure, pure, mixed)


def _between(marks: list[int]) -> StateMs:
    running, setup, idle, down, stop, offline = (marks[n + 1] - marks[n] for n in range(6))
    return running, setup, idle, down, stop, offline


@st.composite
def any_windows(draw: st.DrawFn) -> list[Window]:
    """Windows of a minute, of less and of up to an hour, in stretches of the same kind, with gaps between."""
    found: list[Window] = []
    now = at(draw(st.integers(0, 600)))
    for _ in range(draw(st.integers(0, 12))):
        length_ms = draw(st.sampled_from([MINUTE_MS, MINUTE_MS, 17_000, 10 * MINUTE_MS, 60 * MINUTE_MS]))
        state_ms = draw(split_of(length_ms))
        job = draw(st.sampled_from(["", "", "J-1"]))
        now += draw(st.sampled_from([0, 0, 0, MINUTE_MS, 1]))
        for _ in range(draw(st.integers(1, 25)) if length_ms <= MINUTE_MS else 1):
            found.append(Window(KEY, now, length_ms, state_ms, 1, job=job))
            now += length_ms
    return [window for window in found if window.start_ms + window.length_ms <= at(MINUTES)]


@st.composite
def any_spans(draw: st.DrawFn) -> Spans:
    """Sorted, disjoint spans of the day, to the second or at full minutes."""
    marks = sorted(draw(st.sets(st.integers(0, MINUTES * 60), max_size=6)))
    scale = draw(st.sampled_from([1, 60]))
    edges = [START_MS + mark // scale * scale * 1000 for mark in marks]
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return [(start, end) for start, end in pairs if start < end]


def silenced(window: Window) -> Window:
    """Return the window as it is when nothing was known."""
    return replace(window, state_ms=all_of(State.OFFLINE, window.length_ms))
