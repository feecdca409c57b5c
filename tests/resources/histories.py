"""Price histories of a few bars, and limits that a handful of rows reaches."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from ballast.tables import Bars, CorporateActions, polars_schema
from resources import history
from resources.history import BARS, PriceHistory
from resources.lake import Lake, Published
from resources.store import Store, sqlite_url

SYMBOLS = ("AAA", "BBB", "CCC", "DDD")
MADE_BY = {"run_id": "run", "code_version": "1"}
DAYS = 8
NO_ACTIONS = CorporateActions.create_empty()
_FIRST = date(2024, 1, 1)


def day_of(number: int) -> date:
    return _FIRST + timedelta(days=number)


def bars_of(*rows: tuple[str, int, int, float]) -> pl.DataFrame:
    """Rows of symbol, day of the session, day on which it was known, close."""
    return Bars.cast(
        pl.DataFrame(
            [
                {
                    "symbol": symbol, "session": day_of(session), "known_on": day_of(known),
                    "open": None, "high": None, "low": None, "close": close, "volume": None,
                    "is_total_return": False, "source": "test",
                }
                for symbol, session, known, close in rows
            ],
            schema=polars_schema(Bars),
        )
    )  # fmt: skip


def split(symbol: str, day: int, ratio: int = 2) -> pl.DataFrame:
    row = (symbol, day_of(day), "split", Decimal(ratio), None, "test")
    return pl.DataFrame([row], schema=polars_schema(CorporateActions), orient="row")


def lower_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a handful of rows reach the limits, and flush nothing to disk."""
    monkeypatch.setattr(history, "_SMALL_ROWS", 5)
    monkeypatch.setattr(history, "_GROUP_ROWS", 2)
    monkeypatch.setattr(history, "_MOST_SEGMENTS", 3)
    monkeypatch.setattr(history, "_GROWTH", 2)
    monkeypatch.setattr("os.fsync", lambda _file: None)


def open_history(folder: Path) -> PriceHistory:
    return PriceHistory(Lake(folder / "lake", Store(sqlite_url(folder / "ballast.db"))))


def publish(
    prices: PriceHistory,
    day: int,
    *rows: tuple[str, int, int, float],
    actions: pl.DataFrame = NO_ACTIONS,
) -> None:
    prices.publish(day_of(day), bars_of(*rows), actions, **MADE_BY)


def merge(prices: PriceHistory) -> bool:
    return prices.merge(as_of=day_of(DAYS), **MADE_BY)


def segments(prices: PriceHistory) -> list[Published]:
    return prices.lake.snapshot((BARS,)).published(BARS)
