"""One trade that a plan may contain, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ballast.money import ZERO, divide, floor_to_multiple, multiply
from ballast.planning.account import Candidate
from ballast.planning.case import PlanningCase, SecurityFacts
from ballast.planning.draft import Drafting

# In the order in which they are listed and numbered.
CATEGORIES = (
    "profit_taking",
    "averaging_down",
    "rebalance_sells",
    "rebalance_buys",
    "opportunity_buys",
)


@dataclass(frozen=True)
class Opportunity:
    """A sale or purchase of whole lots; `quantity` is signed, `value` positive, both at the last price.

    Parameters
    ----------
    value, fee, tax : Decimal
        In the base currency of the account. The fee includes that of the exchange which a purchase in another currency
        may need; the tax is that on the gain of the lots that a sale uses up.
    priority : float
        Higher is more urgent; only compares trades of one category.
    is_part : bool
        Whether it is only as much of a purchase as the cash at hand pays for.
    stopped_by : str or None
        Why it may not be made now.
    """

    symbol: str
    category: str
    quantity: Decimal
    value: Decimal
    fee: Decimal
    tax: Decimal
    priority: float
    tags: tuple[str, ...]
    reason: str
    is_part: bool = False
    stopped_by: str | None = None

    @property
    def side(self) -> str:
        """Buy or sell."""
        return "buy" if self.quantity > ZERO else "sell"

    @property
    def named(self) -> str:
        """Side, units and symbol."""
        return f"{self.side} {abs(self.quantity).normalize():f} {self.symbol}"


@dataclass(frozen=True)
class Bench:
    """Makes opportunities of one case."""

    case: PlanningCase

    @property
    def drafting(self) -> Drafting:
        """Draws up what trades lead to."""
        return self.case.drafting

    def candidates(self) -> list[tuple[Candidate, SecurityFacts]]:
        """Return what has a price that may be traded on, by symbol."""
        usable = [
            c for c in self.case.account.candidates if c.price is not None and not c.is_blocked
        ]
        return [(c, self.case.facts[c.symbol]) for c in sorted(usable, key=lambda c: c.symbol)]

    def opportunity(
        self,
        candidate: Candidate,
        quantity: Decimal,
        category: str,
        priority: float,
        tags: Sequence[str],
        reason: str,
    ) -> Opportunity | None:
        """Return an opportunity; None if it comes to nothing or is not worth its cost."""
        if quantity == ZERO or not self.drafting.is_sensible(candidate, quantity):
            return None
        facts = self.case.facts[candidate.symbol]
        price = candidate.price or ZERO
        native = multiply(abs(quantity), price)
        base = self.case.account.base_currency
        fee = self.case.market.trade_fee(native, candidate.currency)
        if quantity > ZERO and candidate.currency != base:
            fee += self.case.market.exchange_fee(native)
        stopped = facts.no_purchase if quantity > ZERO else facts.no_sale
        allowed = candidate.allow_buy if quantity > ZERO else candidate.allow_sell
        if stopped is None and candidate.quantity < ZERO:
            stopped = "it is sold short, and plans neither cover that nor add to it"
        if stopped is None and self.case.single_position:
            stopped = _breaks_the_position(candidate, quantity)
        if stopped is None and not allowed:
            stopped = f"it may not be {'bought' if quantity > ZERO else 'sold'}"
        return Opportunity(
            symbol=candidate.symbol,
            category=category,
            quantity=quantity,
            value=self.drafting.value_base(candidate, abs(quantity)),
            fee=self.case.market.rates.convert(fee, candidate.currency, base),
            tax=self.case.tax(candidate, quantity),
            priority=priority,
            tags=tuple(tags),
            reason=reason,
            stopped_by=stopped,
        )

    def whole_lots(self, candidate: Candidate, value: Decimal) -> Decimal:
        """Return the largest quantity of whole lots whose value in base currency is at most a value."""
        native = self.drafting.from_base(max(value, ZERO), candidate.currency)
        lots = floor_to_multiple(native / (candidate.price or ZERO), candidate.lot_size)
        # The conversion there and back may be a hair too generous.
        while lots > ZERO and self.drafting.value_base(candidate, lots) > value:
            lots -= candidate.lot_size
        return lots

    def affordable_lots(
        self, candidate: Candidate, amount: Decimal, *, at_worst: bool = False
    ) -> Decimal:
        """Return the most whole lots that an amount buys, fees included, at the last or worst price."""
        settings, base = self.case.costs, self.case.account.base_currency
        fixed = self.case.market.rates.convert(settings.fixed, settings.currency, base)
        share = settings.percent
        if candidate.currency != base:
            share += settings.exchange_percent
        if at_worst:
            share += multiply(self.case.slippage, 1 + settings.percent)
        return self.whole_lots(candidate, divide(amount - fixed, 1 + share))

    def free_cash(self) -> Decimal:
        """Return the cash above the reserve, in base currency."""
        nothing = self.drafting.draft({})
        return max(nothing.cash - self.drafting.reserve(nothing.value), ZERO)

    def total(self) -> Decimal:
        """Return the value of the account, cash included, in base currency."""
        return self.drafting.draft({}).value


def _breaks_the_position(candidate: Candidate, quantity: Decimal) -> str | None:
    if quantity > ZERO and candidate.quantity != ZERO:
        return "the account holds it already, and may have one entry only"
    if quantity < ZERO and candidate.quantity + quantity != ZERO:
        return "the account may only sell the whole of a position"
    return None
