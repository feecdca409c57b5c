"""The asset of the market regime."""

import dagster as dg
import polars as pl

from assets.history import known_actions, known_bars
from assets.metadata import check, definition_metadata, markdown_table, plot
from assets.session_run import SessionRun
from ballast.market.history import adjusted_for_splits
from ballast.market.regime import detected_regimes, main_regime
from ballast.market.regime.record import RegimeRecord, regime_record
from ballast.reporting.regime_charts import regime_chart
from ballast.tables import Regimes
from resources.workspace_resource import WorkspaceResource

_SESSIONS_SHOWN = 260
_SWITCHES_SHOWN = 8
_METHODS = {"markov": "model_regime", "rule": "rule_regime"}
_SHOWN = (
    "index_symbol", "session", "close", "distance", "regime", "rule_regime", "model_regime",
    "confidence", "reserve_share",
)  # fmt: skip


@dg.asset(
    group_name="insight",
    kinds={"polars", "parquet"},
    deps=["historical_data", "corporate_actions"],
    metadata=definition_metadata(Regimes),
    check_specs=[
        dg.AssetCheckSpec(
            "regime_is_known",
            asset="regime_detection",
            description="The index has enough history and a fresh close; otherwise the largest cash reserve applies.",
        ),
        dg.AssetCheckSpec(
            "regime_is_confident",
            asset="regime_detection",
            description="The regime has at least the configured confidence.",
        ),
    ],
)
def regime_detection(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """Bull, sideways or bear, by a model of market states and by the moving average, and the cash reserve it asks for.

    Every session is labelled with what was known at its end; regions may have an index of their own.
    """
    run = SessionRun.of(context, workspace)
    settings = run.workspace.portfolio.regime
    bars = known_bars(run, symbols=settings.indices)
    adjusted = adjusted_for_splits(bars, known_actions(run), run.session)
    listed = run.workspace.securities(run.session)
    names, exchanges = (
        dict(listed.select("symbol", column).iter_rows()) for column in ("name", "exchange")
    )
    calendars = run.workspace.portfolio_calendars
    expected = {
        index: calendars.sessions(exchanges[index])
        for index in settings.indices
        if index in exchanges
    }
    history = detected_regimes(adjusted, settings, run.session, expected)
    table = history.group_by("index_symbol", maintain_order=True).tail(_SESSIONS_SHOWN)
    run.publish(run.table("regime_detection", table, Regimes))
    last = main_regime(table, settings.index)
    regime = last["regime"] or "unknown"
    main = history.filter(pl.col("index_symbol") == settings.index)
    recent = table.filter(pl.col("index_symbol") == settings.index)
    records = {method: regime_record(main, column) for method, column in _METHODS.items()}
    record = records[last["method"] or settings.method]
    return run.result(
        "regime_detection",
        table,
        rows=recent.tail(10).reverse().select(_SHOWN),
        metadata={
            "regime": regime,
            "method": last["method"] or "unknown",
            "confidence": _share(last["confidence"]),
            "probability": _probabilities(last),
            "state_volatility": _share(last["state_volatility"], 2),
            "rule": last["rule_regime"] or "unknown",
            "model": last["model_regime"] or "unknown",
            "distance_from_mean": "unknown"
            if last["distance"] is None
            else f"{last['distance']:+.1%}",
            "cash_reserve": f"{last['reserve_share']:.0%}",
            "regions": _regions(table, settings.regions),
            "record": dg.MetadataValue.md(_in_words(records)),
            "drawdowns": dg.MetadataValue.md(_drawdowns(record)),
            "switches": dg.MetadataValue.md(markdown_table(_switches(main))),
            "plot": plot(
                regime_chart(recent, names.get(settings.index, settings.index), settings.window),
                "Regime",
            ),
        },
        checks=[
            check(
                "regime_is_known",
                "regime_detection",
                passed=last["regime"] is not None,
                session=run.session,
                found=(
                    f"the regime of {settings.index} is {regime}; its newest close is of {last['session']}"
                ),
            ),
            check(
                "regime_is_confident",
                "regime_detection",
                passed=(last["confidence"] or 0.0) >= settings.least_confidence,
                session=run.session,
                found=(
                    f"{regime} with a confidence of {_share(last['confidence'])}, the least is"
                    f" {settings.least_confidence:.0%}; the rule says {last['rule_regime'] or 'unknown'},"
                    f" the model {last['model_regime'] or 'unknown'}"
                ),
            ),
        ],
    )


def _share(value: float | None, decimals: int = 0) -> str:
    return "unknown" if value is None else f"{value:.{decimals}%}"


def _probabilities(last: dict[str, float | None]) -> str:
    names = ("bull", "sideways", "bear")
    return ", ".join(f"{name} {_share(last[f'probability_{name}'])}" for name in names)


def _regions(table: pl.DataFrame, regions: dict[str, str]) -> str:
    """Return the newest regime of every region."""
    newest = dict(
        table.sort("session")
        .group_by("index_symbol")
        .last()
        .select("index_symbol", "regime")
        .rows()
    )
    found = [f"{region}: {newest.get(regions[region]) or 'unknown'}" for region in sorted(regions)]
    return ", ".join(found) or "none configured"


def _in_words(records: dict[str, RegimeRecord]) -> str:
    return "\n".join(f"- **{method}**: {record.in_words}" for method, record in records.items())


def _drawdowns(record: RegimeRecord) -> str:
    """Return the last falls of the index, and when they were seen."""
    return markdown_table(
        record.falls.tail(_SWITCHES_SHOWN).select(
            "peak_session",
            "trough_session",
            "seen_session",
            "sessions_late",
            fallen_share_when_seen="fallen_share",
            deepest_share="depth",
            bear_before="was_bear_before",
        )
    )


def _switches(main: pl.DataFrame) -> pl.DataFrame:
    """Return the newest sessions whose regime differs from that of the session before."""
    switched = main.with_columns(before=pl.col("regime").shift(1)).filter(
        pl.col("regime").ne_missing(pl.col("before")) & pl.col("regime").is_not_null()
    )
    return (
        switched.tail(_SWITCHES_SHOWN)
        .reverse()
        .select("session", "before", "regime", "distance", "confidence")
    )
