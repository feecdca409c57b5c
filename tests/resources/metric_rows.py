"""Rows and tables that metrics are made of, and the metrics as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from ballast.tables import polars_schema
from resources.lake import Lake
from resources.lake_files import Table
from resources.metrics import Metrics
from resources.store import Store, upsert

MOMENT = datetime(2024, 3, 1, 9, 30, tzinfo=UTC)
SESSION = date(2024, 2, 29)
ACCOUNTS = {"europe": "EUR", "america": "USD"}

# Names with the suffixes that a histogram has, and the values of labels.
Exposed = dict[tuple[str, frozenset[tuple[str, str]]], float]


def exposed(metrics: Metrics) -> Exposed:
    text = metrics.render().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return exposed(metrics).get((name, frozenset(labels.items())))


def names(metrics: Metrics) -> set[str]:
    return {name for name, _ in exposed(metrics)}


def write(store: Store, table: sa.Table, *rows: Mapping[str, Any]) -> None:
    with store.write() as connection:
        upsert(connection, table, rows)


def result(run: int, milliseconds: float = 20.0, **changes: object) -> dict[str, object]:
    return {
        "run_id": f"run-{run}",
        "account_id": "europe",
        "session": SESSION,
        "trigger": "periodic",
        "context": "{}",
        "is_clean": True,
        "is_available": True,
        "discrepancies": 0,
        "inconclusive": 0,
        "positions_checked": 14,
        "duration_ms": milliseconds,
        "recorded_at": MOMENT,
    } | changes


def discrepancy(number: int, cause: str, **changes: object) -> dict[str, object]:
    return {
        "discrepancy_id": f"d-{number}",
        "account_id": "europe",
        "item": "MSFT",
        "field": "quantity",
        "outcome": "quantity_mismatch",
        "cause": cause,
        "severity": "critical",
        "local_value": Decimal(1),
        "broker_value": Decimal(2),
        "difference": Decimal(1),
        "first_seen": SESSION,
        "last_seen": SESSION,
        "sessions_seen": 1,
        "resolved_on": None,
        "last_run_id": "run-1",
        "recorded_at": MOMENT,
    } | changes


def drawdown_alert(number: int, kind: str) -> dict[str, object]:
    return {
        "alert_id": f"fall-{number}",
        "account_id": "europe",
        "session": SESSION,
        "guard": "drawdown",
        "kind": kind,
        "threshold": Decimal(15),
        "measured": Decimal("16.2"),
        "action": "told",
        "positions": 3,
        "recorded_at": MOMENT,
    }


def close(number: int, *states: str) -> tuple[dict[str, object], list[dict[str, object]]]:
    close_id = f"close-{number}"
    facts = {"close_id": close_id, "session": SESSION}
    return (
        facts
        | {
            "account_id": "europe", "guard": "drawdown", "episode": "e", "symbol": f"S{number}",
            "reason": "20 % below its peak",
        },
        [
            facts
            | {
                "sequence": sequence, "state": state, "client_order_id": None, "side": "sell",
                "quantity": Decimal(1), "detail": None, "recorded_at": MOMENT,
            }
            for sequence, state in enumerate(states)
        ],
    )  # fmt: skip


def event(number: int, kind: str, level: str | None, scope: str = "europe") -> dict[str, object]:
    return {
        "sequence": number,
        "event_id": f"event-{number}",
        "scope": scope,
        "kind": kind,
        "level": level,
        "session": SESSION,
        "reason": "a test",
        "requested_by": "somebody",
        "run_id": "run-1",
        "restarts_peak": False,
        "recorded_at": MOMENT,
    }


def publish(lake: Lake, asset: str, frame: pl.DataFrame, session: date = SESSION) -> None:
    table = Table(asset, session.isoformat(), frame)
    lake.publish([table], run_id="run-1", code_version="1", as_of=session.isoformat())


def frame(schema: Any, rows: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=polars_schema(schema))


def position(
    account: str, commodity: str, value: str | None, **changes: object
) -> dict[str, object]:
    return {
        "account_id": account,
        "commodity": commodity,
        "is_cash": False,
        "quantity": Decimal(10),
        "currency": ACCOUNTS[account],
        "is_price_stale": False,
        "base_currency": ACCOUNTS[account],
        "value_base": None if value is None else Decimal(value),
    } | changes


def guard(account: str, measured: str | None, state: str) -> dict[str, object]:
    return {
        "account_id": account,
        "guard": "drawdown",
        "subject": "account",
        "state": state,
        "measured": None if measured is None else Decimal(measured),
        "unit": "%",
        "effect": "",
        "explanation": "",
    }
