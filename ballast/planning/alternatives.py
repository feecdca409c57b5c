"""What a plan leaves undone and why, and the other plans beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from ballast.planning.best_plan import BestPlan
from ballast.planning.carried_out import carried_out, trades_of
from ballast.planning.opportunities import Opportunity
from ballast.planning.search import Evaluation, Objective, by_objective, evaluate, pareto
from ballast.planning.search.enumeration import all_sets, count_sets
from ballast.planning.search.problem import I32
from ballast.planning.search.views import best_per_view
from ballast.planning.searching import Searched, orders_of

_RUNNERS_UP = 3
_MOST_ON_THE_FRONT = 12
# Beside the best sets found, all sets are compared in every objective while there are at most so many.
_MOST_COMPARED = 5_000
# Of named strategies the best is looked for among all sets of so many trades that no more are listed.
_MOST_LISTED = 100_000
_LEAST = (Objective.COST, Objective.TAX, Objective.TURNOVER, Objective.TRACKING_ERROR)


@dataclass(frozen=True)
class Outcome:
    """What became of an opportunity.

    Parameters
    ----------
    kind : str
        `planned`; `stopped` by a rule; `unaffordable`; `worse` than the plan without it; `crowded_out` of its category.
    score_change : float or None
        Score of the best plan with it, less that of the best plan; None where there is none or nobody looked.
    """

    kind: str
    reason: str
    score_change: float | None = None


@dataclass(frozen=True)
class OtherPlan:
    """A set of trades that is the best, or next best, in some view."""

    view: str
    rank: int
    trades: tuple[Opportunity, ...]
    evaluation: Evaluation


def outcome_of(best: BestPlan, opportunity: Opportunity) -> Outcome:
    """Return what became of one of a plan's opportunities, and why."""
    if best.chosen.get(opportunity.symbol) is opportunity:
        return Outcome("planned", "it is part of the plan")
    if opportunity.stopped_by is not None:
        return Outcome("stopped", opportunity.stopped_by)
    searched = best.searched
    if searched is None:
        return Outcome("worse", "the targets do not ask for it now, or it cannot be paid")
    if opportunity not in searched.trades:
        most = best.case.planner.opportunities_per_category
        return Outcome("crowded_out", f"its category has {most} that are more urgent")
    containing, place = searched.found.containing, searched.trades.index(opportunity)
    if not containing.exists[place]:
        return Outcome(
            "unaffordable", "no set of trades with it can be paid and leaves the reserve"
        )
    change = float(containing.evaluation.score[place] - searched.found.evaluation.score[0])
    improvement = float(containing.evaluation.improvement[place])
    if improvement < best.case.planner.minimum_improvement:
        reason = f"the best plan with it changes the score by only {100 * improvement:+.2f} points"
    else:
        reason = f"the best plan with it scores {-100 * change:.2f} points less"
    return Outcome("worse", reason, change)


def other_plans(best: BestPlan) -> list[OtherPlan]:
    """Return the plan itself, the runners-up, the best of each objective and strategy, and what no other plan beats.

    Nothing is returned where nothing was searched.
    """
    searched = best.searched
    if searched is None or not searched.trades:
        return []
    sequences = searched.found.sequences
    differs = [_orders_of(searched, row) != best.orders for row in sequences]
    runners_up = sequences[np.array(differs, dtype=np.bool_)][:_RUNNERS_UP]
    pool = _pool(searched)
    compared = evaluate(searched.problem, pool, engine="arrays")
    found = [recommended(best), *_plans(searched, "next_best", runners_up)]
    # The least of anything is to do nothing, so that only what is better than that is compared.
    improving = np.flatnonzero(compared.feasible & (compared.improvement > 0.0))
    for objective in _LEAST if len(improving) else ():
        if objective is Objective.TRACKING_ERROR and np.isnan(compared.tracking).any():
            continue
        least = by_objective(compared[improving], objective)[:1]
        found += _plans(searched, f"least_{objective}", pool[improving[least]])
    found += _patterns(searched, best.case.planner.depth)
    front = pareto(compared)[:_MOST_ON_THE_FRONT]
    return [*found, *_plans(searched, "pareto", pool[front])]


def _orders_of(searched: Searched, row: I32) -> dict[str, Decimal]:
    return orders_of([searched.trades[int(trade)] for trade in row if trade >= 0])


def recommended(best: BestPlan) -> OtherPlan:
    """Return the plan itself, with the exact trades that it has."""
    problem, sequence = carried_out(best)
    evaluation = evaluate(problem, sequence, engine="arrays")
    return OtherPlan("recommended", 1, tuple(trades_of(best)), evaluation)


def _patterns(searched: Searched, depth: int) -> Iterator[OtherPlan]:
    """Return the best set of each named strategy, of as many trades as can be listed."""
    securities = searched.problem.trade_security
    listed = [d for d in range(1, depth + 1) if count_sets(securities, d) <= _MOST_LISTED]
    views = best_per_view(searched.problem, depth=max(listed, default=1))
    for place, name in enumerate(views.names):
        yield from _plans(searched, f"strategy_{name}", views.sequences[place : place + 1])


def _pool(searched: Searched) -> I32:
    found, securities = searched.found, searched.problem.trade_security
    depth = 2 if count_sets(securities, 2) <= _MOST_COMPARED else 1
    parts = [found.sequences, all_sets(securities, depth)]
    parts += [each.sequences[each.exists] for each in (found.containing, found.without)]
    width = max(part.shape[1] for part in parts)
    padded = [
        np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=-1) for part in parts
    ]
    return np.unique(np.concatenate(padded), axis=0).astype(np.int32)


def _plans(searched: Searched, view: str, sequences: I32) -> Iterator[OtherPlan]:
    evaluation = evaluate(searched.problem, sequences, engine="arrays")
    for place, row in enumerate(sequences):
        trades = tuple(searched.trades[int(trade)] for trade in row if trade >= 0)
        yield OtherPlan(view, place + 1, trades, evaluation[place : place + 1])
