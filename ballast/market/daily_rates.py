"""Exchange rates into one currency for many sessions at once.

For each session the same rate as `cross_rates` gives it alone, except that a missing one is null here: one currency
without a fixing must not hide the value of everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from ballast.money import RATE
from ballast.tables import polars_schema
from ballast.tables.performance import DailyRates

_EURO = "EUR"


def daily_rates(
    reference: pl.DataFrame,
    currencies: Sequence[str],
    base_currency: str,
    sessions: Sequence[date],
    *,
    age_limit: int,
) -> pl.DataFrame:
    """Return what one unit of each currency is worth in the base currency on every session.

    Parameters
    ----------
    reference : pl.DataFrame
        `ReferenceRates`: units per euro.
    currencies : sequence of str
        Currencies to convert from.
    base_currency : str
        Currency to convert to.
    sessions : sequence of date
        Ascending.
    age_limit : int
        Oldest usable fixing, in calendar days before the session.

    Returns
    -------
    pl.DataFrame
        `DailyRates`, one row per session and currency; `rate` = per euro of the base / per euro of the currency, both
        the newest fixings up to the session, rounded to twelve decimals. The base currency is worth one.
    """
    wanted = sorted(set(currencies))
    days = pl.DataFrame({"session": pl.Series(sessions, dtype=pl.Date)})
    fixings = _fixings(reference, sorted({*wanted, base_currency}), days, age_limit)
    base = fixings.filter(pl.col("currency") == base_currency).select(
        "session", base_per_euro="per_euro", base_date="rate_date"
    )
    is_base = pl.col("currency") == base_currency
    table = (
        fixings.filter(pl.col("currency").is_in(wanted))
        .join(base, on="session", how="left", maintain_order="left")
        .select(
            "session",
            "currency",
            rate=pl.when(is_base)
            .then(pl.lit(1).cast(RATE))
            .otherwise(pl.col("base_per_euro") / pl.col("per_euro")),
            # The older of the two; null when either is.
            rate_date=pl.when(is_base)
            .then(pl.col("session"))
            .when(pl.col("rate_date") < pl.col("base_date"))
            .then(pl.col("rate_date"))
            .when(pl.col("rate_date").is_not_null())
            .then(pl.col("base_date")),
        )
    )
    return DailyRates.cast(table.select(polars_schema(DailyRates).names()))


def _fixings(
    reference: pl.DataFrame, currencies: list[str], days: pl.DataFrame, age_limit: int
) -> pl.DataFrame:
    """Return the newest usable fixing of every currency on every session; null where there is none."""
    usable = (
        reference.filter((pl.col("per_euro") > 0) & (pl.col("currency") != _EURO))
        .unique(["currency", "rate_date"], keep="last", maintain_order=True)
        .select("currency", "rate_date", pl.col("per_euro").cast(RATE))
        .sort("rate_date")
    )
    grid = days.join(pl.DataFrame({"currency": currencies}), how="cross")
    found = grid.join_asof(
        usable,
        left_on="session",
        right_on="rate_date",
        by="currency",
        tolerance=f"{age_limit}d",
        check_sortedness=False,
    )
    is_euro = pl.col("currency") == _EURO
    return found.with_columns(
        per_euro=pl.when(is_euro).then(pl.lit(1).cast(RATE)).otherwise(pl.col("per_euro")),
        rate_date=pl.when(is_euro).then(pl.col("session")).otherwise(pl.col("rate_date")),
    )
