"""The rows of an order: events appended one by one, each allowed by the state before it, and fills, each once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.books.broker_events import ExchangeFill, Fill
from ballast.errors import OrderRefusedError
from ballast.money import divide
from ballast.trading.orders import OrderEvent, OrderProgress, after, progress_of
from resources.clock import now
from resources.store import insert_unknown
from resources.store.trading_schema import executions, order_events, orders

_LONGEST_DETAIL = 512


def progress(connection: Connection, client_order_id: str) -> OrderProgress:
    """Return where an order stands: the fold of its events."""
    ordered = connection.scalars(
        sa.select(orders.c.quantity).where(orders.c.client_order_id == client_order_id)
    ).one()
    rows = connection.execute(
        sa.select(order_events)
        .where(order_events.c.client_order_id == client_order_id)
        .order_by(order_events.c.sequence)
    )
    events = [OrderEvent(row.kind, row.fill_id, row.quantity, row.detail) for row in rows]
    return progress_of(ordered, events)


def append(connection: Connection, client_order_id: str, event: OrderEvent) -> OrderProgress:
    """Append an event if it is allowed; returns where the order stands then."""
    try:
        reached = after(progress(connection, client_order_id), event)
    except OrderRefusedError as error:
        raise type(error)(error.what, where=client_order_id, remedy=error.remedy) from error
    last = connection.scalar(
        sa.select(sa.func.max(order_events.c.sequence)).where(
            order_events.c.client_order_id == client_order_id
        )
    )
    connection.execute(
        sa.insert(order_events).values(
            client_order_id=client_order_id,
            sequence=0 if last is None else last + 1,
            kind=event.kind,
            state=reached.state,
            fill_id=event.fill_id,
            quantity=event.quantity,
            detail=None if event.detail is None else event.detail[:_LONGEST_DETAIL],
            recorded_at=now(),
        )
    )
    return reached


def apply_fill(connection: Connection, client_order_id: str, fill: Fill | ExchangeFill) -> bool:
    """Record a fill of an order of ours; returns whether it was new."""
    quantity, facts = _facts(fill)
    row = {
        "account_id": fill.account_id,
        "fill_id": fill.fill_id,
        "client_order_id": client_order_id,
        "quantity": quantity,
        "fee": fill.fee,
        "fee_currency": fill.fee_currency,
        "filled_at": fill.filled_at,
        "recorded_at": now(),
        "remark": None,
        **facts,
    }
    if not insert_unknown(connection, executions, [row]):
        return False
    reached = append(connection, client_order_id, OrderEvent("fill", fill.fill_id, quantity))
    remark = "over-filled" if reached.over_filled else None
    if remark is None and fill.fill_id in reached.late:
        remark = "late"
    if remark is not None:
        connection.execute(
            sa.update(executions)
            .where(executions.c.account_id == fill.account_id, executions.c.fill_id == fill.fill_id)
            .values(remark=remark)
        )
    return True


def _facts(fill: Fill | ExchangeFill) -> tuple[Decimal, dict[str, Any]]:
    if isinstance(fill, Fill):
        return abs(fill.quantity), {
            "side": "buy" if fill.quantity > 0 else "sell",
            "symbol": fill.symbol,
            "price": fill.price,
            "currency": fill.currency,
        }
    return fill.from_amount, {
        "side": "exchange",
        "symbol": f"{fill.from_currency}/{fill.to_currency}",
        "price": divide(fill.to_amount, fill.from_amount),
        "currency": fill.to_currency,
    }


def revision_of(connection: Connection, account_id: str) -> int:
    """Return a number that grows with everything that happens to the orders of an account."""
    query = (
        sa.select(sa.func.count())
        .select_from(order_events)
        .join(orders, orders.c.client_order_id == order_events.c.client_order_id)
        .where(orders.c.account_id == account_id)
    )
    return connection.scalar(query) or 0
