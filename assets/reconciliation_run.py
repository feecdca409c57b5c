"""One reconciliation of all accounts: compare, look again where something differs, explain, propose, remember, tell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from assets.history import known_actions
from assets.session_run import SessionRun
from assets.sync import SecondLook, look_again
from ballast.alerts import Broadcast, discrepancy_broadcast, result_broadcast
from ballast.books.positions import known_postings
from ballast.market.exchange_rates import Rates
from ballast.reconciliation.basis import held_by_lots
from ballast.reconciliation.compare import compare
from ballast.reconciliation.explain import Evidence, explain
from ballast.reconciliation.memory import Discrepancy, alerts_of, remember
from ballast.reconciliation.report import (
    broker_holdings,
    proposals_table,
    proposed_table,
    report_of,
)
from ballast.reconciliation.resolve import Books, resolve
from ballast.reconciliation.row_causes import NO_DIFFERENCE
from ballast.tables import InFlight
from resources.clock import now
from resources.reconciliation import AccountResult, RunContext

_HEAT_MAP_SESSIONS = 60
TRIGGER_TAG, CONTEXT_TAG = "ballast/trigger", "ballast/context"


@dataclass(frozen=True)
class Findings:
    """What a reconciliation found: the tables to publish, and for people the trigger and the recent results."""

    report: pl.DataFrame
    lines: pl.DataFrame
    proposals: pl.DataFrame
    proposed: pl.DataFrame
    activity: pl.DataFrame
    history: pl.DataFrame
    context: Mapping[str, Any]


def reconcile_session(run: SessionRun, tags: Mapping[str, str], requested_by: str) -> Findings:
    """Reconcile every account for a session and remember what was found."""
    started = now()
    memory, settings = run.workspace.reconciliation, run.workspace.portfolio.tolerances
    tables = _Tables.read(run)
    comparison, look = _compare(run, tables)
    explained = explain(comparison, _evidence(run, tables, look), settings)
    known, newest = memory.known(run.session), memory.newest_sessions()
    # Of an account that has gone on since, this session's run changes and proposes nothing.
    late = {account for account, last in newest.items() if last > run.session}
    current = [each for each in known if each.account_id not in late]
    proposals = [
        each
        for each in resolve(explained, _books(run, tables, current), settings)
        if each.account_id not in late
    ]
    changed = remember(current, explained.table, run.session, newest)
    report = report_of(explained, proposals, [*current, *changed], run.session)
    context = _context(tags, requested_by)
    results = _results(report, (now() - started).total_seconds() * 1e3)
    # Before it is remembered: what is told twice is told once, what is remembered is not told again.
    _tell(run, report, results, changed, known, context, started)
    decided = [each.account_id for each in results if each.is_available]
    memory.record(
        RunContext(run.run_id, run.session, context["trigger"], context),
        results,
        changed,
        proposals,
        [account for account in decided if account not in late],
    )
    own = [proposal.proposal_id for proposal in proposals if proposal.accepts_itself]
    if own:
        run.workspace.proposals.accept(
            own, by="ballast", reason="within reconciliation.rounding_limit"
        )
    run.workspace.alerts.deliver()
    return Findings(
        report,
        explained.lines,
        proposals_table(proposals, run.workspace.proposals.statuses()),
        proposed_table(proposals),
        look.activity,
        memory.history(run.session, _HEAT_MAP_SESSIONS),
        context,
    )


@dataclass(frozen=True)
class _Tables:
    positions: pl.DataFrame
    ledger: pl.DataFrame
    lots: pl.DataFrame
    securities: pl.DataFrame
    prices: pl.DataFrame
    rates: pl.DataFrame
    held: pl.DataFrame
    cash: pl.DataFrame
    accounts: pl.DataFrame
    broker_lots: pl.DataFrame

    @classmethod
    def read(cls, run: SessionRun) -> _Tables:
        return cls(
            *run.read(
                "positions_snapshot", "postings", "tax_lots", "securities", "prices",
                "exchange_rates", "broker_positions", "broker_balances", "broker_accounts",
                "broker_lots",
            )
        )  # fmt: skip


def _compare(run: SessionRun, tables: _Tables) -> tuple[pl.DataFrame, SecondLook]:
    """Compare; where something differs, ask what happened and compare again with what is in flight."""

    def compared(in_flight: pl.DataFrame) -> pl.DataFrame:
        return compare(
            tables.positions, tables.held, tables.cash, tables.accounts, in_flight,
            run.workspace.portfolio.tolerances, run.session, securities=tables.securities,
            lots=tables.lots, broker_lots=tables.broker_lots,
        )  # fmt: skip

    first = compared(InFlight.create_empty())
    differing = first.filter(~pl.col("outcome").is_in(NO_DIFFERENCE))["account_id"].unique().sort()
    look = look_again(run, tables.accounts, differing.to_list())
    return (first if look.in_flight.is_empty() else compared(look.in_flight)), look


def _evidence(run: SessionRun, tables: _Tables, look: SecondLook) -> Evidence:
    return Evidence(
        session=run.session,
        ledger=known_postings(tables.ledger, run.session),
        securities=tables.securities,
        prices=tables.prices,
        rates=Rates.of(tables.rates),
        activity=look.activity,
        sources=look.sources,
        orders=run.workspace.orders.table().filter(pl.col("session") <= run.session),
        actions=known_actions(run),
    )


def _books(run: SessionRun, tables: _Tables, known: Sequence[Discrepancy]) -> Books:
    memory = run.workspace.reconciliation
    exchanges = dict(tables.securities.select("symbol", "exchange").iter_rows())
    currencies = dict(tables.securities.select("symbol", "currency").iter_rows())
    rates = Rates.of(tables.rates).by_pair
    first_seen = {
        (each.account_id, each.item): each.first_seen
        for each in known
        if each.first_seen <= run.session and each.resolved_on is None
    }
    until = {day: memory.compared_until(day) for day in {run.session, *first_seen.values()}}
    return Books(
        session=run.session,
        ledger=known_postings(tables.ledger, run.session),
        held_after=held_by_lots(exchanges, run.workspace.portfolio.lot_methods),
        holdings=broker_holdings(tables.held, currencies),
        currencies=currencies,
        first_seen=first_seen,
        agreed_until=until[run.session],
        agreed_before={key: until[day].get(key[0]) for key, day in first_seen.items()},
        euro_rates={source: rate for (source, target), rate in rates.items() if target == "EUR"},
        already_rounded=run.workspace.proposals.already_rounded(run.session),
        spent=run.workspace.proposals.spent(),
    )


def _context(tags: Mapping[str, str], requested_by: str) -> dict[str, Any]:
    """Return why this run takes place: what its trigger wrote into its tags, or who asked."""
    context: dict[str, Any] = json.loads(tags.get(CONTEXT_TAG, "{}"))
    if requested_by:
        return context | {"trigger": "on_demand", "requested_by": requested_by}
    default = (
        "pipeline" if tags.get("dagster/partition") and not tags.get(TRIGGER_TAG) else "on_demand"
    )
    return context | {"trigger": tags.get(TRIGGER_TAG, default)}


def _results(report: pl.DataFrame, duration_ms: float) -> list[AccountResult]:
    results = []
    for (account,), rows in report.group_by("account_id", maintain_order=True):
        outcomes = rows["outcome"]
        different = rows.filter(~pl.col("outcome").is_in(NO_DIFFERENCE)).height
        results.append(
            AccountResult(
                account_id=str(account),
                is_clean=bool((outcomes == "matched").all()),
                is_available=not bool((outcomes == "unavailable").any()),
                discrepancies=different,
                inconclusive=int((outcomes == "inconclusive").sum()),
                positions_checked=rows.filter(pl.col("field") == "quantity").height,
                duration_ms=duration_ms,
            )
        )
    return results


def _tell(
    run: SessionRun,
    report: pl.DataFrame,
    results: Sequence[AccountResult],
    changed: Sequence[Discrepancy],
    known: Sequence[Discrepancy],
    context: Mapping[str, Any],
    moment: datetime,
) -> None:
    after = run.workspace.portfolio.reconciliation.escalate_after
    alerts = alerts_of(changed, known, run.session, escalate_after=after)
    run.workspace.alerts.post(alerts, _broadcasts(run, report, results, context, moment))


def _broadcasts(
    run: SessionRun,
    report: pl.DataFrame,
    results: Sequence[AccountResult],
    context: Mapping[str, Any],
    moment: datetime,
) -> list[Broadcast]:
    messages = [
        result_broadcast(
            run_id=run.run_id,
            account_id=result.account_id,
            timestamp=moment,
            is_clean=result.is_clean,
            discrepancy_count=result.discrepancies,
            positions_checked=result.positions_checked,
            duration_ms=result.duration_ms,
            context=context,
        )
        for result in results
    ]
    differing = report.filter(~pl.col("outcome").is_in(["matched", "inconclusive"]))
    return messages + [
        discrepancy_broadcast(
            run_id=run.run_id,
            discrepancy_type=row["outcome"],
            severity=row["severity"],
            symbol=None if row["item"] == "account" else row["item"],
            local_value=row["local_value"],
            broker_value=row["broker_value"],
            timestamp=moment,
            account_id=row["account_id"],
            field=row["field"],
        )
        for row in differing.iter_rows(named=True)
    ]
