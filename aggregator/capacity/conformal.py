"""Usual sizes and quantiles of past errors, with assumed errors standing beside few of them."""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

LEVELS = (0.1, 0.5, 0.9)

USUAL_ERROR = 0.15
"""The mean error that is assumed before any is known, as a share of planned time."""
PRIOR_WEEKS = 6.0
"""So many of its process's errors stand beside a cell's own; of what is assumed, beside a process's."""

PRIOR_SCORES = np.array([NormalDist(0, 1.25).inv_cdf(rank / 10 + 0.05) for rank in range(10)])
"""Errors assumed before any is known, relative to the usual one: normal, of mean size 1."""


def usual_errors(loss: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean error of each cell of a process by weeks ahead, from sums of errors and of weights.

    All are (cells, ahead). From the first whole week (1) on, no week is assumed to go less wrong than the one
    before it: of those far ahead little is known.
    """
    pool, own = USUAL_ERROR, np.ones(len(loss))  # own: relative to the pool
    result = np.empty_like(loss)
    for ahead in range(loss.shape[1]):
        least = result[:, ahead - 1] if ahead > 1 else 0.0
        pool = (loss[:, ahead].sum() + PRIOR_WEEKS * pool) / (weight[:, ahead].sum() + PRIOR_WEEKS)
        mean = (loss[:, ahead] + PRIOR_WEEKS * pool * own) / (weight[:, ahead] + PRIOR_WEEKS)
        result[:, ahead] = np.maximum(mean, least)
        own = result[:, ahead] / pool
    return result


def offset(scores: NDArray[np.float64], weight: NDArray[np.float64], level: float) -> float:
    """Return what a share `level` of the scores (errors relative to the usual one) does not exceed.

    Assumed scores count like so many measured ones of weight 1. Between two scores it is interpolated.
    """
    values = np.concatenate([scores, PRIOR_SCORES])
    weights = np.concatenate([weight, np.ones(len(PRIOR_SCORES))])
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[order]
    middle = weights.cumsum() - weights / 2
    return float(np.interp(level * weights.sum(), middle, values))
