"""How private load differs by weekday: a factor for each, about 1, from past days."""

import numpy as np
from numpy.typing import NDArray

from aggregator.capacity.load import Panel

OWN_DAYS = 8.0
"""So many days of its process stand beside a cell's own; so many without difference beside a process's."""
LEAST, MOST = 0.5, 2.0

Factors = NDArray[np.float64]


def weekday_factors(panel: Panel) -> Factors:
    """Return (cells, 7): private load of a planned hour of each weekday, relative to the cell's average.

    Cells with few days, and processes with few, are shrunk towards their process, and to 1.
    """
    processes = np.array([key.process for key in panel.keys])
    ratio, days = _ratios(panel)
    factors = np.ones_like(ratio)
    for process in set(processes.tolist()):
        cells = processes == process
        pool_days = days[cells].sum(0)
        pool = ((ratio[cells] * days[cells]).sum(0) + OWN_DAYS) / (pool_days + OWN_DAYS)
        factors[cells] = (ratio[cells] * days[cells] + pool * OWN_DAYS) / (days[cells] + OWN_DAYS)
    return factors.clip(LEAST, MOST)


def _ratios(panel: Panel) -> tuple[Factors, Factors]:
    """Return (cells, 7) factors as they are measured, and on how many days each one rests."""
    known_h = panel.pbt_h - panel.unknown_h
    share = panel.private_h.sum(1) / np.maximum(known_h.sum(1), 1e-9)
    ratio, days = np.ones((len(known_h), 7)), np.zeros((len(known_h), 7))
    for weekday in range(7):
        columns = panel.weekday == weekday
        planned_h = known_h[:, columns].sum(1)
        measured = panel.private_h[:, columns].sum(1) / np.maximum(planned_h * share, 1e-9)
        usable = (planned_h > 0) & (share > 0)
        ratio[:, weekday] = np.where(usable, measured, 1.0)
        days[:, weekday] = np.where(usable, (known_h[:, columns] > 0).sum(1), 0)
    return ratio, days
