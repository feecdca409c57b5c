"""Which of two sequences is better, the same for every way of searching.

The higher score in units of 1e-12; then fewer trades; then what costs and taxes leave more of; then the lower indices.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ballast.planning.search.problem import F64, I32, I64, Flags
from ballast.planning.search.walk import RESOLUTION


class Ranked(NamedTuple):
    """What every way of searching returns.

    Parameters
    ----------
    best : array of (k, depth)
        The best sets, best first.
    containing : array of (m, depth)
        Per trade the best set with it, where `contained` says that there is one.
    contained : array of m
    without : array of (m, depth)
        Per trade the best set without it.
    feasible : int
        Number of feasible sets, the empty one not counted.
    """

    best: I32
    containing: I32
    contained: Flags
    without: I32
    feasible: int


def steps(score: F64) -> F64:
    """Return scores as whole numbers of the resolution."""
    return np.asarray(np.floor(score / RESOLUTION + 0.5))


def best_first(score: F64, total: F64, sequences: I32) -> I64:
    """Return the order of sequences from the best to the worst.

    Parameters
    ----------
    score : array of s
    total : array of s
        Value of everything after the sequence.
    sequences : array of (s, k)
        Indices in rising order, padded with -1 at the end.
    """
    size = (sequences >= 0).sum(axis=1)
    places = tuple(sequences.T[::-1])
    return np.lexsort((*places, -total, size, -steps(score))).astype(np.int64)
