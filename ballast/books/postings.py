"""Turn broker events into postings.

A trade becomes two or three postings of one transaction (shares, cash, fee), an exchange two or three, everything else
one. The external id of a posting is made of the kind of event, the broker's id and the leg, never of status or arrival
time; the kind is part of it because brokers number fills and cash movements independently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import Decimal

import polars as pl

from ballast.books.broker_events import (
    BrokerEvent,
    CashMovement,
    ExchangeFill,
    Fill,
    SplitEvent,
    moment_of,
)
from ballast.errors import InvalidTableError
from ballast.money import ZERO, multiply, to_amount, to_cents
from ballast.tables import Postings, polars_schema

DEFAULT_BUCKET = "core"

PostingRow = dict[str, object]
Leg = tuple[str, PostingRow]


def postings_of(events: Iterable[BrokerEvent], *, source: str) -> pl.DataFrame:
    """Return the postings of broker events.

    Parameters
    ----------
    events : iterable of BrokerEvent
        Any order; an event that occurs twice gives its postings once. Of two that share an id and differ, the same
        one counts in any order, and with all its legs.
    source : str
        System that reported them; external ids are unique within it.

    Returns
    -------
    pl.DataFrame
        `Postings`, sorted by moment and id.

    Raises
    ------
    InvalidTableError
        If an event's moment does not say in which time zone it is.
    """
    by_id: dict[str, BrokerEvent] = {}
    for event in events:
        name = _name(event)
        _refuse_without_zone(name, event)
        known = by_id.setdefault(name, event)
        if event != known:
            by_id[name] = min(event, known, key=repr)
    rows = [row for name, event in by_id.items() for row in _legs(name, event, source)]
    frame = pl.DataFrame(rows, schema=polars_schema(Postings))
    return Postings.validate(frame.sort("occurred_at", "posting_id"))


def _name(event: BrokerEvent) -> str:
    """Name an event by its facts; unique within a source."""
    match event:
        case Fill():
            kind, broker_id = "fill", event.fill_id
        case ExchangeFill():
            kind, broker_id = "exchange", event.fill_id
        case CashMovement():
            kind, broker_id = "cash", event.movement_id
        case SplitEvent():
            kind, broker_id = "split", event.event_id
    return f"{event.account_id}:{kind}:{broker_id}"


def _refuse_without_zone(name: str, event: BrokerEvent) -> None:
    if moment_of(event).tzinfo is None:
        raise InvalidTableError(
            f"the moment {moment_of(event)} has no time zone",
            where=name,
            remedy="The adapter of the broker has to say which zone the broker means.",
        )


def _legs(name: str, event: BrokerEvent, source: str) -> list[PostingRow]:
    match event:
        case Fill():
            legs = [*_trade(event), *_fee(event)]
        case ExchangeFill():
            legs = [
                _leg("from", "exchange", event.from_currency, -event.from_amount),
                _leg("to", "exchange", event.to_currency, event.to_amount),
                *_fee(event),
            ]
        case CashMovement():
            legs = [_leg("cash", event.kind, event.currency, event.amount)]
        case SplitEvent():
            legs = [_leg("shares", "split", event.symbol, event.quantity)]
    transaction = {
        "transaction_id": _digest(source, name),
        "account_id": event.account_id,
        "bucket_id": DEFAULT_BUCKET,
        "occurred_at": moment_of(event),
        "settled_on": None,
        "source": source,
        "reverses": None,
    }
    return [
        transaction
        | fields
        | {"posting_id": _digest(source, f"{name}:{leg}"), "external_id": f"{name}:{leg}"}
        for leg, fields in legs
    ]


def _trade(fill: Fill) -> list[Leg]:
    proceeds = -to_cents(multiply(fill.quantity, fill.price))
    price = to_amount(fill.price)
    return [
        _leg(
            "shares",
            "trade",
            fill.symbol,
            fill.quantity,
            unit_cost=price,
            cost_currency=fill.currency,
        ),
        _leg("cash", "trade", fill.currency, proceeds),
    ]


def _fee(fill: Fill | ExchangeFill) -> list[Leg]:
    return [] if fill.fee == ZERO else [_leg("fee", "fee", fill.fee_currency, -fill.fee)]


def _leg(
    leg: str,
    kind: str,
    commodity: str,
    quantity: Decimal,
    *,
    unit_cost: Decimal | None = None,
    cost_currency: str | None = None,
) -> Leg:
    return leg, {
        "kind": kind,
        "commodity": commodity,
        "quantity": to_amount(quantity),
        "unit_cost": unit_cost,
        "cost_currency": cost_currency,
    }


def _digest(source: str, identifier: str) -> str:
    return hashlib.sha256(f"{source}|{identifier}".encode()).hexdigest()[:32]
