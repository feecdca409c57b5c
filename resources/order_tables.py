"""Reading the orders: with their state, their history, their fills, and the gate's answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl
import sqlalchemy as sa

from ballast.calendars import end_of_session
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

    def concerning(self, session: date) -> pl.DataFrame:
        """Return the orders of a session, those of which something was filled in it, and older ones still open."""
        filled_in_it = self.executions(session)["client_order_id"].implode()
        is_older = pl.col("session") < session
        return self.table().filter(
            (pl.col("session") == session)
            | (is_older & pl.col("state").is_in(OPEN_STATES))
            | pl.col("client_order_id").is_in(filled_in_it)
        )

    def remarked(self, session: date) -> pl.DataFrame:
        """Return the fills of a week up to a session that came late or beyond their order, as `Executions`."""
        first = session - timedelta(days=6)
        return self.executions().filter(
            pl.col("remark").is_not_null()
            & pl.col("filled_at").dt.date().is_between(first, session)
        )

    def executions(self, session: date | None = None) -> pl.DataFrame:
        """Return the fills of our orders: all, or those of a session and of its orders, as `Executions`."""
        query = (
            sa.select(executions, orders.c.session)
            .join(orders, orders.c.client_order_id == executions.c.client_order_id)
            .order_by(executions.c.filled_at, executions.c.fill_id)
        )
        if session is not None:
            first, last = end_of_session(session - timedelta(days=1)), end_of_session(session)
            in_it = sa.and_(executions.c.filled_at >= first, executions.c.filled_at < last)
            query = query.where((orders.c.session == session) | in_it)
        with self.store.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return Executions.validate(pl.DataFrame(rows, schema=polars_schema(Executions)))

    def history(self, names: Sequence[str]) -> pl.DataFrame:
        """Return every event of some orders, as `OrderHistory`."""
        query = (
            sa.select(order_events)
            .where(order_events.c.client_order_id.in_(names))
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
