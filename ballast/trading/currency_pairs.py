"""The currency pairs that a broker offers: how to get from one currency to another, and the order that does it.

Rates follow the one convention: rate(from, to) is the number of units of `to` per one `from`. A pair EUR/USD is bought
and sold in units of its base currency, EUR: dollars become euros by a purchase, euros become dollars by a sale.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Literal

from ballast.errors import MissingRateError
from ballast.market.exchange_rates import Rates
from ballast.money import CENT, ZERO

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CurrencyPair:
    """An instrument such as EUR/USD: quantities are multiples of `increment` units of the base currency."""

    base: str
    quote: str
    increment: Decimal = CENT

    @property
    def name(self) -> str:
        """Name of the instrument, BASE/QUOTE."""
        return f"{self.base}/{self.quote}"


@dataclass(frozen=True)
class Leg:
    """One exchange of a route; the rate is in units of the target per one of the source."""

    pair: CurrencyPair
    source: str
    target: str
    rate: Decimal

    @property
    def name(self) -> str:
        """Name of the direction, FROM/TO."""
        return f"{self.source}/{self.target}"

    @property
    def side(self) -> Literal["buy", "sell"]:
        """Side of the order: the pair is bought for its base currency."""
        return "buy" if self.target == self.pair.base else "sell"


@dataclass(frozen=True)
class InstrumentOrder:
    """An order for a pair, with the quantity in the pair's base currency."""

    pair: CurrencyPair
    side: Literal["buy", "sell"]
    quantity: Decimal


def route(
    source: str,
    target: str,
    pairs: Collection[CurrencyPair] | None,
    rates: Rates,
    blocked: frozenset[str] = _NOTHING,
) -> tuple[Leg, ...] | None:
    """Return the shortest way from one currency to another; of several, the one on which most arrives.

    Parameters
    ----------
    pairs : collection of CurrencyPair or None
        What the broker offers; each is used in both directions. One without a known rate is left out. None stands for
        any currency against any other.
    blocked : frozenset of str
        FROM/TO directions, or currencies, that must not be passed.

    Returns
    -------
    tuple of Leg or None
        Empty for a currency to itself, None where no way leads. Equal ways are told apart by their currencies, then by
        the smaller increment.

    Raises
    ------
    MissingRateError
        If every exchange is offered and the rate of this one is unknown.
    """
    if source == target:
        return ()
    if pairs is None:
        if f"{source}/{target}" in blocked:
            return None
        return (Leg(CurrencyPair(source, target), source, target, rates.rate(source, target)),)
    legs = sorted(_legs(pairs, rates, blocked), key=lambda leg: (leg.name, leg.pair.increment))
    best: dict[str, tuple[Fraction, tuple[Leg, ...]]] = {source: (Fraction(1), ())}
    # Every pass reaches the currencies that are one leg further away.
    while target not in best:
        found: dict[str, tuple[Fraction, tuple[Leg, ...]]] = {}
        for leg in legs:
            if leg.source not in best or leg.target in best:
                continue
            arriving, way = best[leg.source]
            reached = (arriving * Fraction(leg.rate), (*way, leg))
            if leg.target not in found or _is_better(reached, found[leg.target]):
                found[leg.target] = reached
        if not found:
            return None
        best |= found
    return best[target][1]


def instrument_order(
    pair: CurrencyPair, source: str, target: str, amount: Decimal, rate: Decimal
) -> InstrumentOrder:
    """Return the order that gives away at most an amount of the source currency.

    Parameters
    ----------
    amount : Decimal
        In the source currency, without the fee.
    rate : Decimal
        Units of target per one source.

    Returns
    -------
    InstrumentOrder
        The quantity is in the pair's base currency, rounded down to the increment; zero where not even one increment
        can be paid.
    """
    if {source, target} != {pair.base, pair.quote}:
        raise ValueError(f"{pair.name} does not exchange {source} for {target}")
    if source == pair.base:
        return InstrumentOrder(pair, "sell", _whole(Fraction(amount), pair.increment))
    bought = Fraction(amount) * Fraction(rate)
    return InstrumentOrder(pair, "buy", _whole(bought, pair.increment))


def _whole(value: Fraction, increment: Decimal) -> Decimal:
    return floor(value / Fraction(increment)) * increment


def _legs(pairs: Collection[CurrencyPair], rates: Rates, blocked: frozenset[str]) -> Iterator[Leg]:
    for pair in pairs:
        for source, target in ((pair.base, pair.quote), (pair.quote, pair.base)):
            if blocked & {source, target, f"{source}/{target}"}:
                continue
            try:
                rate = rates.rate(source, target)
            except MissingRateError:
                continue
            if rate > ZERO:
                yield Leg(pair, source, target, rate)


def _is_better(
    one: tuple[Fraction, tuple[Leg, ...]], other: tuple[Fraction, tuple[Leg, ...]]
) -> bool:
    if one[0] != other[0]:
        return one[0] > other[0]
    return [leg.name for leg in one[1]] < [leg.name for leg in other[1]]
