"""The metrics behind the scores as one would write them first: one security at a time, plain Python over lists."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import date

Splits = Sequence[tuple[date, float]]


def metrics(
    days: Sequence[date],
    closes: Sequence[float],
    highs: Sequence[float],
    splits: Splits,
    dividends: Sequence[tuple[date, float]],
) -> dict[str, float]:
    """Return what bars, splits and dividends of ten years say of one security; nothing that is stated elsewhere."""
    factors = _factors(days, splits)
    close = [price / factor for price, factor in zip(closes, factors, strict=True)]
    high = [price / factor for price, factor in zip(highs, factors, strict=True)]
    last = close[-1]
    top = max(high[-252:])
    found = {
        "below_high": 1 - last / top,
        "rsi": _rsi(close),
        "ema_distance": last / _ema(close) - 1,
    }
    for count in (30, 90):
        found[f"momentum_{count}"] = last / close[-count] - 1
    middle, deviation = _mean(close[-20:]), _deviation(close[-20:], 0)
    found["bollinger_position"] = 0.5 + (last - middle) / (4 * deviation)
    months: dict[int, list[float]] = defaultdict(list)
    for day, price in zip(days, close, strict=True):
        months[day.year * 12 + day.month].append(price)
    newest = max(months)
    for years in (5, 10):
        before = _mean(months[newest - 12 * years])
        found[f"cagr_{years}y"] = (_mean(months[newest]) / before) ** (1 / years) - 1
    found |= _risk(days[-253:], closes[-253:], splits, dividends)
    paid = [
        amount / math.prod(ratio for ex, ratio in splits if ex > day)
        for day, amount in dividends
        if 0 <= (days[-1] - day).days < 365
    ]
    return found | {"dividend_yield": sum(paid) / last}


def _factors(days: Sequence[date], splits: Splits) -> list[float]:
    if not splits:
        return [1.0] * len(days)
    return [math.prod(ratio for ex, ratio in splits if ex > day) for day in days]


def _risk(
    days: Sequence[date],
    closes: Sequence[float],
    splits: Splits,
    dividends: Sequence[tuple[date, float]],
) -> dict[str, float]:
    ratios, amounts = dict(splits), dict(dividends)
    returns = [
        (closes[n] + amounts.get(days[n], 0.0)) * ratios.get(days[n], 1.0) / closes[n - 1] - 1
        for n in range(1, len(days))
    ]
    level = high = 1.0
    deepest = 0.0
    for change in returns:
        level *= 1 + change
        high = max(high, level)
        deepest = min(deepest, level / high - 1)
    spread, year = _deviation(returns, 1), math.sqrt(252)
    below = math.sqrt(_mean([min(change, 0.0) ** 2 for change in returns]))
    return {
        "volatility": spread * year,
        "sharpe": _mean(returns) / spread * year,
        "sortino": _mean(returns) / below * year,
        "max_drawdown": deepest,
    }


def _rsi(close: Sequence[float]) -> float:
    changes = [close[n] - close[n - 1] for n in range(1, len(close))]
    up = _mean([max(change, 0.0) for change in changes[:14]])
    down = _mean([max(-change, 0.0) for change in changes[:14]])
    for change in changes[14:]:
        up = (up * 13 + max(change, 0.0)) / 14
        down = (down * 13 + max(-change, 0.0)) / 14
    return 100 * up / (up + down)


def _ema(close: Sequence[float]) -> float:
    average = _mean(close[:200])
    for price in close[200:]:
        average += 2 / 201 * (price - average)
    return average


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _deviation(values: Sequence[float], less: int) -> float:
    middle = _mean(values)
    return math.sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - less))
