"""Metrics are the same whichever database the store is."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from resources.lake import Lake
from resources.metrics import Metrics
from resources.store import Store
from resources.store.guard_schema import (
    drawdown_alerts,
    guard_close_events,
    guard_closes,
    kill_switch_events,
)
from resources.store.reconciliation_schema import discrepancies, reconciliation_results
from tests.resources.alerts.desks import Routes, alert
from tests.resources.metric_rows import (
    ACCOUNTS,
    close,
    discrepancy,
    drawdown_alert,
    event,
    exposed,
    result,
    write,
)


def test_both_databases_count_alike(store_url: str, tmp_path: Path) -> None:
    with closing(Store(store_url)) as store:
        _everything_once(store)
        found = exposed(Metrics(store, Lake(tmp_path / "lake", store), ACCOUNTS, ["chat"]))
    counted = {
        (name, *sorted(dict(labels).values())): count
        for (name, labels), count in found.items()
        if count and not name.startswith("reconciliation_latency_seconds_bucket")
    }
    assert counted == {
        ("reconciliation_latency_seconds_count",): 2,
        ("reconciliation_latency_seconds_sum",): pytest.approx(0.0305),
        ("reconciliation_divergences_total", "fee"): 1,
        ("position_syncs_total", "europe", "ok"): 1,
        ("position_syncs_total", "europe", "unavailable"): 1,
        ("ballast_open_discrepancies", "critical"): 1,
        ("drawdown_guard_triggers_total", "europe", "warning"): 1,
        ("positions_autoclosed_total", "drawdown"): 1,
        ("ballast_kill_switch_latched", "europe", "halt"): 1,
        ("ballast_alerts_total", "critical", "reconciliation"): 1,
        ("ballast_alerts_waiting", "chat"): 1,
        **{
            ("ballast_metrics_source_up", s): 1
            for s in ("reconciliation", "guards", "alerts", "published")
        },
    }


def _everything_once(store: Store) -> None:
    results = result(1, 10.5), result(2, 20.0, is_available=False)
    write(store, reconciliation_results, *results)
    write(store, discrepancies, discrepancy(1, "fee"))
    write(store, drawdown_alerts, drawdown_alert(1, "warning"))
    facts, events = close(1, "ordered", "closed")
    write(store, guard_closes, facts)
    write(store, guard_close_events, *events)
    write(store, kill_switch_events, event(1, "latch", "halt"))
    desk = Routes().add("chat", None).desk(store)
    desk.post([alert("a")])
