"""Orders at the paper broker: what became of each, and what is still to be filled of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.books.broker_events import ExchangeFill, Fill
from ballast.money import CENT, ZERO, floor_to_multiple, multiply
from ballast.trading.orders import OrderIntent
from resources.brokers import paper_book
from resources.brokers.protocol import OpenOrder, OrderStatus, OrderWord
from resources.store.schema import paper_movements, paper_orders


@dataclass(frozen=True)
class FillTerms:
    """How an order is filled: whole and at once, unless a rehearsal wants it otherwise.

    Parameters
    ----------
    first_share : Decimal
        Share that is filled at once, in whole lots; zero: the order is only accepted.
    later : date, optional
        Session in which the rest is filled; None: the rest is cancelled.
    refusal : str, optional
        Why the order is rejected.
    """

    first_share: Decimal = Decimal(1)
    later: date | None = None
    refusal: str | None = None

    def at_once(self, intent: OrderIntent, lot_size: Decimal) -> Decimal:
        """Return the units of an order that are filled at once."""
        if self.first_share >= 1:
            return intent.quantity
        unit = CENT if intent.side == "exchange" else lot_size
        return floor_to_multiple(multiply(intent.quantity, self.first_share), unit)


AT_ONCE = FillTerms()


@dataclass(frozen=True)
class OpenRest:
    """What is still to be filled of an order, and in which session."""

    client_order_id: str
    side: str
    symbol: str
    quantity: Decimal
    session: date
    number: int


def status(connection: Connection, account_id: str, client_order_id: str) -> OrderStatus | None:
    """Return what became of an order, with its fills; None if it never arrived."""
    row = connection.execute(
        sa.select(paper_orders.c.state, paper_orders.c.detail).where(
            paper_orders.c.account_id == account_id,
            paper_orders.c.client_order_id == client_order_id,
        )
    ).first()
    if row is None:
        return None
    fills = _fills(connection, account_id, client_order_id)
    return OrderStatus(client_order_id, cast(OrderWord, row.state), row.detail, tuple(fills))


def write(
    connection: Connection,
    intent: OrderIntent,
    state: OrderWord,
    detail: str | None,
    open_quantity: Decimal = ZERO,
    open_until: date | None = None,
) -> None:
    """Record an order that arrived and what became of it."""
    connection.execute(
        sa.insert(paper_orders).values(
            client_order_id=intent.client_order_id,
            account_id=intent.account_id,
            side=intent.side,
            symbol=intent.symbol,
            quantity=intent.quantity,
            session=intent.session,
            state=state,
            detail=detail,
            open_quantity=open_quantity or None,
            open_until=open_until if open_quantity else None,
        )
    )


def open_orders(connection: Connection, account_id: str) -> list[OpenOrder]:
    """Return the orders of an account of which something is still to be filled."""
    return [
        OpenOrder(rest.client_order_id, rest.symbol, rest.quantity, rest.side)
        for rest in open_rests(connection, account_id)
    ]


def open_rests(
    connection: Connection, account_id: str, until: date | None = None
) -> list[OpenRest]:
    """Return what is still to be filled, up to a session, the earliest first."""
    query = (
        sa.select(paper_orders)
        .where(paper_orders.c.account_id == account_id, paper_orders.c.open_quantity.is_not(None))
        .order_by(paper_orders.c.open_until, paper_orders.c.client_order_id)
    )
    if until is not None:
        query = query.where(paper_orders.c.open_until <= until)
    return [
        OpenRest(
            row.client_order_id,
            row.side,
            row.symbol,
            row.open_quantity,
            row.open_until,
            number=1 if row.state == "accepted" else 2,
        )
        for row in connection.execute(query)
    ]


def close_rest(
    connection: Connection, client_order_id: str, state: OrderWord, detail: str | None
) -> None:
    """Record that nothing is left to be filled of an order, and what it came to."""
    connection.execute(
        sa.update(paper_orders)
        .where(paper_orders.c.client_order_id == client_order_id)
        .values(state=state, detail=detail, open_quantity=None, open_until=None)
    )


def is_open(connection: Connection, client_order_id: str) -> bool:
    """Say whether something is still to be filled of an order."""
    query = sa.select(paper_orders.c.open_quantity).where(
        paper_orders.c.client_order_id == client_order_id
    )
    return connection.scalar(query) is not None


def _fills(
    connection: Connection, account_id: str, client_order_id: str
) -> Sequence[Fill | ExchangeFill]:
    names = [f"{client_order_id}:{number}" for number in (1, 2)]
    rows = connection.execute(
        sa.select(paper_movements)
        .where(paper_movements.c.account_id == account_id, paper_movements.c.event_id.in_(names))
        .order_by(
            paper_movements.c.occurred_at, paper_movements.c.event_id, paper_movements.c.sequence
        )
    )
    events = paper_book.events_of(account_id, [dict(row._mapping) for row in rows])
    return [event for event in events if isinstance(event, Fill | ExchangeFill)]
