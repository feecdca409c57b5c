"""Assets of reporting: the page that a person reads."""

import dagster as dg
import polars as pl

from assets.metadata import definition_metadata
from assets.session_run import SessionRun
from ballast.reporting.daily import DailyFacts, daily_summary
from ballast.reporting.daily import daily_report as render
from ballast.tables import DailyReports
from resources.workspace_resource import WorkspaceResource


@dg.asset(
    group_name="reporting",
    kinds={"markdown"},
    metadata=definition_metadata(DailyReports),
    deps=[
        "statement_import",
        "prices",
        "positions_snapshot",
        "portfolio_performance",
        "reconciliation_report",
        "regime_detection",
        "planner_recommendations",
        "orders",
    ],
)
def daily_report(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """What is held and worth, whether it matches the broker, which regime, what to do and why, what is not known."""
    run = SessionRun.of(context, workspace)
    positions, prices, reconciliation, regimes, plans, recommendations, statements = run.read(
        "positions_snapshot", "prices", "reconciliation_report", "regime_detection",
        "account_plans", "planner_recommendations", "statement_import",
    )  # fmt: skip
    returns, periods = run.read("portfolio_returns", "portfolio_periods")
    orders, answers = run.read("orders", "gate_answers")
    facts = DailyFacts(
        session=run.session,
        mode=run.workspace.portfolio.mode,
        positions=positions,
        prices=prices,
        reconciliation=reconciliation,
        regimes=regimes,
        plans=plans,
        recommendations=recommendations,
        statements=statements,
        returns=returns,
        periods=periods,
        orders=orders,
        answers=answers,
        base_currency=run.workspace.portfolio.base_currency,
    )
    text = render(facts)
    table = pl.DataFrame({"session": [run.session], "report": [text]})
    run.publish(run.table("daily_report", table, DailyReports))
    return run.result(
        "daily_report",
        table,
        rows=table.select("session"),
        metadata={
            "report": dg.MetadataValue.md(text),
            "summary": dg.MetadataValue.md(daily_summary(facts)),
        },
    )
