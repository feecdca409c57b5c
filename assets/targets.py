"""The asset of the weights that are wanted: configured, or found by the optimiser, whose proposal is shown for both."""

import dagster as dg
import polars as pl

from assets.metadata import check, definition_metadata, markdown_table, plot
from assets.session_run import SessionRun
from assets.target_inputs import target_inputs
from ballast.planning.targets.changes import infeasible_targets, top_changes
from ballast.reporting.target_charts import correlation_chart, frontier_chart
from ballast.tables import (
    EfficientFrontier,
    HighCorrelations,
    OptimisedWeights,
    OptimiserSteps,
    TargetWeights,
    WeightConstraints,
)
from resources.workspace_resource import WorkspaceResource

_PAIRS_SHOWN = 5


@dg.asset(
    group_name="insight",
    kinds={"polars", "parquet"},
    deps=[
        "securities", "prices", "exchange_rates", "historical_data", "corporate_actions",
        "positions_snapshot", "regime_detection", "security_scores",
    ],
    metadata=definition_metadata(TargetWeights),
    check_specs=[
        dg.AssetCheckSpec(
            "targets_are_feasible",
            asset="target_weights",
            description="Every target can be reached within the limits, without a fallback of the optimiser.",
        )
    ],
)  # fmt: skip
def target_weights(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """The wanted share of each account's value per security: configured, or the optimiser's; its proposal for both."""
    # Solvers are loaded when they are needed.
    from ballast.planning.targets import tables
    from ballast.planning.targets.facts import target_cases
    from ballast.planning.targets.proposal import propose

    run = SessionRun.of(context, workspace)
    portfolio = run.workspace.portfolio
    inputs = target_inputs(run)
    proposals = [
        propose(
            case,
            portfolio.optimiser,
            portfolio.country_groups,
            portfolio.industry_groups,
            sessions_per_year=portfolio.performance.sessions_per_year,
        )
        for case in target_cases(portfolio, inputs)
    ]
    table = tables.followed_weights(portfolio, proposals, inputs.positions, inputs.previous)
    optimised = tables.optimised_weights(proposals, portfolio)
    constraints = tables.weight_constraints(proposals)
    frontier = tables.efficient_frontier(proposals, portfolio)
    steps = tables.optimiser_steps(proposals)
    pairs = tables.correlated_pairs(proposals)
    run.publish(
        run.table("target_weights", table, TargetWeights),
        run.table("optimised_weights", optimised, OptimisedWeights),
        run.table("weight_constraints", constraints, WeightConstraints),
        run.table("efficient_frontier", frontier, EfficientFrontier),
        run.table("optimiser_steps", steps, OptimiserSteps),
        run.table("high_correlations", pairs, HighCorrelations),
    )
    followed = [a.id for a in portfolio.accounts if a.targets_from == "optimiser"]
    infeasible = infeasible_targets(followed, table, steps, constraints, inputs.securities)
    shown = steps.filter(pl.col("outcome") != "used")
    return run.result(
        "target_weights",
        table,
        rows=table.select("account_id", "symbol", "target_weight", "source", "current_weight"),
        metadata={
            "plot": plot(frontier_chart(frontier), "Efficient frontier"),
            "correlations": plot(
                correlation_chart(tables.correlation_maps(proposals)), "Correlations"
            ),
            "top_changes": _markdown(top_changes(optimised, inputs.positions)),
            "fallbacks": _markdown(
                shown.select(
                    "account_id", "step", "part", "level", "objective", "outcome", "detail"
                )
            ),
            "constraints": _markdown(constraints.filter(pl.col("effect") != "keeps a lot")),
            "high_correlations": _markdown(
                pairs.sort("account_id", pl.col("correlation").abs(), descending=[False, True])
                .group_by("account_id", maintain_order=True)
                .head(_PAIRS_SHOWN)
            ),
            "left_out": _markdown(
                optimised.filter(pl.col("reason").is_not_null()).select(
                    "account_id", "symbol", "current_weight", "reason"
                )
            ),
            "outlook": inputs.outlook.explanation,
        },
        checks=[
            check(
                "targets_are_feasible",
                "target_weights",
                passed=infeasible.is_empty(),
                session=run.session,
                found=f"{table.height} targets, {infeasible.height} findings",
                rows=infeasible,
            )
        ],
    )


def _markdown(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(markdown_table(rows.head(60)))
