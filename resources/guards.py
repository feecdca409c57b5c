"""What the guards remember in the store: snapshots, falls below a limit, and every close with its attempts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.guards.closing import Close
from resources.clock import now
from resources.store import Store, insert_unknown
from resources.store.guard_schema import (
    drawdown_alerts,
    guard_close_events,
    guard_closes,
    position_snapshots,
)
from resources.store.schema import recommendations
from resources.store.trading_schema import order_events, orders

GUARD = "guard"

# What a close has come to. Only the last is final: whatever failed is tried again.
PROPOSED, ORDERED, WAITING, FAILED, CLOSED = "proposed", "ordered", "waiting", "failed", "closed"

_SENT = pl.Schema(
    {"account_id": pl.String(), "decision": pl.String(), "sent_at": pl.Datetime("us", "UTC")}
)


@dataclass(frozen=True)
class GuardBook:
    """The logs of the guards; writing the same twice adds nothing."""

    store: Store

    def sent_orders(self, session: date) -> pl.DataFrame:
        """Return account_id, decision (plan or episode) and sent_at of every order of a session."""
        first = sa.and_(
            order_events.c.client_order_id == orders.c.client_order_id, order_events.c.sequence == 0
        )
        query = (
            sa.select(
                orders.c.account_id,
                orders.c.origin_id.label("decision"),
                order_events.c.recorded_at.label("sent_at"),
            )
            .join(order_events, first)
            .where(orders.c.session == session)
        )
        with self.store.read() as connection:
            found = [dict(row._mapping) for row in connection.execute(query)]
        return pl.DataFrame(found, schema=_SENT)

    def log(
        self, snapshots: Sequence[Mapping[str, Any]], alerts: Sequence[Mapping[str, Any]]
    ) -> int:
        """Write snapshots and drawdown alerts; returns how many were new."""
        moment = {"recorded_at": now()}
        dated = [{"snapshot_id": _digest(row), **row, **moment} for row in snapshots]
        with self.store.write() as connection:
            return insert_unknown(connection, position_snapshots, dated) + insert_unknown(
                connection, drawdown_alerts, [{**row, **moment} for row in alerts]
            )

    def record(
        self,
        close: Close,
        session: date,
        state: str,
        *,
        client_order_id: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Write what a close has come to; nothing if that is what is known already."""
        event = {
            "state": state,
            "session": session,
            "client_order_id": client_order_id,
            "side": close.side,
            "quantity": close.quantity,
            "detail": detail,
        }
        with self.store.write() as connection:
            insert_unknown(
                connection,
                guard_closes,
                [
                    {
                        "close_id": close.close_id,
                        "account_id": close.account_id,
                        "guard": close.guard,
                        "episode": close.episode,
                        "symbol": close.symbol,
                        "session": session,
                        "reason": close.reason,
                    }
                ],
            )
            _append(connection, close.close_id, event)

    def states(self, account_id: str | None = None) -> dict[str, str]:
        """Return what every close has come to, of one account or of all."""
        log = self.close_log(account_id)
        newest = log.sort("close_id", "sequence").group_by("close_id", maintain_order=True).last()
        return dict(newest.select("close_id", "state").iter_rows())

    def close_log(self, account_id: str | None = None) -> pl.DataFrame:
        """Return every event of every close, in order."""
        query = (
            sa.select(
                guard_closes.c.close_id,
                guard_closes.c.account_id,
                guard_closes.c.guard,
                guard_closes.c.episode,
                guard_closes.c.symbol,
                guard_close_events.c.sequence,
                guard_close_events.c.session,
                guard_close_events.c.state,
                guard_close_events.c.side,
                guard_close_events.c.quantity,
                guard_close_events.c.client_order_id,
                guard_close_events.c.detail,
                guard_closes.c.reason,
                guard_close_events.c.recorded_at,
            )
            .join(guard_close_events, guard_close_events.c.close_id == guard_closes.c.close_id)
            .order_by(guard_close_events.c.close_id, guard_close_events.c.sequence)
        )
        if account_id is not None:
            query = query.where(guard_closes.c.account_id == account_id)
        return self._frame(query)

    def snapshots(self, account_id: str | None = None) -> pl.DataFrame:
        """Return the position snapshots, of one account or of all."""
        query = sa.select(position_snapshots).order_by(
            position_snapshots.c.session,
            position_snapshots.c.account_id,
            position_snapshots.c.recorded_at,
        )
        if account_id is not None:
            query = query.where(position_snapshots.c.account_id == account_id)
        return self._frame(query)

    def drawdown_alerts(self) -> pl.DataFrame:
        """Return the falls that reached a limit."""
        return self._frame(
            sa.select(drawdown_alerts).order_by(
                drawdown_alerts.c.session, drawdown_alerts.c.alert_id
            )
        )

    def propose(self, account_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store which closes are advised now; earlier advice of the guards for the account is dismissed."""
        ids = [row["recommendation_id"] for row in rows]
        own = [
            recommendations.c.account_id == account_id,
            recommendations.c.origin == GUARD,
        ]
        is_now = recommendations.c.recommendation_id.in_(ids)
        changes = (
            ("dismissed", [*own, recommendations.c.status == "pending", ~is_now]),
            ("pending", [*own, recommendations.c.status == "dismissed", is_now]),
        )
        with self.store.write() as connection:
            for status, where in changes:
                connection.execute(sa.update(recommendations).where(*where).values(status=status))
            insert_unknown(connection, recommendations, rows)

    def _frame(self, query: sa.Select[Any]) -> pl.DataFrame:
        with self.store.read() as connection:
            result = connection.execute(query)
            schema = {
                column.name: _POLARS_TYPES.get(type(column.type).__name__, pl.String)
                for column in query.selected_columns
            }
            found = [dict(row._mapping) for row in result]
        return pl.DataFrame(found, schema=schema)


_POLARS_TYPES: dict[str, Any] = {
    "ExactDecimal": pl.Decimal(38, 8),
    "UtcDateTime": pl.Datetime("us", "UTC"),
    "Date": pl.Date,
    "Integer": pl.Int64,
}


def _append(connection: Connection, close_id: str, event: Mapping[str, Any]) -> None:
    last = connection.execute(
        sa.select(guard_close_events)
        .where(guard_close_events.c.close_id == close_id)
        .order_by(guard_close_events.c.sequence.desc())
        .limit(1)
    ).first()
    if last is not None and all(last._mapping[name] == event[name] for name in event):
        return
    connection.execute(
        sa.insert(guard_close_events).values(
            close_id=close_id,
            sequence=0 if last is None else last.sequence + 1,
            recorded_at=now(),
            **event,
        )
    )


def _digest(row: Mapping[str, Any]) -> str:
    facts = json.dumps({name: str(value) for name, value in sorted(row.items())})
    return hashlib.sha256(facts.encode()).hexdigest()[:32]
