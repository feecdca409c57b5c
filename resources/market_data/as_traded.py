"""Undo split adjustment, so that history never changes when a share splits later.

Sources quote old prices in terms of today's shares. Multiplying by every later split ratio gives
the price that was traded on the day; volumes are divided, dividends per share are multiplied.
"""

from __future__ import annotations

import polars as pl


def later_split_factor(events: pl.DataFrame, splits: pl.DataFrame, day: str) -> pl.DataFrame:
    """Add `split_factor`: the product of the ratios of all splits after each row's day.

    Parameters
    ----------
    events : pl.DataFrame
        With `symbol` and the date column named by `day`.
    splits : pl.DataFrame
        symbol, ex_date, ratio (float64); every split up to the day to which the source has
        adjusted; splits of one day count together.
    """
    if splits.is_empty() or events.is_empty():
        return events.with_columns(split_factor=pl.lit(1.0))
    cumulative = (
        splits.group_by("symbol", "ex_date")
        .agg(pl.col("ratio").product())
        .sort("symbol", "ex_date", descending=[False, True])
        .with_columns(split_factor=pl.col("ratio").cum_prod().over("symbol"))
        .select("symbol", "split_factor", last_before=pl.col("ex_date") - pl.duration(days=1))
        .sort("last_before")
    )
    return (
        events.sort(day)
        .join_asof(
            cumulative,
            left_on=day,
            right_on="last_before",
            by="symbol",
            strategy="forward",
            check_sortedness=False,
        )
        .drop("last_before", strict=False)
        .with_columns(pl.col("split_factor").fill_null(1.0))
    )


def bars_as_traded(adjusted: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """Turn split-adjusted bars into bars as traded, to six decimals; volumes to whole shares."""
    factored = later_split_factor(adjusted, splits, "session")
    prices = [
        (pl.col(name) * pl.col("split_factor")).round(6)
        for name in ("open", "high", "low", "close")
    ]
    return factored.with_columns(
        *prices, volume=(pl.col("volume") / pl.col("split_factor")).round(0)
    ).drop("split_factor")
