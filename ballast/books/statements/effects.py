"""What broker events do to quantities and cash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal

from ballast.books.broker_events import (
    BasisRestatement,
    BrokerEvent,
    Cancellation,
    CashMovement,
    ConversionEvent,
    ExchangeFill,
    Fill,
    SplitEvent,
    TransferEvent,
)
from ballast.money import ZERO, multiply, to_cents

Change = tuple[str, Decimal]


def quantity_changes(events: Iterable[BrokerEvent]) -> dict[str, Decimal]:
    """Return the change of each security's quantity."""
    return _summed(change for event in events for change in _quantities(event))


def cash_changes(events: Iterable[BrokerEvent]) -> dict[str, Decimal]:
    """Return the change of each currency's cash."""
    return _summed(change for event in events for change in _cash(event))


def _quantities(event: BrokerEvent) -> list[Change]:
    match event:
        case Fill() | SplitEvent() | TransferEvent():
            return [(event.symbol, event.quantity)]
        case ConversionEvent():
            return [
                (event.from_symbol, event.from_quantity),
                (event.to_symbol, event.to_quantity),
            ]
        case Cancellation():
            return [(symbol, -quantity) for symbol, quantity in _quantities(event.cancels)]
        case CashMovement() | ExchangeFill() | BasisRestatement():
            return []


def _cash(event: BrokerEvent) -> list[Change]:
    match event:
        case Fill():
            proceeds = event.proceeds
            if proceeds is None:
                proceeds = -to_cents(multiply(event.quantity, event.price))
            return [(event.currency, proceeds), (event.fee_currency, -event.fee)]
        case ExchangeFill():
            return [
                (event.from_currency, -event.from_amount),
                (event.to_currency, event.to_amount),
                (event.fee_currency, -event.fee),
            ]
        case CashMovement():
            return [(event.currency, event.amount)]
        case Cancellation():
            return [(currency, -amount) for currency, amount in _cash(event.cancels)]
        case SplitEvent() | TransferEvent() | ConversionEvent() | BasisRestatement():
            return []


def _summed(changes: Iterator[Change]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for name, amount in changes:
        sums[name] += amount
    return dict(sums)
