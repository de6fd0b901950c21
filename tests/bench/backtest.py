"""Rolling origin: on every Monday the future is cut off, all is learnt anew, and coming weeks forecast."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import numpy as np

from aggregator.capacity.forecast import calibrate, forecast_all
from aggregator.capacity.load import WEEKS, History
from aggregator.model.capacity import Quantiles
from tests.bench.baselines import BASELINES
from tests.bench.fleets import Truth
from tests.bench.scores import Scores

AHEAD = (1, 2, 4)
"""Weeks ahead; 1 is the week that begins on the Monday of the forecast."""


class Row(NamedTuple):
    """A forecast week: ours and the baselines' P10, P50, P90 of spare hours."""

    fleet: str
    process: str
    ahead: int
    planned_h: float
    actual_h: float
    spare_h: dict[str, tuple[float, float, float]]


class Broken(Exception):
    """A forecast that cannot be: negative, more than planned, out of order, or of closed days."""


def backtest(fleet: str, cells: Sequence[Truth], origins: Sequence[int]) -> Scores:
    """Return the scores of one federation; `origins` are in weeks after its first day, which is a Monday.

    Weeks without planned time are checked to be 0 and not scored; raises Broken.
    """
    rows = [row for origin in origins for row in _forecasts(fleet, cells, origin)]
    return _scores(rows)


def _before(history: History, origin: int) -> History:
    """Return what was seen before a Monday: the last 26 weeks, which is what the aggregator keeps at hand."""
    days = slice(7 * max(0, origin - WEEKS), 7 * origin)
    return replace(
        history,
        first_day=history.first_day + timedelta(days=days.start),
        pbt_h=history.pbt_h[days],
        private_h=history.private_h[days],
        shared_h=history.shared_h[days],
        unknown_h=history.unknown_h[days],
    )


def _forecasts(fleet: str, cells: Sequence[Truth], origin: int) -> list[Row]:
    today = cells[0].seen.first_day + timedelta(weeks=origin)
    seen = [_before(cell.seen, origin) for cell in cells]
    days = slice(7 * origin, 7 * (origin + max(AHEAD)))
    asked = [(history, cell.seen.pbt_h[days]) for history, cell in zip(seen, cells, strict=True)]
    told = forecast_all(asked, today, calibrate(seen, today))
    rows = []
    for cell, weeks in zip(cells, told, strict=True):
        for ahead in AHEAD:
            row = _row(fleet, cell, origin, ahead, weeks[ahead - 1].private)
            if row is not None and row.planned_h > 0:
                rows.append(row)
    return rows


def _row(fleet: str, cell: Truth, origin: int, ahead: int, private: Quantiles | None) -> Row | None:
    """Return what is scored of one week, None where there is no number or what happened is not known."""
    week = origin + ahead - 1
    if private is None or not cell.judged[week]:
        return None
    planned_h, load_h = (float(h[7 * week : 7 * week + 7].sum()) for h in (cell.seen.pbt_h, cell.private_h))
    if not 0 <= private.p10 <= private.p50 <= private.p90 <= planned_h + 1e-9:
        raise Broken(f"{cell.seen.key} in week {week}: {private} of {planned_h} h")
    spare_h = {"forecast": (planned_h - private.p90, planned_h - private.p50, planned_h - private.p10)}
    for name, baseline in BASELINES.items():
        low, middle, high = (planned_h * (1 - baseline(cell, origin)[::-1])).tolist()
        spare_h[name] = (low, middle, high)
    return Row(fleet, cell.seen.key.process, ahead, planned_h, planned_h - load_h, spare_h)


def _scores(rows: Sequence[Row]) -> Scores:
    return Scores(
        np.array([row.fleet for row in rows]),
        np.array([row.process for row in rows]),
        np.array([row.ahead for row in rows]),
        np.array([row.planned_h for row in rows]),
        np.array([row.actual_h for row in rows]),
        {name: np.array([row.spare_h[name] for row in rows]) for name in ("forecast", *BASELINES)},
    )
