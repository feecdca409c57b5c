"""Hierarchical risk parity: risk is divided between clusters of similar securities; no expected return is needed.

López de Prado 2016, "Building diversified portfolios that outperform out of sample": (1) the distance of two securities
is √((1 − correlation) / 2); (2) single linkage joins the nearest clusters; (3) the leaves are read from left to right,
in each union the cluster that was made first on the left, single securities by their place in the input; (4) the row of
leaves is halved again and again, and each half gets weight in inverse proportion to its variance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import leaves_list, linkage  # type: ignore[import-untyped]

from ballast.planning.targets.covariance import correlation_of
from ballast.planning.targets.limits import Matrix, Vector

Places = npt.NDArray[np.intp]


def hierarchical_risk_parity(covariance: Matrix) -> Vector:
    """Return weights that add up to one.

    Parameters
    ----------
    covariance : array of shape (n, n)
        Positive diagonal; n is at least two.

    Returns
    -------
    array of shape (n,)
        Positive weights. The variance of a half is that of its inverse-variance portfolio.
    """
    correlation = correlation_of(covariance)
    rows, columns = np.triu_indices(len(correlation), 1)
    distance = np.sqrt((1.0 - correlation[rows, columns]) / 2.0)
    order = leaves_list(linkage(distance, "single"))
    weights = np.empty(len(order))
    weights[order] = _bisected(covariance[np.ix_(order, order)])
    return weights


def _bisected(covariance: Matrix) -> Vector:
    """Divide one between the securities of a row by halving it, all halves of a level at once."""
    n = len(covariance)
    inverse = 1.0 / np.diag(covariance)
    # Sums over any block are differences of running sums.
    running = np.zeros((n + 1, n + 1))
    running[1:, 1:] = (covariance * np.outer(inverse, inverse)).cumsum(axis=0).cumsum(axis=1)
    total = np.concatenate([[0.0], inverse.cumsum()])
    weights = np.ones(n)
    starts, ends = np.array([0]), np.array([n])
    while len(starts):
        middles = starts + (ends - starts) // 2
        left = _variance(running, total, starts, middles)
        right = _variance(running, total, middles, ends)
        share = 1.0 - left / (left + right)
        factors = np.repeat(
            np.ravel([share, 1.0 - share], "F"),
            np.ravel([middles - starts, ends - middles], "F"),
        )
        places = np.concatenate([np.arange(a, b) for a, b in zip(starts, ends, strict=True)])
        weights[places] *= factors
        halves = np.ravel([starts, middles], "F"), np.ravel([middles, ends], "F")
        is_divisible = halves[1] - halves[0] > 1
        starts, ends = halves[0][is_divisible], halves[1][is_divisible]
    return weights


def _variance(running: Matrix, total: Vector, starts: Places, ends: Places) -> Vector:
    """Return the variance of the inverse-variance portfolio of each block."""
    block: Vector = (
        running[ends, ends] - running[starts, ends] - running[ends, starts]
        + running[starts, starts]
    )  # fmt: skip
    return block / (total[ends] - total[starts]) ** 2
