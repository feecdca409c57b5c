"""Assigned and exercised options: what the option gained or lost becomes part of the price of the stock.

The option itself realises nothing (US Internal Revenue Service, Publication 550, "Options"). Options name their
underlying in front: "ABC 21JUN24 40 P". One that was settled in cash has no trade of the stock beside it, and realises
its gain like any other.
"""

from __future__ import annotations

import polars as pl

_EXERCISES = ("assignment", "exercise")
_PAIR = ["account_id", "occurred_at", "underlying"]


def exercised(events: pl.DataFrame) -> pl.DataFrame:
    """Pair the options that were exercised with the trades of their stock.

    Parameters
    ----------
    events : pl.DataFrame
        As `lot_events` returns them.

    Returns
    -------
    pl.DataFrame
        option and stock (posting ids) and `at`, the row of the earlier of the two. An option whose stock was traded for
        several options at one moment is left out.
    """
    rows = events.with_row_index("at").filter(pl.col("kind").is_in(_EXERCISES))
    named = rows.with_columns(underlying=pl.col("symbol").str.split(" ").list.first())
    is_option = pl.col("symbol") != pl.col("underlying")
    options = named.filter(is_option).filter(pl.len().over(_PAIR) == 1)
    stocks = named.filter(~is_option).filter(pl.len().over(_PAIR) == 1)
    return (
        options.join(stocks, on=_PAIR, suffix="_of_stock")
        .select(
            option="posting_id",
            stock="posting_id_of_stock",
            at=pl.min_horizontal("at", "at_of_stock"),
        )
        .sort("at")
    )


def gain_of(matches: pl.DataFrame) -> pl.DataFrame:
    """Return what the lots of an exercised option gained: one row, null where a lot's basis is unknown."""
    gained = pl.col("closing_amount") - pl.col("lot_amount")
    signed = pl.when("is_short_sale").then(-gained).otherwise(gained)
    is_known = signed.is_not_null().all() & (pl.len() > 0)
    return matches.select(gain=pl.when(is_known).then(signed.sum()))


def without_gain(matches: pl.DataFrame) -> pl.DataFrame:
    """Close the lots of an exercised option at what they cost."""
    return matches.with_columns(closing_amount=pl.col("lot_amount"))


def repriced(events: pl.DataFrame, stock: str, gain: pl.DataFrame) -> pl.DataFrame:
    """Take the gain of an option off what was paid for its stock, or add it to what the stock brought."""
    value = pl.lit(gain["gain"])
    moved = pl.when(pl.col("quantity") > 0).then(-value).otherwise(value)
    amount = pl.when(pl.col("posting_id") == stock).then(pl.col("amount") + moved)
    other = pl.when(pl.col("posting_id") != stock).then(pl.col("amount"))
    return events.with_columns(amount=pl.coalesce(amount, other).cast(events.schema["amount"]))
