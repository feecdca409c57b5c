"""The moving-average regime rule: an index against the mean of its last closes.

At or above mean × (1 + bull threshold) the market is a bull market, at or below mean × (1 + bear threshold) a bear
market, else sideways. Each session uses closes up to itself only. With too little history the regime is unknown, and
the largest of the configured reserves applies.
"""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ballast.errors import HistoryTooShortError
from ballast.settings import RegimeSettings
from ballast.tables import Regimes, polars_schema

# The noise of a running sum must not decide on which side of a threshold an index stands that is exactly at it.
_DISTANCE_DECIMALS = 10
_QUARTER = 63
_ROOT_OF_TWO = math.sqrt(2.0)


def moving_average_regime(
    bars: pl.DataFrame, settings: RegimeSettings, session: date, index: str | None = None
) -> pl.DataFrame:
    """Label every session of an index up to the one asked for.

    Parameters
    ----------
    bars : pl.DataFrame
        `Bars` as of the session, adjusted for splits, in any order; other symbols are ignored. Of several versions of
        a bar the newest counts.
    index : str, optional
        Default: the main index.

    Returns
    -------
    pl.DataFrame
        `Regimes`, oldest first, with nothing of the model. `distance` = close / mean − 1; null before `window` closes
        are known.

    Raises
    ------
    HistoryTooShortError
        If the index has no close at all.
    """
    symbol = index or settings.index
    closes = (
        bars.filter((pl.col("symbol") == symbol) & (pl.col("session") <= session))
        .sort("session", "known_on")
        .unique("session", keep="last", maintain_order=True)
    )
    if closes.is_empty():
        raise HistoryTooShortError(
            f"no close of {symbol} is known on {session}",
            where="regime.index" if symbol == settings.index else "regime.regions",
            remedy="Materialise historical_data, or start it earlier (market_data.history_start).",
        )
    regime = (
        pl.when(pl.col("distance").is_null())
        .then(None)
        .when(pl.col("distance") >= settings.bull_threshold)
        .then(pl.lit("bull"))
        .when(pl.col("distance") <= settings.bear_threshold)
        .then(pl.lit("bear"))
        .otherwise(pl.lit("sideways"))
    )
    table = (
        closes.select(index_symbol="symbol", session="session", close="close")
        .with_columns(
            moving_average=pl.col("close").rolling_mean(
                settings.window, min_samples=settings.window
            )
        )
        .with_columns(
            distance=(pl.col("close") / pl.col("moving_average") - 1).round(_DISTANCE_DECIMALS)
        )
        .with_columns(rule_regime=regime)
        .with_columns(
            regime="rule_regime",
            method=pl.when(pl.col("rule_regime").is_not_null()).then(pl.lit("rule")),
            reserve_share=reserve_share("rule_regime", settings),
        )
        .match_to_schema(polars_schema(Regimes), missing_columns="insert")
    )
    return Regimes.validate(Regimes.cast(table))


def rule_confidence(regimes: pl.DataFrame, settings: RegimeSettings) -> NDArray[np.float64]:
    """Return the chance that the rule still says the same after the next close.

    Parameters
    ----------
    regimes : pl.DataFrame
        What `moving_average_regime` returns.

    Returns
    -------
    array
        Probability that the distance, moved by a normal return of the last quarter's volatility, stays between the
        thresholds that it is between; NaN where it is unknown.
    """
    columns = regimes.select(
        "distance", volatility=pl.col("close").log().diff().rolling_std(_QUARTER)
    )
    distance, volatility = (
        columns[name].to_numpy().astype(np.float64) for name in ("distance", "volatility")
    )
    thresholds = np.array([-np.inf, settings.bear_threshold, settings.bull_threshold, np.inf])
    # A market that does not move stays where it is.
    volatility = np.where(
        volatility > 0.0, volatility, np.where(np.isnan(volatility), np.nan, 1e-12)
    )
    below = [_normal((edge - distance) / volatility) for edge in thresholds]
    at = np.digitize(distance, thresholds[1:-1])
    at[distance == settings.bear_threshold] = 0
    stays: NDArray[np.float64] = np.choose(at, [below[edge + 1] - below[edge] for edge in range(3)])
    return np.where(np.isnan(distance), np.nan, stays)


def _normal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the normal distribution function."""
    return np.array([0.5 * math.erfc(-value / _ROOT_OF_TWO) for value in values.tolist()])


def reserve_share(regime: str, settings: RegimeSettings) -> pl.Expr:
    """Return the cash share of the regime in a column; the largest one where it is unknown."""
    shares = settings.reserve_shares
    return pl.col(regime).replace_strict(
        shares, default=max(shares.values()), return_dtype=pl.Float64
    )
