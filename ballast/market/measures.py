"""What a series of daily returns adds up to: return, volatility, ratios, drawdown.

Conventions, for n returns r of P periods per year and a risk-free rate of f per year: the risk-free return of a period
is (1 + f)^(1/P) − 1; the excess e is r less that; the standard deviation s is that of a sample (n − 1).

- annual return = Π(1 + r)^(P/n) − 1
- volatility = s(r) × √P
- Sharpe ratio = mean(e) / s(e) × √P (Sharpe 1994)
- Sortino ratio = mean(e) × √P / √(mean over all n of min(e, 0)²) (Sortino and van der Meer 1991)
- Calmar ratio = annual return / |max drawdown| (Young 1991)

A span with an unknown return inside has no measures; one with a single return has a total return and nothing else.
A ratio whose denominator is zero is null.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ballast.market.drawdowns import in_series, with_drawdowns
from ballast.tables import polars_schema
from ballast.tables.performance import PerformanceMeasures, PeriodReturns, RollingMeasures

SESSIONS_PER_YEAR = 252
_SUBJECT = ["level", "subject"]
_RETURN = pl.col("daily_return")


def performance_measures(
    returns: pl.DataFrame, *, risk_free: float = 0.0, periods_per_year: float = SESSIONS_PER_YEAR
) -> pl.DataFrame:
    """Measure every subject over the whole span of its returns.

    Parameters
    ----------
    returns : pl.DataFrame
        `DailyReturns`, in any order; the span to measure.
    risk_free : float
        Risk-free rate per year, as a share.
    periods_per_year : float
        Returns per year; sessions by default.

    Returns
    -------
    pl.DataFrame
        `PerformanceMeasures`, one row per subject, without the money-weighted return.
    """
    return measured(in_series(returns), risk_free=risk_free, periods_per_year=periods_per_year)


def measured(ordered: pl.DataFrame, *, risk_free: float, periods_per_year: float) -> pl.DataFrame:
    """Return the measures of returns that are `in_series`, one row per series in their order."""
    excess = _RETURN - _risk_free_return(risk_free, periods_per_year)
    year = float(np.sqrt(periods_per_year))
    count, growth, deepest = _RETURN.count(), pl.col("growth").last(), pl.col("drawdown").min()
    known_session = pl.col("session").filter(_RETURN.is_not_null())
    annual = growth.pow(periods_per_year / count) - 1
    downside = excess.clip(upper_bound=0.0).pow(2).mean().sqrt()
    moves = _RETURN.max() != _RETURN.min()
    last_high = pl.int_range(pl.len()).filter(pl.col("drawdown") == 0).last()
    # With growth unknown at the end, a return inside is unknown.
    enough = (count >= 2) & growth.is_not_null()
    figures = with_drawdowns(ordered).group_by("series", maintain_order=True).agg(
        pl.col(_SUBJECT).first(),
        first_session=known_session.first(),
        last_session=known_session.last(),
        observations=count.cast(pl.Int64),
        total_return=pl.when(count >= 1).then(growth - 1),
        annual_return=_finite(pl.when(enough).then(annual)),
        volatility=pl.when(enough).then(_RETURN.std(ddof=1) * year),
        sharpe_ratio=_finite(
            pl.when(enough & moves).then(excess.mean() / excess.std(ddof=1) * year)
        ),
        sortino_ratio=_finite(
            pl.when(enough & (downside > 0)).then(excess.mean() / downside * year)
        ),
        calmar_ratio=_finite(pl.when(enough & (deepest < 0)).then(annual / -deepest)),
        max_drawdown=pl.when(enough).then(deepest),
        current_drawdown=pl.when(enough).then(pl.col("drawdown").last()),
        sessions_in_drawdown=pl.when(enough).then(pl.len() - 1 - last_high.fill_null(-1)),
        best_return=pl.when(enough).then(_RETURN.max()),
        worst_return=pl.when(enough).then(_RETURN.min()),
    )  # fmt: skip
    table = figures.with_columns(money_weighted_return=pl.lit(None, pl.Float64))
    return PerformanceMeasures.validate(
        PerformanceMeasures.cast(table.select(polars_schema(PerformanceMeasures).names()))
    )


def rolling_measures(
    returns: pl.DataFrame,
    windows: Sequence[int],
    *,
    risk_free: float = 0.0,
    periods_per_year: float = SESSIONS_PER_YEAR,
) -> pl.DataFrame:
    """Measure every subject over its last returns, on every session.

    Parameters
    ----------
    returns : pl.DataFrame
        `DailyReturns`, in any order.
    windows : sequence of int
        Numbers of returns, at least two each.
    risk_free, periods_per_year
        As for `performance_measures`.

    Returns
    -------
    pl.DataFrame
        `RollingMeasures`, window after window, each sorted by subject and session. Null where the window holds fewer
        returns, an unknown one, or the start of the series.
    """
    free = _risk_free_return(risk_free, periods_per_year)
    ordered = in_series(returns).with_columns(
        growth=(1 + _RETURN.fill_null(0.0)).cum_prod().over("series"),
        place=pl.int_range(1, pl.len() + 1).over("series"),
        downside=(_RETURN - free).clip(upper_bound=0.0).pow(2),
    )
    tables = [_rolled(ordered, window, free, periods_per_year) for window in windows]
    empty = [pl.DataFrame(schema=polars_schema(RollingMeasures))]
    return pl.concat(tables or empty)


def _rolled(ordered: pl.DataFrame, window: int, risk_free: float, periods: float) -> pl.DataFrame:
    year = float(np.sqrt(periods))
    first = pl.col("place") == window
    # Counts are differences of running counts; exact, unlike the deviation of returns that are all the same.
    known = _RETURN.is_not_null().cast(pl.Int64).cum_sum()
    changes = _RETURN.diff().fill_null(0.0).ne(0).cast(pl.Int64).cum_sum()
    each = ordered.group_by("series", maintain_order=True).agg(pl.len())["len"]
    growth = ordered["growth"].to_numpy()
    pieces = np.split(growth, np.cumsum(each.to_numpy())[:-1])
    deepest = np.concatenate([_deepest(piece, window) for piece in pieces] or [growth])
    # Windows roll over the end of one series into the next; those are cut off by their place in the series.
    over_window = ordered.with_columns(
        known=known,
        changes=changes,
        before=pl.when(first).then(1.0).otherwise(pl.col("growth").shift(window)),
        mean=_RETURN.rolling_mean(window) - risk_free,
        deviation=_RETURN.rolling_std(window, ddof=1),
        downside=pl.col("downside").rolling_mean(window).sqrt(),
    )
    deviation, downside = pl.col("deviation"), pl.col("downside")
    is_full = pl.col("known") - pl.col("known").shift(window).fill_null(0) == window
    moves = pl.col("changes") - pl.col("changes").shift(window - 1) > 0
    rolled = over_window.select(
        *_SUBJECT,
        "session",
        window=pl.lit(window, pl.Int64),
        is_full=is_full & (pl.col("place") >= window),
        total_return=pl.col("growth") / pl.col("before") - 1,
        volatility=deviation * year,
        sharpe_ratio=pl.when(moves).then(pl.col("mean") / deviation * year),
        sortino_ratio=pl.when(downside > 0).then(pl.col("mean") / downside * year),
        max_drawdown=pl.Series(deepest, dtype=pl.Float64),
    )
    names = polars_schema(RollingMeasures).names()
    figures = [pl.when("is_full").then(_finite(pl.col(name))).alias(name) for name in names[4:]]
    return pl.DataFrame(RollingMeasures.cast(rolled.with_columns(figures).select(names)))


def _deepest(growth: np.ndarray, window: int) -> np.ndarray:
    """Return the deepest drawdown of every window of returns, in a time that does not depend on the window.

    The series is cut into blocks as long as a window. Each window is the end of one block and the beginning of the
    next: its deepest drawdown lies within one of them, or between the high of the first and the low of the second.
    """
    points = window + 1
    series = np.concatenate([[1.0], growth])
    starts = np.arange(len(series) - points + 1)
    if len(starts) == 0:
        return np.full(len(growth), np.nan)
    blocks = -(-len(series) // points)
    padded = np.pad(series, (0, blocks * points - len(series)), mode="edge")
    block = padded.reshape(blocks, points)
    mirrored = block[:, ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        within_first = np.minimum.accumulate(
            np.minimum.accumulate(mirrored, axis=1) / mirrored, axis=1
        )[:, ::-1].ravel()
        within_next = np.minimum.accumulate(
            block / np.maximum.accumulate(block, axis=1), axis=1
        ).ravel()
        high = np.maximum.accumulate(mirrored, axis=1)[:, ::-1].ravel()
        low = np.minimum.accumulate(block, axis=1).ravel()
        ends = starts + window
        across = np.where(starts % points == 0, np.inf, low[ends] / high[starts])
    deepest = np.minimum(np.minimum(within_first[starts], within_next[ends]), across) - 1
    return np.concatenate([np.full(window - 1, np.nan), deepest])


def period_returns(returns: pl.DataFrame) -> pl.DataFrame:
    """Return the returns of calendar months and years.

    Parameters
    ----------
    returns : pl.DataFrame
        `DailyReturns`, in any order.

    Returns
    -------
    pl.DataFrame
        `PeriodReturns`: Π(1 + r) − 1 over the sessions of each period that has a return; null when one is unknown.
    """
    ordered = in_series(returns).filter(_RETURN.is_not_null() | pl.col("is_gap"))
    tables = [
        ordered.with_columns(first_day=pl.col("session").dt.truncate(every))
        .group_by("series", "first_day", maintain_order=True)
        .agg(
            pl.col(_SUBJECT).first(),
            observations=_RETURN.count().cast(pl.Int64),
            total_return=pl.when(~pl.col("is_gap").any()).then((1 + _RETURN).product() - 1),
        )
        .with_columns(period=pl.lit(period))
        for period, every in (("month", "1mo"), ("year", "1y"))
    ]
    table = pl.concat(tables).select(polars_schema(PeriodReturns).names())
    return PeriodReturns.validate(PeriodReturns.cast(table).sort(*_SUBJECT, "period", "first_day"))


def _risk_free_return(risk_free: float, periods_per_year: float) -> float:
    return float((1 + risk_free) ** (1 / periods_per_year) - 1)


def _finite(figure: pl.Expr) -> pl.Expr:
    return pl.when(figure.is_finite()).then(figure)
