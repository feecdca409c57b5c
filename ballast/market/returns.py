"""Daily returns of securities, splits undone and dividends reinvested."""

from __future__ import annotations

import polars as pl

from ballast.tables import polars_schema
from ballast.tables.performance import DailyReturns

_BAR = ["symbol", "session"]


def security_returns(
    bars: pl.DataFrame, actions: pl.DataFrame, *, level: str = "security"
) -> pl.DataFrame:
    """Return the total return of every security from bar to bar.

    Parameters
    ----------
    bars : pl.DataFrame
        `Bars` as known on the as-of day, as traded, one row per symbol and session, in any order.
    actions : pl.DataFrame
        `CorporateActions`. One whose ex date has no bar counts in the next bar.
    level : str
        What to call the subjects: security or index.

    Returns
    -------
    pl.DataFrame
        `DailyReturns`, sorted by subject and session. Return = (close + dividends) × split ratio / close before − 1;
        dividends are left out where the close already contains them. The first bar of a security has none.
    """
    closes = bars.select(*_BAR, "close", "is_total_return").sort(_BAR)
    events = (
        actions.select(
            "symbol",
            "ex_date",
            ratio=pl.col("ratio").cast(pl.Float64).fill_null(1.0),
            amount=pl.col("amount").cast(pl.Float64).fill_null(0.0),
        )
        .sort("ex_date")
        .join_asof(
            closes.select("symbol", "session").sort("session"),
            left_on="ex_date",
            right_on="session",
            by="symbol",
            strategy="forward",
            check_sortedness=False,
        )
        .group_by(_BAR)
        .agg(pl.col("ratio").product(), pl.col("amount").sum())
    )
    paid = pl.when("is_total_return").then(0.0).otherwise(pl.col("amount").fill_null(0.0))
    before = pl.col("close").shift(1).over("symbol")
    table = closes.join(events, on=_BAR, how="left", maintain_order="left").select(
        level=pl.lit(level),
        subject="symbol",
        session="session",
        since=pl.col("session").shift(1).over("symbol"),
        daily_return=(pl.col("close") + paid) * pl.col("ratio").fill_null(1.0) / before - 1,
        unknown_reason=pl.lit(None, pl.String),
    )
    return DailyReturns.cast(table.select(polars_schema(DailyReturns).names()))
