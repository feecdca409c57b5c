"""Hierarchical risk parity: risk is divided between clusters of similar securities; no expected return is needed.

López de Prado 2016, "Building diversified portfolios that outperform out of sample": (1) the distance of two securities
is √((1 − correlation) / 2); (2) single linkage joins the nearest clusters; (3) the leaves are read from left to right,
in each union the cluster that was made first on the left, single securities by their place in the input; (4) the row of
leaves is halved again and again, and each half gets weight in inverse proportion to its variance.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import linkage  # type: ignore[import-untyped]

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
    order = _leaves(linkage(distance, "single"), len(correlation))
    weights = np.empty(len(order))
    weights[order] = _bisected(covariance[np.ix_(order, order)])
    return weights


def _leaves(unions: Matrix, n: int) -> list[int]:
    """Return the leaves of the tree from left to right."""
    rows = [[leaf] for leaf in range(n)]
    for left, right in unions[:, :2].astype(int).tolist():
        rows.append(rows[left] + rows[right])
    return rows[-1]


def _bisected(covariance: Matrix) -> Vector:
    """Divide one between the securities of a row by halving it."""
    n = len(covariance)
    starts, middles, ends, path = _halves(n)
    inverse = 1.0 / np.diag(covariance)
    # The sum over any block is a difference of running sums.
    running = np.zeros((n + 1, n + 1))
    running[1:, 1:] = (covariance * np.outer(inverse, inverse)).cumsum(axis=0).cumsum(axis=1)
    total = np.concatenate([[0.0], inverse.cumsum()])
    left = _variance(running, total, starts, middles)
    right = _variance(running, total, middles, ends)
    share = right / (left + right)
    # Whoever is in no half of a level any more keeps what it has.
    factors = np.concatenate([share, 1.0 - share, [1.0]])
    return np.asarray(factors[path].prod(axis=0))


@lru_cache(maxsize=32)
def _halves(n: int) -> tuple[Places, Places, Places, Places]:
    """Return how a row of n is halved: where each part starts, is cut and ends, and who is in which half.

    Returns
    -------
    starts, middles, ends : array of shape (n - 1,)
        Of each part that is cut, level by level.
    path : array of shape (levels, n)
        Per level and place: the number of the cut if it is in the left half, that plus n - 1 if it is in the right
        half, 2 (n - 1) if it is in no part that is cut.
    """
    cuts: list[tuple[int, int, int]] = []
    path: list[Places] = []
    parts = [(0, n)]
    while parts:
        level = np.full(n, 2 * (n - 1))
        halves = []
        for start, end in parts:
            middle = start + (end - start) // 2
            level[start:middle] = len(cuts)
            level[middle:end] = len(cuts) + n - 1
            cuts.append((start, middle, end))
            halves += [(start, middle), (middle, end)]
        path.append(level)
        parts = [(start, end) for start, end in halves if end - start > 1]
    starts, middles, ends = np.array(cuts).T
    return starts, middles, ends, np.array(path)


def _variance(running: Matrix, total: Vector, starts: Places, ends: Places) -> Vector:
    """Return the variance of the inverse-variance portfolio of each block."""
    block: Vector = (
        running[ends, ends] - running[starts, ends] - running[ends, starts]
        + running[starts, starts]
    )  # fmt: skip
    return block / (total[ends] - total[starts]) ** 2
