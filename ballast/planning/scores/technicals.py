"""Technical indicators of the newest close, as expressions over one security's closes, oldest first.

- relative strength index of n: average gains and losses of n changes, first their mean, then
  (average before × (n − 1) + change) / n; 100 × gains / (gains + losses) (Wilder 1978);
- Bollinger position: (close − lower band) / (upper − lower), with bands two population deviations from the mean of 20
  closes (Bollinger 2001);
- exponential average of n: first the mean of n closes, then with the weight 2 / (n + 1).

An indicator with too few closes is null.
"""

from __future__ import annotations

import polars as pl

_RSI_PERIOD = 14
RSI_CLOSES, BOLLINGER_CLOSES, EMA_CLOSES = _RSI_PERIOD + 1, 20, 200
_BOLLINGER_DEVIATIONS = 2.0
_LEAST_OF_YEAR = 50
# (13/14)^600 is beyond the last digit of a float: older changes cannot matter.
_RSI_MEMORY = 600


def rsi(close: pl.Expr) -> pl.Expr:
    """Return the relative strength index of 14 closes; null also when nothing has moved."""
    change = close.tail(_RSI_MEMORY).diff()
    # Gains less losses are the change, and gains plus losses its size.
    mean = _seeded(change, first=1, period=_RSI_PERIOD, weight=1 / _RSI_PERIOD)
    size = _seeded(change.abs(), first=1, period=_RSI_PERIOD, weight=1 / _RSI_PERIOD)
    return pl.when(size > 0).then((50 + 50 * mean / size).clip(0.0, 100.0))


def bollinger_position(close: pl.Expr) -> pl.Expr:
    """Return where the newest close lies between the Bollinger bands; null when they have no width."""
    window = close.tail(BOLLINGER_CLOSES)
    width = 2 * _BOLLINGER_DEVIATIONS * window.std(ddof=0)
    position = 0.5 + (close.last() - window.mean()) / width
    has_width = (window.len() == BOLLINGER_CLOSES) & (window.max() > window.min())
    return pl.when(has_width).then(position)


def ema_distance(close: pl.Expr) -> pl.Expr:
    """Return the newest close / exponential average of 200 closes − 1."""
    average = _seeded(close, first=0, period=EMA_CLOSES, weight=2 / (EMA_CLOSES + 1))
    return close.last() / average - 1


def momentum(close: pl.Expr, closes: int) -> pl.Expr:
    """Return the newest close / the first of the last closes − 1."""
    return pl.when(close.len() >= closes).then(close.last() / close.tail(closes).first() - 1)


def high_of_year(high: pl.Expr, close: pl.Expr) -> pl.Expr:
    """Return the highest high of a year, or close where that is unknown or higher, of at least 50 sessions."""
    highest = pl.max_horizontal(high.max(), close.max())
    return pl.when(close.len() >= _LEAST_OF_YEAR).then(highest)


def _seeded(values: pl.Expr, *, first: int, period: int, weight: float) -> pl.Expr:
    """Return the newest exponential average that begins with the mean of the first values."""
    seed, others = values.slice(first, period).mean(), values.slice(first + period)
    average = seed.append(others).ewm_mean(alpha=weight, adjust=False).last()
    return pl.when(values.len() >= first + period).then(average)
