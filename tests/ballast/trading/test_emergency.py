"""The repair of negative cash: it ends, it never makes things worse, and it pays whenever that is possible."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ballast.errors import MissingRateError
from ballast.settings import CostSettings
from ballast.trading.costs import Costs
from ballast.trading.emergency import (
    Round,
    Sellable,
    Situation,
    next_actions,
    proposal,
    shortfalls,
)
from ballast.trading.exchange import fund
from tests.ballast.trading.markets import Venue, rates_from
from tests.ballast.trading.shortfalls import Emergency, can_pay, emergencies, repair

_examples = settings(max_examples=120, deadline=None)
_BUFFER = Decimal("0.02")
COSTS = Costs(CostSettings(), rates_from({"EUR": 1, "USD": 2, "HKD": 10}))
EUROS = Sellable("E", Decimal(100), Decimal(50), "EUR", Decimal(1))
DOLLARS = Sellable("D", Decimal(30), Decimal(200), "USD", Decimal(1))
TENCENT = Sellable("T", Decimal(300), Decimal(400), "HKD", Decimal(100))


def _situation(balances: dict[str, str], *sellable: Sellable, **facts: object) -> Situation:
    amounts = {currency: Decimal(amount) for currency, amount in balances.items()}
    return replace(Situation("a", "EUR", amounts, sellable, frozenset()), **facts)  # type: ignore[arg-type]


def _next(situation: Situation, buffer: Decimal = _BUFFER) -> Round:
    return next_actions(situation, COSTS, sell_buffer=buffer)


@_examples
@given(emergencies(refusals=True))
def test_it_always_ends_and_the_shortfall_never_rises(emergency: Emergency) -> None:
    # `repair` itself fails after more rounds than the assets allow, on an overdraft and on a short sale.
    found = repair(emergency)
    assert found.outcome in {"repaired", "wait", "cannot_pay"}
    for before, after in pairwise(found.shortfalls):
        assert after <= before
    assert (found.outcome == "repaired") == (found.shortfalls[-1] == 0)


@_examples
@given(emergencies())
def test_cash_ends_at_or_above_zero_exactly_when_the_account_can_pay(emergency: Emergency) -> None:
    expected = can_pay(emergency)
    assume(expected is not None)
    found = repair(emergency)
    assert found.outcome == ("repaired" if expected else "cannot_pay")
    assert all(amount >= 0 for amount in found.venue.cash.values()) == expected


@_examples
@given(emergencies(refusals=True))
def test_refused_sales_are_made_up_for_by_others_where_there_are_any(emergency: Emergency) -> None:
    sales_only = frozenset(symbol for symbol in emergency.refused if "/" not in symbol)
    emergency = replace(emergency, refused=sales_only)
    expected = can_pay(emergency)
    assume(expected is not None)
    assert repair(emergency).outcome == ("repaired" if expected else "cannot_pay")


@_examples
@given(emergencies())
def test_nothing_is_sold_while_there_is_cash_to_exchange(emergency: Emergency) -> None:
    situation, costs = emergency.situation, emergency.costs
    decided = next_actions(situation, costs, sell_buffer=emergency.sell_buffer)
    nothing: frozenset[str] = frozenset()
    possible = fund(situation.balances, costs, situation.base_currency, nothing).exchanges
    assert decided.exchanges == possible
    assert not (decided.exchanges and decided.sales)


@_examples
@given(emergencies())
def test_sales_are_whole_lots_of_what_is_held_and_earn_more_than_their_fee(
    emergency: Emergency,
) -> None:
    decided = proposal(emergency.situation, emergency.costs, sell_buffer=emergency.sell_buffer)
    held = {s.symbol: s for s in emergency.situation.sellable}
    assert len({sale.symbol for sale in decided.sales}) == len(decided.sales)
    for sale in decided.sales:
        source = held[sale.symbol]
        assert 0 < sale.quantity <= source.quantity
        assert sale.quantity % source.lot_size == 0
        assert (sale.price, sale.currency) == (source.price, source.currency)
        value = sale.quantity * sale.price
        assert value > emergency.costs.trade_fee(value, sale.currency)


@_examples
@given(emergencies(), st.data())
def test_nothing_is_ordered_while_an_order_for_it_is_open(
    emergency: Emergency, data: st.DataObject
) -> None:
    situation, costs = emergency.situation, emergency.costs
    symbols = [s.symbol for s in situation.sellable]
    symbols += [f"{a}/{b}" for a in situation.balances for b in situation.balances if a != b]
    assume(symbols)
    blocked = data.draw(st.frozensets(st.sampled_from(symbols)))
    hindered = replace(situation, open_symbols=blocked)
    for decided in (
        next_actions(hindered, costs, sell_buffer=emergency.sell_buffer),
        proposal(hindered, costs, sell_buffer=emergency.sell_buffer),
    ):
        ordered = {e.pair for e in decided.exchanges} | {s.symbol for s in decided.sales}
        assert not ordered & blocked


@_examples
@given(emergencies())
def test_while_a_repair_is_in_flight_it_waits(emergency: Emergency) -> None:
    # D-07: what is under way is not in the balances yet; acting on them would order everything twice.
    in_flight = replace(emergency.situation, is_repair_in_flight=True)
    decided = next_actions(in_flight, emergency.costs, sell_buffer=emergency.sell_buffer)
    assert decided == Round("wait")


@_examples
@given(emergencies())
def test_the_proposal_is_what_the_repair_would_take(emergency: Emergency) -> None:
    situation, costs = emergency.situation, emergency.costs
    assume(can_pay(emergency))
    advice = proposal(situation, costs, sell_buffer=emergency.sell_buffer)
    venue = Venue(
        costs, dict(situation.balances), {s.symbol: s.quantity for s in situation.sellable}
    )
    for exchange in advice.exchanges:
        venue.exchange(exchange.from_currency, exchange.to_currency, exchange.from_amount)
    for sale in advice.sales:
        venue.sell(sale.symbol, sale.quantity, sale.price, sale.currency)
    # Whatever is still negative is covered by exchanging the proceeds.
    nothing: frozenset[str] = frozenset()
    assert not fund(venue.cash, costs, situation.base_currency, nothing).uncovered


@pytest.mark.parametrize("balance", ["0", "0.01", "4.99"])
def test_only_a_negative_balance_is_an_emergency(balance: str) -> None:
    # D-05: no currency needs a reserve of its own.
    situation = _situation({"EUR": "1000", "HKD": balance}, EUROS)
    assert _next(situation) == Round("repaired")
    assert proposal(situation, COSTS, sell_buffer=_BUFFER) == Round("repaired")
    assert shortfalls(situation.balances) == {}


def test_a_cent_below_zero_is_an_emergency() -> None:
    situation = _situation({"EUR": "1000", "HKD": "-0.01"})
    assert shortfalls(situation.balances) == {"HKD": Decimal("0.01")}
    assert [exchange.pair for exchange in _next(situation).exchanges] == ["EUR/HKD"]


def test_a_sale_in_another_currency_is_sized_by_the_rate() -> None:
    # D-08: 1000 EUR are 2000 USD; with the fees and 2 % it takes eleven shares at 200, not three.
    decided = _next(_situation({"EUR": "-1000"}, DOLLARS))
    (sale,) = decided.sales
    assert (sale.symbol, sale.quantity) == ("D", Decimal(11))


def test_quantities_are_rounded_up_to_lots_and_capped_at_the_holding() -> None:
    # D-09: a third of a lot is needed: one lot is sold. More than everything is needed: everything is.
    (sale,) = _next(_situation({"HKD": "-12000"}, TENCENT)).sales
    assert sale.quantity == 100
    (sale,) = _next(_situation({"HKD": "-200000"}, TENCENT)).sales
    assert sale.quantity == 300
    odd = replace(TENCENT, quantity=Decimal(250))
    (sale,) = _next(_situation({"HKD": "-200000"}, odd)).sales
    assert sale.quantity == 200


@settings(max_examples=120, deadline=None)
@given(st.integers(100, 400_000), st.sampled_from(["1", "2", "0.5"]))
def test_no_more_is_sold_than_the_shortfall_takes(cents: int, lot: str) -> None:
    free_exchange = Costs(CostSettings(exchange_percent=Decimal(0)), COSTS.rates)
    short = Decimal(cents).scaleb(-2)
    holding = replace(EUROS, lot_size=Decimal(lot))
    situation = _situation({"EUR": str(-short)}, holding)
    (sale,) = next_actions(situation, free_exchange, sell_buffer=Decimal(0)).sales

    def left(quantity: Decimal) -> Decimal:
        value = quantity * holding.price
        return value - Decimal(2) - value * Decimal("0.002") - short

    assert left(sale.quantity) >= 0
    assert left(sale.quantity - holding.lot_size) < Decimal("0.04")


def test_the_largest_holdings_go_first() -> None:
    situation = _situation({"EUR": "-7000"}, EUROS, DOLLARS, TENCENT)
    decided = _next(situation)
    # Worth 12 000, 5 000 and 3 000 euros.
    assert [sale.symbol for sale in decided.sales] == ["T"]
    larger = _next(_situation({"EUR": "-14000"}, EUROS, DOLLARS, TENCENT))
    assert [sale.symbol for sale in larger.sales] == ["T", "E"]


def test_a_holding_worth_less_than_its_fee_is_not_sold() -> None:
    crumb = Sellable("C", Decimal(1), Decimal("1.50"), "EUR", Decimal(1))
    assert _next(_situation({"EUR": "-1"}, crumb)).outcome == "cannot_pay"


def test_without_cash_or_holdings_it_says_that_it_cannot_pay() -> None:
    situation = _situation({"EUR": "-1"})
    assert _next(situation) == Round("cannot_pay")
    assert proposal(situation, COSTS, sell_buffer=_BUFFER) == Round("cannot_pay")


def test_it_waits_for_an_open_order_that_holds_back_the_only_way_to_pay() -> None:
    sold_by_hand = _situation({"EUR": "-100"}, EUROS, open_symbols=frozenset({"E"}))
    assert _next(sold_by_hand) == Round("wait")
    nothing_else = _situation({"EUR": "-100"}, open_symbols=frozenset({"E"}))
    assert _next(nothing_else) == Round("cannot_pay")


def test_it_waits_rather_than_sells_while_the_exchange_that_would_do_is_open() -> None:
    balances = {"EUR": "1000", "USD": "-100"}
    open_pair = frozenset({"EUR/USD"})
    assert _next(_situation(balances, EUROS, open_symbols=open_pair)) == Round("wait")
    too_little = {"EUR": "1", "USD": "-100"}
    assert _next(_situation(too_little, EUROS, open_symbols=open_pair)).sales


def test_the_buffer_is_sold_on_top() -> None:
    situation = _situation({"EUR": "-2000"}, EUROS)
    (plain,) = _next(situation, Decimal(0)).sales
    (buffered,) = _next(situation, Decimal("0.5")).sales
    assert (plain.quantity, buffered.quantity) == (Decimal(41), Decimal(61))


def test_a_missing_rate_is_an_error_and_never_one() -> None:
    with pytest.raises(MissingRateError, match="GBP"):
        _next(_situation({"EUR": "10", "GBP": "-1"}, EUROS))
    with pytest.raises(MissingRateError, match="GBP"):
        _next(_situation({"EUR": "-10"}, replace(EUROS, currency="GBP")))
