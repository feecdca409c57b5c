"""Metrics from what is published: the newest session of the lake. What is unknown has no sample; it is never zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import polars as pl

from ballast.calendars import end_of_session
from ballast.guards.status import blocked_by_guards
from ballast.reconciliation.compare import blocked_accounts
from resources.lake import Lake, Snapshot
from resources.metrics import families
from resources.metrics.families import Family

_TABLES = ("positions_snapshot", "guard_status", "reconciliation_report", "daily_report")


def published_metrics(lake: Lake, base_currencies: Mapping[str, str]) -> Iterator[Family]:
    """Yield what the newest session of each table says about the accounts.

    Parameters
    ----------
    lake : Lake
        All tables are read from one snapshot of it.
    base_currencies : mapping of str to str
        Base currency of each configured account; other accounts are left out.
    """
    snapshot = lake.snapshot(_TABLES)
    yield from _positions(snapshot, base_currencies)
    status = _newest(snapshot, "guard_status")
    report = _newest(snapshot, "reconciliation_report")
    if status is not None:
        yield families.DRAWDOWN.family(_drawdowns(status, base_currencies))
    blocked = {
        "reconciliation": None if report is None else (report, blocked_accounts(report)),
        "guards": None if status is None else (status, blocked_by_guards(status)),
    }
    yield families.BLOCKED.family(
        ((account, by), float(account in stopped))
        for by, found in blocked.items()
        if found is not None
        for table, stopped in [found]
        for account in base_currencies
        if account in table["account_id"]
    )
    yield from _progress(snapshot)


def _positions(snapshot: Snapshot, base_currencies: Mapping[str, str]) -> Iterator[Family]:
    positions = _newest(snapshot, "positions_snapshot")
    if positions is None:
        return
    value = pl.col("value_base")
    held = ~pl.col("is_cash") & (pl.col("quantity") != 0)
    accounts = (
        positions.filter(pl.col("account_id").is_in(list(base_currencies)))
        .group_by("account_id")
        .agg(
            equity=pl.when(value.is_not_null().all()).then(value.sum()).cast(pl.Float64),
            positions=held.sum(),
        )
        .sort("account_id")
    )
    known = accounts.drop_nulls("equity").select("account_id", "equity")
    yield families.EQUITY.family(
        ((account, base_currencies[account]), equity) for account, equity in known.iter_rows()
    )
    counts = accounts.select("account_id", "positions")
    yield families.POSITIONS.family(((account,), float(n)) for account, n in counts.iter_rows())


def _drawdowns(
    status: pl.DataFrame, base_currencies: Mapping[str, str]
) -> list[tuple[tuple[str], float]]:
    falls = status.filter((pl.col("guard") == "drawdown") & (pl.col("subject") == "account"))
    known = falls.drop_nulls("measured").select("account_id", "measured")
    return [
        ((account,), float(measured))
        for account, measured in known.iter_rows()
        if account in base_currencies
    ]


def _progress(snapshot: Snapshot) -> Iterator[Family]:
    sessions = snapshot.partitions("daily_report")
    if not sessions:
        return
    session = sessions[-1]
    published_at = snapshot.entries["daily_report", session].published_at
    end = end_of_session(date.fromisoformat(session))
    yield families.LAST_SESSION.family([((), end.timestamp())])
    yield families.LAST_REPORT.family([((), published_at.timestamp())])


def _newest(snapshot: Snapshot, asset: str) -> pl.DataFrame | None:
    sessions = snapshot.partitions(asset)
    return snapshot.read(asset, sessions[-1]) if sessions else None
