"""Assets of planning: the trades that bring each account to its targets."""

import dagster as dg
import polars as pl

from assets.metadata import check, definition_metadata, markdown_table, plot
from assets.session_run import SessionRun
from ballast.guards.status import blocked_by_guards, merged_reasons, restricted
from ballast.market.exchange_rates import Rates
from ballast.planning.account import accounts_of
from ballast.planning.plan import plan_account
from ballast.planning.tables import plans_table, recommendations_table
from ballast.reconciliation.compare import blocked_accounts
from ballast.reporting.charts import plan_chart
from ballast.tables import Plans, Recommendations
from ballast.trading.costs import Costs
from resources.recommendations import PLAN
from resources.workspace_resource import WorkspaceResource

_STORED = (
    "recommendation_id", "account_id", "session", "step", "side", "symbol", "quantity", "reason",
    "weight_before", "weight_after", "inputs_hash",
)  # fmt: skip


@dg.asset(
    group_name="planning",
    kinds={"polars", "parquet"},
    deps=[
        "securities",
        "prices",
        "exchange_rates",
        "positions_snapshot",
        "reconciliation_report",
        "guard_status",
        "regime_detection",
        "target_weights",
    ],
    metadata=definition_metadata(Recommendations),
    check_specs=[
        dg.AssetCheckSpec(
            "every_account_was_planned",
            asset="planner_recommendations",
            description="No account was stopped or has an unknown value.",
        ),
        dg.AssetCheckSpec(
            "cash_stays_above_the_reserve",
            asset="planner_recommendations",
            description="After a plan that buys, cash is at or above the reserve, fees included.",
        ),
    ],
)
def planner_recommendations(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """Whole-lot trades towards the targets: sales, exchanges, purchases, in this order, fees and reserve respected."""
    run = SessionRun.of(context, workspace)
    portfolio = run.workspace.portfolio
    listed, prices, rates_table, positions, report, guards, regimes, targets = run.read(
        "securities", "prices", "exchange_rates", "positions_snapshot", "reconciliation_report",
        "guard_status", "regime_detection", "target_weights",
    )  # fmt: skip
    rates = Rates.of(rates_table)
    last = regimes.sort("session").row(-1, named=True)
    accounts = accounts_of(
        portfolio, positions, listed, prices, targets,
        last["regime"], last["reserve_share"],
        merged_reasons(blocked_accounts(report), blocked_by_guards(guards)), run.session,
    )  # fmt: skip
    accounts = restricted(accounts, guards)
    hashes = {
        account.account_id: account.inputs_hash(rates.by_pair, portfolio.fingerprint())
        for account in accounts
    }
    costs = Costs(portfolio.costs, rates)
    plans = [
        plan_account(account, costs, maximum_trades=portfolio.planner.maximum_trades)
        for account in accounts
    ]
    table = recommendations_table(plans, rates, hashes)
    outcomes = plans_table(plans, hashes)
    _store(run, table, hashes)
    run.publish(
        run.table("planner_recommendations", table, Recommendations),
        run.table("account_plans", outcomes, Plans),
    )
    unplanned = outcomes.filter(pl.col("status").is_in(["blocked", "unknown"]))
    bought = table.filter(pl.col("side") == "buy")["account_id"].unique()
    below = outcomes.filter(
        pl.col("account_id").is_in(bought.implode()) & (pl.col("cash_after") < pl.col("reserve"))
    )
    return run.result(
        "planner_recommendations",
        table,
        rows=table.select(
            "account_id", "step", "side", "symbol", "quantity", "price", "currency", "value_base",
            "fee", "reason",
        ),
        metadata={
            "plot": plot(plan_chart(table), "Weights before and after"),
            "accounts": dg.MetadataValue.md(markdown_table(outcomes.select(
                "account_id", "status", "steps", "value_before", "cash_before", "cash_after",
                "reserve", "fees",
            ))),
            "inputs": ", ".join(f"{account} {found}" for account, found in hashes.items()),
        },
        checks=[
            check(
                "every_account_was_planned", "planner_recommendations",
                passed=unplanned.is_empty(), session=run.session,
                found=f"{outcomes.height} accounts, {unplanned.height} not planned",
                rows=unplanned.select("account_id", "status", "reason"),
            ),
            check(
                "cash_stays_above_the_reserve", "planner_recommendations",
                passed=below.is_empty(), session=run.session,
                found=f"{below.height} accounts below their reserve after the plan",
                rows=below.select("account_id", "cash_after", "reserve"),
            ),
        ],
    )  # fmt: skip


def _store(run: SessionRun, table: pl.DataFrame, hashes: dict[str, str]) -> None:
    for account_id, inputs_hash in hashes.items():
        steps = table.filter(pl.col("account_id") == account_id).select(_STORED)
        rows = [
            row | {"origin": PLAN, "origin_id": inputs_hash, "status": "pending"}
            for row in steps.iter_rows(named=True)
        ]
        run.workspace.recommendations.store_plan(account_id, run.session, rows)
