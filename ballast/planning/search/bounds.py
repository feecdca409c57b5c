"""Upper bounds of what any set of trades can reach, in a form that takes a sum and a look into a table.

Let x be the state after a set: cash, total T, merit, dividend and the value in each group. All are sums over the
trades. For a reference score θ, the set's score exceeds θ by N(x) ÷ T, where N is the larger of

    N₁ = merit + p·(c·T - k·Σ|G - t·T|) + q·min(T, β·T + σ·Y) + (κ - θ)·T
    N₀ = merit                          + q·min(T, β·T + σ·Y) + (κ - θ)·T

(p, q: weights of diversification and dividend; c, k, β, σ, κ, t: `Rules`). For any numbers s between -1 and 1, α
between 0 and 1 and μ, ν not negative

    -|z| ≤ -s·z        min(u, v) ≤ α·u + (1 - α)·v        0 ≤ μ·(cash - share·T + ε) + ν·(cash - floor + ε),

the last for every feasible set with a purchase (ε is the rounding that is forgiven). Put in, N is bounded by a linear
function ℓ(x): its value before, plus a fixed gain per trade. A set with at most r further trades, none twice in a
security, reaches at most ℓ of the trades chosen plus the r largest positive gains of different securities among those
still allowed. So whatever the numbers s, α, μ, ν are, nothing better is ever left out; a linear program, whose dual
solution they are, only makes them good. Sets without a purchase need no reserve, so they have bounds of their own with
μ = ν = 0 and no gains from purchases.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ballast.planning.search.branching import Bounds
from ballast.planning.search.effects import Effects
from ballast.planning.search.kernel import BUYS, CASH, DIVIDEND, GROUPS, MERIT, TOTAL
from ballast.planning.search.problem import F64, I64

# With or without purchases, N₁ or N₀.
_FAMILIES = ((True, True), (True, False), (False, True), (False, False))


class _Multipliers(NamedTuple):
    """s per group, α, and μ and ν."""

    sides: F64
    filled: float
    reserve: F64


def bounds_of(
    effects: Effects, securities: I64, depth: int, reference: float
) -> tuple[Bounds, I64]:
    """Return bounds for all sets of at most `depth` trades, and the order in which to try the trades.

    Parameters
    ----------
    securities : array of m
        Security of each trade.
    reference : float
        θ: a score that is known to be reached.
    """
    sizes = sorted({depth, (3 * depth + 3) // 4, (depth + 1) // 2}, reverse=True)
    trades = effects.trades[:-1]
    start = np.zeros((len(_FAMILIES), len(sizes)))
    gain = np.zeros((len(_FAMILIES), len(sizes), len(trades)))
    for family, (buys, diversified) in enumerate(_FAMILIES):
        for number, size in enumerate(sizes):
            found = _multipliers(effects, securities, size, reference, buys, diversified)
            weights, constant = _linear(effects, found, reference, diversified)
            start[family, number] = (effects.start * weights).sum() + constant
            gain[family, number] = (trades * weights).sum(axis=1)
    visit = np.argsort(-gain[0, 0], kind="stable")
    gain = np.ascontiguousarray(gain[:, :, visit])
    suffix = np.zeros((len(_FAMILIES), len(sizes), len(trades) + 1, depth + 1))
    is_buy = trades[visit, BUYS] > 0.0
    for family, (buys, _) in enumerate(_FAMILIES):
        for number in range(len(sizes)):
            own = gain[family, number] if buys else np.where(is_buy, 0.0, gain[family, number])
            suffix[family, number] = _suffixes(own, securities[visit], depth)
    spent = np.sort(-trades[:, TOTAL])
    before = effects.start[TOTAL]
    bounds = Bounds(
        start=start,
        gain=gain,
        suffix=suffix,
        sales_only=np.array([not buys for buys, _ in _FAMILIES]),
        reference=reference,
        least_total=max(0.0, float(before - np.maximum(spent[::-1][:depth], 0.0).sum())),
        most_total=float(before - np.minimum(spent[:depth], 0.0).sum()),
    )
    return bounds, visit.astype(np.int64)


def _linear(
    effects: Effects, found: _Multipliers, reference: float, diversified: bool
) -> tuple[F64, float]:
    """Return ℓ as weights of the state's columns and a constant."""
    rules, weights = effects.rules, np.zeros(len(effects.start))
    weights[MERIT] = 1.0
    weights[CASH] = found.reserve.sum()
    weights[DIVIDEND] = rules.dividend_weight * (1.0 - found.filled) * rules.dividend_slope
    weights[TOTAL] = rules.constant - reference - found.reserve[0] * rules.reserve_share
    weights[TOTAL] += rules.dividend_weight * (
        found.filled + (1.0 - found.filled) * rules.dividend_base
    )
    if diversified:
        sides = rules.diversification_weight * rules.slope * found.sides
        weights[GROUPS:] = -sides
        weights[TOTAL] += rules.diversification_weight * rules.ceiling
        weights[TOTAL] += (sides * rules.group_targets).sum()
    # Twice the tolerance, as in the search, so that rounding never excludes what is feasible.
    constant = 2.0 * rules.tolerance * found.reserve.sum()
    return weights, float(constant - found.reserve[1] * rules.reserve_floor)


def _suffixes(gain: F64, securities: I64, depth: int) -> F64:
    """Return an array of (m + 1, depth + 1): the largest sum of so many gains from a place on, one per security."""
    most = np.zeros((len(gain) + 1, depth + 1))
    best = np.zeros(max(depth, int(securities.max(initial=0)) + 1))
    for place in range(len(gain) - 1, -1, -1):
        best[securities[place]] = max(best[securities[place]], gain[place])
        most[place, 1:] = np.cumsum(np.sort(best)[::-1][:depth])
    return most


def _multipliers(
    effects: Effects, securities: I64, size: int, reference: float, buys: bool, diversified: bool
) -> _Multipliers:
    """Solve the relaxation in which trades can be made in part; its prices are good multipliers."""
    from scipy.optimize import linprog  # type: ignore[import-untyped]

    rules, trades, start = effects.rules, effects.trades[:-1], effects.start
    groups = len(rules.group_targets) if diversified else 0
    count = len(trades)
    # Variables: the part of each trade, each |G - t·T|, and the dividend part.
    total_weight = rules.constant - reference
    if diversified:
        total_weight += rules.diversification_weight * rules.ceiling
    price = rules.diversification_weight * rules.slope
    worth = np.concatenate(
        [
            trades[:, MERIT] + total_weight * trades[:, TOTAL],
            np.full(groups, -price),
            [rules.dividend_weight],
        ]
    )
    gaps = trades[:, GROUPS:].T[:groups] - np.outer(rules.group_targets[:groups], trades[:, TOTAL])
    gap = start[GROUPS:][:groups] - rules.group_targets[:groups] * start[TOTAL]
    income = rules.dividend_base * trades[:, TOTAL] + rules.dividend_slope * trades[:, DIVIDEND]
    paid = trades[:, CASH] - rules.reserve_share * trades[:, TOTAL]
    none, some = np.zeros((1, groups)), -np.eye(groups)
    left, right = [(gaps, some, 0.0), (-gaps, some, 0.0)], [-gap, gap]
    left += [(-trades[:, TOTAL], none, 1.0), (-income, none, 1.0)]
    right += [
        start[[TOTAL]],
        [rules.dividend_base * start[TOTAL] + rules.dividend_slope * start[DIVIDEND]],
    ]
    if buys:
        left += [(-paid, none, 0.0), (-trades[:, CASH], none, 0.0)]
        right += [
            [start[CASH] - rules.reserve_share * start[TOTAL]],
            [start[CASH] - rules.reserve_floor],
        ]
    left.append((np.ones(count), none, 0.0))
    right.append([size])
    for security in np.unique(securities):
        left.append((1.0 * (securities == security), none, 0.0))
        right.append([1.0])
    matrix = np.vstack(
        [
            np.hstack([np.atleast_2d(part), gap_part, np.full((len(gap_part), 1), last)])
            for part, gap_part, last in left
        ]
    )
    most = np.ones(count) if buys else 1.0 - trades[:, BUYS]
    solved = linprog(
        -worth,
        A_ub=matrix,
        b_ub=np.concatenate(right),
        bounds=[(0.0, part) for part in most] + [(0.0, None)] * groups + [(None, None)],
        method="highs",
    )
    # Where the relaxation has no solution, any multipliers are valid.
    prices = -solved.ineqlin.marginals if solved.status == 0 else np.zeros(len(matrix))
    sides = prices[:groups] - prices[groups : 2 * groups]
    dividend = prices[2 * groups]
    return _Multipliers(
        sides=np.clip(sides / price, -1.0, 1.0) if price > 0.0 else np.zeros(groups),
        filled=float(np.clip(dividend / rules.dividend_weight, 0.0, 1.0))
        if rules.dividend_weight > 0.0
        else 0.0,
        reserve=np.maximum(prices[2 * groups + 2 : 2 * groups + 4], 0.0) if buys else np.zeros(2),
    )
