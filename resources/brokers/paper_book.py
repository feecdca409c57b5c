"""The paper broker's own book in the store: movements of securities and cash, one row per leg."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.books.average_cost import Change, hold
from ballast.books.broker_events import BrokerEvent, CashMovement, ExchangeFill, Fill, SplitEvent
from ballast.calendars import end_of_session
from ballast.money import ZERO
from ballast.settings import LotMethod
from resources.brokers import matched_lots
from resources.brokers.paper_rules import Movement
from resources.brokers.protocol import BrokerLot
from resources.store import insert_unknown, upsert
from resources.store.schema import paper_accounts, paper_movements

Row = Mapping[str, Any]

# The executions of an order are numbered.
_PART = re.compile(r":[12]$")


@dataclass(frozen=True)
class Revision:
    """How far an account's book has come: it only grows, so that two equal revisions are one book."""

    seen_until: date | None
    movements: int

    def has_seen(self, session: date) -> bool:
        """Say whether the days up to a session have been booked."""
        return self.seen_until is not None and self.seen_until >= session

    def is_beyond(self, session: date) -> bool:
        """Say whether a session is in the past of the account."""
        return self.seen_until is not None and self.seen_until > session


def write(connection: Connection, account_id: str, movements: Sequence[Movement]) -> None:
    """Book movements; those that are booked already stay as they are."""
    rows = [
        {
            "movement_id": f"{account_id}:{movement.event_id}:{number}",
            "account_id": account_id,
            "occurred_at": movement.occurred_at,
            "sequence": number,
            "event_id": movement.event_id,
            "kind": movement.kind,
            "commodity": movement.commodity,
            "quantity": movement.quantity,
            "price": movement.price,
            "price_currency": movement.price_currency,
        }
        for number, movement in enumerate(movements)
    ]
    insert_unknown(connection, paper_movements, rows)


def read(connection: Connection, account_id: str, session: date) -> list[Row]:
    """Return the movements up to the end of a session, in order."""
    rows = connection.execute(
        sa.select(paper_movements)
        .where(
            paper_movements.c.account_id == account_id,
            paper_movements.c.occurred_at < end_of_session(session),
        )
        .order_by(
            paper_movements.c.occurred_at, paper_movements.c.event_id, paper_movements.c.sequence
        )
    )
    return [dict(row._mapping) for row in rows]


def revision(connection: Connection, account_id: str) -> Revision:
    """Return how far the account's book has come."""
    seen = sa.select(paper_accounts.c.advanced_to).where(paper_accounts.c.account_id == account_id)
    booked = sa.select(sa.func.count()).where(paper_movements.c.account_id == account_id)
    return Revision(connection.scalar(seen), connection.scalar(booked) or 0)


def mark_seen(connection: Connection, account_id: str, session: date) -> None:
    """Move the account's time forward."""
    upsert(connection, paper_accounts, [{"account_id": account_id, "advanced_to": session}])


def is_booked(connection: Connection, account_id: str, event_id: str) -> bool:
    """Say whether an event has been booked."""
    query = sa.select(paper_movements.c.movement_id).where(
        paper_movements.c.account_id == account_id, paper_movements.c.event_id == event_id
    )
    return connection.execute(query).first() is not None


def events_on(connection: Connection, account_id: str, session: date) -> int:
    """Count the events of one day."""
    count: int | None = connection.scalar(
        sa.select(sa.func.count(sa.distinct(paper_movements.c.event_id))).where(
            paper_movements.c.account_id == account_id,
            paper_movements.c.occurred_at >= end_of_session(session - timedelta(days=1)),
            paper_movements.c.occurred_at < end_of_session(session),
        )
    )
    return count or 0


def moment_of(session: date, hour: int, number: int) -> datetime:
    """Return the moment of the n-th event of a day; a microsecond apart, so that their order is on record."""
    return end_of_session(session) - timedelta(hours=24 - hour) + timedelta(microseconds=number)


def totals(movements: Sequence[Row]) -> dict[str, Decimal]:
    """Sum movements per commodity."""
    sums: dict[str, Decimal] = {}
    for row in movements:
        sums[row["commodity"]] = sums.get(row["commodity"], ZERO) + row["quantity"]
    return sums


def average_prices(
    account_id: str, movements: Sequence[Row], method: LotMethod, held: Iterable[str]
) -> Mapping[str, Decimal | None]:
    """Return the average cost of what is held, fees included, after sales used up lots by a method."""
    if method == "average":
        return {symbol: _running_average(movements, symbol) for symbol in held}
    return matched_lots.average_prices(_open_lots(account_id, movements, method, held))


def lots(
    account_id: str, movements: Sequence[Row], method: LotMethod, held: Iterable[str]
) -> list[BrokerLot]:
    """Return the lots of what is held, oldest first, after sales used up others by a method."""
    return matched_lots.broker_lots(_open_lots(account_id, movements, method, held))


def _open_lots(
    account_id: str, movements: Sequence[Row], method: LotMethod, held: Iterable[str]
) -> pl.DataFrame:
    events = events_of(account_id, movements)
    return matched_lots.open_lots(account_id, events, method, held, "paper")


def _running_average(movements: Sequence[Row], symbol: str) -> Decimal | None:
    fees = {row["event_id"]: -row["quantity"] for row in movements if row["kind"] == "fee"}
    changes = [
        Change(
            row["quantity"],
            row["price"],
            fees.get(row["event_id"], ZERO),
            is_split=row["kind"] == "split",
        )
        for row in movements
        if row["commodity"] == symbol
    ]
    return hold(changes).average


def events_of(account_id: str, movements: Sequence[Row]) -> list[BrokerEvent]:
    """Put the legs of each event together, in order."""
    grouped = groupby(movements, key=lambda row: str(row["event_id"]))
    return [_event(account_id, event_id, list(legs)) for event_id, legs in grouped]


def _event(account_id: str, event_id: str, legs: list[Row]) -> BrokerEvent:
    first = legs[0]
    moment: datetime = first["occurred_at"]
    fee = next((leg for leg in legs if leg["kind"] == "fee"), None)
    charged = ZERO if fee is None else -fee["quantity"]
    order_id = _PART.sub("", event_id)
    match first["kind"]:
        case "trade":
            return Fill(
                fill_id=event_id,
                account_id=account_id,
                symbol=first["commodity"],
                quantity=first["quantity"],
                price=first["price"],
                currency=first["price_currency"],
                fee=charged,
                fee_currency=first["price_currency"] if fee is None else fee["commodity"],
                filled_at=moment,
                client_order_id=order_id,
            )
        case "exchange":
            return ExchangeFill(
                fill_id=event_id,
                account_id=account_id,
                from_currency=first["commodity"],
                from_amount=-first["quantity"],
                to_currency=legs[1]["commodity"],
                to_amount=legs[1]["quantity"],
                fee=charged,
                fee_currency=first["commodity"] if fee is None else fee["commodity"],
                filled_at=moment,
                client_order_id=order_id,
            )
        case "split":
            return SplitEvent(event_id, account_id, first["commodity"], first["quantity"], moment)
        case kind:
            return CashMovement(
                event_id, account_id, kind, first["commodity"], first["quantity"], moment
            )
