"""What is learnt from all cells' pasts: weekday factors, how to blend, usual errors, and their quantiles.

Of each process it is tried out how past weeks would have been forecast best: with which half-life of the
recent level, and how much of it beside the cell's own past weeks. By how much those forecasts were wrong,
relative to the usual error of each cell, then says how far P10, P50 and P90 have to be moved so that they
hold (split-conformal). Where there are few past errors, assumed ones stand beside them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregator.capacity.backcast import AHEAD, Backcast, backcast
from aggregator.capacity.conformal import LEVELS, offset, usual_errors
from aggregator.capacity.level import Shares, highest_shares, weeks_of
from aggregator.capacity.load import History, align
from aggregator.capacity.profile import weekday_factors
from aggregator.model.capacity import CellKey

HALF_LIVES = (0.5, 1.0, 2.0, 4.0)
"""After how many weeks a week counts half in the recent level."""
MIXES = (0.0, 0.2, 0.4, 0.6, 0.8)
"""How much the recent level counts beside the cell's own past weeks."""
PRIOR_ERRORS = 20.0
"""So many errors of all processes stand beside those of the process that chooses."""


class Blend(NamedTuple):
    """How a process is forecast so many weeks ahead.

    P10, P50, P90 = mix x recent level + (1 - mix) x the cell's own weeks + offset x the cell's usual error.
    """

    half_life_weeks: float
    mix: float
    offsets: tuple[float, float, float]


START_CHOICES = ((1, 3), (1, 2), *[(1, 1)] * (AHEAD - 2))
"""Places in HALF_LIVES and MIXES, by weeks ahead, before any error is known."""
START = tuple(Blend(HALF_LIVES[half_life], MIXES[mix], (-1.6, 0.0, 1.6)) for half_life, mix in START_CHOICES)
"""For processes without any past."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is learnt of processes and of cells; a forecast of what is not in it rests on assumptions.

    Of processes: blends by weeks ahead. Of cells: weekday factors (7,), the busiest known week as a share of
    time, and usual errors by weeks ahead, (AHEAD,).
    """

    blends: Mapping[str, tuple[Blend, ...]] = field(default_factory=dict)
    factors: Mapping[CellKey, Shares] = field(default_factory=dict)
    most: Mapping[CellKey, float] = field(default_factory=dict)
    usual: Mapping[CellKey, Shares] = field(default_factory=dict)


def calibrate(histories: Sequence[History], today: date) -> Calibration:
    """Return what is learnt from the days before today, from weeks that are over."""
    panel = align(histories, today)
    factors = weekday_factors(panel)
    most = highest_shares(panel, factors)
    past = backcast(panel, factors, weeks_of(panel, factors, most), HALF_LIVES)
    loss, weight = _losses(past), past.weight.sum(1)
    processes = np.array([key.process for key in panel.keys])
    blends: dict[str, tuple[Blend, ...]] = {}
    usual = np.empty((len(panel.keys), AHEAD))
    for process in dict.fromkeys(processes.tolist()):
        cells = np.flatnonzero(processes == process)
        choices = _choices(loss, weight, cells)
        least = np.stack([loss[cells, ahead, *choice] for ahead, choice in enumerate(choices)], axis=1)
        usual[cells] = usual_errors(least, weight[cells])
        blends[process] = _blends(past.of(cells), choices, usual[cells])
    return Calibration(
        blends,
        factors=dict(zip(panel.keys, factors, strict=True)),
        most=dict(zip(panel.keys, most.tolist(), strict=True)),
        usual=dict(zip(panel.keys, usual, strict=True)),
    )


def _losses(past: Backcast) -> Shares:
    """Return sums of P50's absolute errors, (cells, ahead, half-lives, mixes)."""
    own = past.bands[:, :, 1]
    result = np.empty((len(own), AHEAD, len(HALF_LIVES), len(MIXES)))
    for half_life in range(len(HALF_LIVES)):
        for place, mix in enumerate(MIXES):
            guess = mix * past.levels[:, :, half_life] + (1 - mix) * own
            error = np.abs(past.actual - guess.clip(0, 1)[:, :, None])
            result[:, :, half_life, place] = (error * past.weight).sum(1)
    return result


def _choices(loss: Shares, weight: Shares, cells: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return by weeks ahead the half-life and mix (places) with the least error in these cells.

    Weeks ahead that no past forecast reached are treated like the last that one did.
    """
    choices: list[tuple[int, int]] = []
    for ahead in range(AHEAD):
        all_weight = float(weight[:, ahead].sum())
        if all_weight < 1:
            choices.append(choices[-1] if any(weight[:, :ahead].sum(0) >= 1) else START_CHOICES[ahead])
            continue
        everywhere = loss[:, ahead].sum(0) / all_weight
        score = loss[cells, ahead].sum(0) + PRIOR_ERRORS * everywhere
        best = np.unravel_index(int(np.argmin(score)), score.shape)
        choices.append((int(best[0]), int(best[1])))
    return choices


def _blends(past: Backcast, choices: list[tuple[int, int]], usual: Shares) -> tuple[Blend, ...]:
    result = []
    for ahead, (half_life, place) in enumerate(choices):
        mix, weight = MIXES[place], past.weight[:, :, ahead]
        guess = mix * past.levels[:, :, [half_life]] + (1 - mix) * past.bands
        scores = (past.actual[:, :, [ahead]] - guess) / usual[:, ahead, None, None]
        low, middle, high = (
            offset(scores[:, :, number][weight > 0], weight[weight > 0], level)
            for number, level in enumerate(LEVELS)
        )
        result.append(Blend(HALF_LIVES[half_life], mix, (low, middle, high)))
    return tuple(result)
