"""Expected returns: additive, clamped, unknown where the growth is unknown."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.planning.targets.expected_returns import TradeCosts, expected_returns
from tests.ballast.builders import arithmetic
from tests.ballast.planning.targets.cases import settings

FREE = TradeCosts(fixed=0.0, percent=0.0, smallest=250.0, account_value=100_000.0)
COSTLY = TradeCosts(fixed=2.0, percent=0.002, smallest=250.0, account_value=100_000.0)
_SCHEMA = {
    "symbol": pl.String, "growth": pl.Float64, "dividend_yield": pl.Float64, "quality": pl.Float64,
    "preference": pl.Float64, "current_weight": pl.Float64,
}  # fmt: skip


def row(
    regime: str | None = None, outlook: float = 0.0, costs: TradeCosts = FREE, **facts: Any
) -> dict[str, Any]:
    usual = {
        "symbol": "A", "growth": 0.10, "dividend_yield": 0.02, "quality": 0.5, "preference": 1.0,
        "current_weight": 0.0,
    }  # fmt: skip
    table = expected_returns(
        pl.DataFrame([usual | facts], schema=_SCHEMA),
        settings(),
        regime=regime,
        outlook=outlook,
        costs=costs,
    )
    return table.row(0, named=True)


def expected(**more: Any) -> float:
    found = row(**more)["expected_return"]
    assert isinstance(found, float)
    return found


def test_growth_dividends_and_score_add_up() -> None:
    assert expected() == pytest.approx(0.7 * 0.12 + 0.3 * 0.11)
    assert expected(quality=0.75) == pytest.approx(0.7 * 0.12 + 0.3 * 0.11 * 1.5)


def test_in_a_bull_market_the_score_counts_less() -> None:
    assert expected(regime="bull") == pytest.approx(0.8 * 0.12 + 0.2 * 0.11)


def test_a_bear_market_lowers_every_estimate_by_the_same() -> None:
    assert expected(regime="bear") == pytest.approx(expected() - 0.25 * 0.11)
    assert expected(regime="bear", growth=-0.08) == pytest.approx(
        expected(growth=-0.08) - 0.25 * 0.11
    )


def test_an_unknown_regime_shifts_nothing() -> None:
    assert expected(regime=None) == expected(regime="sideways")


@arithmetic
@given(
    st.floats(-0.1, 0.2), st.floats(0.0, 0.1), st.floats(0.0, 1.0), st.floats(0.2, 2.0),
    st.sampled_from([None, "bull", "sideways", "bear"]),
)  # fmt: skip
def test_what_is_meant_to_lower_never_raises(
    growth: float, dividend: float, quality: float, preference: float, regime: str | None
) -> None:
    facts = {"growth": growth, "dividend_yield": dividend, "quality": quality, "regime": regime}
    here = expected(preference=preference, **facts)
    assert expected(preference=preference + 0.3, **facts) >= here
    assert expected(preference=preference, outlook=-0.2, **facts) <= here
    assert expected(preference=preference, **(facts | {"growth": growth + 0.05})) >= here
    assert -0.10 <= here <= 0.30
    if regime == "sideways":
        assert expected(preference=preference, **(facts | {"regime": "bear"})) <= here


def test_a_growth_of_zero_is_a_value() -> None:
    assert expected(growth=0.0, dividend_yield=0.0) == pytest.approx(0.3 * 0.11)


def test_without_growth_the_return_is_unknown_and_says_why() -> None:
    found = row(growth=None)
    assert found["expected_return"] is None
    assert found["return_reason"] == "no growth is known over five or ten years"


def test_an_unknown_yield_or_quality_is_told() -> None:
    assert row()["return_reason"] is None
    assert row(dividend_yield=None)["expected_return"] == pytest.approx(0.7 * 0.10 + 0.3 * 0.11)
    assert "dividend yield unknown" in row(dividend_yield=None)["return_reason"]
    assert row(quality=None)["expected_return"] == expected(quality=0.5)
    assert "quality unknown" in row(quality=None)["return_reason"]


def test_a_new_position_pays_for_the_smallest_trade() -> None:
    # 2 + 0.002 × 250 is one percent of 250.
    assert expected(costs=COSTLY) == pytest.approx(expected() - 0.01)


@pytest.mark.parametrize("weight", [0.0, 0.04, -0.1])
@pytest.mark.parametrize("smallest", [0.0, 250.0])
def test_without_a_fixed_fee_a_trade_costs_its_percentage(weight: float, smallest: float) -> None:
    costs = TradeCosts(fixed=0.0, percent=0.0005, smallest=smallest, account_value=100_000.0)
    found = expected(costs=costs, current_weight=weight)
    assert found == pytest.approx(expected() - 0.0005)


def test_a_fee_on_a_trade_of_nothing_costs_the_most() -> None:
    costs = TradeCosts(fixed=2.0, percent=0.0, smallest=0.0, account_value=100_000.0)
    assert expected(costs=costs) == pytest.approx(expected() - 0.02)


def test_a_position_pays_for_a_part_of_itself_and_never_more_than_two_percent() -> None:
    of_position = 2.0 / (0.5 * 4_000) + 0.002
    assert expected(costs=COSTLY, current_weight=0.04) == pytest.approx(expected() - of_position)
    of_account = 2.0 / (0.05 * 100_000) + 0.002
    assert expected(costs=COSTLY, current_weight=0.5) == pytest.approx(expected() - of_account)
    assert expected(costs=COSTLY, current_weight=0.0001) == pytest.approx(expected() - 0.02)
