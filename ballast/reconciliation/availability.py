"""Whether the brokers answered, and whether their answers describe what the books describe."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from ballast.money import AMOUNT


def with_unasked(broker_accounts: pl.DataFrame, *sides: pl.DataFrame) -> pl.DataFrame:
    """Add the accounts that have rows on either side but no word on whether their broker answered."""
    seen = pl.concat([side.select("account_id") for side in sides]).unique()
    unasked = seen.join(broker_accounts, on="account_id", how="anti").with_columns(
        is_available=pl.lit(False), detail=pl.lit("it was not asked")
    )
    return pl.concat([broker_accounts, unasked], how="diagonal")


def states_of(
    accounts: pl.DataFrame, latest_fills: dict[str, datetime], session: date
) -> pl.DataFrame:
    """Add whether the broker knows a fill that the books do not, and whether it describes another session."""
    local = pl.DataFrame(
        {"account_id": list(latest_fills), "local_fill_at": list(latest_fills.values())},
        schema={"account_id": pl.String, "local_fill_at": pl.Datetime("us", "UTC")},
    )
    newest, imported = pl.col("latest_fill_at"), pl.col("local_fill_at")
    return accounts.join(local, on="account_id", how="left").with_columns(
        in_flight=newest.is_not_null() & (imported.is_null() | (newest > imported)),
        is_of_another_session=pl.col("is_available") & (pl.col("asked_as_of") != session),
    )


def unavailable(accounts: pl.DataFrame) -> pl.DataFrame:
    """Return the one row of each account whose broker could not be asked."""
    explanation = pl.format(
        "The broker could not be asked: {}. This does not mean that the account is empty.",
        pl.col("detail").fill_null("no reason given"),
    )
    return _of_the_account(accounts, "unavailable", explanation)


def of_another_session(accounts: pl.DataFrame, session: date) -> pl.DataFrame:
    """Return a row for each account whose broker answered for another session."""
    explanation = pl.format(
        "The broker's answer describes {}, not {}; ask again.",
        pl.col("asked_as_of"),
        pl.lit(session),
    )
    return _of_the_account(accounts, "inconclusive", explanation)


def _of_the_account(accounts: pl.DataFrame, outcome: str, explanation: pl.Expr) -> pl.DataFrame:
    nothing = pl.lit(None).cast(AMOUNT)
    return accounts.select(
        "account_id",
        item=pl.lit("account"),
        field=pl.lit("availability"),
        outcome=pl.lit(outcome),
        local_value=nothing,
        broker_value=nothing,
        difference=nothing,
        tolerance=nothing,
        explanation=explanation,
    )
