"""What a broker reports, in one shape and one sign convention for all brokers.

Quantities are signed from the account's view: bought and received is positive. Identifiers are the broker's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

CashKind = Literal["deposit", "withdrawal", "dividend", "withholding_tax", "interest", "fee"]


@dataclass(frozen=True)
class Fill:
    """An execution in a security."""

    fill_id: str
    account_id: str
    symbol: str
    quantity: Decimal
    price: Decimal
    currency: str
    fee: Decimal
    fee_currency: str
    filled_at: datetime
    client_order_id: str | None = None


@dataclass(frozen=True)
class ExchangeFill:
    """An execution that turns one currency into another; both amounts are positive."""

    fill_id: str
    account_id: str
    from_currency: str
    from_amount: Decimal
    to_currency: str
    to_amount: Decimal
    fee: Decimal
    fee_currency: str
    filled_at: datetime
    client_order_id: str | None = None


@dataclass(frozen=True)
class CashMovement:
    """Cash that came or went without a trade."""

    movement_id: str
    account_id: str
    kind: CashKind
    currency: str
    amount: Decimal
    occurred_at: datetime
    symbol: str | None = None


@dataclass(frozen=True)
class SplitEvent:
    """Shares added to (or taken from) a position by a split; the basis does not change."""

    event_id: str
    account_id: str
    symbol: str
    quantity: Decimal
    occurred_at: datetime


BrokerEvent = Fill | ExchangeFill | CashMovement | SplitEvent


def moment_of(event: BrokerEvent) -> datetime:
    """Return when an event happened."""
    match event:
        case Fill() | ExchangeFill():
            return event.filled_at
        case CashMovement() | SplitEvent():
            return event.occurred_at
