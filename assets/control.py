"""Assets of control: what the brokers say."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.metadata import check, definition_metadata, markdown_table
from assets.session_run import SessionRun
from assets.sync import ask_brokers
from ballast.tables import BrokerAccounts, BrokerBalances, BrokerLots, BrokerPositions
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
    """Ask every broker once, and publish positions, lots, cash and availability together."""
    run = SessionRun.of(context, workspace)
    state = ask_brokers(run)
    run.publish(
        run.table("broker_positions", state.positions, BrokerPositions),
        run.table("broker_balances", state.balances, BrokerBalances),
        run.table("broker_lots", state.lots, BrokerLots),
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
