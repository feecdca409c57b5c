"""Assets of insight: the market regime, and the weights that are wanted."""

import dagster as dg

from assets.history import known_actions, known_bars
from assets.metadata import definition_metadata, plot
from assets.session_run import SessionRun
from ballast.configuration import target_weights_table
from ballast.market.history import adjusted_for_splits
from ballast.market.regime import moving_average_regime
from ballast.reporting.charts import regime_chart
from ballast.tables import Regimes, TargetWeights
from resources.workspace_resource import WorkspaceResource

_GROUP = "insight"
_SESSIONS_SHOWN = 260


@dg.asset(
    group_name=_GROUP,
    kinds={"polars", "parquet"},
    deps=["historical_data", "corporate_actions"],
    metadata=definition_metadata(Regimes),
    check_specs=[
        dg.AssetCheckSpec(
            "regime_is_known",
            asset="regime_detection",
            description="The index has enough history; otherwise the largest cash reserve applies.",
        )
    ],
)
def regime_detection(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """Bull, sideways or bear, by the index's distance from its moving average, and the cash reserve this asks for."""
    run = SessionRun.of(context, workspace)
    bars = adjusted_for_splits(known_bars(run), known_actions(run), run.session)
    table = moving_average_regime(bars, run.workspace.portfolio.regime, run.session)
    table = table.tail(_SESSIONS_SHOWN)
    run.publish(run.table("regime_detection", table, Regimes))
    last = table.row(-1, named=True)
    return run.result(
        "regime_detection",
        table,
        rows=table.tail(10).reverse(),
        metadata={
            "regime": last["regime"] or "unknown",
            "distance": last["distance"] if last["distance"] is not None else "unknown",
            "reserve_share": last["reserve_share"],
            "plot": plot(regime_chart(table), "Regime"),
        },
        checks=[
            dg.AssetCheckResult(
                passed=last["regime"] is not None,
                check_name="regime_is_known",
                severity=dg.AssetCheckSeverity.WARN,
            )
        ],
    )


@dg.asset(
    group_name=_GROUP,
    kinds={"polars", "parquet"},
    deps=["securities"],
    metadata=definition_metadata(TargetWeights),
)
def target_weights(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """The wanted share of each account's value per security, from the portfolio file."""
    run = SessionRun.of(context, workspace)
    table = target_weights_table(run.workspace.portfolio)
    run.publish(run.table("target_weights", table, TargetWeights))
    return run.result("target_weights", table, rows=table)
