"""Holding terms by dates: long is more than one year, counted from the day after the acquisition."""

from __future__ import annotations

import polars as pl


def term(acquired_on: str, closed_on: str) -> pl.Expr:
    """Return "long" or "short" for two columns of dates, and "unknown" where the first is null.

    The period begins on the day after the acquisition and is longer than a year from the same day of the next year on;
    a period that begins on 29 February is so from 1 March (US Internal Revenue Code section 1222; Rev. Rul. 66-7).
    """
    begins = pl.col(acquired_on).dt.offset_by("1d")
    is_leap_day = (begins.dt.month() == 2) & (begins.dt.day() == 29)
    anniversary = begins.dt.offset_by("1y")
    long_from = pl.when(is_leap_day).then(anniversary.dt.offset_by("1d")).otherwise(anniversary)
    return (
        pl.when(pl.col(acquired_on).is_null())
        .then(pl.lit("unknown"))
        .when(pl.col(closed_on) >= long_from)
        .then(pl.lit("long"))
        .otherwise(pl.lit("short"))
    )
