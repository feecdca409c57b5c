"""Series of returns, and the one whose measures are published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from importlib.resources import files

import polars as pl

from ballast.tables import DailyReturns
from tests.ballast.builders import Row, day, table


def series(
    returns: Sequence[float | None], subject: str = "S", *, unknown: Sequence[int] = ()
) -> list[Row]:
    """Return a row per day; a number of a day makes its return unknown, None alone is no capital."""
    return [
        {
            "level": "security",
            "subject": subject,
            "session": day(number),
            "since": day(number - 1),
            "daily_return": None if number in unknown else value,
            "unknown_reason": "no price" if number in unknown else None,
        }
        for number, value in enumerate(returns)
    ]


def returns(*rows: Row) -> pl.DataFrame:
    return table(DailyReturns, rows)


def recorded_decade(symbol: str, close_before: float, close: float) -> list[float]:
    """Return the recorded returns of 2010 to 2019, dividends included.

    The first return of the decade needs the close of 2009-12-31, which is not recorded, so both closes are given.
    """
    with (files("ballast") / "recorded" / "default_2010_2022.parquet").open("rb") as file:
        recorded = pl.read_parquet(file)
    decade = recorded.filter(
        (pl.col("symbol").cast(pl.String) == symbol)
        & (pl.col("date").cast(pl.Date) < date(2020, 1, 1))
    ).sort("date")
    return [close / close_before - 1, *decade["adj_close"].pct_change().drop_nulls()]
