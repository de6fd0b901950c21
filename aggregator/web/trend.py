"""The last 24 hours of a group of machines: hourly totals in, columns of a chart and its table out. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from agent.contract.states import STATES, State
from aggregator.measured import DAY_MS, HOUR_MS, Load, load_of
from aggregator.model.window import Totals

# From the ground up: what makes parts first. Unknown time leaves the column short.
STACKED = (State.RUNNING, State.SETUP, State.IDLE, State.PLANNED_STOP, State.DOWN)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a column: `y` from the top and `height` as shares of the machines' time in that hour."""

    state: State
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """One hour."""

    start_ms: int
    load: Load
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """Whole and begun hours of the last day, oldest first."""

    columns: tuple[Column, ...]

    @property
    def known(self) -> bool:
        """Tell whether anything at all is known of these hours."""
        return any(column.load.coverage > 0 for column in self.columns)


def trend_of(hours: Iterable[Totals], machines: int, until_ms: int) -> Trend:
    """Return 25 columns: 24 whole hours before the hour of `until_ms`, and that hour so far."""
    by_hour: dict[int, list[Totals]] = {}
    for total in hours:
        by_hour.setdefault(total.start_ms, []).append(total)
    last_ms = until_ms - until_ms % HOUR_MS
    starts = range(last_ms - DAY_MS, last_ms + 1, HOUR_MS)
    return Trend(tuple(_column(start, by_hour.get(start, []), machines, until_ms) for start in starts))


def _column(start_ms: int, totals: list[Totals], machines: int, until_ms: int) -> Column:
    length_ms = min(HOUR_MS, until_ms - start_ms)
    load = load_of(machines, totals, length_ms)
    return Column(start_ms, load, _segments(load, machines * HOUR_MS))


def _segments(load: Load, full_ms: int) -> tuple[Segment, ...]:
    by_state = dict(zip(STATES, load.state_ms, strict=True))
    segments = []
    top = 1.0
    for state in STACKED:
        height = by_state[state] / full_ms if full_ms else 0.0
        if height > 0:
            top -= height
            segments.append(Segment(state, max(top, 0.0), height))
    return tuple(segments)
