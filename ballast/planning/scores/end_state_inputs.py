"""What a security contributes to the end state of a plan: return, promise and stability.

They are functions of its metrics alone, so that the end state of any plan is a weighted mean of them.
"""

from __future__ import annotations

import polars as pl

from ballast.planning.scores import maps
from ballast.planning.scores.blends import blended

_PROMISE = {
    "consistency": 0.35,
    "financial_strength": 0.25,
    "dividend_consistency": 0.25,
    "lasting_sortino_score": 0.15,
}
_STABILITY = {"volatility_score": 0.50, "drawdown_score": 0.30, "sharpe_score": 0.20}
# From the target on, a return that is too good to last is punished less than growth alone.
_ABOVE_TARGET = 0.12


def with_end_state_inputs(scored: pl.DataFrame, target_return: float) -> pl.DataFrame:
    """Add return_score, promise_score and stability_score, null where nothing of them is known.

    Parameters
    ----------
    scored : pl.DataFrame
        Metrics and group scores, with the score of each input.
    target_return : float
        Annual growth and dividend yield together that score best.
    """
    # Closes that contain dividends grow by them.
    yield_beside_growth = pl.when("includes_dividends").then(0.0).otherwise("dividend_yield")
    total_return = pl.col("cagr") + yield_beside_growth
    return scored.with_columns(
        return_score=maps.growth_bell(total_return, target_return, above=_ABOVE_TARGET),
        lasting_sortino_score=maps.lasting_sortino(pl.col("sortino")),
        volatility_score=maps.volatility(pl.col("volatility")),
    ).with_columns(promise_score=blended(_PROMISE), stability_score=blended(_STABILITY))
