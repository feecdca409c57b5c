"""The outbox: what is to be delivered, who is delivering it now, and what became of it.

Invariants: an alert and its deliveries are written in one transaction; a delivery is attempted only by the holder of
its lease, and the lease is written before anything is sent; a status that is final never changes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.alerts import Alert, Broadcast
from resources.store import Store, insert_unknown
from resources.store.alert_schema import alert_deliveries, alerts, broadcasts

OPEN_STATUSES = ("waiting", "failed")
_IDS_PER_QUERY = 500


@dataclass(frozen=True)
class Claimed:
    """A delivery that this process is to attempt, with what it carries."""

    item: Alert | Broadcast
    item_id: str
    route: str
    lease: str = field(repr=False)
    attempts: int
    recorded_at: datetime


@dataclass(frozen=True)
class Retrying:
    """When a failed delivery is tried again, and when no more."""

    first: timedelta
    longest: timedelta
    give_up_after: timedelta

    def delay(self, attempts: int) -> timedelta:
        """Return the wait after a number of failed attempts: it doubles with each, up to the longest."""
        # Not computed further than it can matter: the power would overflow.
        factor: int = 2 ** min(attempts - 1, 24)
        return min(self.first * factor, self.longest)


def add_alerts(
    connection: Connection,
    new: Sequence[Alert],
    routes_of: Callable[[Alert], Sequence[str]],
    at: datetime,
) -> int:
    """Write alerts that are unknown, each with a delivery per route; returns how many were unknown."""
    known = _known(connection, alerts.c.alert_id, [alert.alert_id for alert in new])
    unknown = {alert.alert_id: alert for alert in new if alert.alert_id not in known}
    insert_unknown(
        connection, alerts, [vars(alert) | {"recorded_at": at} for alert in unknown.values()]
    )
    deliveries = [(key, route) for key, alert in unknown.items() for route in routes_of(alert)]
    insert_unknown(
        connection, alert_deliveries, [_waiting(*delivery, at) for delivery in deliveries]
    )
    return len(unknown)


def add_broadcasts(
    connection: Connection, new: Sequence[Broadcast], route: str, at: datetime
) -> int:
    """Write broadcasts that are unknown, each with its delivery; returns how many were unknown."""
    known = _known(connection, broadcasts.c.message_id, [message.message_id for message in new])
    unknown = {m.message_id: m for m in new if m.message_id not in known}
    insert_unknown(
        connection,
        broadcasts,
        [vars(message) | {"recorded_at": at} for message in unknown.values()],
    )
    insert_unknown(connection, alert_deliveries, [_waiting(key, route, at) for key in unknown])
    return len(unknown)


def claim(
    store: Store, route: str, at: datetime, lease: timedelta, limit: int, *, is_broadcast: bool
) -> list[Claimed]:
    """Take deliveries of a route that are due, so that nobody else attempts them until the lease ends.

    Parameters
    ----------
    limit : int
        Most that are taken; the oldest first.
    is_broadcast : bool
        Whether the route carries broadcasts; alerts otherwise.

    Returns
    -------
    list of Claimed
        In the order in which they are to be sent.
    """
    content = broadcasts if is_broadcast else alerts
    (key,) = content.primary_key.columns
    query = (
        sa.select(
            *(column for column in content.columns if column.name != "recorded_at"),
            alert_deliveries.c.attempts,
            alert_deliveries.c.recorded_at.label("waits_since"),
        )
        .join_from(alert_deliveries, content, alert_deliveries.c.item_id == key)
        .where(alert_deliveries.c.route == route, is_due(at))
        .order_by(alert_deliveries.c.recorded_at, alert_deliveries.c.item_id)
        .limit(limit)
    )
    # Mostly nothing is due; a look first spares everybody the write lock.
    with store.read() as connection:
        if connection.execute(query.limit(1)).first() is None:
            return []
    holder = uuid.uuid4().hex
    with store.write() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]
        connection.execute(
            sa.update(alert_deliveries)
            .where(
                alert_deliveries.c.route == route,
                alert_deliveries.c.item_id.in_([row[key.name] for row in rows]),
            )
            .values(
                lease=holder,
                leased_until=at + lease,
                attempts=alert_deliveries.c.attempts + 1,
            )
        )
    return [
        Claimed(
            recorded_at=row.pop("waits_since"),
            attempts=row.pop("attempts") + 1,
            item_id=row[key.name],
            route=route,
            lease=holder,
            item=Broadcast(**row) if is_broadcast else Alert(**row),
        )
        for row in rows
    ]


def settle(
    store: Store,
    results: Sequence[tuple[Claimed, str | None]],
    at: datetime,
    retrying: Retrying,
) -> None:
    """Record what became of deliveries: None is delivered, a text is why not.

    A delivery whose lease has passed to somebody else is left to them.
    """
    with store.write() as connection:
        for claimed, error in results:
            connection.execute(
                sa.update(alert_deliveries)
                .where(
                    alert_deliveries.c.item_id == claimed.item_id,
                    alert_deliveries.c.route == claimed.route,
                    alert_deliveries.c.lease == claimed.lease,
                )
                .values(lease=None, leased_until=None, **_outcome(claimed, error, at, retrying))
            )


def is_due(at: datetime) -> sa.ColumnElement[bool]:
    """Return the condition of a delivery that may be attempted now."""
    columns = alert_deliveries.c
    return sa.and_(
        columns.status.in_(OPEN_STATUSES),
        sa.or_(columns.next_attempt_at.is_(None), columns.next_attempt_at <= at),
        sa.or_(columns.leased_until.is_(None), columns.leased_until <= at),
    )


def give_up_removed_routes(store: Store, routes: Sequence[str]) -> None:
    """Give up what waits for routes that are no longer configured."""
    removed = sa.and_(
        alert_deliveries.c.status.in_(OPEN_STATUSES), alert_deliveries.c.route.not_in(routes)
    )
    with store.read() as connection:
        if not connection.scalar(sa.select(sa.exists().where(removed))):
            return
    with store.write() as connection:
        connection.execute(
            sa.update(alert_deliveries)
            .where(removed)
            .values(
                status="given_up",
                lease=None,
                leased_until=None,
                next_attempt_at=None,
                last_error="the route is no longer configured",
            )
        )


def forget_broadcasts(store: Store, before: datetime) -> None:
    """Remove broadcasts that were published or given up long ago."""
    settled = sa.select(alert_deliveries.c.item_id).where(
        alert_deliveries.c.status.not_in(OPEN_STATUSES)
    )
    old = sa.and_(broadcasts.c.recorded_at < before, broadcasts.c.message_id.in_(settled))
    with store.read() as connection:
        if not connection.scalar(sa.select(sa.exists().where(old))):
            return
    with store.write() as connection:
        ids = list(connection.scalars(sa.select(broadcasts.c.message_id).where(old)))
        for some in _chunks(ids):
            for column in (broadcasts.c.message_id, alert_deliveries.c.item_id):
                connection.execute(sa.delete(column.table).where(column.in_(some)))


def count_open(store: Store) -> int:
    """Return the number of deliveries that are still to be made."""
    query = (
        sa.select(sa.func.count())
        .select_from(alert_deliveries)
        .where(alert_deliveries.c.status.in_(OPEN_STATUSES))
    )
    with store.read() as connection:
        return int(connection.scalar(query) or 0)


def due_state(store: Store, at: datetime) -> list[tuple[str, str, int]]:
    """Return item, route and attempts of every delivery that is due."""
    query = (
        sa.select(alert_deliveries.c.item_id, alert_deliveries.c.route, alert_deliveries.c.attempts)
        .where(is_due(at))
        .order_by(alert_deliveries.c.item_id, alert_deliveries.c.route)
    )
    with store.read() as connection:
        return [(row.item_id, row.route, row.attempts) for row in connection.execute(query)]


def _outcome(
    claimed: Claimed, error: str | None, at: datetime, retrying: Retrying
) -> dict[str, object]:
    if error is None:
        return {
            "status": "delivered", "delivered_at": at, "next_attempt_at": None, "last_error": None,
        }  # fmt: skip
    if at - claimed.recorded_at >= retrying.give_up_after:
        return {"status": "given_up", "next_attempt_at": None, "last_error": error}
    retry_at = at + retrying.delay(claimed.attempts)
    return {"status": "failed", "next_attempt_at": retry_at, "last_error": error}


def _waiting(item_id: str, route: str, at: datetime) -> dict[str, object]:
    return {
        "item_id": item_id,
        "route": route,
        "status": "waiting",
        "attempts": 0,
        "next_attempt_at": None,
        "lease": None,
        "leased_until": None,
        "last_error": None,
        "delivered_at": None,
        "recorded_at": at,
    }


def _known(connection: Connection, column: sa.Column[str], ids: Sequence[str]) -> set[str]:
    return {
        found
        for some in _chunks(ids)
        for found in connection.scalars(sa.select(column).where(column.in_(some)))
    }


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _IDS_PER_QUERY):
        yield ids[start : start + _IDS_PER_QUERY]
