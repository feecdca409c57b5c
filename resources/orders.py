"""The one path of an order: written before it is sent, sent once, and asked about whenever the answer is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.errors import BrokerUnavailableError, OrderRefusedError
from ballast.reconciliation.triggers import Execution
from ballast.tables import Orders, polars_schema
from ballast.trading.orders import FINAL_STATES, OPEN_STATES, OrderIntent, may_become
from resources.brokers.protocol import BrokerExecution, OrderStatus
from resources.clock import now
from resources.store import Store, insert_unknown
from resources.store.schema import order_events, orders


@dataclass(frozen=True)
class OrderBook:
    """Orders and their events in the store."""

    store: Store

    def place(self, intent: OrderIntent, broker: BrokerExecution) -> OrderStatus:
        """Carry an order to the broker exactly once.

        An order that was written before is not sent again until the broker says that it never saw it; one whose fate is
        final is neither sent nor asked about. A timeout leaves the order `unknown`, to be resolved by the next call.

        Raises
        ------
        BrokerUnavailableError
            If its fate is unknown.
        OrderRefusedError
            If another order was written under this id, or the broker contradicts what it said before.
        """
        known = self._write_intent(intent)
        if known is not None and known.state in FINAL_STATES:
            final = cast(Literal["filled", "rejected"], known.state)
            return OrderStatus(known.client_order_id, final, known.detail)
        try:
            status = None
            if known is not None:
                status = broker.status(intent.account_id, intent.client_order_id)
            if status is None:
                status = broker.submit(intent)
        except BrokerUnavailableError as error:
            self._record(OrderState(intent.client_order_id, "unknown", error.what))
            raise
        self._record(OrderState(status.client_order_id, status.state, status.detail))
        return status

    def executions_since(self, moment: datetime | None) -> list[Execution]:
        """Return the fills that became known after a moment (all, if None), in order."""
        query = (
            sa.select(orders, order_events.c.recorded_at)
            .join(order_events, order_events.c.client_order_id == orders.c.client_order_id)
            .where(order_events.c.state == "filled")
            .order_by(order_events.c.recorded_at, orders.c.client_order_id)
        )
        if moment is not None:
            query = query.where(order_events.c.recorded_at > moment)
        with self.store.read() as connection:
            return [
                Execution(
                    account_id=row.account_id,
                    order_id=row.client_order_id,
                    symbol=row.symbol,
                    session=row.session,
                    known_at=row.recorded_at,
                )
                for row in connection.execute(query)
            ]

    def table(self, account_id: str | None = None) -> pl.DataFrame:
        """Return all orders with their current state, as `Orders`."""
        latest = (
            sa.select(
                order_events.c.client_order_id, sa.func.max(order_events.c.sequence).label("n")
            )
            .group_by(order_events.c.client_order_id)
            .subquery()
        )
        query = (
            sa.select(orders, order_events.c.state, order_events.c.detail)
            .join(latest, latest.c.client_order_id == orders.c.client_order_id)
            .join(
                order_events,
                sa.and_(
                    order_events.c.client_order_id == latest.c.client_order_id,
                    order_events.c.sequence == latest.c.n,
                ),
            )
            .order_by(orders.c.session, orders.c.client_order_id)
        )
        if account_id is not None:
            query = query.where(orders.c.account_id == account_id)
        with self.store.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return Orders.validate(pl.DataFrame(rows, schema=polars_schema(Orders)))

    def unresolved(self, account_id: str) -> list[OrderIntent]:
        """Return the orders of an account whose fate is not final."""
        open_orders = self.table(account_id).filter(pl.col("state").is_in(OPEN_STATES))
        return [
            OrderIntent(**row) for row in open_orders.drop("state", "detail").iter_rows(named=True)
        ]

    def _write_intent(self, intent: OrderIntent) -> OrderState | None:
        """Write a new order; return the state of one that was written before."""
        with self.store.write() as connection:
            if insert_unknown(connection, orders, [intent.model_dump()]) == 1:
                _append(connection, OrderState(intent.client_order_id, "intent", None))
                return None
            row = connection.execute(
                sa.select(orders).where(orders.c.client_order_id == intent.client_order_id)
            ).one()
            if OrderIntent(**row._mapping) != intent:
                raise OrderRefusedError(
                    "another order was written under this id",
                    where=intent.client_order_id,
                    remedy="Finish that order first; a different order needs an id of its own.",
                )
            return _current(connection, intent.client_order_id)

    def _record(self, reached: OrderState) -> None:
        with self.store.write() as connection:
            known = _current(connection, reached.client_order_id)
            current = None if known is None else known.state
            if current == reached.state:
                return
            if not may_become(current, reached.state):
                raise OrderRefusedError(
                    f"an order that is {current} cannot become {reached.state}",
                    where=reached.client_order_id,
                    remedy="Compare the order with the broker's own record.",
                )
            _append(connection, reached)


@dataclass(frozen=True)
class OrderState:
    """A state that an order has reached."""

    client_order_id: str
    state: str
    detail: str | None


def _current(connection: Connection, client_order_id: str) -> OrderState | None:
    row = connection.execute(
        sa.select(order_events.c.state, order_events.c.detail)
        .where(order_events.c.client_order_id == client_order_id)
        .order_by(order_events.c.sequence.desc())
        .limit(1)
    ).first()
    return None if row is None else OrderState(client_order_id, row.state, row.detail)


def _append(connection: Connection, reached: OrderState) -> None:
    last = connection.scalar(
        sa.select(sa.func.max(order_events.c.sequence)).where(
            order_events.c.client_order_id == reached.client_order_id
        )
    )
    connection.execute(
        sa.insert(order_events).values(
            client_order_id=reached.client_order_id,
            sequence=0 if last is None else last + 1,
            state=reached.state,
            detail=reached.detail,
            recorded_at=now(),
        )
    )
