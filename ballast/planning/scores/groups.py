"""The groups of the score: what each is made of, and which inputs it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from ballast.planning.scores import maps
from ballast.planning.scores.blends import blended
from ballast.settings import ScoreSettings

Weights = Mapping[str, float]

# Scores made of scores, each after what it is made of; what is no key here is an input or a score of one.
BLENDS: Mapping[str, Weights] = {
    "financial_strength": {"margin_score": 0.40, "debt_score": 0.30, "liquidity_score": 0.30},
    "dividend_consistency": {"payout_score": 0.50, "average_yield_score": 0.50},
    "momentum_score": {"momentum_30_score": 0.60, "momentum_90_score": 0.40},
    "long_term": {"cagr_score": 0.40, "sortino_score": 0.35, "sharpe_score": 0.25},
    "fundamentals": {"financial_strength": 0.60, "consistency": 0.40},
    "opportunity": {"below_high_score": 0.50, "price_earnings_score": 0.50},
    "dividends": {"yield_score": 0.70, "dividend_consistency": 0.30},
    "short_term": {"momentum_score": 0.50, "drawdown_score": 0.50},
    "technicals": {"rsi_score": 0.35, "bollinger_score": 0.35, "ema_score": 0.30},
    "opinion": {"recommendation_score": 0.60, "target_score": 0.40},
}
GROUPS = (
    "long_term", "fundamentals", "opportunity", "dividends", "short_term", "technicals", "opinion",
)  # fmt: skip

# What a person looks for when the score of an input is missing.
_INPUTS_OF: Mapping[str, tuple[str, ...]] = {
    "margin_score": ("profit_margin",),
    "debt_score": ("debt_to_equity",),
    "liquidity_score": ("current_ratio",),
    "payout_score": ("payout_ratio",),
    "average_yield_score": ("five_year_average_yield",),
    "momentum_30_score": ("momentum_30",),
    "momentum_90_score": ("momentum_90",),
    "cagr_score": ("cagr",),
    "sortino_score": ("sortino",),
    "sharpe_score": ("sharpe",),
    "consistency": ("cagr_5y", "cagr_10y"),
    "below_high_score": ("high_52_weeks",),
    "price_earnings_score": ("price_earnings",),
    "yield_score": ("dividend_yield",),
    "drawdown_score": ("max_drawdown",),
    "rsi_score": ("rsi",),
    "bollinger_score": ("bollinger_position",),
    "ema_score": ("ema_distance",),
    "recommendation_score": ("recommendation",),
    "target_score": ("target_upside",),
}


@dataclass(frozen=True)
class Input:
    """A score that is read from metrics alone.

    Parameters
    ----------
    name : str
        Column of the score.
    metrics : tuple of str
        What it is read from; when the score is missing, at least one of them is.
    weight : float
        Share of the total that rests on it.
    """

    name: str
    metrics: tuple[str, ...]
    weight: float


def inputs_of(weights: Weights) -> list[Input]:
    """Return the inputs below some groups, each with its share of their weights."""
    return [Input(name, _INPUTS_OF[name], weight) for name, weight in _leaves(weights)]


def _leaves(parts: Weights) -> Iterator[tuple[str, float]]:
    total = sum(parts.values())
    for name, weight in parts.items():
        share = weight / total
        if name in BLENDS:
            yield from ((leaf, share * part) for leaf, part in _leaves(BLENDS[name]))
        else:
            yield name, share


def with_group_scores(metrics: pl.DataFrame, settings: ScoreSettings) -> pl.DataFrame:
    """Add the score of every input, of every part and of every group but diversification.

    Parameters
    ----------
    metrics : pl.DataFrame
        The metrics of `SecurityScores`, null where unknown.
    settings : ScoreSettings
        Targets that growth and price are compared with.
    """
    table = metrics.with_columns(**_scores_of_metrics(settings))
    for name, parts in BLENDS.items():
        table = table.with_columns(blended(parts).alias(name))
    return table


def _scores_of_metrics(settings: ScoreSettings) -> dict[str, pl.Expr]:
    col = pl.col
    return {
        "cagr_score": maps.growth_bell(col("cagr"), settings.target_growth),
        "sortino_score": maps.sortino(col("sortino")),
        "sharpe_score": maps.sharpe(col("sharpe")),
        "margin_score": maps.margin(col("profit_margin")),
        "debt_score": maps.debt(col("debt_to_equity")),
        "liquidity_score": maps.liquidity(col("current_ratio")),
        "consistency": maps.consistency(col("cagr_5y") - col("cagr_10y")),
        "below_high_score": maps.below_high(col("below_high")),
        "price_earnings_score": maps.price_earnings(
            col("price_earnings"), settings.average_price_earnings
        ),
        "yield_score": maps.dividend_yield(col("dividend_yield")),
        "payout_score": maps.payout(col("payout_ratio")),
        "average_yield_score": (0.5 + 5 * col("five_year_average_yield")).clip(upper_bound=1.0),
        "momentum_30_score": maps.momentum(col("momentum_30")),
        "momentum_90_score": maps.momentum(col("momentum_90")),
        "drawdown_score": maps.drawdown(col("max_drawdown")),
        "rsi_score": maps.rsi(col("rsi")),
        "bollinger_score": maps.bollinger(col("bollinger_position")),
        "ema_score": maps.ema_distance(col("ema_distance")),
        "recommendation_score": maps.recommendation(col("recommendation")),
        "target_score": maps.target_upside(col("target_upside")),
    }
