"""What every plan keeps, whatever the account looks like (P1-P5 and P7 of the specification)."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ballast.planning.account import Candidate
from ballast.planning.plan import AccountPlan
from ballast.settings import CostSettings
from ballast.trading.costs import Costs
from tests.ballast.planning.accounts import (
    Case,
    account,
    afterwards,
    candidate,
    carry_out,
    cases,
    cash_of,
    plan_of,
    reserve_of,
    target_of,
    value_of,
    worth,
)
from tests.ballast.trading.markets import costs_of_a_day, fee_of, rates_from

_examples = settings(max_examples=80, deadline=None)
_limits = st.integers(1, 6)
# Base currency: what rounding to cents of any currency amounts to over a whole plan.
_ROUNDING = Fraction(2)


@_examples
@given(cases(maximum_trades=_limits))
def test_carried_out_in_order_no_step_is_short_of_cash_or_shares(case: Case) -> None:
    plan = plan_of(case)
    left = carry_out(plan, case.costs)  # fails at the first step that cannot be paid or delivered
    for currency, amount in left.cash.items():
        assert amount >= min(case.account.cash.get(currency, Decimal(0)), Decimal(0))


@_examples
@given(cases(maximum_trades=_limits))
def test_after_a_plan_that_buys_the_reserve_is_there(case: Case) -> None:
    plan = plan_of(case)
    assume(plan.purchases)
    after = afterwards(case.account, carry_out(plan, case.costs))
    reserve = reserve_of(after, value_of(after, case.costs))
    # A conversion is rounded to eight decimals.
    assert cash_of(after, case.costs) >= reserve - Fraction(1, 10**6)
    assert all(amount >= 0 for amount in after.cash.values())


@_examples
@given(cases())
def test_the_plan_says_what_it_leads_to(case: Case) -> None:
    plan = plan_of(case)
    after = afterwards(case.account, carry_out(plan, case.costs))
    assert plan.value_before is not None
    assert plan.cash_before is not None
    assert plan.cash_after is not None
    assert plan.fees is not None
    assert plan.reserve is not None
    within = Fraction(1, 10**6)
    assert abs(Fraction(plan.value_before) - value_of(case.account, case.costs)) < within
    assert abs(Fraction(plan.cash_before) - cash_of(case.account, case.costs)) < within
    assert abs(Fraction(plan.cash_after) - cash_of(after, case.costs)) < within
    value_after = value_of(after, case.costs)
    assert abs(Fraction(plan.reserve) - reserve_of(after, value_after)) < within
    lost = value_of(case.account, case.costs) - value_after
    assert abs(Fraction(plan.fees) - lost) < _ROUNDING


@_examples
@given(cases(maximum_trades=_limits))
def test_trades_are_whole_lots_of_what_may_be_traded(case: Case) -> None:
    plan = plan_of(case)
    trades = (*plan.sales, *plan.purchases)
    symbols = [trade.candidate.symbol for trade in trades]
    assert len(symbols) == len(set(symbols)) <= case.maximum_trades
    for trade in trades:
        assert trade.quantity % trade.candidate.lot_size == 0
        assert not trade.candidate.is_blocked
        assert trade.candidate.price is not None
    assert all(trade.quantity < 0 and trade.candidate.allow_sell for trade in plan.sales)
    assert all(trade.quantity > 0 and trade.candidate.allow_buy for trade in plan.purchases)


@_examples
@given(cases())
def test_no_trade_costs_more_than_it_is_worth(case: Case) -> None:
    plan = plan_of(case)
    for trade in (*plan.sales, *plan.purchases):
        assert _is_sensible(trade.candidate, abs(trade.quantity), case)


@_examples
@given(cases())
def test_no_trade_goes_beyond_its_target_by_more_than_the_fees(case: Case) -> None:
    plan = plan_of(case)
    after = afterwards(case.account, carry_out(plan, case.costs))
    value = value_of(after, case.costs)
    slack = Fraction(plan.fees or 0) + _ROUNDING
    held = {c.symbol: worth(c, c.quantity, after, case.costs) for c in after.candidates}
    for trade in plan.purchases:
        target = target_of(trade.candidate, after, value)
        assert held[trade.candidate.symbol] <= target + slack
    for trade in plan.sales:
        target = target_of(trade.candidate, after, value)
        assert held[trade.candidate.symbol] >= target - slack


@_examples
@given(cases())
def test_planning_again_after_the_plan_was_carried_out_finds_nothing_to_do(case: Case) -> None:
    after = _carried_out(case)
    again = plan_of(after)
    assert (again.status, again.steps) == ("at_target", 0)


@_examples
@given(cases(costs=costs_of_a_day(fixed=st.just(Decimal(0)))))
def test_without_a_fixed_fee_planning_again_buys_at_most_a_lot_that_cents_made_affordable(
    case: Case,
) -> None:
    again = plan_of(_carried_out(case))
    assert not again.sales
    for trade in again.purchases:
        rates, currency = case.costs.rates, trade.candidate.currency
        cents = Fraction(10, 100) * Fraction(rates.rate("EUR", currency))
        lot = Fraction(trade.candidate.lot_size) * Fraction(trade.candidate.price or 0)
        assert Fraction(trade.value) <= max(lot, cents) + Fraction(1, 100)


@_examples
@given(cases())
def test_nothing_worthwhile_is_left_undone(case: Case) -> None:
    after = _carried_out(case).account
    value, cash = value_of(after, case.costs), cash_of(after, case.costs)
    can_pay = all(amount >= 0 for amount in after.cash.values())
    for security in after.candidates:
        if security.is_blocked or security.price is None:
            continue
        quantity = _smallest_sensible(security, case)
        step = worth(security, quantity, after, case.costs)
        held = worth(security, security.quantity, after, case.costs)
        rate = Fraction(case.costs.rates.rate(security.currency, after.base_currency))
        native = quantity * security.price
        fee = Fraction(fee_of(native, security.currency, case.costs)) * rate
        target = target_of(security, after, value)
        if security.allow_sell and quantity <= security.quantity:
            assert held - step < target + _ROUNDING
        # What the purchase may cost at most: all of it has to be exchanged, with rounding at every step.
        cost = (step + fee) * (1 + Fraction(case.costs.settings.exchange_percent)) + _ROUNDING
        if security.allow_buy and can_pay:
            is_wanted = held + step <= target_of(security, after, value - cost + step) - _ROUNDING
            is_affordable = cash - cost >= reserve_of(after, value)
            assert not (is_wanted and is_affordable)


@_examples
@given(cases(maximum_trades=_limits), st.randoms(use_true_random=False))
def test_the_order_of_candidates_and_balances_does_not_matter(
    case: Case, shuffler: random.Random
) -> None:
    plan = plan_of(case)
    candidates, cash = list(case.account.candidates), list(case.account.cash.items())
    shuffler.shuffle(candidates)
    shuffler.shuffle(cash)
    shuffled = replace(case.account, candidates=tuple(candidates), cash=dict(cash))
    other = plan_of(replace(case, account=shuffled))
    assert replace(other, account=case.account) == plan


@_examples
@given(cases())
def test_a_blocked_security_is_part_of_the_value_and_never_of_the_plan(case: Case) -> None:
    first = case.account.candidates[0]
    assume(first.price is not None)
    blocked = replace(first, is_blocked=True)
    facts = replace(case.account, candidates=(blocked, *case.account.candidates[1:]))
    plan = plan_of(replace(case, account=facts))
    assert plan.value_before == plan_of(case).value_before
    assert first.symbol not in _symbols(plan)


@_examples
@given(
    cents=st.integers(1, 10**6),
    lots=st.integers(1, 10**6),
    lot=st.sampled_from([Decimal("0.001"), Decimal("0.5"), Decimal(1), Decimal(100)]),
    odd=st.sampled_from([Decimal(0), Decimal("0.3"), Decimal("0.999")]),
    per_euro=st.sampled_from([Fraction(3, 10_000), Fraction(1), Fraction(90_000)]),
    wanted=st.sampled_from([Decimal(0), Decimal("0.3")]),
)
def test_what_nobody_wants_is_sold_to_the_last_lot_whatever_price_lot_and_currency(
    cents: int, lots: int, lot: Decimal, odd: Decimal, per_euro: Fraction, wanted: Decimal
) -> None:
    unwanted = candidate(
        "OLD",
        currency="XXX",
        lot_size=lot,
        quantity=(lots + odd) * lot,
        price=Decimal(cents).scaleb(-2),
    )
    facts = account(unwanted, candidate("NEW", target=wanted), cash={"EUR": Decimal(0)})
    case = Case(facts, Costs(CostSettings(), rates_from({"EUR": 1, "XXX": per_euro})))
    assume(_is_sensible(unwanted, lots * lot, case))
    (sale,) = plan_of(case).sales
    assert sale.quantity == -lots * lot


def _carried_out(case: Case) -> Case:
    plan = plan_of(case)
    return replace(case, account=afterwards(case.account, carry_out(plan, case.costs)))


def _symbols(plan: AccountPlan) -> set[str]:
    return {trade.candidate.symbol for trade in (*plan.sales, *plan.purchases)}


def _is_sensible(candidate: Candidate, quantity: Decimal, case: Case) -> bool:
    """Cost within the accepted ratio of the value, and at most half of it."""
    assert candidate.price is not None
    costs = case.costs.settings
    value = (quantity * candidate.price).quantize(Decimal("0.01"))
    margin = Fraction(costs.maximum_cost_ratio) - Fraction(costs.percent)
    least = Fraction(costs.fixed) / margin if margin > 0 else Fraction(1000)
    least *= Fraction(case.costs.rates.rate(costs.currency, candidate.currency))
    fee = fee_of(value, candidate.currency, case.costs)
    # Amounts are kept to eight decimals.
    return value >= least - Fraction(1, 10**6) and value >= 2 * fee


def _smallest_sensible(candidate: Candidate, case: Case) -> Decimal:
    lots = 1
    while not _is_sensible(candidate, lots * candidate.lot_size, case):
        lots *= 2
    below, above = lots // 2, lots
    while above - below > 1:
        middle = (below + above) // 2
        if _is_sensible(candidate, middle * candidate.lot_size, case):
            above = middle
        else:
            below = middle
    return above * candidate.lot_size
