"""Assets of trading: orders for a plan where the mode allows it, and the repair of negative cash."""

import dagster as dg
import polars as pl

from assets.emergency import ADVISED, SETTLED, repair
from assets.metadata import check, definition_metadata, markdown_table
from assets.session_run import SessionRun
from ballast.errors import BrokerUnavailableError
from ballast.guards.status import blocked_by_guards, restricted_sides
from ballast.tables import Orders
from ballast.trading.orders import OrderIntent, client_order_id
from resources.kill_switch import OrderStoppedError
from resources.recommendations import PLAN
from resources.workspace_resource import WorkspaceResource

_GROUP = "trading"


@dg.asset(
    group_name=_GROUP,
    kinds={"sql", "parquet"},
    deps=["planner_recommendations", "guard_status"],
    metadata=definition_metadata(Orders),
    check_specs=[
        dg.AssetCheckSpec(
            "no_order_refused",
            asset="orders",
            description="The broker took every order of the session.",
        )
    ],
)
def orders(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
    """Orders with their state. In research mode nothing is sent; in paper mode the plan's steps are, once each."""
    run = SessionRun.of(context, workspace)
    mode = run.workspace.portfolio.mode
    stopped: dict[str, str] = {}
    if mode == "paper":
        plan, guards = run.read("planner_recommendations", "guard_status")
        blocked = blocked_by_guards(guards)
        for (account_id,), steps in plan.sort("account_id", "step").group_by(
            "account_id", maintain_order=True
        ):
            problem = blocked.get(str(account_id)) or _execute(run, str(account_id), steps, guards)
            if problem is not None:
                stopped[str(account_id)] = problem
    table = run.workspace.orders.table().filter(pl.col("session") == run.session)
    run.publish(run.table("orders", table, Orders))
    refused = table.filter(pl.col("state").is_in(["rejected", "unknown"]))
    return run.result(
        "orders",
        table,
        rows=table.drop("origin_id"),
        metadata={"mode": mode, "stopped": stopped},
        checks=[
            check(
                "no_order_refused",
                "orders",
                passed=refused.is_empty() and not stopped,
                session=run.session,
                found=f"mode {mode}, {table.height} orders, {refused.height} refused or unknown",
                rows=refused,
            )
        ],
    )


@dg.asset(
    group_name=_GROUP,
    kinds={"sql", "parquet"},
    deps=["prices", "exchange_rates", "broker_balances"],
    metadata=definition_metadata(Orders),
    check_specs=[
        dg.AssetCheckSpec(
            "no_account_is_short_of_cash",
            asset="emergency_actions",
            description="After the repair no broker balance is negative.",
        )
    ],
)
def emergency_actions(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """Repair of negative cash: exchange first, then sell. Research mode stores the advice, paper mode acts on it."""
    run = SessionRun.of(context, workspace)
    reports = repair(run)
    table = run.workspace.orders.table().filter(pl.col("session") == run.session)
    emergency = table.filter(pl.col("origin") == "emergency")
    run.publish(run.table("emergency_actions", emergency, Orders))
    outcomes = {account: report.outcome for account, report in reports.items()}
    advice = [row for report in reports.values() for row in report.advice]
    short = {a: outcome for a, outcome in outcomes.items() if outcome not in SETTLED}
    only_advised = set(short.values()) <= {ADVISED}
    return run.result(
        "emergency_actions",
        emergency,
        rows=emergency.drop("origin_id"),
        metadata={
            "outcome": outcomes,
            "advice": dg.MetadataValue.md(markdown_table(pl.DataFrame(advice))),
        },
        checks=[
            check(
                "no_account_is_short_of_cash",
                "emergency_actions",
                passed=not short,
                session=run.session,
                found=", ".join(f"{account}: {outcome}" for account, outcome in outcomes.items()),
                # Research mode is not meant to repair; an account that nobody can repair is an error.
                severity=dg.AssetCheckSeverity.WARN
                if only_advised
                else dg.AssetCheckSeverity.ERROR,
            )
        ],
    )


def _execute(
    run: SessionRun, account_id: str, steps: pl.DataFrame, guards: pl.DataFrame
) -> str | None:
    """Place a plan's steps in order; a step that fails, or that a guard stops, stops those that count on it."""
    broker = run.workspace.broker(account_id)
    for row in steps.iter_rows(named=True):
        if row["side"] in restricted_sides(guards, account_id, row["symbol"]):
            return f"step {row['step']} is stopped by a guard: no {row['side']} of {row['symbol']}"
        intent = OrderIntent(
            client_order_id=client_order_id(account_id, row["inputs_hash"], row["step"]),
            account_id=account_id,
            origin=PLAN,
            origin_id=row["inputs_hash"],
            session=run.session,
            side=row["side"],
            symbol=row["symbol"],
            quantity=row["quantity"],
        )
        try:
            status = run.workspace.orders.place(intent, broker)
        except (BrokerUnavailableError, OrderStoppedError) as error:
            return error.what
        if status.state != "filled":
            return f"step {row['step']} was {status.state}: {status.detail}"
        run.workspace.recommendations.mark_executed(row["recommendation_id"])
    return None
