"""What a trade costs: fixed fee + share of the value; an exchange of currency: share of the amount."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ballast.market.exchange_rates import Rates
from ballast.money import CENT, ZERO, divide, multiply, to_cents
from ballast.settings import CostSettings

_MINIMUM_WITHOUT_MARGIN = Decimal(1000)


@dataclass(frozen=True)
class Costs:
    """The cost model at one session's exchange rates."""

    settings: CostSettings
    rates: Rates

    def trade_fee(self, value: Decimal, currency: str) -> Decimal:
        """Return the fee of a trade of a (positive) value, in the trade's currency, to the cent."""
        fixed = self.rates.convert(self.settings.fixed, self.settings.currency, currency)
        return to_cents(fixed + multiply(self.settings.percent, value))

    def value_yielding(self, proceeds: Decimal, currency: str) -> Decimal:
        """Return how much must be sold for proceeds of at least an amount after the fee, in a currency."""
        fixed = self.rates.convert(self.settings.fixed, self.settings.currency, currency)
        # A cent for the rounding of the value, one for that of the fee.
        return divide(proceeds + fixed + 2 * CENT, Decimal(1) - self.settings.percent)

    def exchange_fee(self, amount: Decimal) -> Decimal:
        """Return the fee of exchanging an amount, in the currency given away, to the cent."""
        return to_cents(multiply(self.settings.exchange_percent, amount))

    def minimum_trade(self, currency: str) -> Decimal:
        """Return the smallest trade whose cost stays within the accepted ratio, in a currency.

        F + p × v ≤ r × v gives v ≥ F ÷ (r − p).
        """
        margin = self.settings.maximum_cost_ratio - self.settings.percent
        least = divide(self.settings.fixed, margin) if margin > ZERO else _MINIMUM_WITHOUT_MARGIN
        return self.rates.convert(least, self.settings.currency, currency)

    def is_worthwhile(self, gap: Decimal, currency: str) -> bool:
        """Say whether closing a gap of a value is worth twice its cost."""
        return gap >= 2 * self.trade_fee(gap, currency)
