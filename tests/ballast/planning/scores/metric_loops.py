"""The metrics of one security by loops over lists: an independent reading of their definitions."""

from __future__ import annotations

import math
from datetime import date, timedelta
from itertools import pairwise

from tests.ballast.planning.scores.histories import History

Figures = dict[str, float | None]


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def deviation(values: list[float], less: int) -> float:
    middle = mean(values)
    return math.sqrt(math.fsum((v - middle) ** 2 for v in values) / (len(values) - less))


def later_ratio(history: History, day: date, session: date) -> float:
    return math.prod(ratio for at, ratio in history.splits if day < at <= session)


def prices(history: History, session: date) -> Figures:
    rows = [
        (
            day,
            close / later_ratio(history, day, session),
            high and high / later_ratio(history, day, session),
        )
        for day, close, high in zip(history.days, history.closes, history.highs, strict=True)
        if day <= session
    ]
    closes = [close for _, close, _ in rows]
    highs = [max(close, high or close) for _, close, high in rows]
    count, last = len(closes), closes[-1]
    found: Figures = {"close": last, "history_sessions": count}
    days = [day for day, _, _ in rows]
    of_year = [n for n, day in enumerate(days) if day > session - timedelta(days=365)]
    found["high_52_weeks"] = found["below_high"] = None
    if len(of_year) >= 50 and share_of(days[of_year[0] :]) >= 0.8:
        found["high_52_weeks"] = max(highs[of_year[0] :])
        found["below_high"] = 1 - last / max(highs[of_year[0] :])
    for n in (30, 90):
        is_known = count >= n and share_of(days[-n:]) >= 0.8
        found[f"momentum_{n}"] = last / closes[-n] - 1 if is_known else None
    found["rsi"] = rsi(closes) if share_of(days[-15:]) >= 0.8 else None
    window = closes[-20:]
    found["bollinger_position"] = None
    if count >= 20 and max(window) > min(window) and share_of(days[-20:]) >= 0.8:
        band = 2 * deviation(window, 0)
        found["bollinger_position"] = (last - (mean(window) - band)) / (2 * band)
    found["ema_distance"] = None
    if count >= 200 and share_of(days[-200:]) >= 0.8:
        average = mean(closes[:200])
        for close in closes[200:]:
            average += 2 / 201 * (close - average)
        found["ema_distance"] = last / average - 1
    return {**found, **growth(rows), **risk(history, session)}


def share_of(days: list[date]) -> float:
    """Return the share of 252 sessions a year, less a week of holidays, that have a bar after the first one."""
    returns, span = len(days) - 1, (days[-1] - days[0]).days
    return returns / max(returns, span * 252 / 365 - 5, 1)


def rsi(closes: list[float]) -> float | None:
    changes = [b - a for a, b in pairwise(closes)]
    if len(changes) < 14:
        return None
    up = mean([max(c, 0) for c in changes[:14]])
    down = mean([max(-c, 0) for c in changes[:14]])
    for change in changes[14:]:
        up = (up * 13 + max(change, 0)) / 14
        down = (down * 13 + max(-change, 0)) / 14
    return 100 * up / (up + down) if up + down > 0 else None


def growth(rows: list[tuple[date, float, float | None]]) -> Figures:
    months: dict[int, list[float]] = {}
    for day, close, _ in rows:
        months.setdefault(day.year * 12 + day.month, []).append(close)
    last = max(months)
    means = {month: mean(closes) for month, closes in months.items()}
    first = min(month for month in months if month >= last - 60)
    found: Figures = {"cagr": None}
    if last - first >= 12:
        found["cagr"] = (means[last] / means[first]) ** (12 / (last - first)) - 1
    for years in (5, 10):
        before = means.get(last - 12 * years)
        found[f"cagr_{years}y"] = before and (means[last] / before) ** (1 / years) - 1
    return found


def risk(history: History, session: date) -> Figures:
    names = (
        "sharpe", "sortino", "volatility", "volatility_30", "max_drawdown", "current_drawdown",
        "days_in_drawdown",
    )  # fmt: skip
    found: Figures = dict.fromkeys(names)
    days = [day for day in history.days if day <= session][-253:]
    closes = history.closes[: len([day for day in history.days if day <= session])][-253:]
    returns = []
    for before, day, old, new in zip(days, days[1:], closes, closes[1:], strict=False):
        ratio = math.prod(r for at, r in history.splits if before < at <= day)
        paid = 0.0
        if not history.is_total_return:
            paid = math.fsum(a for at, a in history.dividends if before < at <= day)
        returns.append((new + paid) * ratio / old - 1)
    if len(returns) < 29:
        return found
    if len(returns) >= 30 and share_of(days[-31:]) >= 0.8:
        recent = deviation(returns[-30:], 1)
        found["volatility_30"] = recent * math.sqrt(252 * share_of(days[-31:]))
    share = round(share_of(days), 2)
    if share < 0.8:
        return found
    spread, year = deviation(returns, 1), math.sqrt(252 * share)
    found["volatility"] = spread * year
    level, high, high_day, deepest = 1.0, 1.0, days[0], 0.0
    for day, change in zip(days[1:], returns, strict=True):
        level *= 1 + change
        if level >= high:
            high, high_day = level, day
        deepest = min(deepest, level / high - 1)
    if spread > 0:
        found["max_drawdown"], found["current_drawdown"] = deepest, level / high - 1
        found["days_in_drawdown"] = (days[-1] - high_day).days
    if len(returns) >= 49 and max(returns) > min(returns):
        found["sharpe"] = mean(returns) / spread * year
        below = math.sqrt(mean([min(r, 0) ** 2 for r in returns]))
        found["sortino"] = mean(returns) / below * year if below > 0 else None
    return found


def dividends(history: History, session: date) -> Figures:
    names = (
        "dividend_yield", "five_year_average_yield", "dividend_growth", "years_since_cut",
        "dividend_quality",
    )  # fmt: skip
    found: Figures = dict.fromkeys(names)
    days = [day for day in history.days if day <= session]
    if history.is_total_return:
        return found
    paid = [
        (day, amount / later_ratio(history, day, session))
        for day, amount in history.dividends
        if day <= session
    ]
    closes = [
        (day, close / later_ratio(history, day, session))
        for day, close in zip(history.days, history.closes, strict=True)
        if day <= session
    ]
    for years, name in ((1, "dividend_yield"), (5, "five_year_average_yield")):
        since = session - timedelta(days=365 * years)
        if days[0] > since + timedelta(days=1):
            continue
        total = math.fsum(amount for day, amount in paid if day > since)
        price = closes[-1][1] if years == 1 else mean([c for day, c in closes if day > since])
        found[name] = total / years / price
    first_year = days[0].year + (0 if (days[0].month, days[0].day) <= (1, 7) else 1)
    yearly = [
        math.fsum(amount for day, amount in paid if day.year == year)
        for year in range(first_year, session.year)
    ]
    while yearly and yearly[0] == 0:
        yearly.pop(0)
    if not yearly:
        return found
    count = len(yearly)
    if count > 1:
        found["dividend_growth"] = (yearly[-1] / yearly[0]) ** (1 / (count - 1)) - 1
    cuts = [
        n for n in range(1, count) if yearly[n - 1] > 0 and yearly[n] / yearly[n - 1] - 1 < -0.2
    ]
    score = 0.5
    if cuts:
        since_cut = count - cuts[-1]
        found["years_since_cut"] = since_cut
        score -= 0.4 if since_cut <= 2 else 0.25 if since_cut <= 5 else 0.1
    else:
        score += 0.15 if count >= 5 else 0.1 if count >= 3 else 0
    rate = found["dividend_growth"]
    if rate is not None:
        score += 0.3 if rate >= 0.05 else 0.2 if rate >= 0.02 else 0.1 if rate >= 0 else 0
    usual, now = found["five_year_average_yield"], found["dividend_yield"]
    if usual and now is not None:
        score += 0.3 if now >= 1.5 * usual else 0.15 if now >= usual else 0
    found["dividend_quality"] = min(1.0, max(0.0, score))
    return found


def stated(history: History, session: date) -> Figures:
    def figure(name: str) -> float | None:
        day, value = history.figures.get(name, (date.min, 0.0))
        return value if session - timedelta(days=120) <= day <= session else None

    names = ("profit_margin", "debt_to_equity", "current_ratio", "payout_ratio", "recommendation")
    found: Figures = {name: figure(name) for name in names}
    trailing, forward = figure("trailing_pe"), figure("forward_pe")
    if forward is None or forward <= 0:
        found["price_earnings"] = trailing
    elif trailing is None:
        found["price_earnings"] = forward
    else:
        found["price_earnings"] = (trailing + forward) / 2 if trailing > 0 else trailing
    target = figure("target_price")
    found["target_price"] = target
    if target is not None:
        known_on = history.figures["target_price"][0]
        found["target_price"] = target / later_ratio(history, known_on, session)
    return found
