"""Funding: shortfalls in some currencies are covered from what is left over in others."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ballast.errors import MissingRateError
from ballast.settings import CostSettings
from ballast.trading.costs import Costs
from ballast.trading.currency_pairs import CurrencyPair
from ballast.trading.exchange import Funding, fund
from tests.ballast.trading.markets import (
    CURRENCIES,
    Venue,
    cents,
    costs_of_a_day,
    in_base,
    rates_from,
)

_examples = settings(max_examples=150, deadline=None)
_balances = st.dictionaries(
    st.sampled_from(CURRENCIES),
    st.one_of(cents(-20_000, 20_000), cents(-3, 3), st.integers(-9, 9).map(Decimal)),
)
_pairs = st.frozensets(
    st.tuples(st.sampled_from(CURRENCIES), st.sampled_from(CURRENCIES)).map("/".join), max_size=8
)
_bases = st.sampled_from(["EUR", "USD", "HKD"])

DOLLARS = Costs(CostSettings(exchange_percent=Decimal(0)), rates_from({"EUR": 1, "USD": 2}))
NOTHING: frozenset[str] = frozenset()


def _carried_out(balances: dict[str, Decimal], funding: Funding, costs: Costs) -> Venue:
    venue = Venue(costs, balances, {})
    for exchange in funding.exchanges:
        venue.exchange(exchange.from_currency, exchange.to_currency, exchange.from_amount)
    return venue


@_examples
@given(_balances, costs_of_a_day(), _bases, _pairs)
def test_carried_out_the_exchanges_leave_what_was_said_and_no_source_negative(
    balances: dict[str, Decimal], costs: Costs, base: str, blocked: frozenset[str]
) -> None:
    funding = fund(balances, costs, base, blocked)
    # The venue refuses an exchange that would make a positive balance negative.
    venue = _carried_out(balances, funding, costs)
    assert venue.cash == funding.balances
    for currency, before in balances.items():
        after = funding.balances[currency]
        assert after >= 0 if before >= 0 else before <= after
    assert funding.uncovered == {c: -a for c, a in venue.cash.items() if a < 0}


@_examples
@given(_balances, costs_of_a_day(), _bases, _pairs)
def test_a_pair_is_exchanged_once_and_never_when_it_is_blocked(
    balances: dict[str, Decimal], costs: Costs, base: str, blocked: frozenset[str]
) -> None:
    exchanges = fund(balances, costs, base, blocked).exchanges
    pairs = [exchange.pair for exchange in exchanges]
    assert len(pairs) == len(set(pairs))
    assert not blocked & set(pairs)
    assert all(balances[exchange.to_currency] < 0 for exchange in exchanges)
    assert not {f"{e.to_currency}/{e.from_currency}" for e in exchanges} & set(pairs)


@_examples
@given(_balances, costs_of_a_day(), _bases)
def test_what_is_left_over_is_used_up_before_anything_stays_uncovered(
    balances: dict[str, Decimal], costs: Costs, base: str
) -> None:
    funding = fund(balances, costs, base, NOTHING)
    assume(funding.uncovered)
    rates, fee = costs.rates, costs.settings.exchange_percent
    for source, left in funding.balances.items():
        for target in funding.uncovered:
            # All that is left is less than two cents, or less than a cent of what is needed.
            arriving = (left - Decimal("0.01")) / (1 + fee) * rates.rate(source, target)
            assert left <= Decimal("0.02") or arriving < Decimal("0.02")


@_examples
@given(_balances, costs_of_a_day(), _bases)
def test_nothing_is_exchanged_beyond_the_need_but_a_few_cents(
    balances: dict[str, Decimal], costs: Costs, base: str
) -> None:
    funding = fund(balances, costs, base, NOTHING)
    for target in {exchange.to_currency for exchange in funding.exchanges}:
        # A cent of the source may be many of the target (one of GBP buys 2.43 JPY).
        sources = [e.from_currency for e in funding.exchanges if e.to_currency == target]
        coarse = max(costs.rates.rate(source, target) for source in sources)
        assert funding.balances[target] <= Decimal("0.02") * (1 + coarse)


@_examples
@given(_balances, costs_of_a_day(), _bases)
def test_shortfalls_are_covered_exactly_when_the_surplus_pays_for_them(
    balances: dict[str, Decimal], costs: Costs, base: str
) -> None:
    surplus = {c: a for c, a in balances.items() if a > 0}
    missing = {c: -a for c, a in balances.items() if a < 0}
    fee = 1 + Fraction(costs.settings.exchange_percent)
    spare = in_base(surplus, costs.rates, base) / fee - in_base(missing, costs.rates, base)
    # Up to five cents of any currency are lost per pair.
    cent = {c: Decimal("0.05") for c in balances}
    tolerance = in_base(cent, costs.rates, base) * (len(surplus) + 1)
    assume(abs(spare) > tolerance)
    assert bool(fund(balances, costs, base, NOTHING).uncovered) == (spare < 0)


@_examples
@given(_balances, costs_of_a_day(), _bases, _pairs, st.randoms(use_true_random=False))
def test_the_order_of_balances_does_not_matter(
    balances: dict[str, Decimal],
    costs: Costs,
    base: str,
    blocked: frozenset[str],
    shuffler: random.Random,
) -> None:
    items = list(balances.items())
    shuffler.shuffle(items)
    assert fund(dict(items), costs, base, blocked) == fund(balances, costs, base, blocked)


def test_an_amount_is_multiplied_by_the_rate_from_source_to_target() -> None:
    # D-06: two dollars per euro; 100 dollars take 50 euros and the half cent of margin.
    funding = fund({"EUR": Decimal(1000), "USD": Decimal(-100)}, DOLLARS, "EUR", NOTHING)
    (exchange,) = funding.exchanges
    assert (exchange.pair, exchange.rate) == ("EUR/USD", Decimal(2))
    assert (exchange.from_amount, exchange.to_amount) == (Decimal("50.01"), Decimal("100.02"))
    reverse = fund({"EUR": Decimal(-50), "USD": Decimal(1000)}, DOLLARS, "EUR", NOTHING)
    (exchange,) = reverse.exchanges
    assert (exchange.from_amount, exchange.to_amount) == (Decimal("100.02"), Decimal("50.01"))


def test_partial_sources_are_combined_the_base_currency_first() -> None:
    costs = Costs(CostSettings(), rates_from({"EUR": 1, "USD": 2, "HKD": 10, "GBP": 1}))
    balances = {
        "EUR": Decimal(10), "USD": Decimal(100), "GBP": Decimal(60), "HKD": Decimal(-1000),
    }  # fmt: skip
    funding = fund(balances, costs, "EUR", NOTHING)
    assert [exchange.pair for exchange in funding.exchanges] == ["EUR/HKD", "GBP/HKD", "USD/HKD"]
    assert funding.uncovered == {}
    assert funding.balances["EUR"] <= Decimal("0.01")
    assert funding.balances["GBP"] <= Decimal("0.01")
    assert funding.balances["USD"] > 0


def test_the_largest_shortfall_is_served_first() -> None:
    costs = Costs(CostSettings(), rates_from({"EUR": 1, "USD": 2, "JPY": 100}))
    balances = {"EUR": Decimal(100), "USD": Decimal(-300), "JPY": Decimal(-10_000)}
    funding = fund(balances, costs, "EUR", NOTHING)
    assert [exchange.pair for exchange in funding.exchanges] == ["EUR/USD"]
    assert set(funding.uncovered) == {"USD", "JPY"}


def test_a_missing_rate_is_an_error_and_never_one() -> None:
    with pytest.raises(MissingRateError, match="GBP"):
        fund({"EUR": Decimal(10), "GBP": Decimal(-5)}, DOLLARS, "EUR", NOTHING)


def test_balances_above_zero_are_left_alone() -> None:
    balances = {"EUR": Decimal("0.01"), "USD": Decimal(0)}
    assert fund(balances, DOLLARS, "EUR", NOTHING) == Funding((), balances, {})


_EVERY = [(a, b) for number, a in enumerate(CURRENCIES) for b in CURRENCIES[number + 1 :]]
_offered = st.lists(
    st.builds(
        lambda names, turned, by: CurrencyPair(names[turned], names[not turned], by),
        st.sampled_from(_EVERY),
        st.booleans(),
        st.sampled_from([Decimal("0.01"), Decimal(1), Decimal(50)]),
    ),
    unique_by=lambda pair: frozenset((pair.base, pair.quote)),
)
_buffers = st.sampled_from([Decimal(0), Decimal("0.02")])


@_examples
@given(_balances, costs_of_a_day(), _bases, _pairs, _offered, _buffers)
def test_along_offered_pairs_no_source_and_no_currency_in_between_loses_what_it_needs(
    balances: dict[str, Decimal],
    costs: Costs,
    base: str,
    blocked: frozenset[str],
    pairs: list[CurrencyPair],
    buffer: Decimal,
) -> None:
    funding = fund(balances, costs, base, blocked, pairs=pairs, buffer=buffer)
    directions = {f"{p.base}/{p.quote}" for p in pairs} | {f"{p.quote}/{p.base}" for p in pairs}
    left = dict(balances)
    for number, exchange in enumerate(funding.exchanges):
        assert exchange.pair in directions - blocked
        source, target = exchange.from_currency, exchange.to_currency
        # Sources pay from what they have; every currency in between pays from what has just arrived.
        left[source] -= exchange.from_amount + exchange.fee
        assert left[source] >= 0
        left[target] = left.get(target, Decimal(0)) + exchange.to_amount
        if exchange.leg > 1:
            before = funding.exchanges[number - 1]
            assert (before.to_currency, before.leg) == (source, exchange.leg - 1)
            assert exchange.from_amount + exchange.fee <= before.to_amount
    assert left == funding.balances
    assert funding.uncovered == {c: -a for c, a in left.items() if a < 0}


@_examples
@given(_balances, costs_of_a_day(), _bases)
def test_where_every_pair_is_offered_as_much_is_covered_as_without_pairs(
    balances: dict[str, Decimal], costs: Costs, base: str
) -> None:
    # Sold from the source or bought in the target, a pair moves the same money but for a cent.
    pairs = [CurrencyPair(a, b) for a, b in _EVERY]
    offered = in_base(
        fund(balances, costs, base, NOTHING, pairs=pairs).uncovered, costs.rates, base
    )
    direct = in_base(fund(balances, costs, base, NOTHING).uncovered, costs.rates, base)
    cent = in_base(dict.fromkeys(CURRENCIES, Decimal("0.05")), costs.rates, base)
    assert abs(offered - direct) <= cent * len(CURRENCIES)


@_examples
@given(_balances, costs_of_a_day(), _bases, _offered)
def test_the_buffer_is_bought_only_where_nothing_else_goes_short_for_it(
    balances: dict[str, Decimal], costs: Costs, base: str, pairs: list[CurrencyPair]
) -> None:
    buffer = Decimal("0.02")
    funding = fund(balances, costs, base, NOTHING, pairs=pairs, buffer=buffer)
    for target in {e.to_currency for e in funding.exchanges if balances.get(e.to_currency, 0) < 0}:
        if target in funding.uncovered:
            continue
        # The last order is rounded up to an increment, up to fifty units of either currency, and a few cents.
        coarse = sum(
            (
                Decimal(52) * max(Decimal(1), costs.rates.rate(source, target))
                for source in CURRENCIES
            ),
            Decimal(0),
        )
        assert funding.balances[target] <= -balances[target] * buffer + coarse


LINES = (CurrencyPair("GBP", "EUR"), CurrencyPair("EUR", "HKD"), CurrencyPair("USD", "HKD"))
PLAIN = Costs(
    CostSettings(exchange_percent=Decimal(0)), rates_from({"EUR": 1, "USD": 2, "HKD": 10, "GBP": 1})
)


def test_a_route_of_two_legs_leaves_the_currency_in_between_as_it_was() -> None:
    balances = {"GBP": Decimal(100), "HKD": Decimal(-500)}
    funding = fund(balances, PLAIN, "EUR", NOTHING, pairs=LINES)
    assert [(e.pair, e.leg) for e in funding.exchanges] == [("GBP/EUR", 1), ("EUR/HKD", 2)]
    assert 0 <= funding.balances["EUR"] < Decimal("0.05")
    assert funding.uncovered == {}


def test_where_a_pair_is_blocked_another_source_or_route_is_used() -> None:
    balances = {"GBP": Decimal(100), "USD": Decimal(60), "HKD": Decimal(-500)}
    blocked = frozenset({"EUR/HKD"})
    funding = fund(balances, PLAIN, "EUR", blocked, pairs=LINES)
    assert [exchange.pair for exchange in funding.exchanges] == ["USD/HKD"]
    detour = (*LINES, CurrencyPair("EUR", "USD"))
    funding = fund(balances, PLAIN, "EUR", blocked, pairs=detour)
    pairs = [exchange.pair for exchange in funding.exchanges]
    assert pairs == ["USD/HKD", "GBP/EUR", "EUR/USD", "USD/HKD"]
    assert funding.uncovered == {}


def test_a_source_without_a_way_is_no_source() -> None:
    balances = {"GBP": Decimal(100), "HKD": Decimal(-500)}
    funding = fund(balances, PLAIN, "EUR", NOTHING, pairs=LINES[:1])
    assert (funding.exchanges, funding.uncovered) == ((), {"HKD": Decimal(500)})


def test_a_share_more_than_the_shortfall_is_bought_where_the_source_affords_it() -> None:
    rich = fund(
        {"EUR": Decimal(1000), "USD": Decimal(-100)}, PLAIN, "EUR", NOTHING, buffer=Decimal("0.02")
    )
    assert rich.exchanges[0].to_amount == Decimal("102.02")
    poor = fund(
        {"EUR": Decimal("50.01"), "USD": Decimal(-100)},
        PLAIN,
        "EUR",
        NOTHING,
        buffer=Decimal("0.02"),
    )
    assert poor.exchanges[0].to_amount == Decimal("100.02")


def test_an_order_sized_in_the_target_keeps_back_a_share_of_its_source() -> None:
    # The broker's rate decides how many dollars a purchase of euros takes.
    balances = {"EUR": Decimal(-50), "USD": Decimal(100)}
    pairs = (CurrencyPair("EUR", "USD"),)
    funding = fund(balances, PLAIN, "EUR", NOTHING, pairs=pairs, buffer=Decimal("0.02"))
    (exchange,) = funding.exchanges
    assert exchange.from_amount * Decimal("1.02") <= 100
    assert (exchange.instrument, exchange.to_amount) == (pairs[0], Decimal("49.01"))
