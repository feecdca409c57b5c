"""Single rounds of an emergency: minimums, cash on its way, offered pairs, what is refused, and what is said."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ballast.settings import CostSettings
from ballast.trading.costs import Costs
from ballast.trading.currency_pairs import CurrencyPair
from ballast.trading.emergency import Policy, Round, Sellable, Situation, next_actions, shortfalls
from ballast.trading.sales import SaleCosts, SaleLot
from ballast.trading.situation import MOST_USES_OF_A_PAIR
from ballast.trading.termination import most_rounds, variant
from tests.ballast.trading.markets import rates_from

COSTS = Costs(CostSettings(), rates_from({"EUR": 1, "USD": 2, "HKD": 10, "GBP": 1}))
EUROS = Sellable("E", Decimal(100), Decimal(50), "EUR", Decimal(1))
DOLLARS = Sellable("D", Decimal(30), Decimal(200), "USD", Decimal(1))
POUNDS = Sellable("P", Decimal(100), Decimal(40), "GBP", Decimal(1))
VIA_EURO = (CurrencyPair("EUR", "GBP"), CurrencyPair("EUR", "HKD"), CurrencyPair("EUR", "USD"))


def _amounts(amounts: dict[str, str]) -> dict[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in amounts.items()}


def _situation(balances: dict[str, str], *sellable: Sellable, **facts: object) -> Situation:
    situation = Situation("a", "EUR", _amounts(balances), sellable, frozenset())
    return replace(situation, **facts)  # type: ignore[arg-type]


def _next(situation: Situation, policy: Policy | None = None) -> Round:
    return next_actions(situation, COSTS, policy)


def _pairs(decided: Round) -> list[str]:
    return [exchange.pair for exchange in decided.exchanges]


def _symbols(decided: Round) -> list[str]:
    return [sale.symbol for sale in decided.sales]


def test_a_balance_below_its_minimum_is_short() -> None:
    minimums = _amounts({"EUR": "100"})
    situation = _situation({"EUR": "60"}, minimums=minimums)
    assert shortfalls(situation.balances, minimums) == {"EUR": Decimal(40)}
    assert _next(situation).outcome == "cannot_pay"
    assert _next(replace(situation, balances=minimums)).outcome == "repaired"
    # A currency that the account does not even hold may need a balance.
    assert _pairs(_next(_situation({"USD": "500"}, minimums=minimums))) == ["USD/EUR"]


def test_an_exchange_takes_only_what_is_above_the_minimum() -> None:
    situation = _situation({"EUR": "150", "USD": "-1000"}, minimums=_amounts({"EUR": "100"}))
    (exchange,) = _next(situation).exchanges
    assert 49 < exchange.from_amount + exchange.fee <= 50


def test_it_waits_for_arriving_cash_that_covers_the_shortfall() -> None:
    situation = _situation({"EUR": "-100"}, EUROS, arriving=_amounts({"EUR": "100"}))
    assert _next(situation).outcome == "wait"
    in_dollars = replace(situation, arriving=_amounts({"USD": "250"}))
    assert _next(in_dollars).outcome == "wait"


def test_only_what_arriving_cash_leaves_uncovered_is_sold() -> None:
    situation = _situation({"EUR": "-1000"}, EUROS, arriving=_amounts({"EUR": "900"}))
    (sale,) = _next(situation).sales
    assert sale.quantity == 3
    # A remainder within the buffer is left until the cash is there.
    almost = replace(situation, arriving=_amounts({"EUR": "990"}))
    assert _next(almost).outcome == "wait"


def test_arriving_cash_is_not_spent_before_it_is_there() -> None:
    situation = _situation({"EUR": "0", "USD": "-100"}, arriving=_amounts({"EUR": "500"}))
    assert _next(situation).outcome == "wait"
    assert _pairs(_next(replace(situation, balances=_amounts({"EUR": "500", "USD": "-100"})))) == [
        "EUR/USD"
    ]


def test_cash_that_will_be_taken_is_spent_already() -> None:
    bought = _situation({"EUR": "100"}, EUROS, arriving=_amounts({"EUR": "-150"}))
    assert _symbols(_next(bought)) == ["E"]


def test_only_the_first_leg_is_ordered_until_its_cash_is_there() -> None:
    situation = _situation({"GBP": "500", "HKD": "-1000"}, offered_pairs=VIA_EURO)
    first = _next(situation)
    assert _pairs(first) == ["GBP/EUR"]
    arrived = {
        "GBP": "395", "HKD": "-1000", "EUR": str(first.exchanges[0].to_amount),
    }  # fmt: skip
    second = _next(replace(situation, balances=_amounts(arrived), used_pairs=("GBP/EUR",)))
    assert _pairs(second) == ["EUR/HKD"]


def test_a_refused_sale_is_made_up_for_by_another() -> None:
    situation = _situation({"EUR": "-1000"}, EUROS, DOLLARS)
    first = _symbols(_next(situation))
    assert len(first) == 1
    other = _symbols(_next(replace(situation, refused=frozenset(first))))
    assert set(first + other) == {"E", "D"}


def test_what_cannot_reach_the_shortfall_is_not_sold() -> None:
    situation = _situation({"HKD": "-1000"}, EUROS, POUNDS, offered_pairs=VIA_EURO)
    refused = frozenset({"GBP/EUR"})
    large = replace(POUNDS, quantity=Decimal(1000))
    situation = replace(situation, sellable=(EUROS, large), refused=refused)
    policy = Policy(sales="largest_first")
    assert _symbols(_next(situation, policy)) == ["E"]
    assert _symbols(_next(replace(situation, refused=frozenset()), policy)) == ["P"]


@pytest.mark.parametrize("held_back", ["closed_symbols", "refused"])
def test_it_says_what_would_pay_but_cannot_be_traded_now(held_back: str) -> None:
    situation = _situation({"EUR": "-1000"}, EUROS, **{held_back: frozenset({"E"})})
    decided = _next(situation)
    assert (decided.outcome, decided.held_back) == ("halted", ("E",))
    assert decided.why == ("Short of 1000.00 EUR: it could be paid, but E cannot be traded now.")
    pair = _situation({"EUR": "900", "USD": "-100"}, **{held_back: frozenset({"EUR/USD"})})
    assert _next(pair).held_back == ("EUR/USD",)


def test_a_pair_that_was_used_up_is_left_alone_until_the_next_sale() -> None:
    used = ("EUR/USD",) * MOST_USES_OF_A_PAIR
    situation = _situation({"EUR": "900", "USD": "-100"}, used_pairs=used)
    assert _next(situation).held_back == ("EUR/USD",)
    assert _pairs(_next(replace(situation, used_pairs=used[1:]))) == ["EUR/USD"]


def test_it_says_that_it_cannot_pay_even_if_more_could_be_traded() -> None:
    situation = _situation({"EUR": "-9000"}, EUROS, refused=frozenset({"E"}))
    decided = _next(situation)
    assert (decided.outcome, decided.held_back) == ("cannot_pay", ())
    assert decided.why == (
        "Short of 9000.00 EUR: nothing is left to exchange or to sell that covers it."
    )


def test_what_it_does_is_said_in_a_sentence() -> None:
    sold = _next(_situation({"EUR": "-1000"}, EUROS))
    assert sold.why == (
        "Short of 1000.00 EUR: no cash covers it, so E is sold at a cost of 4.10 EUR."
    )
    exchanged = _next(_situation({"EUR": "900", "USD": "-100"}))
    assert exchanged.why == "Short of 100.00 USD: cash to spare is exchanged (EUR/USD)."


def test_the_policy_decides_which_holding_goes() -> None:
    lots = (SaleLot(Decimal(100), Decimal(90)),)
    loss = replace(EUROS, symbol="L", quantity=Decimal(30), lots=lots)
    situation = _situation({"EUR": "-1000"}, EUROS, loss)
    taxed = SaleCosts(gain_tax=Decimal("0.25"))
    assert _symbols(_next(situation, Policy(sale_costs=taxed))) == ["L"]
    assert _symbols(_next(situation, Policy(sales="largest_first", sale_costs=taxed))) == ["E"]


def test_a_security_whose_symbol_spells_a_currency_is_no_currency() -> None:
    situation = _situation({"EUR": "900", "HKD": "-100"}, offered_pairs=VIA_EURO)
    assert _pairs(_next(replace(situation, refused=frozenset({"EUR"})))) == ["EUR/HKD"]


def test_the_variant_counts_lots_and_uses_of_pairs() -> None:
    situation = _situation({"EUR": "-1", "USD": "1"}, replace(EUROS, quantity=Decimal("2.5")))
    assert variant(situation) == (2, 2 * MOST_USES_OF_A_PAIR)
    assert variant(replace(situation, used_pairs=("USD/EUR",))) == (2, 2 * MOST_USES_OF_A_PAIR - 1)
    out = replace(situation, refused=frozenset({"E", "USD/EUR"}))
    assert variant(out) == (0, MOST_USES_OF_A_PAIR)
    assert most_rounds(situation) == 2 + 3 * 2 * MOST_USES_OF_A_PAIR
    assert variant(replace(situation, offered_pairs=VIA_EURO)) == (2, 6 * MOST_USES_OF_A_PAIR)
