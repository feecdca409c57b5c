"""Random markets and a venue that fills orders: shared by the tests of planning and trading.

The venue is an oracle: it shares no code with what is tested, computes in exact fractions, rounds as documented (values
and fees half-even to the cent, what an exchange yields down to the cent), and fails when an order cannot be paid or
delivered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import floor

from hypothesis import strategies as st

from ballast.market.exchange_rates import Rates
from ballast.settings import CostSettings
from ballast.trading.costs import Costs

CURRENCIES = ("EUR", "GBP", "HKD", "JPY", "USD")
# Units of a currency per euro; wide enough for ten years of each.
_PER_EURO = {"USD": (80, 160), "GBP": (70, 100), "HKD": (700, 1100), "JPY": (9000, 17000)}
_RATE_UNIT = Decimal("1e-12")


def cents(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Amounts in whole cents between two whole amounts."""
    return st.integers(low * 100, high * 100).map(lambda number: Decimal(number).scaleb(-2))


@st.composite
def rates_of_a_day(draw: st.DrawFn) -> Rates:
    """Rates between all currencies, free of arbitrage up to their twelve decimals."""
    per_euro = {"EUR": Fraction(1)}
    for currency, (low, high) in _PER_EURO.items():
        per_euro[currency] = Fraction(draw(st.integers(low * 100, high * 100)), 10_000)
    return rates_from(per_euro)


def rates_from(per_euro: Mapping[str, Fraction | int]) -> Rates:
    """Rates from the units of each currency per euro."""
    return Rates(
        {
            (source, target): _decimal(Fraction(per_euro[target]) / per_euro[source], _RATE_UNIT)
            for source in per_euro
            for target in per_euro
        }
    )


def shares(high: int) -> st.SearchStrategy[Decimal]:
    """Shares from nothing up to a number of ten-thousandths."""
    return st.integers(0, high).map(lambda number: Decimal(number).scaleb(-4))


def cost_settings(
    fixed: st.SearchStrategy[Decimal] | None = None,
) -> st.SearchStrategy[CostSettings]:
    """The default costs, or any that a person could plausibly configure.

    The fixed fee is by default at least a tenth of a euro, more than what rounding to cents amounts to.
    """
    a_few = st.integers(20, 1000).map(lambda number: Decimal(number).scaleb(-2))
    drawn = st.builds(
        CostSettings,
        fixed=a_few if fixed is None else fixed,
        currency=st.sampled_from(["EUR", "GBP", "USD"]),
        percent=shares(100),
        exchange_percent=shares(100),
        maximum_cost_ratio=st.integers(1, 50).map(lambda number: Decimal(number).scaleb(-3)),
    )
    return drawn if fixed is not None else st.one_of(st.just(CostSettings()), drawn)


def costs_of_a_day(
    fixed: st.SearchStrategy[Decimal] | None = None,
) -> st.SearchStrategy[Costs]:
    """Costs at the rates of a day."""
    return st.builds(Costs, cost_settings(fixed), rates_of_a_day())


def prices() -> st.SearchStrategy[Decimal]:
    """Prices from a penny to thousands, with up to four decimals."""
    return st.one_of(
        st.integers(100, 10_000).map(lambda number: Decimal(number).scaleb(-4)),
        st.integers(100, 50_000).map(lambda number: Decimal(number).scaleb(-2)),
        st.integers(500, 9_000).map(Decimal),
    )


def fee_of(value: Decimal, currency: str, costs: Costs) -> Decimal:
    """Fixed fee, converted, and a share of the value; to the cent."""
    settings = costs.settings
    rate = costs.rates.rate(settings.currency, currency)
    exact = Fraction(settings.fixed) * Fraction(rate) + Fraction(settings.percent) * Fraction(value)
    return _decimal(exact, Decimal("0.01"))


class VenueError(AssertionError):
    """An order that a broker would refuse."""


@dataclass
class Venue:
    """Cash and holdings of one account, and fills at given prices."""

    costs: Costs
    cash: dict[str, Decimal]
    held: dict[str, Decimal]
    overdrawn: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.cash, self.held = dict(self.cash), dict(self.held)
        self.overdrawn = frozenset(name for name, amount in self.cash.items() if amount < 0)

    def sell(self, symbol: str, quantity: Decimal, price: Decimal, currency: str) -> None:
        """Deliver shares for cash."""
        if not 0 < quantity <= self.held.get(symbol, Decimal(0)):
            raise VenueError(f"cannot deliver {quantity} {symbol} out of {self.held.get(symbol)}")
        value = _decimal(Fraction(quantity) * Fraction(price), Decimal("0.01"))
        self.held[symbol] -= quantity
        self._pay(currency, fee_of(value, currency, self.costs) - value)

    def buy(self, symbol: str, quantity: Decimal, price: Decimal, currency: str) -> None:
        """Pay cash for shares."""
        if quantity <= 0:
            raise VenueError(f"cannot buy {quantity} {symbol}")
        value = _decimal(Fraction(quantity) * Fraction(price), Decimal("0.01"))
        self._pay(currency, value + fee_of(value, currency, self.costs))
        self.held[symbol] = self.held.get(symbol, Decimal(0)) + quantity

    def exchange(self, source: str, target: str, amount: Decimal) -> None:
        """Turn an amount of one currency into another."""
        if amount <= 0:
            raise VenueError(f"cannot exchange {amount} {source}")
        fee = Fraction(self.costs.settings.exchange_percent) * Fraction(amount)
        rate = Fraction(self.costs.rates.rate(source, target))
        # Conversions have eight decimals; what is left below a cent stays with the venue.
        arriving = Fraction(_decimal(Fraction(amount) * rate, Decimal("1e-8")))
        self._pay(source, amount + _decimal(fee, Decimal("0.01")))
        self.cash[target] = self.cash.get(target, Decimal(0)) + Decimal(floor(arriving * 100)) / 100

    def _pay(self, currency: str, amount: Decimal) -> None:
        after = self.cash.get(currency, Decimal(0)) - amount
        # What was overdrawn from the start may only improve.
        least = min(self.cash.get(currency, Decimal(0)), Decimal(0))
        if after < (least if currency in self.overdrawn else 0):
            raise VenueError(f"{after} {currency} would be left")
        self.cash[currency] = after


def in_base(amounts: Mapping[str, Decimal], rates: Rates, base: str) -> Fraction:
    """Sum amounts of several currencies in one."""
    return sum(
        (Fraction(a) * Fraction(rates.rate(name, base)) for name, a in amounts.items()), Fraction(0)
    )


def _decimal(value: Fraction, unit: Decimal) -> Decimal:
    """Round half-even to a multiple of a unit."""
    return Decimal(round(value / Fraction(unit))) * unit
