"""The best sets of more trades than can all be looked at: by branch and bound, with a proof or the gap that remains."""

from __future__ import annotations

import math

import numpy as np

from ballast.planning.search import branching, vectorised
from ballast.planning.search.bounds import bounds_of
from ballast.planning.search.effects import Effects, effects_of
from ballast.planning.search.enumeration import count_sets
from ballast.planning.search.evaluation import Engine, chosen_engine, evaluate
from ballast.planning.search.found import Found
from ballast.planning.search.kernel import BUYS, CASH, DIVIDEND, GROUPS, MERIT, TOTAL
from ballast.planning.search.problem import I32, I64, Problem, ProblemError, execution_order
from ballast.planning.search.ranking import best_first
from ballast.planning.search.walk import RESOLUTION

# Up to here the loop as it is needs less time than loading the compiler.
_FEW = 5_000


def search_deeper(
    problem: Problem,
    *,
    depth: int,
    start: Found,
    limit: int = 5_000_000,
    engine: Engine | None = None,
) -> Found:
    """Find the best sets of at most `depth` trades, given those of fewer.

    The search goes depth first through the sets and leaves out what an upper bound excludes. The bound (proved in
    `ballast.planning.search.bounds`) never excludes a set that belongs to the best: for any multipliers the score's
    excess over a reference is at most a linear function of the trades, so a set at hand and all that it can grow into
    reach at most its own value plus the largest gains that are still allowed. A margin of 5e-12 covers the rounding.

    Parameters
    ----------
    depth : int
        Most trades in a set, at least that of `start`.
    start : Found
        What `search` found for the same problem; as many sets are returned as it has.
    limit : int
        Most sets to visit. Beyond it the search ends, and `gap` says how much better another set could be. Where it is
        less than 1e-12 the best score is proved all the same, and only a tie may have been decided too early.
    engine : {"arrays", "compiled"}, optional
        Both give the same bits; "arrays" stands for the loop without a compiler. By default the compiled loop if it is
        loaded, or if many sets remain.

    Returns
    -------
    Found
        `containing` and `without` are those of `start`. `feasible` counts the feasible sets that it had to add up.

    Raises
    ------
    ProblemError
        If `depth` is less than that of `start`, or `start` belongs to another problem.
    """
    if depth < start.depth or len(start.containing.sequences) != problem.trades:
        raise ProblemError(
            f"The search to start from has depth {start.depth} and {len(start.containing.sequences)} trades.",
            where=f"search_deeper: depth {depth}, {problem.trades} trades",
            remedy="Start from a search of the same problem, and go at least as deep.",
        )
    order = execution_order(problem)
    order = order[problem.fits[order]]
    ordered = problem.with_trades(order)
    effects, securities = effects_of(ordered), ordered.trade_security
    known = _renumbered(start.sequences, order, problem.trades, depth)
    run = _Branching(effects, securities, known, depth)
    few = engine is None and chosen_engine(None, 0) == "arrays" and limit > _FEW
    if few or engine == "arrays":
        outcome, sets = run.plain(min(limit, _FEW) if few else limit)
    if (few and outcome.open_bound > -math.inf) or not (few or engine == "arrays"):
        outcome, sets = run.compiled(limit)
    names = np.append(order, -1).astype(np.int32)
    best = names.take(sets, mode="wrap")
    evaluation = evaluate(problem, best, engine="arrays")
    gap = run.gap(outcome.open_bound, float(evaluation.score[0]))
    return Found(
        sequences=best,
        evaluation=evaluation,
        sets=count_sets(problem.trade_security, depth),
        feasible=outcome.feasible,
        depth=depth,
        proved=gap == 0.0,
        gap=gap,
        containing=start.containing,
        without=start.without,
        compared_depth=start.compared_depth,
    )


class _Branching:
    """A problem made ready for `branching`; every run starts anew."""

    def __init__(self, effects: Effects, securities: I64, known: I32, depth: int) -> None:
        self.effects, self.securities, self.known, self.depth = effects, securities, known, depth
        # The same bits as anywhere: the effects are added in the order of execution.
        _, figures = vectorised.evaluate(effects, securities, known)
        self.ranks = best_first(figures.score, figures.total, known)
        self.score, self.total = figures.score, figures.total
        reference = float(figures.score[self.ranks[0]])
        self.bounds, visit = bounds_of(effects, securities, depth, reference)
        columns = np.ascontiguousarray(effects.trades[:-1].T)
        self.moves = branching.Moves(
            cash=columns[CASH],
            total=columns[TOTAL],
            merit=columns[MERIT],
            dividend=columns[DIVIDEND],
            groups=np.ascontiguousarray(columns[GROUPS:]),
            security=securities,
            is_buy=columns[BUYS] > 0.0,
            visit=visit,
        )

    def plain(self, limit: int) -> tuple[branching.Outcome, I32]:
        """Run the loop as it is."""
        leaders = self._leaders()
        outcome = branching.branch(
            self.moves, self.bounds, self.effects.rules, self._path(), leaders, limit
        )
        return outcome, leaders.sets[:-1]

    def compiled(self, limit: int) -> tuple[branching.Outcome, I32]:
        """Run the compiled loop."""
        from ballast.planning.search.compiled import branch

        leaders = self._leaders()
        outcome = branching.Outcome(
            *branch(self.moves, self.bounds, self.effects.rules, self._path(), leaders, limit)
        )
        return outcome, leaders.sets[:-1]

    def gap(self, open_bound: float, best: float) -> float:
        """Return how much better than the best a set could be that the limit left open."""
        if open_bound == -math.inf:
            return 0.0
        total = self.bounds.least_total if open_bound > 0.0 else self.bounds.most_total
        most = open_bound / total if total > 0.0 else math.inf
        gap = self.bounds.reference + most - best
        # Less than a unit of the ranking is a tie.
        return gap if gap >= RESOLUTION else 0.0

    def _leaders(self) -> branching.Leaders:
        """Return the sets known before, best first, and room for one more."""
        rows = np.append(self.ranks, 0)
        return branching.Leaders(
            score=self.score[rows],
            size=(self.known[rows] >= 0).sum(axis=1),
            total=self.total[rows],
            sets=self.known[rows],
        )

    def _path(self) -> branching.Path:
        """Return the state before on level 0, and room for a level per trade and one to add up a set anew."""
        levels, effects = self.depth + 2, self.effects
        room = {name: np.zeros(levels) for name in ("cash", "total", "merit", "dividend")}
        for name, column in zip(room, (CASH, TOTAL, MERIT, DIVIDEND), strict=True):
            room[name][0] = effects.start[column]
        groups = np.zeros((levels, len(effects.rules.group_targets)))
        groups[0] = effects.start[GROUPS:]
        bound = np.zeros((levels, *self.bounds.start.shape))
        bound[0] = self.bounds.start
        return branching.Path(
            **room,
            groups=groups,
            bound=bound,
            buys=np.zeros(levels, dtype=np.int64),
            next=np.zeros(levels, dtype=np.int64),
            chosen=np.zeros(levels, dtype=np.int64),
            is_used=np.zeros(int(self.securities.max(initial=0)) + 1, dtype=np.bool_),
        )


def _renumbered(sequences: I32, order: I64, trades: int, depth: int) -> I32:
    """Return sets in the numbers of the order of execution, rising, padded to the depth."""
    place = np.full(trades + 1, -1, dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    padded = np.full((len(sequences), depth), -1, dtype=np.int32)
    padded[:, : sequences.shape[1]] = place.take(sequences, mode="wrap")
    return padded
