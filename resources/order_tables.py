"""Reading the orders: with their state, their history, their fills, and the gate's answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import polars as pl
import sqlalchemy as sa

from ballast.money import ZERO
from ballast.reconciliation.triggers import Execution
from ballast.tables import Executions, OrderHistory, Orders, polars_schema
from ballast.trading.orders import OPEN_STATES, OrderIntent
from resources.store import Store
from resources.store.trading_schema import executions, order_events, orders


@dataclass(frozen=True)
class OrderTables:
    """The tables of the orders in the store."""

    store: Store

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
            filled = self._filled(connection, [row["client_order_id"] for row in rows])
        found = [row | {"filled": filled.get(row["client_order_id"], ZERO)} for row in rows]
        return Orders.validate(pl.DataFrame(found, schema=polars_schema(Orders)))

    def executions(self, session: date | None = None) -> pl.DataFrame:
        """Return the fills of our orders, or of those of a session, as `Executions`."""
        query = (
            sa.select(executions, orders.c.session)
            .join(orders, orders.c.client_order_id == executions.c.client_order_id)
            .order_by(executions.c.filled_at, executions.c.fill_id)
        )
        if session is not None:
            query = query.where(orders.c.session == session)
        with self.store.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return Executions.validate(pl.DataFrame(rows, schema=polars_schema(Executions)))

    def history(self, session: date) -> pl.DataFrame:
        """Return every event of the orders of a session, as `OrderHistory`."""
        query = (
            sa.select(order_events)
            .join(orders, orders.c.client_order_id == order_events.c.client_order_id)
            .where(orders.c.session == session)
            .order_by(order_events.c.client_order_id, order_events.c.sequence)
        )
        with self.store.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return OrderHistory.validate(pl.DataFrame(rows, schema=polars_schema(OrderHistory)))

    def unresolved(self, account_id: str) -> list[OrderIntent]:
        """Return the orders of an account whose fate is not final, the oldest first."""
        open_orders = self.table(account_id).filter(pl.col("state").is_in(OPEN_STATES))
        rows = open_orders.select(OrderIntent.model_fields.keys()).iter_rows(named=True)
        return [OrderIntent(**row) for row in rows]

    def executions_since(self, moment: datetime | None) -> list[Execution]:
        """Return the fills that became known after a moment (all, if None), in order."""
        query = (
            sa.select(executions, orders.c.session)
            .join(orders, orders.c.client_order_id == executions.c.client_order_id)
            .order_by(executions.c.recorded_at, executions.c.fill_id)
        )
        if moment is not None:
            query = query.where(executions.c.recorded_at > moment)
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

    def _filled(self, connection: sa.Connection, names: list[str]) -> dict[str, Decimal]:
        sums = dict.fromkeys(names, ZERO)
        query = sa.select(executions.c.client_order_id, executions.c.quantity)
        for name, quantity in connection.execute(query):
            if name in sums:
                sums[name] += quantity
        return sums
