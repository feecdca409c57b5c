"""All sets of at most so many trades that trade no security twice: how many there are, and which."""

from __future__ import annotations

import numpy as np

from ballast.planning.search.problem import I32, I64, ProblemError

# More rows than this are a matter for the search, which needs no list of them.
MOST_ROWS = 5_000_000


def count_sets(trade_security: I64, depth: int) -> int:
    """Return how many sets of 1 to `depth` trades there are with at most one trade per security."""
    ways = [1] + [0] * depth
    for trades in np.unique(trade_security, return_counts=True)[1].tolist():
        for size in range(depth, 0, -1):
            ways[size] += trades * ways[size - 1]
    return sum(ways[1:])


def all_sets(trade_security: I64, depth: int) -> I32:
    """Return all sets of at most `depth` trades, the empty one first; smaller ones first, then by index.

    Parameters
    ----------
    trade_security : array of m
        Security of each trade.

    Returns
    -------
    array of (sets, depth)
        Indices in rising order, padded with -1.

    Raises
    ------
    ProblemError
        If there are more than five million.
    """
    count = count_sets(trade_security, depth) + 1
    if count > MOST_ROWS:
        raise ProblemError(
            f"There are {count:,} sets, too many to list.",
            where=f"{len(trade_security)} trades, depth {depth}",
            remedy="Search instead of listing, or list fewer trades.",
        )
    sets = np.full((count, depth), -1, dtype=np.int32)
    first, last, filled = 0, 1, 1
    for size in range(depth):
        smaller = sets[first:last]
        # Each set is followed by itself with one more trade behind its last.
        start = smaller[:, size - 1].astype(np.int64) + 1 if size else np.zeros(1, dtype=np.int64)
        room = len(trade_security) - start
        parent = np.repeat(np.arange(first, last), room)
        added = np.arange(len(parent)) - np.repeat(np.cumsum(room) - room - start, room)
        is_new = np.ones(len(parent), dtype=np.bool_)
        for place in range(size):
            is_new &= trade_security[sets[parent, place]] != trade_security[added]
        parent, added = parent[is_new], added[is_new]
        first, last = filled, filled + len(parent)
        sets[first:last] = sets[parent]
        sets[first:last, size] = added
        filled = last
    return sets
