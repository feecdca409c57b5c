"""Invented securities and accounts for the optimiser."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

from ballast.planning.targets.limits import GroupLimits, Limits, Matrix, Vector
from ballast.planning.targets.mean_variance import Securities
from ballast.planning.targets.proposal import TargetCase
from ballast.settings import OptimiserSettings

FIRST = date(2018, 1, 1)


def random_returns(n: int, observations: int, seed: int) -> Matrix:
    """Daily returns with three common factors."""
    random = np.random.default_rng(seed)
    factors = random.normal(size=(observations, 3)) * 0.006
    own = random.normal(size=(observations, n)) * 0.01
    return factors @ random.normal(0.7, 0.5, size=(3, n)) + own + 0.0004


def random_covariance(n: int, seed: int) -> Matrix:
    return np.cov(random_returns(n, 300, seed).T, ddof=0).reshape(n, n) * 252


def random_securities(n: int, seed: int) -> Securities:
    random = np.random.default_rng(seed + 1000)
    return Securities(
        random.normal(0.08, 0.06, n), random_covariance(n, seed), random.dirichlet(np.ones(n)) * 0.9
    )


def limits(
    n: int, *, cap: float = 0.3, budget: float = 0.95, groups: GroupLimits | None = None
) -> Limits:
    return Limits(np.zeros(n), np.full(n, cap), budget, groups or GroupLimits.none(n))


def two_groups(n: int, lower: float, upper: float) -> GroupLimits:
    """Every second security belongs to the first group, the others to the second."""
    membership = np.zeros((2, n))
    membership[np.arange(n) % 2, np.arange(n)] = 1.0
    return GroupLimits(membership, np.full(2, lower), np.full(2, upper))


@st.composite
def problems(draw: st.DrawFn) -> tuple[Securities, Limits]:
    """Feasible problems with bounds, groups and some securities that cannot move."""
    n = draw(st.integers(3, 9))
    securities = random_securities(n, draw(st.integers(0, 10_000)))
    lower = np.array(
        draw(st.lists(st.sampled_from([0.0, 0.0, 0.02, 0.05]), min_size=n, max_size=n))
    )
    room = np.array(draw(st.lists(st.sampled_from([0.0, 0.2, 0.5, 1.0]), min_size=n, max_size=n)))
    upper = lower + room
    part = draw(st.floats(0.2, 0.8))
    budget = float(lower.sum() + part * (min(upper.sum(), 1.0 + lower.sum()) - lower.sum()))
    inside = fitting(lower, upper, budget)
    membership = two_groups(n, 0.0, 1.0).membership
    sums = membership @ inside
    slack = draw(st.floats(0.01, 0.2))
    groups = GroupLimits(membership, np.maximum(sums - slack, 0.0), sums + slack)
    return securities, Limits(lower, upper, budget, groups)


def fitting(lower: Vector, upper: Vector, budget: float) -> Vector:
    total = (upper - lower).sum()
    return lower if total == 0 else lower + (upper - lower) * (budget - lower.sum()) / total


def settings(**changes: Any) -> OptimiserSettings:
    return OptimiserSettings(**changes)


def levels(returns: Matrix, symbols: list[str], first: date = FIRST) -> pl.DataFrame:
    worth = np.vstack([np.ones(returns.shape[1]), np.cumprod(1 + returns, axis=0)])
    days = [first + timedelta(days=number) for number in range(len(worth))]
    frames = [
        pl.DataFrame({"symbol": symbol, "session": days, "level": worth[:, number]})
        for number, symbol in enumerate(symbols)
    ]
    return pl.concat(frames)


_FACTS = {
    "symbol": pl.String, "country": pl.String, "industry": pl.String, "is_blocked": pl.Boolean,
    "current_weight": pl.Float64, "lot_weight": pl.Float64, "allow_buy": pl.Boolean,
    "allow_sell": pl.Boolean, "minimum_weight": pl.Float64, "maximum_weight": pl.Float64,
    "expected_return": pl.Float64, "return_reason": pl.String,
}  # fmt: skip


def facts(*rows: dict[str, Any]) -> pl.DataFrame:
    """Facts of securities; what a row does not name is harmless."""
    usual = {
        "country": None, "industry": None, "is_blocked": False, "current_weight": 0.0,
        "lot_weight": 0.001, "allow_buy": True, "allow_sell": True, "minimum_weight": None,
        "maximum_weight": None, "expected_return": 0.08, "return_reason": None,
    }  # fmt: skip
    return pl.DataFrame([usual | row for row in rows], schema=_FACTS)


def account(
    n: int = 8, seed: int = 0, *, rows: dict[str, dict[str, Any]] | None = None, **more: Any
) -> TargetCase:
    """An account of n securities S0, S1, ... in countries A and B by turns."""
    random = np.random.default_rng(seed)
    symbols = [f"S{number}" for number in range(n)]
    weights = random.dirichlet(np.ones(n)) * 0.9
    expected = random.normal(0.09, 0.04, n)
    known = [
        {
            "symbol": symbol,
            "country": "AB"[number % 2],
            "industry": "XYZ"[number % 3],
            "current_weight": float(weights[number]),
            "expected_return": float(expected[number]),
        }
        | (rows or {}).get(symbol, {})
        for number, symbol in enumerate(symbols)
    ]
    case = {
        "account_id": "main",
        "facts": facts(*known),
        "levels": levels(random_returns(n, 300, seed), symbols),
        "account_value": 100_000.0,
        "reserve_share": 0.03,
        "reserve_floor": 500.0,
        "previous": {},
    }
    return TargetCase(**(case | more))
