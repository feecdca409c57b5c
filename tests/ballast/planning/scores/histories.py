"""Histories of securities: walks of closes with highs, splits, dividends and fundamental figures."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from ballast.money import exact
from ballast.tables import Bars, CorporateActions, Fundamentals
from tests.ballast.builders import Row, dividend, split, table

SESSION = date(2020, 8, 20)


@dataclass
class History:
    """One security as traded, oldest first."""

    symbol: str
    days: list[date]
    closes: list[float]
    highs: list[float | None]
    splits: list[tuple[date, float]] = field(default_factory=list)
    dividends: list[tuple[date, float]] = field(default_factory=list)
    figures: dict[str, tuple[date, float]] = field(default_factory=dict)
    is_total_return: bool = False

    def bars(self) -> list[Row]:
        return [
            {
                "symbol": self.symbol, "session": day, "known_on": day, "open": close, "low": close,
                "high": high, "close": close, "volume": None, "source": "test",
                "is_total_return": self.is_total_return,
            }
            for day, close, high in zip(self.days, self.closes, self.highs, strict=True)
        ]  # fmt: skip

    def actions(self) -> list[Row]:
        return [
            *(split(self.symbol, day, str(ratio)) for day, ratio in self.splits),
            *(dividend(self.symbol, day, str(amount)) for day, amount in self.dividends),
        ]

    def stated(self) -> list[Row]:
        return [
            {"symbol": self.symbol, "metric": name, "known_on": day, "value": exact(value, 12)}
            for name, (day, value) in self.figures.items()
        ]


def tables(histories: Sequence[History]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return `Bars`, `CorporateActions` and `Fundamentals`."""
    return (
        table(Bars, [row for each in histories for row in each.bars()]),
        table(
            CorporateActions, [row for each in histories for row in each.actions()], source="test"
        ),
        table(Fundamentals, [row for each in histories for row in each.stated()]),
    )


def weekdays(count: int, last: date = SESSION) -> list[date]:
    """Return as many weekdays up to one, oldest first."""
    days: list[date] = []
    day = last
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day)
        day -= timedelta(days=1)
    return days[::-1]


def random_history(symbol: str, seed: int, count: int, lost: float = 0.02) -> History:
    """Return a walk that has lost a share of its bars, with events now and then, and some of the figures known."""
    source = random.Random(seed)
    days = [day for day in weekdays(count) if source.random() > lost or day == SESSION]
    drift, noise = source.uniform(-0.0005, 0.001), source.uniform(0.002, 0.03)
    price, closes = source.uniform(5, 500), []
    for _ in days:
        price *= 1 + source.gauss(drift, noise)
        price = max(price, 0.5)
        closes.append(round(price, 2))
    splits: list[tuple[date, float]] = []
    if count > 30 and source.random() < 0.5:
        at = source.randrange(10, len(days) - 1)
        ratio = source.choice([2.0, 3.0, 0.5])
        splits = [(days[at] - timedelta(days=source.choice([0, 1])), ratio)]
        closes = closes[:at] + [round(close / ratio, 4) for close in closes[at:]]
    highs: list[float | None] = [
        close * (1 + source.random() * 0.02) if source.random() > 0.05 else None for close in closes
    ]
    dividends = []
    if source.random() < 0.7:
        day, amount = days[0] + timedelta(days=source.randrange(90)), source.uniform(0.1, 1.0)
        while day <= SESSION:
            dividends.append((day, round(amount, 4)))
            amount *= source.choice([1.0, 1.05, 1.1, 0.6])
            day += timedelta(days=91)
    figures = {
        name: (SESSION - timedelta(days=source.randrange(150)), value)
        for name, value in {
            "trailing_pe": source.uniform(-10, 40),
            "forward_pe": source.uniform(-10, 40),
            "profit_margin": source.uniform(-0.4, 0.4),
            "debt_to_equity": source.uniform(-10, 250),
            "current_ratio": source.uniform(0, 3),
            "payout_ratio": source.uniform(0, 1.2),
            "recommendation": source.uniform(1, 5),
            "target_price": closes[-1] * source.uniform(0.7, 1.4),
        }.items()
        if source.random() < 0.7
    }
    return History(symbol, days, closes, highs, splits, dividends, figures, source.random() < 0.15)


def growing(symbol: str, daily: float, count: int, start: float = 100.0) -> History:
    """Return closes that grow alike every session."""
    closes = [start * (1 + daily) ** number for number in range(count)]
    return History(symbol, weekdays(count), closes, list(closes))


def flat(symbol: str, count: int, price: float = 100.0) -> History:
    """Return closes that never move."""
    return History(symbol, weekdays(count), [price] * count, [price] * count)
