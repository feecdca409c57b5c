"""The scores of one security by loops over lists: an independent reading of the formulas."""

from __future__ import annotations

import math
from datetime import date, timedelta
from itertools import pairwise

from tests.ballast.planning.scores.histories import History

Figures = dict[str, float | None]

WEIGHTS = {
    "long_term": 0.20, "fundamentals": 0.15, "opportunity": 0.15, "dividends": 0.12,
    "short_term": 0.10, "technicals": 0.10, "opinion": 0.10, "diversification": 0.08,
}  # fmt: skip


def line(x: float | None, *points: tuple[float, float]) -> float | None:
    """Interpolate between points, flat outside."""
    if x is None:
        return None
    if x <= points[0][0]:
        return points[0][1]
    for (left, low), (right, high) in pairwise(points):
        if x <= right:
            return low + (high - low) * (x - left) / (right - left)
    return points[-1][1]


def mix(*parts: tuple[float, float | None]) -> float | None:
    """Return the weighted mean with 0.5 for what is unknown; unknown if all are."""
    if all(value is None for _, value in parts):
        return None
    return sum(weight * (0.5 if value is None else value) for weight, value in parts)


def scores(history: History, session: date) -> Figures:
    found = {**prices(history, session), **dividends(history, session), **stated(history, session)}
    price, target = found["price"], found.pop("target_price")
    found["target_upside"] = None if target is None or price is None else target / price - 1
    return {**found, **groups(found, includes_dividends=history.is_total_return)}


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
    found: Figures = {"price": last, "history_sessions": count}
    found["high_52_weeks"] = max(highs[-252:]) if count >= 50 else None
    found["below_high"] = 1 - last / max(highs[-252:]) if count >= 50 else None
    for n in (30, 90):
        found[f"momentum_{n}"] = last / closes[-n] - 1 if count >= n else None
    found["rsi"] = rsi(closes)
    window = closes[-20:]
    found["bollinger_position"] = None
    if count >= 20 and max(window) > min(window):
        band = 2 * deviation(window, 0)
        found["bollinger_position"] = (last - (mean(window) - band)) / (2 * band)
    found["ema_distance"] = None
    if count >= 200:
        average = mean(closes[:200])
        for close in closes[200:]:
            average += 2 / 201 * (close - average)
        found["ema_distance"] = last / average - 1
    return {**found, **growth(rows), **risk(history, session)}


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
    spread = deviation(returns, 1)
    found["volatility"] = spread * math.sqrt(252)
    level, high, high_day, deepest = 1.0, 1.0, days[0], 0.0
    for day, change in zip(days[1:], returns, strict=True):
        level *= 1 + change
        if level >= high:
            high, high_day = level, day
        deepest = min(deepest, level / high - 1)
    found["max_drawdown"], found["current_drawdown"] = deepest, level / high - 1
    found["days_in_drawdown"] = (days[-1] - high_day).days
    if len(returns) >= 30:
        found["volatility_30"] = deviation(returns[-30:], 1) * math.sqrt(252)
    if len(returns) >= 49 and max(returns) > min(returns):
        found["sharpe"] = mean(returns) / spread * math.sqrt(252)
        below = math.sqrt(mean([min(r, 0) ** 2 for r in returns]))
        found["sortino"] = mean(returns) / below * math.sqrt(252) if below > 0 else None
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


def bell(x: float | None, target: float, above: float) -> float | None:
    if x is None:
        return None
    if x <= 0:
        return 0.15
    width = 0.06 if x < target else above
    return 0.15 + 0.85 * math.exp(-((x - target) ** 2) / (2 * width**2))


def momentum(m: float | None) -> float | None:
    if m is not None and m < -0.10:
        return max(0.2, 0.5 + 3 * m)
    return line(m, (-0.10, 0.5), (0, 0.6), (0.05, 1), (0.15, 1), (0.30, 0.8), (0.45, 0.5))


def payout(p: float | None) -> float | None:
    if p is not None and p > 0.80:
        return 0.4
    return line(p, (0, 0.5), (0.30, 1), (0.60, 1), (0.80, 0.7))


def earnings(pe: float | None) -> float | None:
    if pe is None or pe <= 0:
        return None if pe is None else 0.3
    return line((pe - 22) / 22, (-0.20, 1), (-0.10, 0.7), (0, 0.5), (0.20, 0.2))


def groups(m: Figures, *, includes_dividends: bool) -> Figures:
    steady = None
    if m["cagr_5y"] is not None and m["cagr_10y"] is not None:
        apart = abs(m["cagr_5y"] - m["cagr_10y"])
        steady = 1.0 if apart < 0.02 else 0.8 if apart < 0.05 else max(0.4, 1 - 4 * apart)
    margin, debt, liquid = m["profit_margin"], m["debt_to_equity"], m["current_ratio"]
    strength = mix(
        (0.40, line(margin, (-0.25, 0), (0, 0.5), (0.2, 1))),
        (0.30, None if debt is None else 0.0 if debt < 0 else 1 - min(debt, 200) / 200),
        (0.30, None if liquid is None else min(1, min(liquid, 3) / 2)),
    )
    usual = m["five_year_average_yield"]
    reliable = mix(
        (0.5, payout(m["payout_ratio"])), (0.5, None if usual is None else min(1, 0.5 + 5 * usual))
    )
    sharpe = line(m["sharpe"], (0, 0), (0.5, 0.4), (1, 0.7), (2, 1))
    fall = None if m["max_drawdown"] is None else abs(m["max_drawdown"])
    drawdown = line(fall, (0.10, 1), (0.20, 0.8), (0.30, 0.6), (0.50, 0.2), (0.70, 0))
    found: Figures = {
        "financial_strength": strength,
        "consistency": steady,
        "dividend_consistency": reliable,
        "long_term": mix(
            (0.40, bell(m["cagr"], 0.11, 0.10)),
            (0.35, line(m["sortino"], (0, 0), (0.5, 0.4), (1, 0.6), (1.5, 0.8), (2, 1))),
            (0.25, sharpe),
        ),
        "fundamentals": mix((0.60, strength), (0.40, steady)),
        "opportunity": mix(
            (0.50, line(m["below_high"], (0, 0.2), (0.10, 0.5), (0.20, 0.8), (0.30, 1))),
            (0.50, earnings(m["price_earnings"])),
        ),
        "dividends": mix(
            (0.70, line(m["dividend_yield"], (0, 0.3), (0.01, 0.4), (0.03, 0.7), (0.06, 1))),
            (0.30, reliable),
        ),
        "short_term": mix(
            (0.50, mix((0.60, momentum(m["momentum_30"])), (0.40, momentum(m["momentum_90"])))),
            (0.50, drawdown),
        ),
        "technicals": mix(
            (0.35, line(m["rsi"], (30, 1), (70, 0))),
            (0.35, line(m["bollinger_position"], (0, 1), (1, 0))),
            (0.30, line(m["ema_distance"], (-0.10, 1), (-0.05, 0.7), (0, 0.5), (0.10, 0.2))),
        ),
        "opinion": mix(
            (0.60, line(m["recommendation"], (1, 1), (2, 0.8), (3, 0.5), (4, 0.2), (5, 0))),
            (0.40, line(m["target_upside"], (-0.2, 0), (0.2, 1))),
        ),
    }
    beside = 0.0 if includes_dividends else m["dividend_yield"]
    total = None if m["cagr"] is None or beside is None else m["cagr"] + beside
    volatility = m["volatility"] if m["volatility"] else None
    found["return_score"] = bell(total, 0.12, 0.12)
    found["promise_score"] = mix(
        (0.35, steady), (0.25, strength), (0.25, reliable),
        (0.15, line(m["sortino"], (0, 0), (1, 0.6), (1.5, 0.8), (2, 1))),
    )  # fmt: skip
    found["stability_score"] = mix(
        (0.50, line(volatility, (0.15, 1), (0.25, 0.7), (0.40, 0.3), (0.60, 0.1))),
        (0.30, drawdown), (0.20, sharpe),
    )  # fmt: skip
    found["quality"] = math.fsum(
        weight * (0.5 if found.get(name) is None else found[name])  # type: ignore[operator]
        for name, weight in WEIGHTS.items()
    )
    return found
