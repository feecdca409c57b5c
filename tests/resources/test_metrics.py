"""Metrics: counters that never fall, gauges that are absent while nothing is known, text that Prometheus reads."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ballast.reconciliation.causes import CAUSES
from ballast.tables import GuardStatus, Positions, Reconciliation
from resources.lake import Lake
from resources.metrics import METRIC_NAMES, Metrics
from resources.metrics.families import DEFINITIONS
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
    SESSION,
    close,
    discrepancy,
    drawdown_alert,
    event,
    frame,
    guard,
    names,
    position,
    publish,
    result,
    value,
    write,
)
from tests.resources.migrated import empty_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = empty_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def metrics(store: Store, lake: Lake) -> Metrics:
    return Metrics(store, lake, ACCOUNTS, ["chat"])


def test_before_the_first_run_nothing_is_said_about_accounts(metrics: Metrics) -> None:
    assert names(metrics) == {
        "ballast_metrics_source_up",
        "ballast_kill_switch_latched",
        "ballast_alerts_waiting",
        "ballast_alert_deliveries_total",
        "drawdown_guard_triggers_total",
        "positions_autoclosed_total",
    }


def test_durations_become_a_histogram_in_seconds(store: Store, metrics: Metrics) -> None:
    write(
        store, reconciliation_results, *(result(n, ms) for n, ms in enumerate([3, 5, 40, 90_000]))
    )
    name = "reconciliation_latency_seconds"
    assert value(metrics, f"{name}_count") == 4
    assert value(metrics, f"{name}_sum") == pytest.approx(90.048)
    buckets = {
        le: value(metrics, f"{name}_bucket", le=le) for le in ("0.005", "0.05", "60.0", "+Inf")
    }
    assert buckets == {"0.005": 2, "0.05": 3, "60.0": 3, "+Inf": 4}


def test_syncs_are_counted_by_account_and_whether_the_broker_answered(
    store: Store, metrics: Metrics
) -> None:
    write(store, reconciliation_results, result(1), result(2), result(3, is_available=False))
    name = "position_syncs_total"
    assert value(metrics, name, account="europe", status="ok") == 2
    assert value(metrics, name, account="europe", status="unavailable") == 1
    assert value(metrics, name, account="america", status="ok") == 0


def test_divergences_are_counted_by_cause_and_known_causes_begin_at_zero(
    store: Store, metrics: Metrics
) -> None:
    write(store, reconciliation_results, result(1))
    write(store, discrepancies, discrepancy(1, "fee"), discrepancy(2, "fee"))
    name = "reconciliation_divergences_total"
    assert value(metrics, name, reason="fee") == 2
    assert {c for c in CAUSES if value(metrics, name, reason=c) == 0} == set(CAUSES) - {"fee"}


def test_a_divergence_that_changes_its_cause_counts_under_both(
    store: Store, metrics: Metrics
) -> None:
    write(store, reconciliation_results, result(1))
    write(store, discrepancies, discrepancy(1, "unexplained"))
    name = "reconciliation_divergences_total"
    assert value(metrics, name, reason="unexplained") == 1
    write(store, discrepancies, discrepancy(1, "missed_fill"))
    assert value(metrics, name, reason="unexplained") == 1
    assert value(metrics, name, reason="missed_fill") == 1


def test_open_discrepancies_are_those_that_are_not_resolved(store: Store, metrics: Metrics) -> None:
    write(store, reconciliation_results, result(1))
    write(
        store,
        discrepancies,
        discrepancy(1, "fee"),
        discrepancy(2, "fee", severity="info"),
        discrepancy(3, "fee", resolved_on=SESSION),
    )
    found = {
        s: value(metrics, "ballast_open_discrepancies", severity=s)
        for s in ("info", "warning", "critical")
    }
    assert found == {"info": 1, "warning": 0, "critical": 1}


def test_guards_are_counted_and_a_close_counts_when_it_is_done(
    store: Store, metrics: Metrics
) -> None:
    write(store, drawdown_alerts, drawdown_alert(1, "warning"), drawdown_alert(2, "execution"))
    for number, states in enumerate([("ordered", "closed"), ("ordered", "failed"), ("proposed",)]):
        facts, events = close(number, *states)
        write(store, guard_closes, facts)
        write(store, guard_close_events, *events)
    triggers = "drawdown_guard_triggers_total"
    assert value(metrics, triggers, account="europe", kind="warning") == 1
    assert value(metrics, triggers, account="europe", kind="execution") == 1
    assert value(metrics, triggers, account="america", kind="execution") == 0
    assert value(metrics, "positions_autoclosed_total", reason="drawdown") == 1


def test_the_kill_switch_of_all_accounts_holds_for_each(store: Store, metrics: Metrics) -> None:
    def latched() -> dict[tuple[str, str], float | None]:
        return {
            (account, level): value(
                metrics, "ballast_kill_switch_latched", account=account, level=level
            )
            for account in ACCOUNTS
            for level in ("reduce_only", "halt")
        }

    nothing = dict.fromkeys(latched(), 0.0)
    write(store, kill_switch_events, event(1, "latch", "reduce_only"))
    assert latched() == nothing | {("europe", "reduce_only"): 1.0}
    write(store, kill_switch_events, event(2, "latch", "halt", scope="*"))
    assert latched() == nothing | {("europe", "halt"): 1.0, ("america", "halt"): 1.0}
    write(store, kill_switch_events, event(3, "reset", None, scope="*"))
    write(store, kill_switch_events, event(4, "reset", None))
    assert latched() == nothing


def test_alerts_are_counted_when_posted_and_when_they_come_to_an_end(
    store: Store, metrics: Metrics
) -> None:
    desk = Routes().add("chat", None).desk(store)
    desk.post([alert("a"), alert("b", "info")])
    desk.deliver()
    posted = "ballast_alerts_total"
    assert value(metrics, posted, kind="reconciliation", severity="critical") == 1
    assert value(metrics, posted, kind="reconciliation", severity="info") == 1
    assert value(metrics, "ballast_alerts_waiting", route="chat") == 1
    assert value(metrics, "ballast_alert_deliveries_total", route="chat", status="delivered") == 0
    Routes().desk(store).deliver()
    assert value(metrics, "ballast_alerts_waiting", route="chat") == 0
    assert value(metrics, "ballast_alert_deliveries_total", route="chat", status="given_up") == 1


def test_equity_and_positions_are_those_of_the_newest_session(lake: Lake, metrics: Metrics) -> None:
    rows = [
        position("europe", "ASML.AS", "1000.50"),
        position("europe", "EUR", "99.50", is_cash=True),
        position("america", "MSFT", "500"),
    ]
    publish(lake, "positions_snapshot", frame(Positions, rows))
    publish(lake, "positions_snapshot", frame(Positions, rows[:1]), session=date(2024, 2, 28))
    assert value(metrics, "account_equity", account="europe", currency="EUR") == 1100.0
    assert value(metrics, "account_equity", account="america", currency="USD") == 500.0
    assert value(metrics, "positions_total", account="europe") == 1


def test_an_account_of_unknown_worth_has_no_equity_rather_than_a_wrong_one(
    lake: Lake, metrics: Metrics
) -> None:
    rows = [position("europe", "ASML.AS", "1000"), position("europe", "MSFT", None)]
    publish(lake, "positions_snapshot", frame(Positions, rows))
    assert value(metrics, "account_equity", account="europe", currency="EUR") is None
    assert value(metrics, "positions_total", account="europe") == 2
    assert value(metrics, "positions_total", account="america") is None


def test_drawdown_and_what_stops_an_account_come_from_what_is_published(
    lake: Lake, metrics: Metrics
) -> None:
    status = [guard("europe", "16.25", "warn"), guard("america", None, "unknown")]
    publish(lake, "guard_status", frame(GuardStatus, status))
    assert value(metrics, "account_drawdown_percent", account="europe") == 16.25
    assert value(metrics, "account_drawdown_percent", account="america") is None
    blocked = "ballast_account_blocked"
    assert value(metrics, blocked, account="europe", by="guards") == 0
    assert value(metrics, blocked, account="america", by="guards") == 1
    assert value(metrics, blocked, account="europe", by="reconciliation") is None

    row = {
        "item": "MSFT",
        "field": "quantity",
        "tolerance": Decimal(0),
        "explanation": "",
        "cause": "none",
    }
    report = [
        row | {"account_id": "europe", "outcome": "quantity_mismatch", "severity": "critical", "sessions_open": 1},
        row | {"account_id": "america", "outcome": "matched", "severity": "none", "sessions_open": 0},
    ]  # fmt: skip
    publish(lake, "reconciliation_report", frame(Reconciliation, report))
    assert value(metrics, blocked, account="europe", by="reconciliation") == 1
    assert value(metrics, blocked, account="america", by="reconciliation") == 0


def test_progress_is_the_newest_session_that_has_a_report(lake: Lake, metrics: Metrics) -> None:
    publish(lake, "daily_report", pl.DataFrame({"report": ["..."]}))
    session = value(metrics, "ballast_last_session_timestamp_seconds")
    assert session == datetime(2024, 3, 1, tzinfo=UTC).timestamp()
    published = lake.snapshot().entries["daily_report", SESSION.isoformat()].published_at
    assert value(metrics, "ballast_last_report_timestamp_seconds") == published.timestamp()


def test_a_source_that_cannot_be_read_takes_no_other_along(
    lake: Lake, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    publish(lake, "daily_report", pl.DataFrame({"report": ["..."]}))
    publish(lake, "positions_snapshot", frame(Positions, [position("europe", "MSFT", "1")]))
    for path in lake.root.rglob("*.parquet"):
        path.write_bytes(b"damaged")
    assert value(metrics, "ballast_metrics_source_up", source="published") == 0
    assert value(metrics, "ballast_metrics_source_up", source="alerts") == 1
    assert "account_equity" not in names(metrics)
    assert "metrics of published could not be read" in caplog.text


def test_names_follow_the_rules_and_every_metric_says_what_it_is(metrics: Metrics) -> None:
    assert len(set(METRIC_NAMES)) == len(METRIC_NAMES)
    for definition in DEFINITIONS:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", definition.name)
        assert definition.meaning.endswith(".")
        assert (definition.kind == "counter") <= definition.name.endswith("_total")
    families = list(text_string_to_metric_families(metrics.render().decode()))
    kinds = {definition.name.removesuffix("_total"): definition.kind for definition in DEFINITIONS}
    assert all(kinds[family.name.removesuffix("_total")] == family.type for family in families)


def test_the_file_of_metrics_is_replaced_as_a_whole_and_readable_for_the_collector(
    metrics: Metrics, tmp_path: Path
) -> None:
    path = tmp_path / "metrics" / "ballast.prom"
    for _ in range(2):
        assert metrics.write(path) == path
        assert path.read_bytes() == metrics.render()
    assert os.listdir(path.parent) == ["ballast.prom"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
