"""Fundamental figures and opinions as known on a session: the newest of each, unless it is too old."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from ballast.money import approximate

# Ratios are shares (0.12 is 12 %), debt to equity is in percent, recommendation from 1, strong buy, to 5, strong sell;
# the price target is in the quotation currency, per share of the day on which it was known.
METRICS = (
    "trailing_pe", "forward_pe", "profit_margin", "debt_to_equity", "current_ratio",
    "payout_ratio", "recommendation", "target_price",
)  # fmt: skip
# Between which values a figure is possible; the others may be anything that is a number.
POSSIBLE = {
    "current_ratio": (0.0, float("inf")),
    "recommendation": (1.0, 5.0),
    "target_price": (1e-9, float("inf")),
}


def fundamentals_as_of(
    fundamentals: pl.DataFrame, actions: pl.DataFrame, session: date, *, oldest_days: int
) -> pl.DataFrame:
    """Return a column per metric, null where it is unknown or too old.

    Parameters
    ----------
    fundamentals : pl.DataFrame
        `Fundamentals`, in any order; later ones are ignored.
    actions : pl.DataFrame
        `CorporateActions`; a price target from before a split is divided by its ratio.
    session : date
        The session asked for.
    oldest_days : int
        Age in calendar days from which on a figure counts as missing, exclusive.

    Returns
    -------
    pl.DataFrame
        symbol and `METRICS`, with price_earnings in the place of its two parts: their mean where the expected one is
        positive, else the trailing one; one row per symbol of which anything is known, sorted.
    """
    newest = (
        newest_known(fundamentals, session)
        .filter(pl.col("known_on") >= session - timedelta(days=oldest_days))
        .with_columns(approximate(pl.col("value")))
    )
    targets = _in_shares_of(newest.filter(pl.col("metric") == "target_price"), actions, session)
    others = newest.filter(pl.col("metric") != "target_price").select(targets.columns)
    known = pl.concat([others, targets])

    def figure(name: str) -> pl.Expr:
        return pl.col("value").filter(pl.col("metric") == name).first().alias(name)

    table = known.sort("symbol", "metric").group_by("symbol", maintain_order=True)
    wide = table.agg(figure(name) for name in METRICS)
    trailing, forward = pl.col("trailing_pe"), pl.col("forward_pe")
    price_earnings = (
        pl.when(~(forward > 0).fill_null(False))
        .then(trailing)
        .when(trailing.is_null())
        .then(forward)
        .when(trailing > 0)
        .then((trailing + forward) / 2)
        .otherwise(trailing)
    )
    return wide.with_columns(price_earnings=price_earnings).drop("trailing_pe", "forward_pe")


def newest_known(fundamentals: pl.DataFrame, session: date) -> pl.DataFrame:
    """Return the newest value of every figure that was known at the end of a session, sorted."""
    return (
        fundamentals.filter(pl.col("known_on") <= session)
        .sort("symbol", "metric", "known_on")
        .unique(["symbol", "metric"], keep="last", maintain_order=True)
    )


def _in_shares_of(targets: pl.DataFrame, actions: pl.DataFrame, session: date) -> pl.DataFrame:
    """Divide targets by the splits after the day on which they were known."""
    splits = actions.filter((pl.col("kind") == "split") & (pl.col("ex_date") <= session))
    later = (
        targets.select("symbol", "known_on")
        .join(splits, on="symbol")
        .filter(pl.col("ex_date") > pl.col("known_on"))
        .group_by("symbol")
        .agg(factor=pl.col("ratio").cast(pl.Float64).product())
    )
    return targets.join(later, on="symbol", how="left", maintain_order="left").select(
        "symbol", "metric", value=pl.col("value") / pl.col("factor").fill_null(1.0)
    )
