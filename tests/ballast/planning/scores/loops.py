"""The scores of one security by loops over lists: an independent reading of the formulas."""

from __future__ import annotations

import math
from datetime import date
from itertools import pairwise

from tests.ballast.planning.scores.histories import History
from tests.ballast.planning.scores.metric_loops import Figures, dividends, prices, stated

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
    price, target = found["close"], found.pop("target_price")
    found["target_upside"] = None if target is None or price is None else target / price - 1
    return {**found, **groups(found, includes_dividends=history.is_total_return)}


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
