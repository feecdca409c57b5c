"""Currency pairs: the shortest way over what a broker offers, and orders in the instrument's base currency."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.errors import MissingRateError
from ballast.market.exchange_rates import Rates
from ballast.trading.currency_pairs import CurrencyPair, Leg, instrument_order, route
from tests.ballast.trading.markets import CURRENCIES, cents, rates_from, rates_of_a_day

_examples = settings(max_examples=200, deadline=None)
_EVERY = [(a, b) for a in CURRENCIES for b in CURRENCIES if a != b]
_increments = st.sampled_from([Decimal("0.01"), Decimal(1), Decimal(1000)])
_pairs = st.lists(
    st.builds(
        lambda names, by: CurrencyPair(names[0], names[1], by), st.sampled_from(_EVERY), _increments
    ),
    max_size=8,
    unique_by=lambda pair: frozenset((pair.base, pair.quote)),
)
_any_rates = st.lists(st.integers(1, 10**15), min_size=len(_EVERY), max_size=len(_EVERY)).map(
    lambda units: Rates({n: Decimal(u).scaleb(-12) for n, u in zip(_EVERY, units, strict=True)})
)
_blocked = st.frozensets(st.sampled_from([f"{a}/{b}" for a, b in _EVERY]), max_size=6)

DAY = rates_from({"EUR": 1, "USD": 2, "HKD": 10, "GBP": 1})
EURUSD = CurrencyPair("EUR", "USD")


def _every_way(
    source: str, target: str, pairs: list[CurrencyPair], blocked: frozenset[str]
) -> Iterator[list[str]]:
    """Enumerate all ways that pass no currency twice."""
    offered = {(p.base, p.quote) for p in pairs} | {(p.quote, p.base) for p in pairs}

    def onwards(way: list[str]) -> Iterator[list[str]]:
        if way[-1] == target:
            yield way
            return
        for name in CURRENCIES:
            is_open = (way[-1], name) in offered and f"{way[-1]}/{name}" not in blocked
            if name not in way and is_open:
                yield from onwards([*way, name])

    yield from onwards([source])


def _arriving(way: list[str], rates: Rates) -> Fraction:
    amount = Fraction(1)
    for source, target in pairwise(way):
        amount *= Fraction(rates.by_pair[source, target])
    return amount


@_examples
@given(st.sampled_from(CURRENCIES), st.sampled_from(CURRENCIES), _pairs, _any_rates, _blocked)
def test_no_way_is_shorter_and_of_equally_short_ones_none_brings_more(
    source: str, target: str, pairs: list[CurrencyPair], rates: Rates, blocked: frozenset[str]
) -> None:
    found = route(source, target, pairs, rates, blocked)
    ways = list(_every_way(source, target, pairs, blocked))
    assert (found is None) == (not ways)
    if found is not None:
        way = [source, *(leg.target for leg in found)]
        assert way in ways
        shortest = min(len(other) for other in ways)
        assert len(way) == shortest
        rivals = [_arriving(other, rates) for other in ways if len(other) == shortest]
        assert _arriving(way, rates) == max(rivals)


@_examples
@given(st.sampled_from(_EVERY), _pairs, _any_rates)
def test_the_order_of_pairs_does_not_matter(
    names: tuple[str, str], pairs: list[CurrencyPair], rates: Rates
) -> None:
    assert route(*names, pairs, rates) == route(*names, pairs[::-1], rates)


def test_a_leg_says_its_side_and_its_rate() -> None:
    (there,) = route("EUR", "USD", [EURUSD], DAY) or ()
    (back,) = route("USD", "EUR", [EURUSD], DAY) or ()
    assert (there.side, there.rate, there.name) == ("sell", Decimal(2), "EUR/USD")
    assert (back.side, back.rate, back.name) == ("buy", Decimal("0.5"), "USD/EUR")


def test_a_way_leads_through_any_currency() -> None:
    pairs = [EURUSD, CurrencyPair("HKD", "EUR")]
    found = route("USD", "HKD", pairs, DAY)
    assert found is not None
    assert [leg.name for leg in found] == ["USD/EUR", "EUR/HKD"]
    assert route("USD", "HKD", pairs, DAY, frozenset({"EUR"})) is None
    assert route("USD", "HKD", pairs, DAY, frozenset({"HKD/EUR"})) == found
    assert route("USD", "GBP", pairs, DAY) is None
    assert route("USD", "USD", [], DAY) == ()


def test_a_pair_without_a_rate_is_no_way_but_where_every_exchange_is_offered_it_is_an_error() -> (
    None
):
    strange = CurrencyPair("EUR", "XAU")
    assert route("EUR", "XAU", [strange], DAY) is None
    assert route("EUR", "USD", [strange, EURUSD], DAY) is not None
    with pytest.raises(MissingRateError, match="XAU"):
        route("EUR", "XAU", None, DAY)


@_examples
@given(st.sampled_from(_EVERY), _increments, cents(0, 100_000), rates_of_a_day())
def test_an_order_never_costs_more_than_the_amount_and_less_than_an_increment_is_left(
    names: tuple[str, str], increment: Decimal, amount: Decimal, rates: Rates
) -> None:
    pair = CurrencyPair(*names, increment)
    for source, target in (names, names[::-1]):
        rate = Fraction(rates.rate(source, target))
        order = instrument_order(pair, source, target, amount, rates.rate(source, target))
        cost = Fraction(order.quantity) / (rate if order.side == "buy" else 1)
        step = Fraction(increment) / (rate if order.side == "buy" else 1)
        assert cost <= amount < cost + step
        assert order.quantity % increment == 0
        assert order.side == ("buy" if target == pair.base else "sell")


@_examples
@given(st.sampled_from(_EVERY), _increments, cents(0, 100_000), rates_of_a_day())
def test_there_and_back_never_gains(
    names: tuple[str, str], increment: Decimal, amount: Decimal, rates: Rates
) -> None:
    pair, (source, target) = CurrencyPair(*names, increment), names
    for start, middle in ((source, target), (target, source)):
        there = Leg(pair, start, middle, rates.rate(start, middle))
        back = Leg(pair, middle, start, rates.rate(middle, start))
        assert _carried_out(back, _carried_out(there, amount)) <= amount


def _carried_out(leg: Leg, amount: Decimal) -> Decimal:
    """Return what arrives, rounded down to the cent."""
    order = instrument_order(leg.pair, leg.source, leg.target, amount, leg.rate)
    if order.side == "buy":
        return order.quantity
    arriving = Fraction(order.quantity) * Fraction(leg.rate) * 100
    return Decimal(int(arriving)) / 100


def test_dollars_become_euros_by_a_purchase_of_euros() -> None:
    # D-12: the quantity is in euros, not the 100 dollars that are given away.
    order = instrument_order(EURUSD, "USD", "EUR", Decimal(100), Decimal("0.5"))
    assert (order.side, order.quantity) == ("buy", Decimal(50))
    order = instrument_order(EURUSD, "EUR", "USD", Decimal("70.009"), Decimal(2))
    assert (order.side, order.quantity) == ("sell", Decimal("70.00"))


def test_a_pair_exchanges_only_its_own_currencies() -> None:
    with pytest.raises(ValueError, match="EUR/USD does not exchange HKD for EUR"):
        instrument_order(EURUSD, "HKD", "EUR", Decimal(1), Decimal(1))
