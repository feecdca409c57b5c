"""Plans whose result can be worked out by hand, and the accounts that cannot be planned."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.errors import MissingRateError
from ballast.planning.account import Account
from ballast.planning.plan import AccountPlan, plan_account
from ballast.settings import CostSettings
from ballast.trading.costs import Costs
from tests.ballast.planning.accounts import (
    Case,
    account,
    afterwards,
    candidate,
    carry_out,
    cases,
    marginal_cases,
    plan_of,
)
from tests.ballast.trading.markets import rates_from

RATES = rates_from({"EUR": 1, "USD": 2, "HKD": 10})
COSTS = Costs(CostSettings(), RATES)
FREE = Costs(CostSettings(fixed=Decimal(0), percent=Decimal(0), exchange_percent=Decimal(0)), RATES)


def _plan(facts: Account, costs: Costs = COSTS, maximum_trades: int = 20) -> AccountPlan:
    return plan_account(facts, costs, maximum_trades=maximum_trades)


def _quantities(plan: AccountPlan) -> dict[str, int]:
    trades = (*plan.sales, *plan.purchases)
    return {trade.candidate.symbol: int(trade.quantity) for trade in trades}


def test_an_account_at_its_targets_has_an_empty_plan() -> None:
    half = Decimal("0.5")
    facts = account(
        candidate("A", quantity=Decimal(50), target=half),
        candidate("B", quantity=Decimal(50), target=half),
        cash={"EUR": Decimal(0)},
    )
    plan = _plan(facts)
    assert (plan.status, plan.steps, plan.fees) == ("at_target", 0, 0)
    assert "gap" in plan.reason


@settings(max_examples=60, deadline=None)
@given(case=cases(), shares=st.lists(st.integers(1, 500), min_size=7, max_size=7))
def test_any_account_whose_weights_are_its_targets_has_an_empty_plan(
    case: Case, shares: list[int]
) -> None:
    held = tuple(
        replace(c, quantity=Decimal(number) * c.lot_size, price=c.price or Decimal(1))
        for c, number in zip(case.account.candidates, shares, strict=False)
    )
    base, rates = case.account.base_currency, case.costs.rates
    values = [c.quantity * (c.price or 0) * rates.rate(c.currency, base) for c in held]
    # Cash pays for a reserve of a tenth; every other share of the value is a target.
    cash = (sum(values) / 9).quantize(Decimal("0.01"))
    total = sum(values) + cash
    wanted = tuple(
        replace(c, target=(value / total).quantize(Decimal("1e-12")))
        for c, value in zip(held, values, strict=True)
    )
    facts = replace(
        case.account,
        candidates=wanted,
        cash={base: cash},
        reserve_share=Decimal("0.05"),
        reserve_floor=Decimal(0),
    )
    assert plan_of(replace(case, account=facts)).steps == 0


def test_targets_refer_to_the_value_after_the_fees() -> None:
    # 10 000 − 22 of fees leaves 9 978: 99 shares are within the target of all of it, 100 are not.
    facts = account(candidate("A", target=Decimal(1)), cash={"EUR": Decimal(10_000)})
    plan = _plan(facts)
    assert _quantities(plan) == {"A": 99}
    assert plan.fees == Decimal("21.80")
    assert plan.cash_after == Decimal("78.20")


def test_the_reserve_makes_all_targets_smaller_alike() -> None:
    half = Decimal("0.5")
    facts = account(
        candidate("A", target=half, price=Decimal(1)),
        candidate("B", target=half, price=Decimal(1)),
        cash={"EUR": Decimal(10_000)},
        reserve_share=Decimal("0.20"),
    )
    assert _quantities(_plan(facts, FREE)) == {"A": 4000, "B": 4000}


def test_fees_are_borne_by_all_purchases_alike() -> None:
    third = Decimal("0.333")
    names = "ABC"
    facts = account(
        *(candidate(name, target=third, price=Decimal(1)) for name in names),
        cash={"EUR": Decimal(30_000)},
    )
    bought = _quantities(_plan(facts))
    assert set(bought) == set(names)
    assert max(bought.values()) - min(bought.values()) <= 1


def test_targets_of_less_than_everything_leave_the_rest_in_cash() -> None:
    facts = account(
        candidate("A", target=Decimal("0.3"), price=Decimal(1)), cash={"EUR": Decimal(10_000)}
    )
    plan = _plan(facts, FREE)
    assert _quantities(plan) == {"A": 3000}
    assert plan.cash_after == 7000


def test_sales_pay_for_purchases_through_an_exchange() -> None:
    facts = account(
        candidate("OLD", quantity=Decimal(100)),
        candidate("NEW", currency="USD", lot_size=Decimal(10), target=Decimal("0.9")),
        cash={},
    )
    plan = _plan(facts)
    # 10 000 EUR less 22 of fees, 0.9 of it at 200 dollars... in whole lots of ten at 100 USD = 50 EUR.
    assert _quantities(plan) == {"OLD": -100, "NEW": 170}
    (exchange,) = plan.exchanges
    assert exchange.pair == "EUR/USD"
    # 17 000 dollars, 38 of fees (2 EUR = 4 USD, and 0.2 %), a cent in hand; two dollars per euro.
    assert exchange.from_amount == Decimal("8519.01")
    assert exchange.rate == 2


def test_a_security_that_is_no_longer_wanted_is_sold_whole_to_the_last_lot() -> None:
    facts = account(
        candidate("ODD", quantity=Decimal("250"), lot_size=Decimal(100)), cash={"EUR": Decimal(0)}
    )
    assert _quantities(_plan(facts)) == {"ODD": -200}


def test_the_largest_gaps_come_first_where_trades_are_limited() -> None:
    facts = account(
        candidate("A", target=Decimal("0.2")),
        candidate("B", target=Decimal("0.5")),
        candidate("C", target=Decimal("0.3")),
        cash={"EUR": Decimal(100_000)},
    )
    assert list(_quantities(_plan(facts, maximum_trades=2))) == ["B", "C"]
    assert list(_quantities(_plan(facts, maximum_trades=3))) == ["B", "C", "A"]


def test_a_trade_below_250_euros_is_not_worth_its_cost() -> None:
    # 2 EUR ÷ (1 % − 0.2 %) = 250 EUR.
    facts = account(candidate("A", target=Decimal(1), price=Decimal(1)))
    assert _plan(replace(facts, cash={"EUR": Decimal("252.49")})).steps == 0
    assert _quantities(_plan(replace(facts, cash={"EUR": Decimal("252.50")}))) == {"A": 250}


def test_cash_for_one_purchase_is_not_spent_again_by_the_next() -> None:
    # D-14: each purchase counts on what those before it left.
    half = Decimal("0.5")
    facts = account(
        candidate("A", target=half, quantity=Decimal(20)),
        candidate("B", target=half),
        candidate("HELD", quantity=Decimal(60), allow_sell=False),
        cash={"EUR": Decimal(2_100)},
    )
    plan = _plan(facts)
    assert _quantities(plan) == {"B": 20}
    assert plan.cash_after == Decimal("2100") - Decimal("2006")


def test_an_overdrawn_currency_is_covered_before_anything_is_bought() -> None:
    facts = account(
        candidate("A", target=Decimal("0.5")),
        cash={"EUR": Decimal(1_000), "USD": Decimal(-1_800)},
    )
    plan = _plan(facts)
    assert not plan.purchases
    assert [exchange.pair for exchange in plan.exchanges] == ["EUR/USD"]
    assert plan.exchanges[0].to_amount >= 1_800


def test_nothing_is_bought_while_an_overdraft_remains() -> None:
    facts = account(
        candidate("A", target=Decimal(1), price=Decimal(1)),
        candidate("KEPT", quantity=Decimal(100), allow_sell=False),
        cash={"EUR": Decimal(1_000), "USD": Decimal(-4_000)},
    )
    plan = _plan(facts)
    assert not plan.purchases
    assert plan.exchanges


def test_a_blocked_account_has_no_plan_and_says_why() -> None:
    facts = account(
        candidate("A", target=Decimal(1)),
        cash={"EUR": Decimal(10_000)},
        blocked_because="2 differences with the broker",
    )
    plan = _plan(facts)
    assert (plan.status, plan.steps) == ("blocked", 0)
    assert plan.reason == "2 differences with the broker"
    assert plan.value_before is None


def test_a_holding_without_a_price_makes_the_value_unknown_and_is_named() -> None:
    facts = account(
        candidate("A", target=Decimal(1)),
        candidate("DARK", quantity=Decimal(1), price=None, is_blocked=True),
        cash={"EUR": Decimal(10_000)},
    )
    plan = _plan(facts)
    assert (plan.status, plan.steps) == ("unknown", 0)
    assert "DARK" in plan.reason
    assert plan.value_before is None


def test_a_wanted_security_without_a_price_leaves_the_others_planned() -> None:
    facts = account(
        candidate("A", target=Decimal("0.5")),
        candidate("DARK", target=Decimal("0.5"), price=None, is_blocked=True),
        cash={"EUR": Decimal(10_000)},
    )
    assert list(_quantities(_plan(facts))) == ["A"]


@pytest.mark.parametrize(
    "facts",
    [
        account(candidate("A", currency="GBP", quantity=Decimal(1))),
        account(candidate("A", currency="GBP", target=Decimal(1)), cash={"EUR": Decimal(1000)}),
        account(cash={"GBP": Decimal(1)}),
    ],
    ids=["held", "wanted", "cash"],
)
def test_a_missing_rate_is_an_error_that_names_the_pair(facts: Account) -> None:
    with pytest.raises(MissingRateError, match="GBP"):
        _plan(facts)


def test_a_fee_in_a_currency_without_a_rate_is_an_error() -> None:
    costs = Costs(CostSettings(currency="GBP"), RATES)
    facts = account(candidate("A", target=Decimal(1)), cash={"EUR": Decimal(1000)})
    with pytest.raises(MissingRateError, match="GBP"):
        _plan(facts, costs)


@settings(max_examples=60, deadline=None)
@given(marginal_cases(), st.sampled_from([10, 1000]))
def test_a_scaled_account_has_a_scaled_plan(case: Case, factor: int) -> None:
    # P6: where costs scale too, lots, cash and orders keep their proportions.
    settings_ = case.costs.settings
    free = settings_.model_copy(update={"percent": Decimal(0)})
    larger = free.model_copy(update={"fixed": settings_.fixed * factor})
    scaled = replace(
        case.account,
        cash={currency: amount * factor for currency, amount in case.account.cash.items()},
        candidates=tuple(
            replace(c, quantity=c.quantity * factor, lot_size=c.lot_size * factor)
            for c in case.account.candidates
        ),
    )
    small = plan_of(replace(case, costs=Costs(free, case.costs.rates)))
    large = plan_of(replace(case, account=scaled, costs=Costs(larger, case.costs.rates)))
    expected = {symbol: quantity * factor for symbol, quantity in _quantities(small).items()}
    assert _quantities(large) == expected


@settings(max_examples=200, deadline=None)
@given(marginal_cases())
def test_gaps_that_only_the_fees_decide_are_settled_for_good(case: Case) -> None:
    after = afterwards(case.account, carry_out(plan_of(case), case.costs))
    assert plan_of(replace(case, account=after)).steps == 0


def test_a_sale_is_not_made_for_the_fee_of_a_purchase_that_it_rules_out() -> None:
    # A purchase of B would lower the value by 2.86; only then would A be a whole lot above its target.
    facts = account(
        candidate("A", quantity=Decimal(2), price=Decimal("107.09"), target=Decimal("0.050")),
        candidate("B", price=Decimal("428.56"), target=Decimal("0.200")),
        candidate("C", quantity=Decimal(1), price=Decimal("392.38"), target=Decimal("0.183")),
        candidate("D", price=Decimal("499.50"), target=Decimal("0.233")),
        cash={"EUR": Decimal("1537.66")},
        reserve_share=Decimal("0.20"),
    )
    costs = Costs(CostSettings(maximum_cost_ratio=Decimal("0.5")), RATES)
    plan = _plan(facts, costs)
    assert not plan.sales
    value_after = Fraction(plan.value_before or 0) - Fraction(plan.fees or 0)
    assert Fraction("107.09") * 2 - Fraction("0.05") * value_after < Fraction("107.09")
