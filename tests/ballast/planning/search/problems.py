"""Random problems of a given size, and the score of a sequence worked out the long way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ballast.planning.search.problem import BALANCED, Problem, Profile


def random_problem(
    seed: int,
    *,
    securities: int = 12,
    held: int = 7,
    trades: int = 14,
    groups: int = 3,
    one_trade_each: bool = False,
    cash_share: float = 0.05,
    profile: Profile = BALANCED,
    with_covariance: bool = False,
) -> Problem:
    """Return a problem in which some sequences are feasible and some are not."""
    draw = np.random.default_rng(seed)
    holdings = np.zeros(securities)
    holdings[draw.permutation(securities)[:held]] = draw.uniform(500.0, 5_000.0, held)
    if one_trade_each:
        security = np.sort(draw.permutation(securities)[:trades])
    else:
        security = draw.integers(0, securities, trades)
    sells = (holdings[security] > 0) & (draw.random(trades) < 0.5)
    share = draw.choice([0.25, 0.5, 1.0], trades)
    value = np.where(
        sells, -share * holdings[security], np.round(draw.uniform(200.0, 1_500.0, trades))
    )
    factor = draw.normal(size=(securities, securities)) * 0.01
    targets = draw.dirichlet(np.ones(securities))
    targets[draw.random(securities) < 0.2] = np.nan
    return Problem(
        holdings=holdings,
        cash=float(cash_share * holdings.sum()),
        reserve_share=0.02,
        reserve_floor=150.0,
        trade_security=security.astype(np.int64),
        trade_value=value,
        trade_cost=2.0 + 0.002 * np.abs(value),
        trade_tax=np.where(sells, draw.uniform(-0.02, 0.08, trades) * -value, 0.0),
        trade_priority=draw.uniform(0.0, 2.0, trades),
        trade_category=np.where(
            sells, draw.choice([0, 2], trades), draw.choice([1, 3, 4], trades)
        ).astype(np.int64),
        return_score=draw.random(securities),
        promise_score=draw.random(securities),
        stability_score=draw.random(securities),
        dividend_yield=draw.uniform(0.0, 0.06, securities),
        quality=draw.random(securities),
        group=draw.integers(-1, groups, securities) if groups else np.full(securities, -1),
        group_targets=draw.dirichlet(np.ones(groups)) if groups else np.zeros(0),
        targets=targets,
        covariance=factor @ factor.T if with_covariance else None,
        profile=profile,
        cost_penalty=0.1,
    )


def random_sequences(problem: Problem, seed: int, *, count: int, depth: int = 5) -> np.ndarray:
    """Return sequences of up to `depth` trades, some of which name a security twice."""
    draw = np.random.default_rng(seed)
    ranks = np.argsort(draw.random((count, problem.trades)), axis=1)[:, :depth]
    sequences = np.sort(ranks, axis=1)
    length = draw.integers(0, depth + 1, count)
    sequences[np.arange(depth)[None, :] >= length[:, None]] = -1
    return sequences.astype(np.int32)


@dataclass(frozen=True)
class Outcome:
    feasible: bool
    score: float
    cash: float
    total: float
    cost: float
    tax: float
    turnover: float
    tracking: float


def outcome(problem: Problem, trades: Sequence[int]) -> Outcome:
    """Carry out one sequence trade by trade, then score what is held by the formulas of the specification."""
    held = {security: float(value) for security, value in enumerate(problem.holdings)}
    cash, cost, tax, traded, is_feasible = problem.cash, 0.0, 0.0, 0.0, True
    touched: set[int] = set()
    for trade in trades:
        security, value = int(problem.trade_security[trade]), float(problem.trade_value[trade])
        is_feasible &= security not in touched
        touched.add(security)
        is_feasible &= value > 0 or -value <= problem.holdings[security] * (1 + 1e-12)
        held[security] += value
        cash -= value + problem.trade_cost[trade] + problem.trade_tax[trade]
        cost += problem.trade_cost[trade]
        tax += problem.trade_tax[trade]
        traded += abs(value)
    total = sum(held.values()) + cash
    is_feasible &= total > 0
    if any(problem.trade_value[trade] > 0 for trade in trades):
        reserve = max(problem.reserve_share * total, problem.reserve_floor)
        is_feasible &= cash >= reserve - 1e-12 * problem.total
    weight = {security: value / total for security, value in held.items()}
    score = end_state_score(problem, weight) - problem.cost_penalty * (cost + tax) / total
    return Outcome(
        feasible=bool(is_feasible), score=score, cash=cash, total=total, cost=cost, tax=tax,
        turnover=0.5 * traded / problem.total, tracking=_tracking(problem, weight),
    )  # fmt: skip


def end_state_score(problem: Problem, weight: dict[int, float]) -> float:
    """Return the end-state score with the portfolio score in it, neither rounded."""
    by_group = dict.fromkeys(range(problem.groups), 0.0)
    for security, share in weight.items():
        if problem.group[security] >= 0:
            by_group[int(problem.group[security])] += share
    gap = 0.2
    if by_group:
        gap = sum(abs(by_group[g] - problem.group_targets[g]) for g in by_group) / len(by_group)
    diversification = max(0.0, 100 * (1 - gap / 0.3))
    income = sum(share * problem.dividend_yield[s] for s, share in weight.items())
    dividend = min(100.0, 30 + 1000 * income)
    quality = 100 * sum(share * problem.quality[s] for s, share in weight.items())
    portfolio = 0.4 * diversification + 0.3 * dividend + 0.3 * quality
    profile = problem.profile
    return (
        profile.expected_return * sum(w * problem.return_score[s] for s, w in weight.items())
        + profile.diversification * portfolio / 100
        + profile.promise * sum(w * problem.promise_score[s] for s, w in weight.items())
        + profile.stability * sum(w * problem.stability_score[s] for s, w in weight.items())
        + profile.opinion * 0.5
    )


def _tracking(problem: Problem, weight: dict[int, float]) -> float:
    wanted = [s for s in weight if not np.isnan(problem.targets[s])]
    gaps = np.array([weight[s] - problem.targets[s] for s in wanted])
    if problem.covariance is None:
        return float(0.5 * np.abs(gaps).sum())
    return float(np.sqrt(gaps @ problem.covariance[np.ix_(wanted, wanted)] @ gaps))
