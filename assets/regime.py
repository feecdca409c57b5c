"""The asset of the market regime."""

import dagster as dg
import polars as pl

from assets.history import known_actions, known_bars
from assets.metadata import check, definition_metadata, plot
from assets.session_run import SessionRun
from ballast.market.history import adjusted_for_splits
from ballast.market.regime import moving_average_regime
from ballast.reporting.charts import regime_chart
from ballast.tables import Regimes
from resources.workspace_resource import WorkspaceResource

_SESSIONS_SHOWN = 260


@dg.asset(
    group_name="insight",
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
    settings = run.workspace.portfolio.regime
    table = moving_average_regime(bars, settings, run.session).tail(_SESSIONS_SHOWN)
    listed = run.workspace.securities(run.session)
    name = listed.filter(pl.col("symbol") == settings.index)["name"][0]
    run.publish(run.table("regime_detection", table, Regimes))
    last = table.row(-1, named=True)
    return run.result(
        "regime_detection",
        table,
        rows=table.tail(10).reverse(),
        metadata={
            "regime": last["regime"] or "unknown",
            "distance_from_mean": "unknown"
            if last["distance"] is None
            else f"{last['distance']:+.1%}",
            "cash_reserve": f"{last['reserve_share']:.0%}",
            "plot": plot(regime_chart(table, name, settings.window), "Regime"),
        },
        checks=[
            check(
                "regime_is_known",
                "regime_detection",
                passed=last["regime"] is not None,
                session=run.session,
                found=f"{settings.index} is in a {last['regime'] or 'unknown'} market",
            )
        ],
    )
