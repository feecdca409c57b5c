"""Windfalls: gains beyond what the security's own growth would have brought, and what share of them to take.

Expected gain = (1 + g)^y − 1 with the annual growth g and the years held y; where that has no meaning (g not above −1)
the whole gain is excess.
"""

from __future__ import annotations

import polars as pl

from ballast.planning.scores import maps

_LEAST_YEARS = 0.1
_DOUBLED = 1.0
# Excess gain from which on a share of the position is sold.
_DOUBLER_EXCESS, _HIGH, _MEDIUM = 0.30, 0.50, 0.25
_NEAR = -0.10
_DECIMALS = 10


def with_windfall(positions: pl.DataFrame, expected_growth: float) -> pl.DataFrame:
    """Add windfall_score, windfall_excess, windfall_share and windfall_reason.

    Parameters
    ----------
    positions : pl.DataFrame
        gain, years_held, cagr_5y and cagr_10y of each position; null where unknown.
    expected_growth : float
        Annual growth where that of neither five nor ten years is known.

    Returns
    -------
    pl.DataFrame
        Null where gain or years are unknown. The excess is rounded to ten decimals before it is judged, so that a limit
        is met when the figures say so.
    """
    growth = pl.coalesce("cagr_5y", "cagr_10y", pl.lit(expected_growth))
    years = pl.col("years_held").clip(lower_bound=_LEAST_YEARS)
    expected = pl.when(growth > -1).then((1 + growth).pow(years) - 1).otherwise(0.0)
    is_known = pl.col("gain").is_not_null() & pl.col("years_held").is_not_null()
    excess = pl.when(is_known).then((pl.col("gain") - expected).round(_DECIMALS))
    judged = positions.with_columns(windfall_excess=excess)
    return judged.with_columns(
        windfall_score=maps.windfall(pl.col("windfall_excess")),
        windfall_share=pl.when(is_known).then(_share()),
        windfall_reason=pl.when(is_known).then(_reason()),
    )


def _share() -> pl.Expr:
    excess, has_doubled = pl.col("windfall_excess"), pl.col("gain") >= _DOUBLED
    return (
        pl.when(has_doubled & (excess > _DOUBLER_EXCESS)).then(0.50)
        .when(has_doubled).then(0.30)
        .when(excess >= _HIGH).then(0.40)
        .when(excess >= _MEDIUM).then(0.20)
    )  # fmt: skip


def _reason() -> pl.Expr:
    excess, has_doubled = pl.col("windfall_excess"), pl.col("gain") >= _DOUBLED
    return (
        pl.when(has_doubled & (excess > _DOUBLER_EXCESS)).then(pl.lit("it doubled far beyond its usual growth"))
        .when(has_doubled).then(pl.lit("it doubled in line with its usual growth"))
        .when(excess >= _HIGH).then(pl.lit("it gained far more than usual"))
        .when(excess >= _MEDIUM).then(pl.lit("it gained more than usual"))
        .when(excess > 0).then(pl.lit("its gain is within the usual range"))
        .when(excess > _NEAR).then(pl.lit("its gain is near what was to be expected"))
        .otherwise(pl.lit("it gained less than usual"))
    )  # fmt: skip
