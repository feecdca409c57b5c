"""The asset of risk: of every security that is held or wanted, and of the portfolio."""

from datetime import timedelta

import dagster as dg
import polars as pl

from assets.history import known_actions, known_bars
from assets.metadata import check, definition_metadata, markdown_table
from assets.session_run import SessionRun
from ballast.market.indicators import true_ranges
from ballast.market.returns import security_returns
from ballast.market.risk import correlations
from ballast.market.risk import risk_metrics as measure
from ballast.tables import Correlations, DailyReturns, RiskMetrics, TrueRanges, polars_schema
from resources.workspace_resource import WorkspaceResource

# Calendar days per session, with holidays to spare.
_DAYS_PER_SESSION = 1.6
_CLOSELY = 0.7


@dg.asset(
    group_name="insight",
    kinds={"polars", "parquet"},
    deps=["securities", "historical_data", "positions_snapshot", "portfolio_performance"],
    metadata=definition_metadata(RiskMetrics),
    check_specs=[
        dg.AssetCheckSpec(
            "risk_of_every_position_is_known",
            asset="risk_metrics",
            description="Every security held has enough returns for its volatility and beta.",
        )
    ],
)
def risk_metrics(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """Volatility, beta, drawdown, value at risk and expected shortfall, correlations, and average true ranges."""
    run = SessionRun.of(context, workspace)
    portfolio = run.workspace.portfolio
    settings = portfolio.performance
    positions, performance = run.read("positions_snapshot", "portfolio_returns")
    held = positions.filter(~pl.col("is_cash"))["commodity"].unique().to_list()
    wanted = frozenset[str]().union(*portfolio.choices.values())
    symbols = sorted({*held, *wanted, portfolio.benchmark})
    first = run.session - timedelta(days=int(settings.risk_window * _DAYS_PER_SESSION))
    bars, actions = known_bars(run, symbols=symbols, first=first), known_actions(run)
    of_securities = _newest(security_returns(bars, actions), settings.risk_window)
    of_portfolios = _newest(
        _spanned(performance.filter(pl.col("level") != "bucket")), settings.risk_window
    )
    table = measure(
        pl.concat([of_securities, of_portfolios]),
        portfolio.benchmark,
        confidence=settings.confidence,
        periods_per_year=settings.sessions_per_year,
    )
    together = correlations(of_securities)
    ranges = true_ranges(bars, actions, run.session)
    run.publish(
        run.table("risk_metrics", table, RiskMetrics),
        run.table("correlations", together, Correlations),
        run.table("true_ranges", ranges, TrueRanges),
    )
    unknown = table.filter(pl.col("subject").is_in(held) & pl.col("beta").is_null())
    return run.result(
        "risk_metrics",
        table,
        rows=_shown(table),
        metadata={
            "benchmark": portfolio.benchmark,
            "closely_correlated": dg.MetadataValue.md(markdown_table(_closest(together, held))),
            "true_ranges": dg.MetadataValue.md(
                markdown_table(
                    ranges.filter(pl.col("symbol").is_in(held)).select(
                        "symbol", "range_level", "trend", "is_breakout",
                        pl.col("average_true_range", "stop_long").round(2),
                    )
                )
            ),
            "window": settings.risk_window,
            "confidence": settings.confidence,
        },
        checks=[
            check(
                "risk_of_every_position_is_known",
                "risk_metrics",
                passed=unknown.is_empty(),
                session=run.session,
                found=f"{len(held)} securities held, {unknown.height} with too short a history",
                rows=unknown.select("subject", "observations"),
            )
        ],
    )  # fmt: skip


def _newest(returns: pl.DataFrame, window: int) -> pl.DataFrame:
    return returns.sort("session").group_by("level", "subject").tail(window).select(returns.columns)


def _spanned(returns: pl.DataFrame) -> pl.DataFrame:
    """Say from which session on each return counts: the one before it."""
    since = pl.col("session").shift(1).over("level", "subject")
    return (
        returns.sort("level", "subject", "session")
        .with_columns(since=since)
        .select(polars_schema(DailyReturns).names())
    )


def _shown(table: pl.DataFrame) -> pl.DataFrame:
    percent = (
        "volatility", "max_drawdown", "current_drawdown", "historical_value_at_risk",
        "historical_expected_shortfall",
    )  # fmt: skip
    return table.select(
        "level", "subject",
        *((pl.col(name) * 100).round(2).alias(f"{name} %") for name in percent),
        pl.col("beta").round(2),
    ).sort(pl.col("level") == "security", "subject").head(60)  # fmt: skip


def _closest(together: pl.DataFrame, held: list[str]) -> pl.DataFrame:
    pairs = together.filter(
        (pl.col("one") < pl.col("other"))
        & pl.col("one").is_in(held)
        & pl.col("other").is_in(held)
        & (pl.col("correlation") >= _CLOSELY)
    )
    return pairs.sort("correlation", descending=True).with_columns(
        pl.col("correlation").round(2)
    ).head(12)  # fmt: skip
