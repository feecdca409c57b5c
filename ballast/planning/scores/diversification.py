"""What more of a security would do to an account's spread: its groups' gaps, and its average cost."""

from __future__ import annotations

import polars as pl

from ballast.planning.scores import maps
from ballast.planning.scores.blends import NEUTRAL, blended

_PARTS = {"geography": 0.40, "industry": 0.30, "averaging": 0.30}
_LARGEST_LOSS, _LARGEST_BONUS = -0.20, 0.40
_LARGE, _VERY_LARGE = 0.05, 0.10


def with_diversification(positions: pl.DataFrame) -> pl.DataFrame:
    """Add geography, industry, averaging and diversification.

    Parameters
    ----------
    positions : pl.DataFrame
        country_gap, industry_gap, is_held, gain, weight, long_term, fundamentals and opportunity; null where unknown.
    """
    return positions.with_columns(
        geography=maps.group_gap(pl.col("country_gap")),
        industry=maps.group_gap(pl.col("industry_gap")),
        averaging=pl.when(pl.col("is_held")).then(_averaging()).otherwise(NEUTRAL),
    ).with_columns(diversification=blended(_PARTS))


def _averaging() -> pl.Expr:
    """Score buying more of a holding: worth having, below its cost but not far, and not large already."""
    gain, weight = pl.col("gain"), pl.col("weight")
    # A gain or a weight that is unknown may be one that speaks against more.
    is_known = pl.all_horizontal(pl.col("opportunity", "gain", "weight").is_not_null()) & (
        pl.any_horizontal(pl.col("long_term", "fundamentals").is_not_null())
    )
    quality = pl.mean_horizontal(pl.col("long_term", "fundamentals").fill_null(NEUTRAL))
    appeal = quality * pl.col("opportunity")
    base = (
        pl.when(appeal >= 0.5).then(0.7 + 0.6 * (appeal - 0.5))
        .when(appeal >= 0.3).then(0.5 + (appeal - 0.3))
        .otherwise(0.3)
    )  # fmt: skip
    is_dip = (gain < 0) & (gain >= _LARGEST_LOSS)
    bonus = pl.when(is_dip).then((-2 * gain).clip(upper_bound=_LARGEST_BONUS)).otherwise(0.0)
    size = pl.when(weight > _VERY_LARGE).then(0.7).when(weight > _LARGE).then(0.9).otherwise(1.0)
    score = (base + bonus).clip(upper_bound=1.0) * size
    return pl.when(is_known).then(score)
