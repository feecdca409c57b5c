"""Opportunities of an account without targets: each rule at its border."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ballast.planning.account import Account
from ballast.planning.case import SecurityFacts
from ballast.planning.opportunities import Opportunity, opportunities
from ballast.settings import PlannerSettings
from tests.ballast.planning.accounts import account, candidate
from tests.ballast.planning.opportunities.cases import case_of

_GOOD = SecurityFacts("A", quality=0.9, group="Europe")


def _held(quantity: int, cash: int, **facts: object) -> Account:
    return account(candidate("A", quantity=Decimal(quantity), **facts), cash={"EUR": Decimal(cash)})


def _found(facts: Account, security: SecurityFacts, **changes: object) -> dict[str, Opportunity]:
    return {o.category: o for o in opportunities(case_of(facts, security, **changes))}


@pytest.mark.parametrize(("quality", "is_found"), [(0.69, False), (0.7, True), (None, False)])
def test_quality_makes_an_opportunity_and_unknown_quality_none(
    quality: float | None, is_found: bool
) -> None:
    found = _found(_held(0, 50_000), replace(_GOOD, quality=quality))
    assert bool(found) is is_found
    if found:
        buy = found["opportunity_buys"]
        # Two percent of the account.
        assert (buy.quantity, buy.priority, buy.tags) == (10, quality, ("quality", "opportunity"))


def test_a_purchase_is_never_smaller_than_what_keeps_its_cost_acceptable() -> None:
    found = _found(_held(0, 5_000), _GOOD)["opportunity_buys"]
    assert found.value == 300  # 2 % are 100; 250 cost one percent; whole lots of 100


def test_nothing_is_bought_beyond_the_largest_position() -> None:
    assert "opportunity_buys" in _found(_held(88, 41_000), _GOOD)
    assert "opportunity_buys" not in _found(_held(90, 41_000), _GOOD)


@pytest.mark.parametrize(("price", "is_deep"), [(80, True), (81, False)])
def test_a_deep_dip_of_quality_is_averaged_down_and_a_shallow_one_is_not(
    price: int, is_deep: bool
) -> None:
    fallen = replace(_GOOD, average_cost=Decimal(100), quality=0.65)
    found = _found(_held(20, 50_000, price=Decimal(price)), fallen)
    assert ("averaging_down" in found) is is_deep
    if is_deep:
        assert found["averaging_down"].priority == pytest.approx(0.65 + 0.20)


@pytest.mark.parametrize(("target", "category"), [(0.16, "rebalance_buys"), (0.14, None)])
def test_a_group_that_lacks_more_than_the_band_is_bought(
    target: float, category: str | None
) -> None:
    middling = replace(_GOOD, quality=0.6)
    found = _found(_held(100, 90_000), middling, group_targets={"Europe": target})
    assert list(found) == ([category] if category else [])
    if category:
        assert found[category].priority == pytest.approx(2 * 0.06 + 0.3)
        assert found[category].tags == ("rebalance", "underweight_europe")


def test_a_group_that_has_too_much_is_sold_but_never_more_than_a_share_of_a_holding() -> None:
    middling = replace(_GOOD, quality=0.1)
    found = _found(_held(500, 50_000), middling, group_targets={"Europe": 0.4})
    sale = found["rebalance_sells"]
    assert (sale.quantity, sale.priority) == (-100, pytest.approx(0.2))
    found = _found(_held(500, 50_000), middling, group_targets={"Europe": 0.1})
    assert found["rebalance_sells"].quantity == -150


def test_a_windfall_is_sold_by_its_share_and_comes_before_rebalancing() -> None:
    windfall = replace(
        _GOOD, quality=0.1, windfall_share=0.4, windfall_score=0.8, windfall_reason="it doubled"
    )
    found = _found(_held(505, 50_000), windfall, group_targets={"Europe": 0.1})
    assert list(found) == ["profit_taking"]
    sale = found["profit_taking"]
    assert (sale.quantity, sale.priority, sale.reason) == (-202, pytest.approx(1.3), "it doubled")


def test_preference_multiplies_purchases_and_divides_sales() -> None:
    liked = replace(_GOOD, preference=2.0)
    assert _found(_held(0, 50_000), liked)["opportunity_buys"].priority == pytest.approx(1.8)
    sold = replace(liked, quality=0.1)
    found = _found(_held(500, 50_000), sold, group_targets={"Europe": 0.4})
    assert found["rebalance_sells"].priority == pytest.approx(0.1)


def test_the_thresholds_are_settings() -> None:
    strict = PlannerSettings(opportunity_quality=0.95)
    assert not _found(_held(0, 50_000), _GOOD, planner=strict)
