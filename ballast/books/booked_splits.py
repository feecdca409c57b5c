"""Splits that the books tell of, for securities that no source of market data knows."""

from __future__ import annotations

import polars as pl

from ballast.books.postings import without_reversed
from ballast.money import RATE
from ballast.tables import CorporateActions, polars_schema

_OWNER = ["account_id", "commodity"]


def booked_splits(postings: pl.DataFrame) -> pl.DataFrame:
    """Return the splits among postings.

    Parameters
    ----------
    postings : pl.DataFrame
        `Postings`, in any order.

    Returns
    -------
    pl.DataFrame
        `CorporateActions`: the ratio is what an account held after the split per what it held before. Brokers book it
        on the evening before the ex date, which is that date in UTC.
    """
    standing = without_reversed(postings)
    is_split = pl.col("kind").cast(pl.String) == "split"
    concerned = standing.filter(pl.col("commodity").is_in(_symbols(standing, is_split).implode()))
    after = pl.col("quantity").cum_sum().over(_OWNER)
    splits = (
        # What a split leaves over is paid out at the same moment, so the split comes first.
        concerned.sort("occurred_at", ~is_split, "posting_id")
        .with_columns(after=after, before=after - pl.col("quantity"))
        .filter(is_split & (pl.col("before") * pl.col("after") > 0))
        .select(
            symbol="commodity",
            ex_date=pl.col("occurred_at").dt.date(),
            kind=pl.lit("split"),
            ratio=(pl.col("after").cast(RATE) / pl.col("before").cast(RATE)),
            source=pl.lit("postings"),
        )
        .unique(["symbol", "ex_date"], keep="first", maintain_order=True)
        .match_to_schema(
            polars_schema(CorporateActions), missing_columns="insert", float_cast="upcast"
        )
    )
    return CorporateActions.validate(splits)


def _symbols(postings: pl.DataFrame, is_split: pl.Expr) -> pl.Series:
    return postings.filter(is_split)["commodity"].unique()


def restated(closes: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """Divide closes from before a split by its ratio, so that they are of the units that are held after it.

    Parameters
    ----------
    closes : pl.DataFrame
        symbol, day, close.
    splits : pl.DataFrame
        `CorporateActions`.
    """
    later = (
        closes.join(splits.select("symbol", "ex_date", "ratio"), on="symbol")
        .filter(pl.col("day") < pl.col("ex_date"))
        .group_by("symbol", "day")
        .agg(pl.col("ratio").cast(pl.Float64).product())
    )
    known = closes.join(later, on=["symbol", "day"], how="left", maintain_order="left")
    return known.select(
        "symbol",
        "day",
        close=pl.when(pl.col("ratio").is_null())
        .then("close")
        .otherwise(
            (pl.col("close").cast(pl.Float64) / pl.col("ratio")).cast(closes.schema["close"])
        ),
    )
