"""What a broker reports, in one shape and one sign convention for all brokers.

Quantities are signed from the account's view: bought and received is positive. Identifiers are the broker's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

CashKind = Literal[
    "deposit", "withdrawal", "dividend", "payment_in_lieu", "withholding_tax", "interest", "fee",
    "return_of_capital", "adjustment",
]  # fmt: skip
FillKind = Literal["trade", "liquidation", "assignment", "exercise", "expiry", "cash_in_lieu"]
ConversionKind = Literal["merger", "symbol_change", "spin_off"]


@dataclass(frozen=True)
class Fill:
    """An execution in a security, or units that an option or a corporate action turned into cash.

    Parameters
    ----------
    kind : FillKind
        A liquidation is a trade that the broker made by itself, to close a position of the owner.
    proceeds : Decimal, optional
        Cash that came (positive) or went, without the fee, where the broker states it; else quantity × price in cents.
    chosen_lot : str, optional
        Lot that the owner named for a sale.
    """

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
    kind: FillKind = "trade"
    proceeds: Decimal | None = None
    settled_on: date | None = None
    chosen_lot: str | None = None
    description: str | None = None


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
    description: str | None = None


@dataclass(frozen=True)
class CashMovement:
    """Cash that came or went without a trade; the amount is signed."""

    movement_id: str
    account_id: str
    kind: CashKind
    currency: str
    amount: Decimal
    occurred_at: datetime
    symbol: str | None = None
    settled_on: date | None = None
    description: str | None = None


@dataclass(frozen=True)
class SplitEvent:
    """Shares added to (or taken from) a position by a split; the basis does not change."""

    event_id: str
    account_id: str
    symbol: str
    quantity: Decimal
    occurred_at: datetime
    description: str | None = None


@dataclass(frozen=True)
class TransferEvent:
    """Units that came from, or went to, another account.

    Parameters
    ----------
    cost_basis : Decimal, optional
        Basis of all units that came, in `currency`; None where nobody knows it.
    acquired_on : date, optional
        When the owner acquired them; None where nobody knows it.
    """

    event_id: str
    account_id: str
    symbol: str
    quantity: Decimal
    occurred_at: datetime
    cost_basis: Decimal | None = None
    currency: str | None = None
    acquired_on: date | None = None
    description: str | None = None


@dataclass(frozen=True)
class ConversionEvent:
    """Units of one security that become, or bring, units of another.

    Parameters
    ----------
    from_quantity : Decimal
        Units that go, signed (negative when a long position is converted); zero for a spin-off.
    to_quantity : Decimal
        Units that come, signed.
    basis_share : Decimal, optional
        Share of the old basis that moves to the new units: 1 for a merger or a change of symbol; None where the
        company has not told it yet.
    """

    event_id: str
    account_id: str
    kind: ConversionKind
    from_symbol: str
    from_quantity: Decimal
    to_symbol: str
    to_quantity: Decimal
    basis_share: Decimal | None
    occurred_at: datetime
    description: str | None = None


@dataclass(frozen=True)
class BasisRestatement:
    """A correction of the basis of what is held, without any movement; the amount is signed."""

    event_id: str
    account_id: str
    symbol: str
    amount: Decimal
    currency: str
    occurred_at: datetime
    description: str | None = None


@dataclass(frozen=True)
class Cancellation:
    """A broker's word that an earlier event never counted; its postings are reversed.

    Parameters
    ----------
    cancels : BrokerEvent
        The event as it was reported.
    """

    event_id: str
    cancels: (
        Fill | ExchangeFill | CashMovement | SplitEvent | TransferEvent | ConversionEvent
        | BasisRestatement
    )  # fmt: skip
    occurred_at: datetime


BrokerEvent = (
    Fill | ExchangeFill | CashMovement | SplitEvent | TransferEvent | ConversionEvent
    | BasisRestatement | Cancellation
)  # fmt: skip


def moment_of(event: BrokerEvent) -> datetime:
    """Return when an event happened."""
    match event:
        case Fill() | ExchangeFill():
            return event.filled_at
        case _:
            return event.occurred_at


def account_of(event: BrokerEvent) -> str:
    """Return the account of an event."""
    return event.cancels.account_id if isinstance(event, Cancellation) else event.account_id


def symbols_of(event: BrokerEvent) -> tuple[str, ...]:
    """Return the securities that an event concerns."""
    match event:
        case Cancellation():
            return symbols_of(event.cancels)
        case ConversionEvent():
            return (event.from_symbol, event.to_symbol)
        case ExchangeFill():
            return ()
        case CashMovement():
            return () if event.symbol is None else (event.symbol,)
        case _:
            return (event.symbol,)
