"""The average true range and what is read from it: how far a price moves in a session, stops and bands.

True range = the largest of high − low, |high − close before| and |low − close before|; of the first bar high − low.
Average true range over n: the mean of the first n true ranges, then (average before × (n − 1) + true range) / n
(Wilder 1978). All prices are in shares of the session asked for; a session without high and low has no true range and
leaves the average as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from ballast.market.history import adjusted_for_splits
from ballast.tables import polars_schema
from ballast.tables.performance import TrueRanges

_LOW, _MEDIUM, _HIGH = 25.0, 75.0, 90.0
_STOP_MULTIPLES = {"low": 1.5, "medium": 2.0, "high": 2.5, "extreme": 3.0}
_RECENT, _EARLIER, _TREND = 5, 10, 0.15
_BREAKOUT, _EXHAUSTION = 2.0, 2.5
_BAND_CLOSES, _BAND_RANGES = 20, 2.0
_CHANDELIER_RANGES = 3.0
_FRESH_DAYS, _WORTHLESS_DAYS = 5, 30

_RANGE, _AVERAGE = pl.col("true_range"), pl.col("average_true_range")


@dataclass(frozen=True)
class RangeSettings:
    """How true ranges are averaged and judged.

    Parameters
    ----------
    period : int
        Bars of the average, and of the high and low that the chandelier stops hang from.
    history : int
        Averages that the newest one is ranked among, at most.
    """

    period: int = 14
    history: int = 252


def average_true_range(bars: pl.DataFrame, *, period: int = 14) -> pl.DataFrame:
    """Return true range and average true range of every bar.

    Parameters
    ----------
    bars : pl.DataFrame
        `Bars`, one row per symbol and session, in any order, all in shares of the same session.
    period : int
        Bars of the average.

    Returns
    -------
    pl.DataFrame
        The bars sorted by symbol and session, with true_range and average_true_range; null where high or low is
        unknown, and the average until `period` true ranges are known.
    """
    before = pl.col("close").shift(1)
    spread = pl.col("high") - pl.col("low")
    ranged = (
        bars.sort("symbol", "session")
        .with_columns(series=pl.col("symbol").rle_id())
        .with_columns(
            true_range=pl.when(spread.is_not_null())
            .then(
                pl.max_horizontal(
                    spread, (pl.col("high") - before).abs(), (pl.col("low") - before).abs()
                )
            )
            .over("series")
        )
        .with_columns(known=_RANGE.is_not_null().cast(pl.Int64).cum_sum().over("series"))
    )
    # The recursion is that of exponential smoothing with weight 1/n, once the first value is the mean of the first n.
    is_known, known = _RANGE.is_not_null(), pl.col("known")
    seed = _RANGE.filter(known <= period).mean()
    smoothed = (
        pl.when(is_known & (known == period))
        .then(seed)
        .when(is_known & (known > period))
        .then(_RANGE)
        .ewm_mean(alpha=1 / period, adjust=False, ignore_nulls=True)
        .over("series")
    )
    average = pl.when(is_known & (known >= period)).then(smoothed)
    return ranged.with_columns(average_true_range=average).drop("series", "known")


def true_ranges(
    bars: pl.DataFrame,
    actions: pl.DataFrame,
    session: date,
    settings: RangeSettings = RangeSettings(),
) -> pl.DataFrame:
    """Judge the average true range of every security as of a session.

    Parameters
    ----------
    bars : pl.DataFrame
        `Bars` as known on the session, as traded, one row per symbol and session, in any order; later ones are
        ignored.
    actions : pl.DataFrame
        `CorporateActions`, to express old prices in shares of the session.
    session : date
        The session asked for.
    settings : RangeSettings
        Periods.

    Returns
    -------
    pl.DataFrame
        `TrueRanges`, one row per symbol with a bar. With A the average of the newest bar:

        - percentile: share of the last `history` averages, the newest included, that are not above it; level low up to
          25, medium up to 75, high up to 90, else extreme; stop multiple 1.5, 2, 2.5 or 3;
        - trend: mean of the last 5 averages over the mean of the 10 before, expanding above 1.15, contracting below
          0.85, else stable;
        - breakout from a true range of 2 A, exhaustion from 2.5 A;
        - chandelier stops: highest high of `period` bars − 3 A, lowest low + 3 A;
        - bands: mean of 20 closes ± 2 A;
        - confidence: min(1, bars / (2 × period)), less one part in 25 for every day of age beyond 5, at least 0.
    """
    known = bars.filter(pl.col("session") <= session)
    adjusted = adjusted_for_splits(known, actions, session)
    ranged = average_true_range(adjusted, period=settings.period)
    newest = ranged.group_by("symbol", maintain_order=True).agg(*_of_newest(settings))
    table = _judged(newest, session, settings.period)
    names = polars_schema(TrueRanges).names()
    return TrueRanges.validate(TrueRanges.cast(table.select(names)).sort("symbol"))


def _of_newest(settings: RangeSettings) -> list[pl.Expr]:
    averages = _AVERAGE.drop_nulls()
    ranked = averages.tail(settings.history)
    recent = averages.tail(_RECENT)
    earlier = averages.tail(_RECENT + _EARLIER).head(_EARLIER)
    has_trend = averages.len() >= _RECENT + _EARLIER
    highs, lows = pl.col("high").tail(settings.period), pl.col("low").tail(settings.period)
    complete = (highs.count() == settings.period) & (lows.count() == settings.period)
    return [
        pl.col("session").last(),
        pl.col("close").last(),
        _RANGE.last(),
        _AVERAGE.last(),
        _RANGE.count().cast(pl.Int64).alias("bars"),
        pl.when(_AVERAGE.last().is_not_null())
        .then((ranked <= averages.last()).mean() * 100)
        .alias("percentile"),
        pl.when(has_trend).then(recent.mean() / earlier.mean()).alias("change"),
        pl.when(complete).then(highs.max()).alias("highest"),
        pl.when(complete).then(lows.min()).alias("lowest"),
        pl.when(pl.len() >= _BAND_CLOSES)
        .then(pl.col("close").tail(_BAND_CLOSES).mean())
        .alias("band_middle"),
    ]


def _judged(newest: pl.DataFrame, session: date, period: int) -> pl.DataFrame:
    rank = pl.col("percentile")
    level = (
        pl.when(rank.is_null())
        .then(None)
        .when(rank <= _LOW)
        .then(pl.lit("low"))
        .when(rank <= _MEDIUM)
        .then(pl.lit("medium"))
        .when(rank <= _HIGH)
        .then(pl.lit("high"))
        .otherwise(pl.lit("extreme"))
    )
    trend = (
        pl.when(pl.col("change").is_null())
        .then(None)
        .when(pl.col("change") > 1 + _TREND)
        .then(pl.lit("expanding"))
        .when(pl.col("change") < 1 - _TREND)
        .then(pl.lit("contracting"))
        .otherwise(pl.lit("stable"))
    )
    age = (pl.lit(session) - pl.col("session")).dt.total_days()
    lateness = ((age - _FRESH_DAYS) / (_WORTHLESS_DAYS - _FRESH_DAYS)).clip(0.0, 1.0)
    completeness = (pl.col("bars") / (2 * period)).clip(upper_bound=1.0)
    return newest.with_columns(
        range_level=level,
        relative_range=_AVERAGE / pl.col("close"),
        trend=trend,
        is_breakout=_RANGE >= _BREAKOUT * _AVERAGE,
        is_exhaustion=_RANGE >= _EXHAUSTION * _AVERAGE,
        stop_long=pl.col("highest") - _CHANDELIER_RANGES * _AVERAGE,
        stop_short=pl.col("lowest") + _CHANDELIER_RANGES * _AVERAGE,
        band_upper=pl.col("band_middle") + _BAND_RANGES * _AVERAGE,
        band_lower=pl.col("band_middle") - _BAND_RANGES * _AVERAGE,
        age_days=age,
        confidence=completeness * (1 - lateness),
    ).with_columns(
        stop_multiple=pl.col("range_level").replace_strict(
            _STOP_MULTIPLES, default=None, return_dtype=pl.Float64
        )
    )
