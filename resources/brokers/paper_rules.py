"""What the paper broker books for an order, a corporate action or a transfer: pure decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Protocol

from ballast.errors import MissingPriceError, MissingRateError
from ballast.market.exchange_rates import Rates
from ballast.money import (
    CENT,
    ZERO,
    ceil_to_multiple,
    divide,
    floor_to_multiple,
    multiply,
    to_amount,
    to_cents,
)
from ballast.trading.costs import Costs
from ballast.trading.currency_pairs import CurrencyPair, instrument_order


@dataclass(frozen=True)
class Movement:
    """One leg in the broker's book."""

    event_id: str
    occurred_at: datetime
    kind: str
    commodity: str
    quantity: Decimal
    price: Decimal | None = None
    price_currency: str | None = None


@dataclass(frozen=True)
class Refusal:
    """Why an order was not filled."""

    reason: str


class Market(Protocol):
    """What the broker needs to know of the market."""

    def close(self, symbol: str, session: date) -> Decimal:
        """Return the last close as of a session."""
        ...

    def rates(self, session: date) -> Rates:
        """Return the exchange rates of a session."""
        ...

    def costs(self, session: date) -> Costs:
        """Return the fees of a session."""
        ...

    def is_security(self, commodity: str) -> bool:
        """Say whether a commodity is a security rather than a currency."""
        ...

    def is_currency(self, commodity: str) -> bool:
        """Say whether a commodity is a currency with exchange rates."""
        ...

    def currency(self, symbol: str) -> str:
        """Return the quotation currency."""
        ...

    def lot_size(self, symbol: str) -> Decimal:
        """Return the smallest tradable quantity."""
        ...

    @property
    def pairs(self) -> tuple[CurrencyPair, ...] | None:
        """Pairs of currencies that are exchanged; None for any with any."""
        ...


def execute(
    market: Market,
    held: Mapping[str, Decimal],
    *,
    event_id: str,
    side: str,
    symbol: str,
    quantity: Decimal,
    session: date,
    filled_at: datetime,
) -> list[Movement] | Refusal:
    """Fill an order whole at the last close, or say why not: also where a price or rate is not known.

    Parameters
    ----------
    side : str
        buy, sell, exchange (`symbol` is FROM/TO, `quantity` the amount of FROM), deposit or withdraw (`symbol` is the
        currency).
    """
    if quantity <= ZERO:
        return Refusal(f"the quantity {quantity} is not positive")
    try:
        match side:
            case "deposit" | "withdraw":
                if not market.is_currency(symbol):
                    return Refusal(f"unknown currency {symbol!r}")
                sign = Decimal(1) if side == "deposit" else Decimal(-1)
                return transfer(event_id, filled_at, symbol, sign * quantity)
            case "exchange":
                return _exchange(market, held, event_id, symbol, quantity, session, filled_at)
            case "buy" | "sell":
                return _trade(market, held, event_id, side, symbol, quantity, session, filled_at)
            case _:
                return Refusal(f"unknown side {side!r}")
    except (MissingPriceError, MissingRateError) as error:
        return Refusal(error.what)


def transfer(event_id: str, moved_at: datetime, currency: str, amount: Decimal) -> list[Movement]:
    """Book a deposit, or a withdrawal if negative."""
    kind = "deposit" if amount > ZERO else "withdrawal"
    return [Movement(event_id, moved_at, kind, currency, amount)]


def corporate_action(
    action: Mapping[str, Any], held: Mapping[str, Decimal], moment: datetime, market: Market
) -> list[Movement]:
    """Book a dividend or split for what was held before its ex date; nothing if it was not held."""
    symbol = action["symbol"]
    quantity = held.get(symbol, ZERO)
    if quantity == ZERO:
        return []
    event_id = f"{action['kind']}:{symbol}:{action['ex_date']}"
    if action["kind"] == "dividend":
        amount = to_cents(multiply(quantity, action["amount"]))
        return [Movement(event_id, moment, "dividend", market.currency(symbol), amount)]
    whole = to_amount(quantity * action["ratio"]).to_integral_value(ROUND_FLOOR)
    return [Movement(event_id, moment, "split", symbol, to_amount(whole - quantity))]


def _trade(
    market: Market,
    held: Mapping[str, Decimal],
    event_id: str,
    side: str,
    symbol: str,
    quantity: Decimal,
    session: date,
    filled_at: datetime,
) -> list[Movement] | Refusal:
    if not market.is_security(symbol):
        return Refusal(f"unknown security {symbol!r}")
    if quantity % market.lot_size(symbol) != ZERO:
        return Refusal(f"{quantity} is not a multiple of the lot of {market.lot_size(symbol)}")
    price = market.close(symbol, session)
    currency = market.currency(symbol)
    value = to_cents(multiply(quantity, price))
    fee = market.costs(session).trade_fee(value, currency)
    if side == "sell" and quantity > held.get(symbol, ZERO):
        return Refusal(f"only {held.get(symbol, ZERO)} {symbol} are held")
    if side == "buy" and value + fee > held.get(currency, ZERO):
        return Refusal(f"{value + fee} {currency} are needed, {held.get(currency, ZERO)} are there")
    sign = Decimal(1) if side == "buy" else Decimal(-1)
    return [
        Movement(event_id, filled_at, "trade", symbol, sign * quantity, price, currency),
        Movement(event_id, filled_at, "trade_cash", currency, -sign * value),
        Movement(event_id, filled_at, "fee", currency, -fee),
    ]


def _exchange(
    market: Market,
    held: Mapping[str, Decimal],
    event_id: str,
    pair: str,
    amount: Decimal,
    session: date,
    filled_at: datetime,
) -> list[Movement] | Refusal:
    source, _, target = pair.partition("/")
    if source == target or not (market.is_currency(source) and market.is_currency(target)):
        return Refusal(f"{pair!r} is not a pair of two currencies in use")
    rate = market.rates(session).rate(source, target)
    arriving = floor_to_multiple(multiply(amount, rate), CENT)
    if market.pairs is not None:
        traded = next((p for p in market.pairs if {p.base, p.quote} == {source, target}), None)
        if traded is None:
            return Refusal(f"the pair {pair} is not offered")
        order = instrument_order(traded, source, target, amount, rate)
        # Bought in units of the pair's base, the target; what that costs is no more than the amount.
        if order.side == "buy":
            arriving = order.quantity
            amount = min(amount, ceil_to_multiple(divide(arriving, rate), CENT))
        else:
            amount = order.quantity
            arriving = floor_to_multiple(multiply(amount, rate), CENT)
    fee = market.costs(session).exchange_fee(amount)
    available = held.get(source, ZERO)
    if amount + fee > available:
        return Refusal(f"{amount + fee} {source} are needed, {available} are there")
    if arriving <= ZERO:
        return Refusal(f"{amount} {source} would not yield a cent of {target}")
    return [
        Movement(event_id, filled_at, "exchange", source, -amount),
        Movement(event_id, filled_at, "exchange", target, arriving),
        Movement(event_id, filled_at, "fee", source, -fee),
    ]
