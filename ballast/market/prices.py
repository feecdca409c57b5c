"""The price of every security as of a session, with its age."""

from __future__ import annotations

from datetime import date

import polars as pl

from ballast.calendars import TradingCalendars
from ballast.money import exact_column
from ballast.tables import Prices


def latest_prices(
    bars: pl.DataFrame,
    securities: pl.DataFrame,
    calendars: TradingCalendars,
    session: date,
    *,
    stale_limit: int,
) -> pl.DataFrame:
    """Return the last known close of every security.

    Parameters
    ----------
    bars : pl.DataFrame
        `Bars` as of the session.
    securities : pl.DataFrame
        `Securities`.
    stale_limit : int
        A price older than this many sessions of its exchange blocks planning.

    Returns
    -------
    pl.DataFrame
        `Prices`, one row per security; a security never quoted has a null price.
    """
    last = (
        bars.sort("symbol", "session")
        .group_by("symbol", maintain_order=True)
        .last()
        .select(
            "symbol",
            price=exact_column(pl.col("close")),
            price_session="session",
        )
    )
    joined = securities.select("symbol", "currency", "exchange").join(last, on="symbol", how="left")
    ages = [
        None if observed is None else calendars.sessions_since(exchange, observed, session)
        for exchange, observed in joined.select("exchange", "price_session").iter_rows()
    ]
    age = pl.col("sessions_old")
    prices = joined.with_columns(sessions_old=pl.Series(ages, dtype=pl.Int64)).with_columns(
        is_stale=age.fill_null(1) > 0, blocks_planning=age.fill_null(stale_limit + 1) > stale_limit
    )
    return Prices.validate(Prices.cast(prices.sort("symbol")))
