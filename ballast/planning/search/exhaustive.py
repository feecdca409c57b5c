"""The best sets of trades, found by looking at all of them."""

from __future__ import annotations

import numpy as np

from ballast.planning.search import vectorised
from ballast.planning.search.effects import Effects, effects_of
from ballast.planning.search.enumeration import all_sets, count_sets
from ballast.planning.search.evaluation import Engine, chosen_engine, evaluate
from ballast.planning.search.found import Found, PerTrade
from ballast.planning.search.problem import I64, Problem, ProblemError, execution_order
from ballast.planning.search.ranking import Ranked, best_first


def search(
    problem: Problem,
    *,
    depth: int = 5,
    keep: int = 10,
    threads: int = 1,
    engine: Engine | None = None,
    most_sets: int = 300_000_000,
) -> Found:
    """Find the best sets of at most `depth` trades by enumerating all feasible ones.

    The result depends neither on the order of the candidates nor on the number of threads: sets are built in the order
    of execution, and `ranking` leaves no two of them equal.

    Parameters
    ----------
    depth : int
        Most trades in a set, 1 to 8.
    keep : int
        How many of the best sets are returned, doing nothing included.
    threads : int
        How many threads share the work of the compiled search.
    engine : {"arrays", "compiled"}, optional
        Both give the same bits. By default the compiled loop if it is loaded or worth loading.
    most_sets : int
        Where there would be more, the depth is lowered until there are not; the result says which it is. The default
        takes some seconds; `search_deeper` goes on from there.

    Raises
    ------
    ProblemError
        If `depth` or `keep` is out of range, or the sets do not fit the memory of the engine asked for.
    """
    if not 1 <= depth <= 8 or keep < 1:
        raise ProblemError(
            f"depth is {depth} and keep is {keep}.",
            where="search",
            remedy="Give a depth of 1 to 8, and keep at least 1; search_deeper goes further.",
        )
    order = execution_order(problem)
    order = order[problem.fits[order]]
    ordered = problem.with_trades(order)
    while depth > 1 and count_sets(problem.trade_security, depth) > most_sets:
        depth -= 1
    sets = count_sets(problem.trade_security, depth)
    if chosen_engine(engine, sets) == "compiled":
        from ballast.planning.search.compiled import enumerate_sets

        ranked = enumerate_sets(effects_of(ordered), ordered.trade_security, depth, keep, threads)
    else:
        ranked = rank_sets(effects_of(ordered), ordered.trade_security, depth, keep)
    return _named(problem, order, ranked, sets, depth)


def rank_sets(effects: Effects, securities: I64, depth: int, keep: int) -> Ranked:
    """List all sets, evaluate them with NumPy and rank them."""
    sets = all_sets(securities, depth)
    feasible, figures = vectorised.evaluate(effects, securities, sets)
    rows = np.flatnonzero(feasible)
    order = best_first(figures.score[rows], figures.total[rows], sets[rows])
    ranked = sets[rows[order]]
    trades = len(securities)
    # Written from the worst to the best, so that the best remains; the last place is that of the padding.
    first = np.full(trades + 1, -1)
    for column in ranked[::-1].T:
        latest = np.full(trades + 1, -1)
        latest[column] = np.arange(len(ranked))[::-1]
        is_better = (latest >= 0) & ((first < 0) | (latest < first))
        first[is_better] = latest[is_better]
    without = np.zeros(trades, dtype=np.int64)
    for trade in ranked[0][ranked[0] >= 0]:
        without[trade] = np.flatnonzero((ranked != trade).all(axis=1))[0]
    return Ranked(
        best=ranked[:keep],
        containing=ranked[first[:-1]],
        contained=first[:-1] >= 0,
        without=ranked[without],
        # Doing nothing is always feasible, and not counted.
        feasible=len(ranked) - 1,
    )


def _named(problem: Problem, order: I64, ranked: Ranked, sets: int, depth: int) -> Found:
    """Return the result with the caller's numbers of the trades."""
    names = np.append(order, -1).astype(np.int32)
    best, containing, without = (
        names.take(rows, mode="wrap") for rows in (ranked.best, ranked.containing, ranked.without)
    )
    # A sale that does not fit is in no set: none contains it, and the best of all is without it.
    with_it = np.full((problem.trades, depth), -1, dtype=np.int32)
    with_it[order] = np.where(ranked.contained[:, None], containing, -1)
    exists = np.zeros(problem.trades, dtype=np.bool_)
    exists[order] = ranked.contained
    without_it = np.repeat(best[:1], problem.trades, axis=0)
    without_it[order] = without
    return Found(
        sequences=best,
        evaluation=evaluate(problem, best, engine="arrays"),
        sets=sets,
        feasible=ranked.feasible,
        depth=depth,
        proved=True,
        gap=0.0,
        containing=PerTrade(exists, with_it, evaluate(problem, with_it, engine="arrays")),
        without=PerTrade(
            np.ones(problem.trades, dtype=np.bool_), without_it,
            evaluate(problem, without_it, engine="arrays"),
        ),
        compared_depth=depth,
    )  # fmt: skip
