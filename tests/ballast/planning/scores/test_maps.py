"""Every map from a metric to a score at its knots, between them, at its jumps and beyond."""

from __future__ import annotations

import math
from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.planning.scores import maps
from tests.ballast.builders import arithmetic

Map = Callable[[pl.Expr], pl.Expr]


def price_earnings(x: pl.Expr) -> pl.Expr:
    return maps.price_earnings(x, 22.0)


def growth(x: pl.Expr) -> pl.Expr:
    return maps.growth_bell(x, 0.11)


def total_return(x: pl.Expr) -> pl.Expr:
    return maps.growth_bell(x, 0.12, above=0.12)


def value(score: Map, x: float | None) -> float | None:
    found: float | None = pl.select(score(pl.lit(x, pl.Float64))).item()
    return found


POINTS: list[tuple[Map, dict[float, float]]] = [
    (maps.sharpe, {-1: 0, 0: 0, 0.25: 0.2, 0.5: 0.4, 1: 0.7, 1.5: 0.85, 2: 1, 9: 1}),
    (maps.sortino, {-1: 0, 0: 0, 0.5: 0.4, 1: 0.6, 1.25: 0.7, 1.5: 0.8, 2: 1, 9: 1}),
    (maps.lasting_sortino, {-1: 0, 0: 0, 0.5: 0.3, 1: 0.6, 1.5: 0.8, 2: 1, 9: 1}),
    (maps.drawdown, {0: 1, 0.1: 1, -0.1: 1, -0.2: 0.8, -0.25: 0.7, -0.3: 0.6, -0.5: 0.2, -0.7: 0, -1: 0}),
    (maps.volatility, {0.01: 1, 0.15: 1, 0.25: 0.7, 0.4: 0.3, 0.5: 0.2, 0.6: 0.1, 2: 0.1}),
    (maps.consistency, {0: 1, 0.0199: 1, 0.02: 0.8, -0.03: 0.8, 0.0499: 0.8, 0.05: 0.8, -0.1: 0.6, 0.15: 0.4, 1: 0.4}),
    (maps.below_high, {-0.1: 0.2, 0: 0.2, 0.05: 0.35, 0.1: 0.5, 0.2: 0.8, 0.3: 1, 0.9: 1}),
    (price_earnings, {-5: 0.3, 0: 0.3, 1: 1, 17.6: 1, 19.8: 0.7, 22: 0.5, 24.2: 0.35, 26.4: 0.2, 99: 0.2}),
    (maps.ema_distance, {-0.5: 1, -0.1: 1, -0.05: 0.7, 0: 0.5, 0.05: 0.35, 0.1: 0.2, 1: 0.2}),
    (maps.rsi, {0: 1, 30: 1, 50: 0.5, 70: 0, 100: 0}),
    (maps.bollinger, {-0.4: 1, 0: 1, 0.25: 0.75, 1: 0, 1.4: 0}),
    (maps.momentum, {-0.9: 0.2, -0.1001: 0.2, -0.1: 0.5, -0.05: 0.55, 0: 0.6}),
    (maps.momentum, {0.05: 1, 0.1: 1, 0.15: 1, 0.3: 0.8, 0.45: 0.5, 3: 0.5}),
    (maps.dividend_yield, {-1: 0.3, 0: 0.3, 0.005: 0.35, 0.01: 0.4, 0.03: 0.7, 0.06: 1, 0.2: 1}),
    (maps.payout, {-1: 0.5, 0: 0.5, 0.15: 0.75, 0.3: 1, 0.6: 1, 0.7: 0.85, 0.8: 0.7, 0.8001: 0.4, 3: 0.4}),
    (maps.margin, {-1: 0, -0.25: 0, -0.1: 0.3, 0: 0.5, 0.1: 0.75, 0.2: 1, 0.9: 1}),
    (maps.debt, {-1: 0, 0: 1, 50: 0.75, 100: 0.5, 200: 0, 900: 0}),
    (maps.liquidity, {0: 0, 1: 0.5, 2: 1, 3: 1, 9: 1}),
    (maps.recommendation, {1: 1, 1.5: 0.9, 2: 0.8, 3: 0.5, 4: 0.2, 5: 0}),
    (maps.target_upside, {-0.9: 0, -0.2: 0, 0: 0.5, 0.1: 0.75, 0.2: 1, 3: 1}),
    (maps.group_gap, {-2: 0.1, -1: 0.1, -0.5: 0.3, 0: 0.5, 0.25: 0.6, 1: 0.9, 2: 0.9}),
    (maps.windfall, {-1: 0, 0: 0, 0.1: 0.2, 0.25: 0.5, 0.4: 0.8, 0.5: 1, 2: 1}),
    (growth, {-1: 0.15, 0: 0.15, 0.05: 0.15 + 0.85 * math.exp(-0.5), 0.11: 1, 0.21: 0.15 + 0.85 * math.exp(-0.5)}),
    (total_return, {0: 0.15, 0.06: 0.15 + 0.85 * math.exp(-0.5), 0.12: 1, 0.24: 0.15 + 0.85 * math.exp(-0.5)}),
]  # fmt: skip
CASES = [(score, x, y) for score, points in POINTS for x, y in points.items()]


@pytest.mark.parametrize(
    ("score", "x", "expected"), CASES, ids=[f"{score.__name__}({x})" for score, x, _ in CASES]
)
def test_a_map_has_its_value_at_and_between_its_knots(
    score: Map, x: float, expected: float
) -> None:
    assert value(score, x) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("score", [score for score, _ in POINTS], ids=lambda s: s.__name__)
def test_what_is_unknown_stays_unknown(score: Map) -> None:
    assert value(score, None) is None
    assert value(score, math.nan) is None


@pytest.mark.parametrize("score", [score for score, _ in POINTS], ids=lambda s: s.__name__)
@arithmetic
@given(st.floats(-1e6, 1e6))
def test_a_score_is_between_0_and_1(score: Map, x: float) -> None:
    found = value(score, x)
    assert found is None or 0.0 <= found <= 1.0


def test_a_volatility_that_is_not_positive_says_nothing() -> None:
    assert value(maps.volatility, 0.0) is None


def test_growth_jumps_when_there_is_any() -> None:
    assert value(growth, 0.0) == 0.15
    assert value(growth, 1e-9) == pytest.approx(0.15 + 0.85 * math.exp(-((0.11 / 0.06) ** 2) / 2))


@pytest.mark.parametrize(("side", "at_the_jump"), [("left", 0.25), ("right", 0.75)])
def test_the_place_of_a_jump_belongs_to_one_side(side: str, at_the_jump: float) -> None:
    knots = [(0.0, 0.0), (1.0, 0.25), (1.0, 0.75), (2.0, 1.0)]

    def jumping(x: pl.Expr) -> pl.Expr:
        return maps.piecewise(x, knots, jump_belongs=side)  # type: ignore[arg-type]

    assert value(jumping, 1.0) == at_the_jump
    assert value(jumping, 1.0 - 1e-9) == pytest.approx(0.25)
    assert value(jumping, 1.0 + 1e-9) == pytest.approx(0.75)


@pytest.mark.parametrize("side", ["left", "right"])
def test_knots_have_exactly_their_values(side: str) -> None:
    knots = [(-0.1, 0.2), (-0.1, 0.5), (0.0, 0.6), (0.3, 0.8), (0.8, 0.7), (0.8, 0.4)]
    at = {
        "left": {-0.1: 0.2, 0.0: 0.6, 0.3: 0.8, 0.8: 0.7},
        "right": {-0.1: 0.5, 0.0: 0.6, 0.3: 0.8, 0.8: 0.4},
    }
    for x, y in at[side].items():
        assert value(lambda e: maps.piecewise(e, knots, jump_belongs=side), x) == y  # type: ignore[arg-type]


@pytest.mark.parametrize(("side", "at_the_limit"), [("left", 1.0), ("right", 2.0)])
def test_the_limit_of_a_step_belongs_to_one_side(side: str, at_the_limit: float) -> None:
    def stepping(x: pl.Expr) -> pl.Expr:
        return maps.steps(x, [(0.0, 1.0), (5.0, 2.0)], 3.0, limit_belongs=side)  # type: ignore[arg-type]

    assert value(stepping, 0.0) == at_the_limit
    assert value(stepping, -1.0) == 1.0
    assert value(stepping, 1.0) == 2.0
    assert value(stepping, 6.0) == 3.0
    assert value(stepping, None) is None
