"""A plan as it is: the problem whose trades are exactly those of the plan, all of them carried out."""

from __future__ import annotations

import numpy as np

from ballast.money import ZERO
from ballast.planning.best_plan import BestPlan
from ballast.planning.opportunities import Opportunity
from ballast.planning.problem import problem_of
from ballast.planning.search.problem import I32, Problem


def carried_out(best: BestPlan) -> tuple[Problem, I32]:
    """Return the problem of a plan's trades, and the one sequence of all of them.

    Raises
    ------
    ProblemError
        If the account is worth nothing.
    """
    problem = problem_of(best.case, trades_of(best))
    sequence = np.full((1, max(problem.trades, 1)), -1, dtype=np.int32)
    sequence[0, : problem.trades] = np.arange(problem.trades)
    return problem, sequence


def trades_of(best: BestPlan) -> list[Opportunity]:
    """Return the trades of a plan as opportunities of their exact size, with the fees that the plan pays for them."""
    case, trades = best.case, (*best.plan.sales, *best.plan.purchases)
    rates, base = case.market.rates, case.account.base_currency
    return [
        Opportunity(
            symbol=trade.candidate.symbol,
            category="rebalance_buys" if trade.quantity > ZERO else "rebalance_sells",
            quantity=trade.quantity,
            value=rates.convert(trade.value, trade.candidate.currency, base),
            fee=rates.convert(trade.fee, trade.candidate.currency, base),
            tax=best.tax(trade),
            priority=0.0,
            tags=(),
            reason="",
        )
        for trade in trades
    ]
