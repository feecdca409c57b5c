"""What a search found."""

from __future__ import annotations

from dataclasses import dataclass

from ballast.planning.search.evaluation import Evaluation
from ballast.planning.search.problem import I32, Flags


@dataclass(frozen=True, eq=False)
class PerTrade:
    """For each candidate trade, the best feasible set of a kind.

    Parameters
    ----------
    exists : array of m
        Whether there is one.
    sequences : array of (m, depth)
        The set, padded with -1; all -1 is doing nothing, where `exists` says so.
    evaluation : Evaluation
        One row per trade; without meaning where none exists.
    """

    exists: Flags
    sequences: I32
    evaluation: Evaluation


@dataclass(frozen=True, eq=False)
class Found:
    """The best sequences, and how thoroughly was looked.

    Parameters
    ----------
    sequences : array of (k, depth)
        Best first; indices of the problem's trades in the order of execution (sales first), padded with -1. Doing
        nothing is a row of -1 and always among what is ranked.
    evaluation : Evaluation
        One row per sequence.
    sets : int
        How many sets of at most `depth` trades there are, without the empty one. An exhaustive search has looked at
        every one of them, or knows that it cannot be feasible.
    feasible : int
        How many of them are feasible; of a deeper search: how many it came by.
    depth : int
        Most trades in a set.
    proved : bool
        Whether no set of at most `depth` trades can be better than the first.
    gap : float
        How much better another set could be at most; 0 where it is proved.
    containing, without : PerTrade
        Per trade: the best set with it, and the best without it, both of at most `compared_depth` trades. The
        difference of scores says what it would cost to insist on the trade, or to do without it.
    compared_depth : int
        Most trades of the sets in `containing` and `without`.
    """

    sequences: I32
    evaluation: Evaluation
    sets: int
    feasible: int
    depth: int
    proved: bool
    gap: float
    containing: PerTrade
    without: PerTrade
    compared_depth: int

    @property
    def best(self) -> tuple[int, ...]:
        """The best sequence, without its padding."""
        return tuple(int(trade) for trade in self.sequences[0] if trade >= 0)
