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
_BOLLINGER_PERIOD, _BOLLINGER_DEVIATIONS = 20, 2.0
_EMA_PERIOD = 200
_YEAR, _LEAST_OF_YEAR = 252, 50
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
    window = close.tail(_BOLLINGER_PERIOD)
    width = 2 * _BOLLINGER_DEVIATIONS * window.std(ddof=0)
    position = 0.5 + (close.last() - window.mean()) / width
    has_width = (window.len() == _BOLLINGER_PERIOD) & (window.max() > window.min())
    return pl.when(has_width).then(position)


def ema_distance(close: pl.Expr) -> pl.Expr:
    """Return the newest close / exponential average of 200 closes − 1."""
    average = _seeded(close, first=0, period=_EMA_PERIOD, weight=2 / (_EMA_PERIOD + 1))
    return close.last() / average - 1


def momentum(close: pl.Expr, closes: int) -> pl.Expr:
    """Return the newest close / the first of the last closes − 1."""
    return pl.when(close.len() >= closes).then(close.last() / close.tail(closes).first() - 1)


def high_of_year(high: pl.Expr, close: pl.Expr) -> pl.Expr:
    """Return the highest high, or close where that is unknown or higher, of the last 252 sessions, of at least 50."""
    highest = pl.max_horizontal(high.tail(_YEAR).max(), close.tail(_YEAR).max())
    return pl.when(close.len() >= _LEAST_OF_YEAR).then(highest)


def _seeded(values: pl.Expr, *, first: int, period: int, weight: float) -> pl.Expr:
    """Return the newest exponential average that begins with the mean of the first values."""
    seed, others = values.slice(first, period).mean(), values.slice(first + period)
    average = seed.append(others).ewm_mean(alpha=weight, adjust=False).last()
    return pl.when(values.len() >= first + period).then(average)
