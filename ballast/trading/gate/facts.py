"""What the gate knows when it judges an order, and how it answers.

`None` in a fact means that nobody could tell; a layer that needs it then stops the order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from ballast.guards.kill_switch import Switch
from ballast.money import ZERO
from ballast.trading.orders import OrderIntent

Verdict = Literal["pass", "block", "bypassed", "not_applicable"]
# They act by themselves, to repair or to protect; their sales pass the limits that are there against haste.
EMERGENCY_ORIGINS = frozenset({"emergency", "guard"})


@dataclass(frozen=True)
class Answer:
    """What one layer says of an order, and why in words."""

    layer: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class PastTrade:
    """A trade in a security that was ordered or done; `at` in the clock of the run."""

    symbol: str
    side: str
    at: datetime


@dataclass(frozen=True)
class OpenOrderFact:
    """An order of the account that may still be filled; a side that nobody knows counts as both."""

    client_order_id: str
    symbol: str
    side: str | None
    remaining: Decimal


@dataclass(frozen=True)
class TradingHistory:
    """When a security was traded in an account: by the books, and by orders that are not in the books yet."""

    first: date | None = None
    last: date | None = None
    last_purchase: date | None = None


@dataclass(frozen=True)
class Market:
    """Whether an exchange trades at the moment, and its hours in words."""

    exchange: str
    is_open: bool
    hours: str


@dataclass(frozen=True)
class Quote:
    """What a security costs, or a pair's rate; `is_usable` is false where the price is stale or in doubt."""

    price: Decimal
    currency: str
    is_usable: bool = True
    observed: date | None = None


@dataclass(frozen=True)
class Facts:
    """Everything that the layers look at.

    Parameters
    ----------
    moment : datetime
        Now, by the clock of the run.
    session : date
        Session of the run: what was decided for another one is out of date.
    refusal : str, optional
        Why the mode, the environment or the broker lets no order out.
    switch : Switch, optional
        Kill switch of the account.
    guard_block : str, optional
        Why the guards let nothing be ordered by plan or by a person.
    restricted : frozenset of str, optional
        Sides that guards stop in this security.
    account_problem : str, optional
        Why the account is not reconciled or cannot be asked.
    orders_in_session : int, optional
        Orders of the account in the session, this one left out.
    trades : tuple of PastTrade, optional
        Trades that Ballast ordered, all securities.
    position, lot_size : Decimal, optional
        Units held by the broker's word, signed; smallest tradable quantity.
    balances, reserved : mapping, optional
        Cash by the broker's word; what open orders will still take of it.
    rates_to_base : mapping
        Base currency per unit of each currency.
    cash_reserve : Decimal, optional
        Cash that is to stay in the account, in base currency.
    fee : Decimal, optional
        Expected fee, in the currency of the quote; for an exchange, in FROM.
    """

    moment: datetime
    session: date
    refusal: str | None = "nobody has said that orders may be sent"
    switch: Switch | None = None
    guard_block: str | None = None
    restricted: frozenset[str] | None = None
    account_problem: str | None = "the account has not been reconciled"
    orders_in_session: int | None = None
    trades: tuple[PastTrade, ...] | None = None
    market: Market | None = None
    history: TradingHistory | None = None
    balances: Mapping[str, Decimal] | None = None
    reserved: Mapping[str, Decimal] | None = field(default_factory=dict)
    rates_to_base: Mapping[str, Decimal] = field(default_factory=dict)
    cash_reserve: Decimal | None = None
    fee: Decimal | None = None
    position: Decimal | None = None
    lot_size: Decimal | None = None
    open_orders: tuple[OpenOrderFact, ...] | None = None
    quote: Quote | None = None
    is_single_position: bool = False


def is_emergency_exit(intent: OrderIntent, facts: Facts) -> bool:
    """Say whether an order of a repair or a guard only reduces what is held."""
    if intent.origin not in EMERGENCY_ORIGINS or facts.position is None:
        return False
    signed = intent.quantity if intent.side == "buy" else -intent.quantity
    after = facts.position + signed
    return (
        intent.side in {"buy", "sell"}
        and abs(after) < abs(facts.position)
        and (after == ZERO or (after > ZERO) == (facts.position > ZERO))
    )


def in_words(span: timedelta) -> str:
    """Write a span of time for a person."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 2880 else f"{minutes // 1440} days"


def plain(amount: Decimal) -> str:
    """Write an amount with the digits that it has."""
    return f"{amount.normalize():f}"
