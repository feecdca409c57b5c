"""Assets of planning: the best set of trades for each account, with everything that explains it."""

import dagster as dg
import polars as pl

from assets.metadata import check, definition_metadata, markdown_table, plot
from assets.planning_inputs import daily_returns, planning_cases
from assets.session_run import SessionRun
from ballast.errors import MissingPriceError, MissingRateError
from ballast.planning.best_plan import BestPlan, best_plan
from ballast.planning.case import PlanningCase
from ballast.planning.explanation import (
    alternatives_table,
    components_table,
    opportunities_table,
)
from ballast.planning.plan import AccountPlan
from ballast.planning.replay import steps_as_text
from ballast.planning.scenarios import scenarios_table
from ballast.planning.tables import plans_table, recommendations_table
from ballast.reporting.plan_charts import alternatives_chart, plan_chart, score_waterfall
from ballast.tables import (
    PlanAlternatives,
    PlanComponents,
    PlanOpportunities,
    Plans,
    PlanScenarios,
    Recommendations,
)
from resources.recommendations import PLAN
from resources.workspace_resource import WorkspaceResource

_STORED = (
    "recommendation_id", "account_id", "session", "step", "side", "symbol", "quantity", "reason",
    "weight_before", "weight_after", "inputs_hash", "portfolio_hash",
)  # fmt: skip
_ROWS_SHOWN = 12


@dg.asset(
    group_name="planning",
    kinds={"polars", "parquet"},
    deps=[
        "securities",
        "prices",
        "exchange_rates",
        "positions_snapshot",
        "tax_lots",
        "reconciliation_report",
        "guard_status",
        "regime_detection",
        "risk_metrics",
        "security_scores",
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
        dg.AssetCheckSpec(
            "plans_are_proved_best",
            asset="planner_recommendations",
            description="No set of the trades that were considered can be better than the plan that was found.",
        ),
    ],
)
def planner_recommendations(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """The best set of trades for each account, found by looking at all of them, in the order in which to take them."""
    run = SessionRun.of(context, workspace)
    version = run.workspace.configurations.record(run.workspace.portfolio)
    plans = [_planned(case) for case in planning_cases(run)]
    table, outcomes = recommendations_table(plans), plans_table(plans)
    found, others = opportunities_table(plans), alternatives_table(plans)
    parts = components_table(plans)
    returns, index = daily_returns(run), run.workspace.portfolio.regime.index
    risks = scenarios_table(plans, returns, index)
    _store(run, plans, table)
    run.publish(
        run.table("planner_recommendations", table, Recommendations),
        run.table("account_plans", outcomes, Plans),
        run.table("plan_opportunities", found, PlanOpportunities),
        run.table("plan_alternatives", others, PlanAlternatives),
        run.table("plan_components", parts, PlanComponents),
        run.table("plan_scenarios", risks, PlanScenarios),
    )
    searched = outcomes.filter(pl.col("sets_searched") > 0)
    return run.result(
        "planner_recommendations",
        table,
        rows=table.select(
            "account_id", "step", "side", "symbol", "quantity", "price", "currency", "value_base",
            "fee", "narrative",
        ),
        metadata={
            "plot": plot(plan_chart(table), "Weights before and after"),
            "score": plot(score_waterfall(parts, outcomes), "Score before and after"),
            "plans_beside": plot(alternatives_chart(others, outcomes), "Plans that no other beats"),
            "accounts": _shown(outcomes, "account_id", "status", "narrative"),
            "figures": _shown(
                outcomes.with_columns(
                    points_before=100 * pl.col("score_before"),
                    points_after=100 * pl.col("score_after"),
                ),
                "account_id", "steps", "value_before", "cash_before", "cash_after",
                "reserve", "fees", "taxes", "points_before", "points_after",
            ),
            "not_done": _shown(
                _not_done(found).with_columns(
                    trade=pl.format("{} {}", "side", "symbol"), why="outcome_reason"
                ),
                "account_id", "trade", "value_base", "outcome", "why",
            ),
            "other_plans": _shown(
                others.filter(pl.col("view") != "pareto").with_columns(
                    points=100 * pl.col("improvement"), tracking_percent=100 * pl.col("tracking")
                ),
                "account_id", "view", "trades", "points", "cost", "tax", "tracking_percent",
            ),
            "scenarios_percent": _shown(
                risks.with_columns(pl.col(pl.Float64) * 100), "account_id", "source", "plan",
                "mean", "worst_5_percent", "expected_shortfall", "probability_of_loss",
                "robust_score",
            ),
            "sets_searched": f"{sum(searched['sets_searched'].to_list()):,}",
            "configuration_version": version,
            "inputs": ", ".join(f"{p.case.account.account_id} {p.case.inputs_hash}" for p in plans),
        },
        checks=_checks(run, table, outcomes),
    )  # fmt: skip


def _planned(case: PlanningCase) -> BestPlan:
    """Plan an account; what is missing for it leaves the others alone."""
    try:
        return best_plan(case)
    except (MissingRateError, MissingPriceError) as error:
        return BestPlan(case, AccountPlan(case.account, "unknown", error.what))


def _shown(table: pl.DataFrame, *columns: str) -> dg.MetadataValue:
    rounded = table.select(columns).with_columns(pl.col(pl.Float64).round(4)).head(4 * _ROWS_SHOWN)
    return dg.MetadataValue.md(markdown_table(rounded))


def _not_done(opportunities: pl.DataFrame) -> pl.DataFrame:
    """Return what was not planned: per account what a rule stops, and what would have been the closest."""
    undone = opportunities.filter(pl.col("outcome") != "planned").sort(
        "account_id", pl.col("outcome") != "stopped", "score_change", "symbol",
        descending=[False, False, True, False], nulls_last=True,
    )  # fmt: skip
    return undone.group_by("account_id", maintain_order=True).head(_ROWS_SHOWN)


def _checks(
    run: SessionRun, table: pl.DataFrame, outcomes: pl.DataFrame
) -> list[dg.AssetCheckResult]:
    unplanned = outcomes.filter(pl.col("status").is_in(["blocked", "unknown"]))
    bought = table.filter(pl.col("side") == "buy")["account_id"].unique()
    below = outcomes.filter(
        pl.col("account_id").is_in(bought.implode()) & (pl.col("cash_after") < pl.col("reserve"))
    )
    unproved = outcomes.filter((pl.col("sets_searched") > 0) & ~pl.col("is_proved"))
    return [
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
        check(
            "plans_are_proved_best", "planner_recommendations",
            passed=unproved.is_empty(), session=run.session,
            found=f"{unproved.height} of {outcomes.height} plans are not proved to be the best",
            rows=unproved.select("account_id", "depth", "sets_searched"),
        ),
    ]  # fmt: skip


def _store(run: SessionRun, plans: list[BestPlan], table: pl.DataFrame) -> None:
    for plan in plans:
        account_id, inputs_hash = plan.case.account.account_id, plan.case.inputs_hash
        own = table.filter(pl.col("account_id") == account_id)
        run.workspace.plans.keep(plan.case, steps_as_text(own), run.workspace.code_version)
        rows = [
            row | {"origin": PLAN, "origin_id": inputs_hash, "status": "pending"}
            for row in own.select(_STORED).iter_rows(named=True)
        ]
        run.workspace.recommendations.store_plan(account_id, run.session, rows)
