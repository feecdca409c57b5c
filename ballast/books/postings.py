"""Turn broker events into postings.

A trade becomes two or three postings of one transaction (shares, cash, fee), an exchange two or three, everything else
one. The external id of a posting is made of the broker's id and the leg, never of status or arrival time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import polars as pl

from ballast.books.broker_events import BrokerEvent, CashMovement, ExchangeFill, Fill, SplitEvent
from ballast.money import ZERO, multiply, to_cents
from ballast.tables import Postings, polars_schema

DEFAULT_BUCKET = "core"

PostingRow = dict[str, object]


def postings_of(events: Iterable[BrokerEvent], *, source: str) -> pl.DataFrame:
    """Return the postings of broker events.

    Parameters
    ----------
    events : iterable of BrokerEvent
        Any order; an event that occurs twice gives its postings once.
    source : str
        System that reported them; external ids are unique within it.

    Returns
    -------
    pl.DataFrame
        `Postings`, sorted by moment and id.
    """
    rows = [row for event in events for row in _legs(event, source)]
    frame = pl.DataFrame(rows, schema=polars_schema(Postings))
    unique = frame.unique("posting_id", keep="first", maintain_order=True)
    return Postings.validate(unique.sort("occurred_at", "posting_id"))


def _legs(event: BrokerEvent, source: str) -> list[PostingRow]:
    match event:
        case Fill():
            return _trade(event, source)
        case ExchangeFill():
            return _exchange(event, source)
        case CashMovement():
            return [
                _posting(
                    source, event.movement_id, "cash", event.account_id, event.occurred_at,
                    event.kind, event.currency, event.amount,
                )
            ]  # fmt: skip
        case SplitEvent():
            return [
                _posting(
                    source, event.event_id, "shares", event.account_id, event.occurred_at,
                    "split", event.symbol, event.quantity,
                )
            ]  # fmt: skip


def _trade(fill: Fill, source: str) -> list[PostingRow]:
    proceeds = -to_cents(multiply(fill.quantity, fill.price))
    legs = [
        _posting(
            source, fill.fill_id, "shares", fill.account_id, fill.filled_at, "trade", fill.symbol,
            fill.quantity, unit_cost=fill.price, cost_currency=fill.currency,
        ),
        _posting(
            source, fill.fill_id, "cash", fill.account_id, fill.filled_at, "trade", fill.currency,
            proceeds,
        ),
    ]  # fmt: skip
    return legs + _fee(source, fill)


def _exchange(fill: ExchangeFill, source: str) -> list[PostingRow]:
    legs = [
        _posting(
            source, fill.fill_id, "from", fill.account_id, fill.filled_at, "exchange",
            fill.from_currency, -fill.from_amount,
        ),
        _posting(
            source, fill.fill_id, "to", fill.account_id, fill.filled_at, "exchange",
            fill.to_currency, fill.to_amount,
        ),
    ]  # fmt: skip
    return legs + _fee(source, fill)


def _fee(source: str, fill: Fill | ExchangeFill) -> list[PostingRow]:
    if fill.fee == ZERO:
        return []
    return [
        _posting(
            source, fill.fill_id, "fee", fill.account_id, fill.filled_at, "fee",
            fill.fee_currency, -fill.fee,
        )
    ]  # fmt: skip


def _posting(
    source: str,
    event_id: str,
    leg: str,
    account_id: str,
    occurred_at: datetime,
    kind: str,
    commodity: str,
    quantity: Decimal,
    *,
    unit_cost: Decimal | None = None,
    cost_currency: str | None = None,
) -> PostingRow:
    external_id = f"{account_id}:{event_id}:{leg}"
    return {
        "posting_id": _digest(source, external_id),
        "transaction_id": _digest(source, f"{account_id}:{event_id}"),
        "account_id": account_id,
        "bucket_id": DEFAULT_BUCKET,
        "occurred_at": occurred_at,
        "settled_on": None,
        "kind": kind,
        "commodity": commodity,
        "quantity": quantity,
        "unit_cost": unit_cost,
        "cost_currency": cost_currency,
        "source": source,
        "external_id": external_id,
        "reverses": None,
    }


def _digest(source: str, identifier: str) -> str:
    return hashlib.sha256(f"{source}|{identifier}".encode()).hexdigest()[:32]
