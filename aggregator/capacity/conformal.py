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

    All are (cells, ahead). Weeks ahead of which little is known are assumed to go as wrong as those before.
    """
    pool, own = USUAL_ERROR, np.ones(len(loss))  # own: relative to the pool
    result = np.empty_like(loss)
    for ahead in range(loss.shape[1]):
        pool = (loss[:, ahead].sum() + PRIOR_WEEKS * pool) / (weight[:, ahead].sum() + PRIOR_WEEKS)
        result[:, ahead] = (loss[:, ahead] + PRIOR_WEEKS * pool * own) / (weight[:, ahead] + PRIOR_WEEKS)
        own = result[:, ahead] / pool
    return result


def offset(scores: NDArray[np.float64], weight: NDArray[np.float64], level: float) -> float:
    """Return what a share `level` of the scores (errors relative to the usual one) does not exceed.

    Assumed scores count like so many measured ones of weight 1.
    """
    values = np.concatenate([scores, PRIOR_SCORES])
    weights = np.concatenate([weight, np.ones(len(PRIOR_SCORES))])
    order = np.argsort(values, kind="stable")
    reached = weights[order].cumsum()
    return float(values[order][np.searchsorted(reached, level * reached[-1] - 1e-9)])
