"""Pasts of cells to forecast from: by week or by day, of any process."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
from hypothesis import strategies as st

from aggregator.capacity.load import History, Hours
from aggregator.model.capacity import CellKey

MONDAY = date(2026, 11, 23)
WORKDAYS = np.array([8.0] * 5 + [0.0] * 2)
AOKI = CellKey("aoki", "cutting")


def planned(weeks: int, machines: int = 1) -> Hours:
    """Return planned hours of so many weeks from a Monday on: eight a day and machine, Monday to Friday."""
    return np.tile(WORKDAYS * machines, weeks)


def past(
    shares: Sequence[float], key: CellKey = AOKI, today: date = MONDAY, unknown: Sequence[float] | None = None
) -> History:
    """Return weeks, the newest last and over by today (a Monday), busy and unknown by these shares."""
    pbt_h = planned(len(shares))
    return History(
        key,
        today - timedelta(weeks=len(shares)),
        pbt_h,
        private_h=pbt_h * np.repeat(shares, 7),
        shared_h=0 * pbt_h,
        unknown_h=0 * pbt_h if unknown is None else pbt_h * np.repeat(unknown, 7),
    )


@st.composite
def pasts(draw: st.DrawFn, key: CellKey = AOKI, today: date = MONDAY) -> History:
    """Draw two to thirty weeks of days, closed or planned, used, shared and unknown in any way."""
    days = draw(st.integers(14, 210))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pbt_h = rng.choice([0.0, 8.0, 16.0, 40.0], days, p=[0.3, 0.5, 0.1, 0.1])
    busy = np.clip(rng.normal(draw(st.floats(0, 1)), 0.3, days), 0, 1)
    shared = rng.uniform(0, 1, days) * (rng.random(days) < 0.1)
    lost = rng.uniform(0, 1, days) * (rng.random(days) < draw(st.sampled_from([0.0, 0.05, 0.2])))
    return History(
        key,
        today - timedelta(days=days),
        pbt_h,
        private_h=pbt_h * (1 - lost) * busy,
        shared_h=pbt_h * (1 - lost) * (1 - busy) * shared,
        unknown_h=pbt_h * lost,
    )
