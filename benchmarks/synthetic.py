"""Generated market data: random walks on the sessions of the New York exchange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from ballast.tables import Bars, CorporateActions, polars_schema
from resources.calendars import trading_calendars
from resources.market_data.protocol import OBSERVED_COLUMNS

EXCHANGE = "XNYS"
INDEX = "^INDEX"
_SEED = 20_200_820
_DAILY_VOLATILITY = 0.015


def symbols(count: int) -> list[str]:
    """Return the symbols of as many securities, sorted."""
    return [f"S{number:04d}" for number in range(count)]


def sessions(count: int, last: date, remembered_in: Path) -> list[date]:
    """Return as many sessions of the exchange up to one, oldest first."""
    calendars = trading_calendars([EXCHANGE], remembered_in)
    return calendars.sessions_between(EXCHANGE, date(2000, 1, 3), last)[-count:]


def bars(names: Sequence[str], days: Sequence[date]) -> pl.DataFrame:
    """Return `Bars` of every symbol on every day, sorted by symbol and session."""
    generator = np.random.default_rng(_SEED)
    shape = (len(names), len(days))
    moves = generator.normal(0.0002, _DAILY_VOLATILITY, shape)
    close = np.maximum(50 * np.exp(np.cumsum(moves, axis=1)), 1.0).round(2)
    opened = (close * (1 + generator.normal(0, 0.004, shape))).round(2)
    high = (np.maximum(opened, close) * (1 + generator.random(shape) * 0.01)).round(2)
    low = (np.minimum(opened, close) * (1 - generator.random(shape) * 0.01)).round(2)
    volume = generator.integers(1_000, 10_000_000, shape).astype(float)
    session = pl.Series(days, dtype=pl.Date)
    numbers = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    return pl.DataFrame(
        {
            "symbol": pl.Series(np.repeat(list(names), len(days))),
            "session": pl.concat([session] * len(names)),
            "known_on": pl.concat([session] * len(names)),
            **{name: values.ravel() for name, values in numbers.items()},
        }
    ).with_columns(is_total_return=False, source=pl.lit("synthetic")).select(
        polars_schema(Bars).names()
    )  # fmt: skip


@dataclass(frozen=True)
class SyntheticMarketData:
    """A source of market data that has everything in memory.

    Parameters
    ----------
    count : int
        Securities beside the index.
    days : tuple of date
        Sessions, oldest first.
    """

    count: int
    days: tuple[date, ...]

    def bars(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        """Return bars, as traded."""
        everything, by_symbol = _remembered(self.count, self.days)
        # A broker asks for one symbol at a time.
        among = by_symbol[symbols[0]] if len(symbols) == 1 else everything
        wanted = pl.col("symbol").is_in(list(symbols)) & pl.col("session").is_between(first, last)
        return among.filter(wanted).select(OBSERVED_COLUMNS)

    def corporate_actions(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:  # noqa: ARG002
        """Return none."""
        return CorporateActions.create_empty()


@cache
def _remembered(count: int, days: tuple[date, ...]) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    everything = bars(sorted([INDEX, *symbols(count)]), days)
    by_symbol = everything.partition_by("symbol", as_dict=True)
    return everything, {str(symbol): rows for (symbol,), rows in by_symbol.items()}
