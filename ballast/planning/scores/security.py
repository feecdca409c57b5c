"""The scores of every security of the universe as of a session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from ballast.planning.scores.blends import NEUTRAL, known_share, with_neutral
from ballast.planning.scores.dividends import dividend_metrics
from ballast.planning.scores.end_state_inputs import with_end_state_inputs
from ballast.planning.scores.fundamentals import fundamentals_as_of
from ballast.planning.scores.groups import GROUPS, Input, inputs_of, with_group_scores
from ballast.planning.scores.price_metrics import price_metrics
from ballast.settings import PerformanceSettings, ScoreSettings
from ballast.tables import SecurityScores, polars_schema


def security_scores(
    symbols: Sequence[str],
    bars: pl.DataFrame,
    actions: pl.DataFrame,
    fundamentals: pl.DataFrame,
    session: date,
    settings: ScoreSettings,
    performance: PerformanceSettings,
) -> pl.DataFrame:
    """Score securities.

    Parameters
    ----------
    symbols : sequence of str
        Securities wanted; one without a bar is scored with everything unknown.
    bars : pl.DataFrame
        `Bars` as known on the session, as traded, in any order; later ones and those of others are ignored.
    actions : pl.DataFrame
        `CorporateActions`; later ones are ignored.
    fundamentals : pl.DataFrame
        `Fundamentals`; later ones are ignored.
    session : date
        The session asked for.
    settings : ScoreSettings
        Weights and targets.
    performance : PerformanceSettings
        Window of risk, risk-free rate and returns per year.

    Returns
    -------
    pl.DataFrame
        `SecurityScores`, sorted by symbol.
    """
    universe = pl.DataFrame({"symbol": sorted(set(symbols))}, schema={"symbol": pl.String})
    metrics = price_metrics(
        bars,
        actions,
        session,
        window=performance.risk_window,
        risk_free=performance.risk_free,
        sessions_per_year=performance.sessions_per_year,
        oldest_days=settings.price_age,
    )
    paid = dividend_metrics(metrics, actions, session)
    stated = fundamentals_as_of(
        fundamentals, actions, session, oldest_days=settings.fundamentals_age
    )
    known = universe
    for part in (metrics, paid, stated):
        known = known.join(part, on="symbol", how="left", maintain_order="left")
    known = known.with_columns(
        pl.col("history_sessions").fill_null(0),
        target_upside=pl.col("target_price") / pl.col("close") - 1,
    )
    scored = with_end_state_inputs(with_group_scores(known, settings), settings.target_return)
    table = _summed_up(scored, settings)
    names = polars_schema(SecurityScores).names()
    return SecurityScores.validate(SecurityScores.cast(table.select(names)))


def _summed_up(scored: pl.DataFrame, settings: ScoreSettings) -> pl.DataFrame:
    weights: dict[str, float] = settings.weights.model_dump()
    rests_on = inputs_of({name: weights[name] for name in GROUPS})
    neutral = scored.with_columns(diversification=pl.lit(NEUTRAL))
    return neutral.with_columns(
        quality=with_neutral(weights),
        known_share=known_share({each.name: each.weight for each in rests_on}),
        missing=_missing(rests_on),
    )


def _missing(inputs: Sequence[Input]) -> pl.Expr:
    """Name the metrics that are unknown, separated by commas; null when there is none."""
    names = [
        pl.when(pl.col(each.name).is_null() & pl.col(metric).is_null()).then(pl.lit(metric))
        for each in inputs
        for metric in each.metrics
    ]
    text = pl.concat_str(names, separator=", ", ignore_nulls=True)
    return pl.when(text != "").then(text)
