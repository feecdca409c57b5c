"""Metrics from the store: what was counted, and what is open now.

A run is a batch, and its process is gone when somebody asks; so a counter is not kept in memory but counted from
tables that only ever grow. It survives restarts, and is the same in every process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.alerts import SEVERITIES
from ballast.guards.kill_switch import switch_of
from ballast.reconciliation.causes import CAUSES
from resources.alerts.outbox import OPEN_STATUSES
from resources.clock import now
from resources.guards import CLOSED
from resources.kill_switch import KillSwitch
from resources.metrics import families
from resources.metrics.families import Family, with_zeros
from resources.store import Store, insert_unknown
from resources.store.alert_schema import alert_deliveries, alerts, counted_divergences
from resources.store.guard_schema import drawdown_alerts, guard_close_events, guard_closes
from resources.store.reconciliation_schema import discrepancies, reconciliation_results

LATENCY_LIMITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_MILLISECONDS = 1000
_TRIGGER_KINDS = ("warning", "execution")
_LEVELS = ("reduce_only", "halt")


def reconciliation_metrics(store: Store, accounts: Sequence[str]) -> Iterator[Family]:
    """Yield divergences, syncs, latency and what is open; nothing before the first reconciliation."""
    _count_new_divergences(store)
    results = reconciliation_results.c
    available = sa.case((results.is_available, "ok"), else_="unavailable")
    with store.read() as connection:
        counts = _latency(connection)
        if not counts[-1]:
            return
        duration = connection.scalar(sa.select(sa.func.sum(results.duration_ms))) or 0.0
        divergences = _counted(connection, counted_divergences.c.cause)
        syncs = _counted(connection, results.account_id, available)
        open_now = _counted(
            connection, discrepancies.c.severity, where=discrepancies.c.resolved_on.is_(None)
        )
    limits = [str(limit) for limit in LATENCY_LIMITS] + ["+Inf"]
    yield families.LATENCY.distribution(
        list(zip(limits, counts, strict=True)), duration / _MILLISECONDS
    )
    yield families.DIVERGENCES.family(
        with_zeros(divergences, [(cause,) for cause in CAUSES]).items()
    )
    expected = [(account, status) for account in accounts for status in ("ok", "unavailable")]
    yield families.SYNCS.family(with_zeros(syncs, expected).items())
    yield families.OPEN_DISCREPANCIES.family(
        with_zeros(open_now, [(severity,) for severity in SEVERITIES]).items()
    )


def guard_metrics(store: Store, accounts: Sequence[str]) -> Iterator[Family]:
    """Yield what the guards did, and where the kill switch holds."""
    closed = sa.select(guard_close_events.c.close_id).where(guard_close_events.c.state == CLOSED)
    with store.read() as connection:
        triggers = _counted(connection, drawdown_alerts.c.account_id, drawdown_alerts.c.kind)
        autoclosed = _counted(
            connection, guard_closes.c.guard, where=guard_closes.c.close_id.in_(closed)
        )
    expected = [(account, kind) for account in accounts for kind in _TRIGGER_KINDS]
    yield families.GUARD_TRIGGERS.family(with_zeros(triggers, expected).items())
    yield families.AUTOCLOSED.family(with_zeros(autoclosed, [("drawdown",)]).items())
    events = KillSwitch(store).events()
    yield families.KILL_SWITCH.family(
        ((account, level), float(switch_of(events, account).level == level))
        for account in accounts
        for level in _LEVELS
    )


def alert_metrics(store: Store, routes: Iterable[str]) -> Iterator[Family]:
    """Yield what was posted, what became of it, and what waits."""
    deliveries = alert_deliveries.c
    # Broadcasts are forgotten after a time; counted, they would fall.
    is_final_alert = sa.and_(
        deliveries.status.not_in(OPEN_STATUSES),
        deliveries.item_id.in_(sa.select(alerts.c.alert_id)),
    )
    with store.read() as connection:
        posted = _counted(connection, alerts.c.kind, alerts.c.severity)
        ended = _counted(connection, deliveries.route, deliveries.status, where=is_final_alert)
        waiting = _counted(connection, deliveries.route, where=deliveries.status.in_(OPEN_STATUSES))
    named = list(routes)
    expected = [(route, status) for route in named for status in ("delivered", "given_up")]
    yield families.ALERTS.family(posted.items())
    yield families.DELIVERIES.family(with_zeros(ended, expected).items())
    yield families.ALERTS_WAITING.family(with_zeros(waiting, [(r,) for r in named]).items())


def _count_new_divergences(store: Store) -> None:
    """Note under which causes each discrepancy was seen; its own row keeps only the last."""
    known = sa.exists().where(
        counted_divergences.c.discrepancy_id == discrepancies.c.discrepancy_id,
        counted_divergences.c.cause == discrepancies.c.cause,
    )
    query = sa.select(discrepancies.c.discrepancy_id, discrepancies.c.cause).where(~known)
    with store.read() as connection:
        found = [dict(row._mapping) for row in connection.execute(query)]
    if found:
        moment = now()
        with store.write() as connection:
            rows = [row | {"recorded_at": moment} for row in found]
            insert_unknown(connection, counted_divergences, rows)


def _latency(connection: Connection) -> list[float]:
    """Return how many durations are not above each limit, and how many there are."""
    duration = reconciliation_results.c.duration_ms
    below = [
        sa.func.sum(sa.case((duration <= limit * _MILLISECONDS, 1), else_=0))
        for limit in LATENCY_LIMITS
    ]
    row = connection.execute(
        sa.select(*below, sa.func.count()).select_from(reconciliation_results)
    ).one()
    return [float(count or 0) for count in row]


def _counted(
    connection: Connection,
    *by: sa.ColumnElement[str],
    where: sa.ColumnElement[bool] | None = None,
) -> dict[tuple[str, ...], float]:
    query = sa.select(*by, sa.func.count()).group_by(*by).order_by(*by)
    if where is not None:
        query = query.where(where)
    return {tuple(labels): float(count) for *labels, count in connection.execute(query)}
