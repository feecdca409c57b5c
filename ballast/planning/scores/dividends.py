"""What the dividends of each security say: yield, growth, cuts, and a score of their history.

Amounts are in shares of the session. A span that the history does not cover says nothing: its yield is null, and zero
only where a covered span had no dividend. A history ends with its last bar. Nothing is said of a security whose closes
contain its dividends.

- dividend yield = dividends of the last 365 days / newest close;
- five-year average yield = dividends of the last 5 × 365 days / 5 / mean close of that time;
- history: dividends per calendar year, complete and covered, from the first that had any.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from ballast.market.history import adjusted_for_splits
from ballast.money import approximate
from ballast.tables import Bars, polars_schema

_YEAR_DAYS, _YEARS = 365, 5
# A history that begins within the first days of a year, or ends within its last ones, covers it.
_LAST_FIRST_DAY, _FIRST_LAST_DAY = 7, 25
_CUT = -0.20
_EMPTY_HISTORY = pl.Schema(
    {
        "symbol": pl.String,
        "dividend_growth": pl.Float64,
        "years": pl.Int64,
        "years_since_cut": pl.Int64,
    }
)


def dividend_metrics(prices: pl.DataFrame, actions: pl.DataFrame, session: date) -> pl.DataFrame:
    """Measure the dividends of every security.

    Parameters
    ----------
    prices : pl.DataFrame
        `price_metrics` of the session.
    actions : pl.DataFrame
        `CorporateActions`; later ones are ignored.
    session : date
        The session asked for.

    Returns
    -------
    pl.DataFrame
        symbol, dividend_yield, five_year_average_yield, dividend_growth, years_since_cut, dividend_quality; one row per
        row of `prices`, in its order.
    """
    plain = prices.filter(~pl.col("includes_dividends"))
    paid = dividends_in_shares_of(actions, session).join(plain.select("symbol"), on="symbol")
    age = (pl.lit(session) - pl.col("ex_date")).dt.total_days()
    sums = paid.group_by("symbol").agg(
        of_year=pl.col("amount").filter(age < _YEAR_DAYS).sum(),
        of_years=pl.col("amount").filter(age < _YEARS * _YEAR_DAYS).sum(),
    )
    covered_days = (pl.lit(session) - pl.col("first_session")).dt.total_days() + 1
    is_open = ~pl.col("includes_dividends")
    yields = (
        prices.select("symbol", "close", "mean_close_5y", "first_session", "includes_dividends")
        .join(sums, on="symbol", how="left", maintain_order="left")
        .with_columns(
            dividend_yield=pl.when(is_open & (covered_days >= _YEAR_DAYS)).then(
                pl.col("of_year").fill_null(0.0) / pl.col("close")
            ),
            five_year_average_yield=pl.when(is_open & (covered_days >= _YEARS * _YEAR_DAYS)).then(
                pl.col("of_years").fill_null(0.0) / _YEARS / pl.col("mean_close_5y")
            ),
        )
    )
    return (
        yields.join(_history(paid, plain, session), on="symbol", how="left", maintain_order="left")
        .with_columns(dividend_quality=_quality())
        .select(
            "symbol", "dividend_yield", "five_year_average_yield", "dividend_growth",
            "years_since_cut", "dividend_quality",
        )
    )  # fmt: skip


def dividends_in_shares_of(actions: pl.DataFrame, session: date) -> pl.DataFrame:
    """Return symbol, ex_date and amount of the dividends up to a session, per share of the session, oldest first.

    A dividend of the day of a split is already in new shares.
    """
    paid = actions.filter((pl.col("kind") == "dividend") & (pl.col("ex_date") <= session)).select(
        "symbol", session="ex_date", close=approximate(pl.col("amount"))
    )
    # A dividend is restated as a price is.
    quoted = paid.match_to_schema(polars_schema(Bars), missing_columns="insert")
    restated = adjusted_for_splits(quoted, actions, session)
    return restated.select("symbol", ex_date="session", amount="close")


def _history(paid: pl.DataFrame, prices: pl.DataFrame, session: date) -> pl.DataFrame:
    """Return growth, number of years, and years since the last cut, of all that ever paid in a covered year."""
    last_year = session.year if (session.month, session.day) == (12, 31) else session.year - 1
    first_day, last_day = pl.col("first_session"), pl.col("last_session")
    ends_early = (last_day.dt.month() < 12) | (last_day.dt.day() < _FIRST_LAST_DAY)
    last_covered = pl.min_horizontal(
        pl.lit(last_year, pl.Int32), last_day.dt.year() - ends_early.cast(pl.Int32)
    )
    begins_late = (first_day.dt.month() > 1) | (first_day.dt.day() > _LAST_FIRST_DAY)
    covered = prices.select(
        "symbol",
        year=pl.int_ranges(first_day.dt.year() + begins_late.cast(pl.Int32), last_covered + 1),
    ).explode("year", empty_as_null=False, keep_nulls=False)
    per_year = paid.group_by("symbol", year=pl.col("ex_date").dt.year().cast(pl.Int64)).agg(
        pl.col("amount").sum()
    )
    years = (
        covered.join(per_year, on=["symbol", "year"], how="left")
        .with_columns(pl.col("amount").fill_null(0.0))
        .sort("symbol", "year")
        .filter((pl.col("amount").cum_max() > 0).over("symbol"))
    )
    if years.is_empty():
        return pl.DataFrame(schema=_EMPTY_HISTORY)
    amount, before = pl.col("amount"), pl.col("amount").shift(1)
    is_cut = (before > 0) & (amount / before - 1 < _CUT)
    last_cut = pl.col("year").filter(is_cut).last()
    apart = pl.len() - 1
    return years.group_by("symbol", maintain_order=True).agg(
        dividend_growth=pl.when(apart > 0).then(
            (amount.last() / amount.first()).pow(1.0 / apart.cast(pl.Float64)) - 1
        ),
        years=pl.len().cast(pl.Int64),
        years_since_cut=(pl.col("year").last() - last_cut + 1).cast(pl.Int64),
    )


def _quality() -> pl.Expr:
    """Score the history: 0.5, less for a cut, more for years without one, growth, and a yield above its own average."""
    years, cut, growth = pl.col("years"), pl.col("years_since_cut"), pl.col("dividend_growth")
    penalty = (
        pl.when(cut.is_null()).then(0.0).when(cut <= 2).then(0.40)
        .when(cut <= 5).then(0.25).otherwise(0.10)
    )  # fmt: skip
    steadiness = (
        pl.when(cut.is_not_null()).then(0.0).when(years >= 5).then(0.15)
        .when(years >= 3).then(0.10).otherwise(0.0)
    )  # fmt: skip
    growing = (
        pl.when(growth >= 0.05).then(0.30).when(growth >= 0.02).then(0.20)
        .when(growth >= 0.0).then(0.10).otherwise(0.0)
    )  # fmt: skip
    relative = pl.col("dividend_yield") / pl.col("five_year_average_yield")
    generous = (
        pl.when(pl.col("five_year_average_yield") <= 0).then(0.0)
        .when(relative >= 1.5).then(0.30).when(relative >= 1.0).then(0.15).otherwise(0.0)
    )  # fmt: skip
    score = (0.5 - penalty + steadiness + growing + generous).clip(0.0, 1.0)
    return pl.when(years.is_not_null()).then(score)
