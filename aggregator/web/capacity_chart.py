"""The chart of past weeks: measured hours by week in, stacked bars out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aggregator.capacity.measured_weeks import MeasuredWeek

HEIGHT = 160.0
STEP = 56.0


class Part(NamedTuple):
    """A part of a bar: `kind` is its class, `y` from the top and `height` in units of the drawing."""

    kind: str
    y: float
    height: float


class WeekBar(NamedTuple):
    """One week; `x` is its left edge."""

    week: MeasuredWeek
    x: float
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class WeekBars:
    """The whole drawing, `HEIGHT` high; `ticks` are (y, hours), `declared_y` shows the declared hours."""

    bars: tuple[WeekBar, ...]
    width: float
    ticks: tuple[tuple[float, float], ...]
    declared_y: float | None


def week_bars(weeks: Sequence[MeasuredWeek], declared_h: float | None) -> WeekBars:
    """Return spare time from the ground up, then shared and private load, then what is unknown."""
    top = _round_up(max([week.pbt_h for week in weeks] + [declared_h or 0.0, 1.0]))
    scale = HEIGHT / top
    bars = tuple(WeekBar(week, at * STEP, _parts(week, scale)) for at, week in enumerate(weeks))
    ticks = tuple((HEIGHT - share * HEIGHT, share * top) for share in (0.0, 0.5, 1.0))
    declared_y = None if declared_h is None else HEIGHT - declared_h * scale
    return WeekBars(bars, len(weeks) * STEP, ticks, declared_y)


def _parts(week: MeasuredWeek, scale: float) -> tuple[Part, ...]:
    parts: list[Part] = []
    y = HEIGHT
    kinds = {
        "spare": week.spare_h,
        "shared": week.shared_h,
        "private": week.private_h,
        "lost": week.unknown_h,
    }
    for kind, hours in kinds.items():
        if hours > 0:
            y -= hours * scale
            parts.append(Part(kind, y, hours * scale))
    return tuple(parts)


def _round_up(hours: float) -> float:
    """Return a round number of hours at or above, which halves well: 100, 120, 160, 200, …"""
    step = 1.0
    while True:
        for factor in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8):
            if hours <= step * factor:
                return step * factor
        step *= 10
