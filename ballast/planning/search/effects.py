"""A sequence as a sum: the state of the account before, plus the effect of each of its trades.

Everything that the end-state score needs is a sum over holdings, so each trade has a fixed effect on each sum. All ways
of evaluating (arrays, compiled, step by step in a search) add the same numbers in the same order, and so agree bit for
bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ballast.planning.search.kernel import (
    BUYS,
    CASH,
    COST,
    DIVIDEND,
    GROUPS,
    MERIT,
    MISFITS,
    TAX,
    TOTAL,
    Rules,
)
from ballast.planning.search.problem import F64, TOLERANCE, Problem

# Parts of the portfolio score (docs/search.md); the gap to the targets at which diversification is worth nothing, and
# the gap assumed where there are no targets; the dividend part at no yield, and the yield (per unit) that fills it.
DIVERSIFICATION_SHARE, DIVIDEND_SHARE, QUALITY_SHARE = 0.40, 0.30, 0.30
WORST_GAP, UNKNOWN_GAP = 0.3, 0.2
DIVIDEND_BASE, DIVIDEND_SLOPE = 0.3, 10.0
NEUTRAL_OPINION = 0.5


@dataclass(frozen=True, eq=False)
class Effects:
    """The sums before, the effect of each trade on them, and how a score is made of them.

    Parameters
    ----------
    start : array of columns
        State when nothing is done.
    trades : array of (m + 1, columns)
        Effect of each trade; the last row is 0, so that the padding -1 has no effect.
    rules : Rules
    """

    start: F64
    trades: F64
    rules: Rules


def features_of(problem: Problem) -> F64:
    """Return what a unit of value of each security adds to each column: an array of (n, columns)."""
    profile = problem.profile
    merit = (
        profile.expected_return * problem.return_score
        + profile.promise * problem.promise_score
        + profile.stability * problem.stability_score
        + profile.diversification * QUALITY_SHARE * problem.quality
    )
    features = np.zeros((problem.securities, GROUPS + problem.groups))
    features[:, DIVIDEND] = problem.dividend_yield
    features[:, MERIT] = merit
    grouped = np.flatnonzero(problem.group >= 0)
    features[grouped, GROUPS + problem.group[grouped]] = 1.0
    return features


def effects_of(problem: Problem) -> Effects:
    """Return the sums of a problem and the effect of each of its trades on them."""
    profile, groups, features = problem.profile, problem.groups, features_of(problem)
    start = (problem.holdings[:, None] * features).sum(axis=0)
    start[CASH], start[TOTAL] = problem.cash, problem.total
    spent = problem.trade_cost + problem.trade_tax
    trades = np.zeros((problem.trades + 1, GROUPS + groups))
    trades[:-1] = problem.trade_value[:, None] * features[problem.trade_security]
    trades[:-1, CASH] = -problem.trade_value - spent
    trades[:-1, TOTAL] = -spent
    trades[:-1, COST] = problem.trade_cost
    trades[:-1, TAX] = problem.trade_tax
    trades[:-1, MERIT] -= problem.cost_penalty * spent
    trades[:-1, BUYS] = problem.is_buy
    trades[:-1, MISFITS] = ~problem.fits
    rules = Rules(
        group_targets=np.ascontiguousarray(problem.group_targets, dtype=np.float64),
        ceiling=1.0 if groups else 1.0 - UNKNOWN_GAP / WORST_GAP,
        slope=1.0 / (WORST_GAP * groups) if groups else 0.0,
        dividend_base=DIVIDEND_BASE,
        dividend_slope=DIVIDEND_SLOPE,
        diversification_weight=profile.diversification * DIVERSIFICATION_SHARE,
        dividend_weight=profile.diversification * DIVIDEND_SHARE,
        constant=profile.opinion * NEUTRAL_OPINION,
        reserve_share=float(problem.reserve_share),
        reserve_floor=float(problem.reserve_floor),
        tolerance=TOLERANCE * problem.total,
    )
    return Effects(start, trades, rules)
