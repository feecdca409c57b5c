"""What a trade costs, and the smallest one that is worth it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.errors import MissingRateError
from ballast.settings import CostSettings
from ballast.trading.costs import Costs
from tests.ballast.trading.markets import CURRENCIES, cents, costs_of_a_day, fee_of, rates_from

_examples = settings(max_examples=120, deadline=None)
_currencies = st.sampled_from(CURRENCIES)
_CENT = Decimal("0.01")
COSTS = Costs(CostSettings(), rates_from({"EUR": 1, "USD": 2}))


@pytest.mark.parametrize(
    ("value", "currency", "fee"),
    [
        # 2.00 EUR + 0.2 % of the value; two dollars per euro; half a cent goes to the even one.
        ("1000", "EUR", "4.00"),
        ("1000", "USD", "6.00"),
        ("0", "EUR", "2.00"),
        ("2.50", "EUR", "2.00"),
        ("7.50", "EUR", "2.02"),
        ("123456.78", "USD", "250.91"),
    ],
)
def test_a_trade_costs_a_fixed_fee_and_a_share_in_its_own_currency(
    value: str, currency: str, fee: str
) -> None:
    assert COSTS.trade_fee(Decimal(value), currency) == Decimal(fee)


@_examples
@given(costs_of_a_day(), cents(0, 1_000_000), _currencies)
def test_a_fee_is_exact_to_the_cent(costs: Costs, value: Decimal, currency: str) -> None:
    fee = costs.trade_fee(value, currency)
    # The fixed fee is converted to eight decimals before the sum is rounded.
    assert abs(fee - fee_of(value, currency, costs)) <= _CENT
    exact = Fraction(costs.settings.fixed) * Fraction(
        costs.rates.rate(costs.settings.currency, currency)
    ) + Fraction(costs.settings.percent) * Fraction(value)
    assert abs(Fraction(fee) - exact) <= Fraction(1, 200) + Fraction(1, 10**7)


@_examples
@given(costs_of_a_day(), cents(1, 100_000), cents(0, 100_000), _currencies)
def test_a_larger_trade_never_costs_less(
    costs: Costs, value: Decimal, more: Decimal, currency: str
) -> None:
    assert costs.trade_fee(value + more, currency) >= costs.trade_fee(value, currency)
    assert costs.exchange_fee(value + more) >= costs.exchange_fee(value)


@_examples
@given(costs_of_a_day(), _currencies, cents(1, 10_000))
def test_the_cost_of_a_trade_is_within_the_accepted_ratio_from_the_minimum_on(
    costs: Costs, currency: str, more: Decimal
) -> None:
    if costs.settings.maximum_cost_ratio <= costs.settings.percent:
        return
    ratio = Fraction(costs.settings.maximum_cost_ratio)
    least = costs.minimum_trade(currency)
    above = least + more
    assert Fraction(costs.trade_fee(above, currency)) <= ratio * Fraction(above) + Fraction(1, 199)
    below = least * Decimal("0.9")
    fixed = costs.rates.convert(costs.settings.fixed, costs.settings.currency, currency)
    if fixed * Decimal("0.1") > _CENT:
        assert Fraction(costs.trade_fee(below, currency)) > ratio * Fraction(below)


def test_the_minimum_is_250_euros_at_the_usual_costs() -> None:
    assert COSTS.minimum_trade("EUR") == 250
    assert COSTS.minimum_trade("USD") == 500


@pytest.mark.parametrize("ratio", ["0.002", "0.001"])
def test_without_a_margin_over_the_share_the_minimum_is_a_thousand(ratio: str) -> None:
    costs = Costs(CostSettings(maximum_cost_ratio=Decimal(ratio)), COSTS.rates)
    assert costs.minimum_trade("EUR") == 1000
    assert costs.minimum_trade("USD") == 2000


def test_a_gap_is_worth_closing_at_twice_its_cost() -> None:
    # 2 × (2 + 0.002 v) ≤ v from 4.02 on.
    assert COSTS.is_worthwhile(Decimal("4.02"), "EUR")
    assert not COSTS.is_worthwhile(Decimal("4.01"), "EUR")


def test_an_exchange_costs_a_share_of_what_is_given_away() -> None:
    assert COSTS.exchange_fee(Decimal(1000)) == Decimal("0.50")
    assert COSTS.exchange_fee(Decimal(9)) == Decimal("0.00")


def test_a_fee_without_a_rate_is_an_error() -> None:
    with pytest.raises(MissingRateError, match="GBP"):
        COSTS.trade_fee(Decimal(1), "GBP")
    with pytest.raises(MissingRateError, match="GBP"):
        COSTS.minimum_trade("GBP")
