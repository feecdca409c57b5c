"""Assets of trading: orders for a plan where the mode allows it, their fills, and the repair of negative cash."""

import dagster as dg
import polars as pl

from assets.emergency import ADVISED, SETTLED, repair
from assets.metadata import check, definition_metadata, markdown_table, plot
from assets.order_desk import OrderDesk, Placed
from assets.order_metadata import gate_table, history_table, orders_table
from assets.session_run import SessionRun
from ballast.errors import OrderRefusedError
from ballast.reporting.episode_chart import episode_chart
from ballast.tables import EmergencySteps, Executions, GateAnswers, OrderHistory, Orders
from ballast.trading.orders import FINAL_STATES, OrderIntent, client_order_id
from resources.recommendations import PLAN
from resources.workspace_resource import WorkspaceResource

_GROUP = "trading"
_IN_DOUBT = ("unknown", "submitted")


@dg.asset(
    group_name=_GROUP,
    kinds={"sql", "parquet"},
    deps=[
        "prices", "exchange_rates", "planner_recommendations", "guard_status", "reconciliation_report",
    ],
    metadata=definition_metadata(Orders),
    check_specs=[
        dg.AssetCheckSpec(
            "no_order_refused",
            asset="orders",
            description="The gate let every order of the session pass, and the broker took it.",
        ),
        dg.AssetCheckSpec(
            "no_order_in_doubt",
            asset="orders",
            description="Of every order it is known whether it arrived.",
        ),
    ],
)  # fmt: skip
def orders(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
    """Orders with their state, behind the gate. Research mode sends nothing; else the plan's steps are, once each."""
    run = SessionRun.of(context, workspace)
    mode = run.workspace.portfolio.mode
    stopped: list[Placed] = []
    if mode != "research":
        desk = OrderDesk(run)
        for account_id in run.workspace.brokers:
            desk.settle(account_id)
        (plan,) = run.read("planner_recommendations")
        for _, steps in plan.sort("account_id", "step").group_by("account_id", maintain_order=True):
            stopped += _execute(run, desk, steps)
    table = run.workspace.orders.concerning(run.session)
    history = run.workspace.orders.history(table["client_order_id"].to_list())
    answers = run.workspace.gate_log.table(run.session)
    fills = run.workspace.orders.executions(run.session)
    run.publish(
        run.table("orders", table, Orders),
        run.table("order_history", history, OrderHistory),
        run.table("gate_answers", answers, GateAnswers),
    )
    refused = table.filter(pl.col("state").is_in(["rejected", "cancelled", "expired"]))
    doubtful = table.filter(pl.col("state").is_in(_IN_DOUBT))
    return run.result(
        "orders",
        table,
        rows=orders_table(table, answers, fills),
        metadata={
            "mode": mode,
            "stopped": {placed.client_order_id: placed.detail or "" for placed in stopped},
            "gate": dg.MetadataValue.md(markdown_table(gate_table(answers))),
            "history": dg.MetadataValue.md(markdown_table(history_table(history))),
        },
        checks=[
            check(
                "no_order_refused",
                "orders",
                passed=refused.is_empty() and not stopped,
                session=run.session,
                found=f"mode {mode}, {table.height} orders, {refused.height} refused, {len(stopped)} stopped",
                rows=refused.select("client_order_id", "side", "symbol", "state", "detail"),
                severity=dg.AssetCheckSeverity.WARN,
            ),
            check(
                "no_order_in_doubt",
                "orders",
                passed=doubtful.is_empty(),
                session=run.session,
                found=f"{doubtful.height} orders in doubt",
                rows=doubtful.select("client_order_id", "side", "symbol", "state", "detail"),
            ),
        ],
    )


@dg.asset(
    group_name=_GROUP,
    kinds={"sql", "parquet"},
    deps=["orders"],
    metadata=definition_metadata(Executions),
    check_specs=[
        dg.AssetCheckSpec(
            "fills_fit_their_orders",
            asset="executions",
            description="Nothing was filled after an order had ended, or beyond what was ordered.",
        )
    ],
)
def executions(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """Fills of our orders as the broker told them, each once, with their fees. New ones start a reconciliation."""
    run = SessionRun.of(context, workspace)
    table = run.workspace.orders.executions(run.session)
    run.publish(run.table("executions", table, Executions))
    remarked = run.workspace.orders.remarked(run.session)
    return run.result(
        "executions",
        table,
        rows=table.drop("session", "recorded_at"),
        checks=[
            check(
                "fills_fit_their_orders",
                "executions",
                passed=remarked.is_empty(),
                session=run.session,
                found=f"{table.height} fills; in a week {remarked.height} late or beyond their order",
                rows=remarked.select("client_order_id", "fill_id", "quantity", "remark"),
                severity=dg.AssetCheckSeverity.ERROR,
            )
        ],
    )


@dg.asset(
    group_name=_GROUP,
    kinds={"sql", "parquet"},
    deps=["prices", "exchange_rates", "broker_balances", "reconciliation_report"],
    metadata=definition_metadata(Orders),
    check_specs=[
        dg.AssetCheckSpec(
            "no_account_is_short_of_cash",
            asset="emergency_actions",
            description="After the repair no broker balance is below its minimum.",
        )
    ],
)
def emergency_actions(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """Repair of negative cash: exchange first, then sell. Research mode only stores the advice."""
    run = SessionRun.of(context, workspace)
    reports = repair(run)
    table = run.workspace.orders.table().filter(pl.col("session") == run.session)
    emergency = table.filter(pl.col("origin") == "emergency")
    steps = run.workspace.episodes.timeline()
    answers = run.workspace.gate_log.table(run.session).filter(pl.col("origin") == "emergency")
    fills = run.workspace.orders.executions(run.session)
    run.publish(
        run.table("emergency_actions", emergency, Orders),
        run.table("emergency_steps", steps, EmergencySteps),
    )
    outcomes = {account: report.outcome for account, report in reports.items()}
    advice = [row for report in reports.values() for row in report.advice]
    short = {a: outcome for a, outcome in outcomes.items() if outcome not in SETTLED}
    only_advised = set(short.values()) <= {ADVISED}
    newest = steps.filter(pl.col("session") == run.session)
    return run.result(
        "emergency_actions",
        emergency,
        rows=orders_table(emergency, answers, fills),
        metadata={
            "outcome": {account: report.said for account, report in reports.items()},
            "advice": dg.MetadataValue.md(markdown_table(pl.DataFrame(advice))),
            "timeline": dg.MetadataValue.md(
                markdown_table(newest.drop("account_id", "session", "recorded_at"))
            ),
            "plot": plot(episode_chart(newest), "What is missing, step by step"),
            "gate": dg.MetadataValue.md(markdown_table(gate_table(answers))),
        },
        checks=[
            check(
                "no_account_is_short_of_cash",
                "emergency_actions",
                passed=not short,
                session=run.session,
                found=", ".join(f"{account}: {report.said}" for account, report in reports.items()),
                # Research mode is not meant to repair; an account that nobody can repair is an error.
                severity=dg.AssetCheckSeverity.WARN
                if only_advised
                else dg.AssetCheckSeverity.ERROR,
            )
        ],
    )


def _execute(run: SessionRun, desk: OrderDesk, steps: pl.DataFrame) -> list[Placed]:
    """Place a plan's steps in order, each judged by itself; returns those that were not sent.

    What was dismissed, or superseded by a plan that is not published yet, is nobody's wish any more.
    """
    stopped: list[Placed] = []
    unwanted = {
        row["recommendation_id"]
        for account in steps["account_id"].unique()
        for status in ("dismissed", "superseded")
        for row in run.workspace.recommendations.of(account, PLAN, status)
    }
    for row in steps.filter(~pl.col("recommendation_id").is_in(unwanted)).iter_rows(named=True):
        intent = OrderIntent(
            client_order_id=client_order_id(row["account_id"], row["inputs_hash"], row["step"]),
            account_id=row["account_id"],
            origin=PLAN,
            origin_id=row["inputs_hash"],
            session=run.session,
            side=row["side"],
            symbol=row["symbol"],
            quantity=row["quantity"],
            price=row["price"],
            reason=row["reason"],
        )
        try:
            placed = desk.place(intent)
        except OrderRefusedError as error:
            # What counts on an order in doubt must not be sent; other accounts go on.
            name = intent.client_order_id
            return [*stopped, Placed(name, "in doubt", f"{error.what}. {error.remedy}", "broker")]
        if placed.stopped_by is not None:
            stopped.append(placed)
        elif placed.state == "filled":
            run.workspace.recommendations.mark_executed(row["recommendation_id"])
        elif placed.state in FINAL_STATES:
            run.workspace.recommendations.mark_refused(row["recommendation_id"])
    return stopped
