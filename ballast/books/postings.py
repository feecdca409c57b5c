"""Turn broker events into postings.

A trade becomes two or three postings of one transaction (shares, cash, commission), an exchange two or three, a
conversion one per security, everything else one; a cancellation reverses each posting of what it cancels. The external
id of a posting is made of the kind of event, the broker's id and the leg, never of status or arrival time; the kind is
part of it because brokers number fills and cash movements independently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import polars as pl

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
    account_of,
    moment_of,
)
from ballast.errors import InvalidTableError
from ballast.money import ZERO, multiply, to_amount, to_cents
from ballast.tables import Postings, polars_schema

DEFAULT_BUCKET = "core"

_DETAILS = (
    "unit_cost", "counter_value", "cost_currency", "acquired_on", "concerns", "basis_share",
)  # fmt: skip
# In the books a liquidation is a trade like any other; that the owner did not want it, the description tells.
_LIQUIDATION = "liquidated by the broker"

PostingRow = dict[str, Any]
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
    rows = [row for name, event in by_id.items() for row in _rows(name, event, source)]
    frame = pl.DataFrame(rows, schema=polars_schema(Postings))
    return Postings.validate(frame.sort("occurred_at", "posting_id"))


def without_reversed(postings: pl.DataFrame) -> pl.DataFrame:
    """Leave out every posting that another one reverses, and that other one: together they never happened.

    A posting whose reversal is itself reversed stands.
    """
    reversing = postings.filter(pl.col("reverses").is_in(postings["posting_id"].implode()))
    if reversing.is_empty():
        return postings
    reversals: dict[str, list[str]] = {}
    for posting_id, reversed_id in reversing.select("posting_id", "reverses").iter_rows():
        reversals.setdefault(reversed_id, []).append(posting_id)

    def stands(posting_id: str) -> bool:
        return not any(stands(each) for each in reversals.get(posting_id, ()))

    undone = [posting_id for posting_id in reversals if not stands(posting_id)]
    left_out = pl.col("posting_id").is_in([*undone, *reversing["posting_id"]])
    return postings.filter(~left_out)


def transaction_of(event: BrokerEvent, *, source: str) -> str:
    """Return the id that the postings of an event share."""
    return derived_id(source, _name(event))


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
        case TransferEvent():
            kind, broker_id = "transfer", event.event_id
        case ConversionEvent():
            kind, broker_id = "conversion", event.event_id
        case BasisRestatement():
            kind, broker_id = "basis", event.event_id
        case Cancellation():
            kind, broker_id = "cancellation", event.event_id
    return f"{account_of(event)}:{kind}:{broker_id}"


def _refuse_without_zone(name: str, event: BrokerEvent) -> None:
    if moment_of(event).tzinfo is None:
        raise InvalidTableError(
            f"the moment {moment_of(event)} has no time zone",
            where=name,
            remedy="The adapter of the broker has to say which zone the broker means.",
        )


def _rows(name: str, event: BrokerEvent, source: str) -> list[PostingRow]:
    if isinstance(event, Cancellation):
        cancelled = _rows(_name(event.cancels), event.cancels, source)
        legs = [_reversing(row) for row in cancelled]
    else:
        legs = _legs(event)
    transaction = {
        "transaction_id": transaction_of(event, source=source),
        "account_id": account_of(event),
        "bucket_id": DEFAULT_BUCKET,
        "occurred_at": moment_of(event),
        "settled_on": getattr(event, "settled_on", None),
        "description": _description(event),
        "source": source,
    }
    return [
        transaction
        | fields
        | {"posting_id": derived_id(source, f"{name}:{leg}"), "external_id": f"{name}:{leg}"}
        for leg, fields in legs
    ]


def _description(event: BrokerEvent) -> str | None:
    told: str | None = getattr(event, "description", None)
    if isinstance(event, Fill) and event.kind == "liquidation":
        return _LIQUIDATION if told is None else f"{_LIQUIDATION}: {told}"
    return told


def _reversing(posting: PostingRow) -> Leg:
    leg = str(posting["external_id"]).rpartition(":")[2]
    kept = {name: posting[name] for name in ("kind", "commodity", *_DETAILS) if name in posting}
    return leg, {**kept, "quantity": -posting["quantity"], "reverses": posting["posting_id"]}


def _legs(event: BrokerEvent) -> list[Leg]:
    match event:
        case Fill():
            return [*_trade(event), *_commission(event)]
        case ExchangeFill():
            return [
                _leg("from", "exchange", event.from_currency, -event.from_amount),
                _leg("to", "exchange", event.to_currency, event.to_amount),
                *_commission(event),
            ]
        case CashMovement():
            return [_leg("cash", event.kind, event.currency, event.amount, concerns=event.symbol)]
        case SplitEvent():
            return [_leg("shares", "split", event.symbol, event.quantity)]
        case TransferEvent():
            return [_transfer(event)]
        case ConversionEvent():
            return _conversion(event)
        case BasisRestatement():
            amount = to_amount(event.amount)
            return [
                _leg(
                    "basis", "basis_restatement", event.symbol, ZERO,
                    counter_value=amount, cost_currency=event.currency,
                )
            ]  # fmt: skip
        case Cancellation():
            raise InvalidTableError(
                "a cancellation is cancelled",
                where=_name(event),
                remedy="The adapter of the broker has to report the event anew instead.",
            )


def _trade(fill: Fill) -> list[Leg]:
    kind = "trade" if fill.kind == "liquidation" else fill.kind
    stated = fill.proceeds
    proceeds = -to_cents(multiply(fill.quantity, fill.price)) if stated is None else stated
    shares = _leg(
        "shares", kind, fill.symbol, fill.quantity,
        unit_cost=to_amount(fill.price), counter_value=to_amount(abs(proceeds)),
        cost_currency=fill.currency, chosen_lot=fill.chosen_lot,
    )  # fmt: skip
    return [shares, _leg("cash", kind, fill.currency, proceeds, concerns=fill.symbol)]


def _commission(fill: Fill | ExchangeFill) -> list[Leg]:
    if fill.fee == ZERO:
        return []
    concerns = fill.symbol if isinstance(fill, Fill) else None
    return [_leg("commission", "commission", fill.fee_currency, -fill.fee, concerns=concerns)]


def _transfer(event: TransferEvent) -> Leg:
    basis = None if event.cost_basis is None else to_amount(event.cost_basis)
    return _leg(
        "shares", "transfer", event.symbol, event.quantity,
        counter_value=basis, cost_currency=event.currency, acquired_on=event.acquired_on,
    )  # fmt: skip


def _conversion(event: ConversionEvent) -> list[Leg]:
    share = None if event.basis_share is None else to_amount(event.basis_share)
    arriving = _leg(
        "to", event.kind, event.to_symbol, event.to_quantity,
        concerns=event.from_symbol, basis_share=share,
    )  # fmt: skip
    if event.from_quantity == ZERO:
        return [arriving]
    leaving = _leg(
        "from", event.kind, event.from_symbol, event.from_quantity, concerns=event.to_symbol
    )
    return [leaving, arriving]


def _leg(leg: str, kind: str, commodity: str, quantity: Decimal, **more: object) -> Leg:
    return leg, {
        "kind": kind, "commodity": commodity, "quantity": to_amount(quantity), **more
    }  # fmt: skip


def derived_id(source: str, identifier: str) -> str:
    """Name something by its facts, so that whoever derives it again gets the same name."""
    return hashlib.sha256(f"{source}|{identifier}".encode()).hexdigest()[:32]
