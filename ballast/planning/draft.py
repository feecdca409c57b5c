"""What a set of orders for one account leads to: its cash, its value, and whether the orders can be paid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from ballast.errors import MissingPriceError
from ballast.money import ZERO, multiply, scale, to_cents
from ballast.planning.account import Account, Candidate
from ballast.trading.costs import Costs
from ballast.trading.exchange import Exchange, Funding, fund

_NO_PAIRS: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Trade:
    """A sale (negative quantity) or purchase, with its value and fee in the security's currency.

    `gap_base` is what its target lacked (negative: had too much) in base currency.
    """

    candidate: Candidate
    quantity: Decimal
    value: Decimal
    fee: Decimal
    gap_base: Decimal

    @property
    def cash(self) -> Decimal:
        """Effect on cash in the security's currency."""
        return (-self.value if self.quantity > ZERO else self.value) - self.fee


@dataclass(frozen=True)
class Draft:
    """Signed quantities by symbol, and what the account looks like once they were carried out.

    `cash` and `value` (cash and holdings) are in base currency. `kept_back` is what of the cash is not to be spent:
    taxes on what was sold, and the difference to the worst prices.
    """

    orders: Mapping[str, Decimal]
    funding: Funding
    cash: Decimal
    value: Decimal
    kept_back: Decimal = ZERO

    def held(self, candidate: Candidate) -> Decimal:
        """Return the quantity that is held in the end."""
        return candidate.quantity + self.orders.get(candidate.symbol, ZERO)


@dataclass(frozen=True)
class Drafting:
    """Draws up drafts for one account.

    Parameters
    ----------
    tax : callable, optional
        Tax in base currency on selling a (negative) quantity of a candidate; none if left out.
    slippage : Decimal
        How much worse than the last price a trade may be filled and must still leave the reserve.
    """

    account: Account
    costs: Costs
    tax: Callable[[Candidate, Decimal], Decimal] | None = None
    slippage: Decimal = ZERO

    def is_sensible(self, candidate: Candidate, quantity: Decimal) -> bool:
        """Say whether an order keeps within the accepted cost ratio and is worth twice its cost."""
        value, currency = _value(candidate, quantity), candidate.currency
        return value >= self.costs.minimum_trade(currency) and self.costs.is_worthwhile(
            value, currency
        )

    def least_trade(self, candidate: Candidate) -> Decimal:
        """Return the smallest trade in a security whose cost is acceptable, in base currency."""
        return self._to_base(self.costs.minimum_trade(candidate.currency), candidate.currency)

    def is_funded(self, draft: Draft) -> bool:
        """Say whether what is bought can be paid and leaves the reserve; a sale needs no funds."""
        if all(quantity < ZERO for quantity in draft.orders.values()):
            return True
        left = draft.cash - draft.kept_back
        return not draft.funding.uncovered and left >= self.reserve(draft.value)

    def draft(self, orders: Mapping[str, Decimal]) -> Draft:
        """Return what orders lead to, paid for by exchanges where their currency is not at hand."""
        balances = dict(self.account.cash)
        holdings, kept_back = self.account.committed, ZERO
        for candidate in self.account.candidates:
            quantity = orders.get(candidate.symbol, ZERO)
            holdings += self.value_base(candidate, candidate.quantity + quantity)
            if quantity != ZERO:
                self._settle(balances, candidate, quantity)
                kept_back += self._kept_back(candidate, quantity)
        return self._funded(orders, balances, holdings, kept_back)

    def after(self, draft: Draft, candidate: Candidate, quantity: Decimal) -> Draft:
        """Return what one more order leads to once a draft has been carried out."""
        balances = dict(draft.funding.balances)
        held = draft.held(candidate)
        holdings = draft.value - draft.cash - self.value_base(candidate, held)
        holdings += self.value_base(candidate, held + quantity)
        self._settle(balances, candidate, quantity)
        kept_back = draft.kept_back + self._kept_back(candidate, quantity)
        return self._funded({candidate.symbol: quantity}, balances, holdings, kept_back)

    def trades(self, draft: Draft) -> list[Trade]:
        """Return the trades of a draft, the largest gaps first."""
        trades = []
        for candidate in self.account.candidates:
            if candidate.symbol in draft.orders:
                target = self.target(candidate, draft.value)
                gap = target - self.value_base(candidate, candidate.quantity)
                trades.append(self._trade(candidate, draft.orders[candidate.symbol], gap))
        return sorted(trades, key=lambda trade: (-abs(trade.gap_base), trade.candidate.symbol))

    def fees(self, trades: Sequence[Trade], exchanges: Sequence[Exchange]) -> Decimal:
        """Return all fees in base currency."""
        paid = [(trade.fee, trade.candidate.currency) for trade in trades]
        paid += [(exchange.fee, exchange.from_currency) for exchange in exchanges]
        return sum((self._to_base(fee, currency) for fee, currency in paid), ZERO)

    def reserve(self, value: Decimal) -> Decimal:
        """Return the cash to keep when the account is worth `value`, taxes that are owed included."""
        share = multiply(value, self.account.reserve_share)
        return max(share, self.account.reserve_floor, ZERO) + self.account.owed

    def target(self, candidate: Candidate, value: Decimal) -> Decimal:
        """Return the wanted value of a holding in base currency when the account is worth `value`."""
        target = multiply(candidate.target, value)
        wanted = multiply(self._target_share, value)
        investable = max(value - self.reserve(value), ZERO)
        return target if wanted <= investable else scale(target, investable, wanted)

    def value_base(self, candidate: Candidate, quantity: Decimal) -> Decimal:
        """Return the value of a quantity in base currency."""
        if quantity == ZERO:
            return ZERO
        return self._to_base(multiply(quantity, price(candidate)), candidate.currency)

    def from_base(self, amount: Decimal, currency: str) -> Decimal:
        """Return how much of a currency an amount in base currency is worth."""
        return self.costs.rates.needed(amount, self.account.base_currency, currency)

    def total(self, balances: Mapping[str, Decimal]) -> Decimal:
        """Add up balances in base currency."""
        return sum((self._to_base(amount, currency) for currency, amount in balances.items()), ZERO)

    def _funded(
        self,
        orders: Mapping[str, Decimal],
        balances: dict[str, Decimal],
        holdings: Decimal,
        kept_back: Decimal,
    ) -> Draft:
        funding = fund(balances, self.costs, self.account.base_currency, _NO_PAIRS)
        cash = self.total(funding.balances)
        return Draft(orders, funding, cash, cash + holdings, kept_back)

    def _kept_back(self, candidate: Candidate, quantity: Decimal) -> Decimal:
        value = self.value_base(candidate, abs(quantity))
        worse = multiply(multiply(value, self.slippage), 1 + self.costs.settings.percent)
        if quantity > ZERO or self.tax is None:
            return worse
        return worse + self.tax(candidate, quantity)

    def _settle(
        self, balances: dict[str, Decimal], candidate: Candidate, quantity: Decimal
    ) -> None:
        trade = self._trade(candidate, quantity, ZERO)
        balances[candidate.currency] = balances.get(candidate.currency, ZERO) + trade.cash

    def _trade(self, candidate: Candidate, quantity: Decimal, gap: Decimal) -> Trade:
        value = _value(candidate, quantity)
        fee = self.costs.trade_fee(value, candidate.currency)
        return Trade(candidate, quantity, value, fee, gap)

    def _to_base(self, amount: Decimal, currency: str) -> Decimal:
        return self.costs.rates.convert(amount, currency, self.account.base_currency)

    @cached_property
    def _target_share(self) -> Decimal:
        return sum((candidate.target for candidate in self.account.candidates), ZERO)


def price(candidate: Candidate) -> Decimal:
    """Return the price of a candidate that has one: those without are neither held nor traded."""
    if candidate.price is None:
        raise MissingPriceError(
            f"{candidate.symbol} has no price",
            where="planner",
            remedy="Report this as a defect: such a security must not be traded.",
        )
    return candidate.price


def _value(candidate: Candidate, quantity: Decimal) -> Decimal:
    return to_cents(multiply(abs(quantity), price(candidate)))
