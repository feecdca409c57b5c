"""Thirteen well-known patterns of plans as named views of one enumeration.

A pattern such as "sell what is overweight, then buy what is underweight" is the condition that its sets meet, and the
best of a view is the best of all sets that meet it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ballast.planning.search.enumeration import all_sets
from ballast.planning.search.evaluation import Engine, Evaluation, evaluate
from ballast.planning.search.problem import I32, Flags, Problem, execution_order
from ballast.planning.search.ranking import best_first


class Category(IntEnum):
    """Codes of `Problem.trade_category`; others belong to no category."""

    PROFIT_TAKING = 0
    AVERAGING_DOWN = 1
    REBALANCE_SELLS = 2
    REBALANCE_BUYS = 3
    OPPORTUNITY_BUYS = 4


_PT, _AD, _RS, _RB, _OB = Category
# A group counts as below its target from this gap on, and costs as low up to this share of what is traded.
_GAP = 0.02
_LOW_COST = 0.01


@dataclass(frozen=True, eq=False)
class Counts:
    """How many trades of which kind each set has: arrays of s.

    Parameters
    ----------
    of : mapping of Category to array
    size, sells, buys : array
    buys_below_target : array
        Purchases in a group that is at least 2 percentage points below its target now.
    cheap : array of bool
        Costs are at most 1 % of what is traded.
    raises_cash : array of bool
        Leaves at least as much cash as there is.
    depth : int
    """

    of: Mapping[Category, np.ndarray]
    size: np.ndarray
    sells: np.ndarray
    buys: np.ndarray
    buys_below_target: np.ndarray
    cheap: Flags
    raises_cash: Flags
    depth: int

    def only(self, *categories: Category) -> Flags:
        """Say of which sets all trades are of some categories."""
        return np.asarray(sum(self.of[category] for category in categories) == self.size)

    @property
    def half(self) -> int:
        """The most sales of a pattern that keeps places for purchases."""
        return max(1, self.depth // 2)


def _sells_then_buys(
    counts: Counts, sells: tuple[Category, ...], buys: tuple[Category, ...]
) -> Flags:
    return counts.only(*sells, *buys) & (sum(counts.of[category] for category in sells) > 0)


VIEWS: Mapping[str, Callable[[Counts], Flags]] = {
    "direct_buy": lambda c: c.only(_AD, _RB, _OB) & (c.buys > 0),
    "profit_taking": lambda c: _sells_then_buys(c, (_PT,), (_AD, _RB)),
    "rebalance": lambda c: _sells_then_buys(c, (_RS,), (_RB,)),
    "averaging_down": lambda c: c.only(_PT, _AD) & (c.of[_AD] > 0) & (c.of[_PT] <= 1),
    "single_best": lambda c: c.size == 1,
    "multi_sell": lambda c: _sells_then_buys(c, (_PT, _RS), (_AD, _RB, _OB)),
    "mixed_strategy": lambda c: (
        c.only(_PT, _RS, _AD, _RB, _OB) & (c.sells > 0) & (c.sells <= c.half) & (c.buys > 0)
    ),
    "opportunity_first": lambda c: c.only(_OB, _AD, _RB) & (c.of[_OB] > 0),
    "deep_rebalance": lambda c: (
        c.only(_RS, _RB) & (c.of[_RS] > 0) & (c.of[_RS] <= c.half) & (c.of[_RB] > 0)
    ),
    "cash_generation": lambda c: (
        _sells_then_buys(c, (_PT, _RS), (_AD, _RB, _OB)) & c.raises_cash
    ),
    "cost_optimized": lambda c: (c.size > 0) & c.cheap,
    "adaptive": lambda c: c.only(_RB, _OB) & (c.buys > 0) & (c.buys_below_target == c.buys),
    "market_regime_bull": lambda c: (
        c.only(_PT, _OB, _RB) & (c.size > 0) & (c.of[_PT] <= 2)
    ),
    "market_regime_bear": lambda c: (
        c.only(_PT, _RS, _AD) & (c.size > 0) & (c.sells <= c.half)
    ),
    "market_regime_sideways": lambda c: (
        c.only(_RS, _RB, _OB) & (c.size > 0) & (c.of[_RS] <= 2)
    ),
}  # fmt: skip
"""Per name, the condition that a set belongs to the view. The thirteenth pattern has a view per regime."""


@dataclass(frozen=True, eq=False)
class Views:
    """The best feasible set of each view.

    Parameters
    ----------
    names : tuple of str
        Views that hold a feasible set.
    sequences : array of (views, depth)
        Trades in the order of execution, padded with -1.
    evaluation : Evaluation
        One row per view.
    feasible : tuple of int
        How many feasible sets each view holds.
    """

    names: tuple[str, ...]
    sequences: I32
    evaluation: Evaluation
    feasible: tuple[int, ...]


def count_trades(problem: Problem, sequences: I32, evaluation: Evaluation, depth: int) -> Counts:
    """Return what the views look at."""
    padded = np.append(problem.trade_category, -1).take(sequences, mode="wrap")
    is_buy = np.append(problem.is_buy, False).take(sequences, mode="wrap")
    size, buys = (sequences >= 0).sum(axis=1), is_buy.sum(axis=1)
    traded = 2.0 * evaluation.turnover * problem.total
    return Counts(
        of={category: (padded == category).sum(axis=1) for category in Category},
        size=size,
        sells=size - buys,
        buys=buys,
        buys_below_target=(is_buy & _is_below_target(problem).take(sequences, mode="wrap")).sum(
            axis=1
        ),
        cheap=evaluation.cost <= _LOW_COST * traded,
        raises_cash=evaluation.cash >= problem.cash,
        depth=depth,
    )


def best_per_view(problem: Problem, *, depth: int = 5, engine: Engine | None = None) -> Views:
    """Enumerate all sets of at most `depth` trades and return the best of each view.

    Raises
    ------
    ProblemError
        If there are more than five million sets; 25 candidates to depth 5 make 68,405.
    """
    order = execution_order(problem)
    ordered = problem.with_trades(order)
    sets = all_sets(ordered.trade_security, depth)
    evaluation = evaluate(ordered, sets, engine=engine)
    rows = np.flatnonzero(evaluation.feasible)
    rows = rows[best_first(evaluation.score[rows], evaluation.total[rows], sets[rows])]
    ranked = sets[rows]
    counts = count_trades(ordered, ranked, evaluation[rows], depth)
    found: dict[str, tuple[int, int]] = {}
    for name, belongs in VIEWS.items():
        own = np.flatnonzero(belongs(counts))
        if len(own):
            found[name] = (int(own[0]), len(own))
    names = np.append(order, -1).astype(np.int32)
    best = names.take(ranked[[row for row, _ in found.values()]].reshape(-1, depth), mode="wrap")
    return Views(
        names=tuple(found),
        sequences=best,
        evaluation=evaluate(problem, best, engine="arrays"),
        feasible=tuple(count for _, count in found.values()),
    )


def _is_below_target(problem: Problem) -> Flags:
    """Say per trade whether its group lies below its target; the padding does not."""
    by_group = np.bincount(
        problem.group + 1, weights=problem.holdings, minlength=problem.groups + 1
    )
    is_below = problem.group_targets - by_group[1:] / problem.total > _GAP
    of_trade = np.append(is_below, False)[problem.group[problem.trade_security]]
    return np.append(of_trade, False)
