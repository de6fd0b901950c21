"""Bars of time: windows in, rectangles for a server-rendered SVG out. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.contract.states import STATES, State
from aggregator.measured import MINUTE_MS
from aggregator.model.minute import minute_states
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
    states = minute_states(windows)
    numbered = (((at_ms - start_ms) // MINUTE_MS, state) for at_ms, state in states.items())
    return _joined((minute, state) for minute, state in numbered if 0 <= minute < minutes)


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
