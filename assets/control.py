"""Assets of control: what the brokers say, and whether the books agree."""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg
import polars as pl

from assets.metadata import check, definition_metadata, markdown_table
from assets.session_run import SessionRun
from assets.sync import ask_brokers
from ballast.reconciliation.compare import blocked_accounts, reconcile
from ballast.tables import BrokerAccounts, BrokerBalances, BrokerPositions, Reconciliation
from resources.workspace_resource import WorkspaceResource

_GROUP = "control"


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "broker_positions",
            description="Holdings as each broker reports them, asked after the ledger was brought up to date.",
            group_name=_GROUP,
            kinds={"polars", "parquet"},
            deps=["postings"],
            metadata=definition_metadata(BrokerPositions),
        ),
        dg.AssetSpec(
            "broker_balances",
            description="Cash per currency as each broker reports it, asked together with the positions.",
            group_name=_GROUP,
            kinds={"polars", "parquet"},
            deps=["postings"],
            metadata=definition_metadata(BrokerBalances),
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            "no_negative_cash",
            asset="broker_balances",
            description="No broker balance is negative; otherwise the emergency rebalance is due.",
        ),
    ],
)
def broker_state(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult]:
    """Ask every broker once, and publish positions, cash and availability together."""
    run = SessionRun.of(context, workspace)
    state = ask_brokers(run)
    run.publish(
        run.table("broker_positions", state.positions, BrokerPositions),
        run.table("broker_balances", state.balances, BrokerBalances),
        run.table("broker_accounts", state.accounts, BrokerAccounts),
    )
    accounts = {"accounts": dg.MetadataValue.md(markdown_table(state.accounts))}
    negative = state.balances.filter(pl.col("balance") < 0)
    yield run.result(
        "broker_positions", state.positions, rows=state.positions.head(40), metadata=accounts
    )
    yield run.result(
        "broker_balances",
        state.balances,
        rows=state.balances,
        metadata=accounts,
        checks=[
            check(
                "no_negative_cash",
                "broker_balances",
                passed=negative.is_empty(),
                session=run.session,
                found=f"{state.balances.height} balances, {negative.height} negative",
                rows=negative,
            )
        ],
    )


@dg.asset(
    group_name=_GROUP,
    kinds={"polars", "parquet"},
    deps=["positions_snapshot", "postings", "broker_positions", "broker_balances"],
    metadata=definition_metadata(Reconciliation),
    check_specs=[
        dg.AssetCheckSpec(
            "some_account_may_be_planned",
            asset="reconciliation_report",
            blocking=True,
            description=(
                "Stops planning when no account is reconciled. An account with a critical difference, or one that could"
                " not be asked, is stopped by itself."
            ),
        ),
        dg.AssetCheckSpec(
            "no_critical_differences",
            asset="reconciliation_report",
            description="No account is stopped.",
        ),
    ],
)
def reconciliation_report(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """Every figure of the books against the brokers' own, with severity and what to do about a difference."""
    run = SessionRun.of(context, workspace)
    positions, ledger, held, cash, accounts = run.read(
        "positions_snapshot", "postings", "broker_positions", "broker_balances", "broker_accounts"
    )
    table = reconcile(
        positions,
        held,
        cash,
        accounts,
        _latest_fills(ledger),
        run.workspace.portfolio.reconciliation,
        run.session,
    )
    run.publish(run.table("reconciliation_report", table, Reconciliation))
    differences = table.filter(pl.col("outcome") != "matched")
    blocked = blocked_accounts(table)
    everyone = set(run.workspace.portfolio.base_currencies)
    found = f"{table.height} figures compared, {differences.height} different, " + (
        f"stopped: {'; '.join(f'{a} ({why})' for a, why in blocked.items())}"
        if blocked
        else "no account stopped"
    )
    return run.result(
        "reconciliation_report",
        table,
        rows=differences if differences.height else table.head(40),
        metadata={
            "compared": table.height,
            "different": differences.height,
            "stopped_accounts": ", ".join(blocked) or "none",
        },
        checks=[
            check(
                "some_account_may_be_planned",
                "reconciliation_report",
                passed=set(blocked) != everyone,
                session=run.session,
                found=found,
                rows=differences,
                severity=dg.AssetCheckSeverity.ERROR,
            ),
            check(
                "no_critical_differences",
                "reconciliation_report",
                passed=not blocked,
                session=run.session,
                found=found,
                rows=differences,
                severity=dg.AssetCheckSeverity.ERROR,
            ),
        ],
    )


def _latest_fills(ledger: pl.DataFrame) -> dict[str, datetime]:
    fills = ledger.filter(pl.col("kind").cast(pl.String).is_in(["trade", "exchange"]))
    return dict(fills.group_by("account_id").agg(pl.col("occurred_at").max()).iter_rows())
