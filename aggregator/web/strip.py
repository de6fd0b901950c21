"""Bars of time: windows in, rectangles for a server-rendered SVG out. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.contract.states import STATES, State
from aggregator.measured import MINUTE_MS, add_state_ms
from aggregator.model.window import StateMs, Window

# The heights tell states apart without colour: what makes parts stands tall. Share of the strip's height.
HEIGHTS: dict[State, float] = {
    State.RUNNING: 1.0,
    State.SETUP: 0.7,
    State.IDLE: 0.4,
    State.DOWN: 1.0,
    State.PLANNED_STOP: 0.2,
    State.OFFLINE: 0.1,
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of one state: `x` and `width` in minutes (or machines), `height` as a share."""

    x: float
    width: float
    state: State

    @property
    def height(self) -> float:
        """Share (0 to 1) of the strip's height."""
        return HEIGHTS[self.state]


def minute_bars(windows: Iterable[Window], start_ms: int, minutes: int = 60) -> list[Bar]:
    """Return the state that lasted longest in each minute, equal neighbours joined.

    Minutes without a window have no bar. A window longer than a minute fills those it covers.
    """
    found: dict[int, StateMs] = {}
    for window in windows:
        first = (window.start_ms - start_ms) // MINUTE_MS
        last = (window.start_ms + window.length_ms - 1 - start_ms) // MINUTE_MS
        for minute in range(max(first, 0), min(last, minutes - 1) + 1):
            known = found.get(minute)
            found[minute] = add_state_ms((known, window.state_ms)) if known else window.state_ms
    return _joined((minute, STATES[spent.index(max(spent))]) for minute, spent in sorted(found.items()))


def stacked_bars(counts: Sequence[int] | StateMs) -> list[Bar]:
    """Return one bar a state that occurs, side by side; `counts` is in the order of `STATES`."""
    bars = []
    x = 0
    for state, count in zip(STATES, counts, strict=True):
        if count:
            bars.append(Bar(x, count, state))
            x += count
    return bars


def _joined(minutes: Iterable[tuple[int, State]]) -> list[Bar]:
    bars: list[Bar] = []
    for minute, state in minutes:
        last = bars[-1] if bars else None
        if last and last.state is state and last.x + last.width == minute:
            bars[-1] = Bar(last.x, last.width + 1, state)
        else:
            bars.append(Bar(minute, 1, state))
    return bars
