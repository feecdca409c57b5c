"""A case as the arrays that the search works on; the one place where exact amounts become floats for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import numpy as np

from ballast.money import ZERO, multiply
from ballast.planning.account import Candidate
from ballast.planning.case import PlanningCase
from ballast.planning.opportunities import CATEGORIES, Opportunity
from ballast.planning.search.problem import (
    AGGRESSIVE,
    BALANCED,
    CONSERVATIVE,
    F64,
    NO_GROUP,
    Problem,
    Profile,
)  # fmt: skip

NEUTRAL = 0.5
PROFILES: dict[str, Profile] = {
    "balanced": BALANCED,
    "conservative": CONSERVATIVE,
    "aggressive": AGGRESSIVE,
}


def priced(case: PlanningCase) -> list[Candidate]:
    """Return the candidates with a price, by symbol: the securities of the problem."""
    known = [c for c in case.account.candidates if c.price is not None]
    return sorted(known, key=lambda candidate: candidate.symbol)


def problem_of(case: PlanningCase, opportunities: Sequence[Opportunity]) -> Problem:
    """Return the problem of choosing among opportunities.

    A score that nobody knows counts as the neutral 0.5, an unknown yield as none. What is sold short is a liability:
    its value is taken from the cash. Cash that open orders will take, and taxes that are owed, are the last of the
    holdings: part of the total, worth no score, and never to be spent. The worst price of a trade is part of its cost.
    The targets are those that the reserve leaves room for.

    Raises
    ------
    ProblemError
        If the account is worth nothing.
    """
    securities = priced(case)
    facts = [case.facts[candidate.symbol] for candidate in securities]
    place = {candidate.symbol: number for number, candidate in enumerate(securities)}
    drafting, account = case.drafting, case.account
    nothing = drafting.draft({})
    values = [drafting.value_base(c, c.quantity) for c in securities]
    owed = sum((value for value in values if value < ZERO), ZERO)
    worse = multiply(case.slippage, 1 + case.costs.percent)
    groups = sorted(case.group_targets)
    total = nothing.value
    wanted = [drafting.target(c, total) / total if total > ZERO else ZERO for c in securities]
    has_targets = any(candidate.target != ZERO for candidate in securities)
    return Problem(
        holdings=held(case, values),
        cash=float(nothing.cash + owed - account.owed),
        reserve_share=float(account.reserve_share),
        reserve_floor=float(account.reserve_floor),
        trade_security=np.array([place[o.symbol] for o in opportunities], dtype=np.int64),
        trade_value=_floats(o.value if o.quantity > ZERO else -o.value for o in opportunities),
        trade_cost=_floats(o.fee + multiply(o.value, worse) for o in opportunities),
        trade_tax=_floats(o.tax for o in opportunities),
        trade_priority=_floats(o.priority for o in opportunities),
        trade_category=np.array(
            [CATEGORIES.index(o.category) for o in opportunities], dtype=np.int64
        ),
        return_score=_known([*(f.return_score for f in facts), 0.0], NEUTRAL),
        promise_score=_known([*(f.promise_score for f in facts), 0.0], NEUTRAL),
        stability_score=_known([*(f.stability_score for f in facts), 0.0], NEUTRAL),
        dividend_yield=_known([*(f.dividend_yield for f in facts), 0.0], 0.0),
        quality=_known([*(f.quality for f in facts), 0.0], NEUTRAL),
        group=np.array(
            [*(groups.index(f.group) if f.group in groups else NO_GROUP for f in facts), NO_GROUP],
            dtype=np.int64,
        ),
        group_targets=_floats(case.group_targets[group] for group in groups),
        targets=np.append(
            _floats(wanted) if has_targets else np.full(len(securities), np.nan), np.nan
        ),
        covariance=covariance_of(case, [c.symbol for c in securities]),
        profile=PROFILES[case.planner.profile],
        cost_penalty=case.planner.cost_penalty,
    )


def held(case: PlanningCase, values: Iterable[Decimal]) -> F64:
    """Return the values of the securities as the holdings of a problem, with what is not to be spent as the last."""
    kept = case.account.committed + case.account.owed
    return _floats([*(max(value, ZERO) for value in values), max(kept, ZERO)])


def covariance_of(case: PlanningCase, symbols: Sequence[str]) -> F64 | None:
    """Return the annual covariance of some securities, with that of cash as the last; None if nothing is known.

    A security without a volatility gets the mean of the others, a pair without a correlation none.
    """
    if not case.volatilities or not any(symbol in case.volatilities for symbol in symbols):
        return None
    known = [case.volatilities.get(symbol, np.nan) for symbol in symbols]
    deviation = np.array(known, dtype=np.float64)
    deviation = np.where(np.isfinite(deviation), deviation, np.nanmean(deviation))
    correlation = np.eye(len(symbols))
    for row, one in enumerate(symbols):
        for column in range(row):
            found = (case.correlations or {}).get(f"{symbols[column]}|{one}")
            if found is not None:
                correlation[row, column] = correlation[column, row] = found
    known_ones = _positive(correlation) * np.outer(deviation, deviation)
    return np.pad(known_ones, (0, 1))


def _positive(correlation: F64) -> F64:
    """Return the nearest matrix without negative eigenvalues, ones on its diagonal: pairs were measured one by one."""
    values, vectors = np.linalg.eigh(correlation)
    if values.min() >= 0.0:
        return correlation
    clipped = (vectors * np.clip(values, 0.0, None)) @ vectors.T
    scale = np.sqrt(np.diag(clipped))
    return np.asarray(clipped / np.outer(scale, scale))


def _floats(amounts: Iterable[Decimal | float]) -> F64:
    return np.array([float(amount) for amount in amounts], dtype=np.float64)


def _known(figures: Sequence[float | None], otherwise: float) -> F64:
    return np.array([otherwise if f is None else f for f in figures], dtype=np.float64)
