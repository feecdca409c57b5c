"""What is compared of an account's money: cash per currency, and the value of the whole account."""

from __future__ import annotations

from functools import cache

import polars as pl

from ballast.money import approximate
from ballast.reconciliation.fields import KEY, beyond, finding, larger

# Accounts of this broker are known by their statements, which show every cent.
_STATEMENTS = "statements"


def compared_cash(
    book: pl.DataFrame, balances: pl.DataFrame, accounts: pl.DataFrame, tolerances: pl.DataFrame
) -> pl.DataFrame:
    """Return a finding for every currency of either side.

    Parameters
    ----------
    book : pl.DataFrame
        `Positions`.
    balances, accounts : pl.DataFrame
        `BrokerBalances`, possibly several rows per currency, and `BrokerAccounts`.
    tolerances : pl.DataFrame
        As `tolerance_table` returns it.
    """
    local = book.filter(pl.col("is_cash")).select(
        "account_id", item="commodity", local_value="quantity"
    )
    # One broker may report a balance in several rows; their net is what counts.
    broker = balances.group_by("account_id", item="currency").agg(
        broker_value=pl.col("balance").sum()
    )
    allowed = tolerances.join(accounts.select("account_id", "broker"), on="account_id").select(
        "account_id",
        tolerance=pl.when(pl.col("broker") == _STATEMENTS)
        .then("statement_cash_tolerance")
        .otherwise("cash_tolerance"),
    )
    # A broker that answered completely and names no balance in a currency says that it is zero.
    sides = (
        local.join(broker, on=KEY, how="full", coalesce=True)
        .with_columns(pl.col("local_value", "broker_value").fill_null(0))
        .join(allowed, on="account_id", how="left")
        .join(_rates(book), on=KEY, how="left")
        .join(_sizes(book, accounts), on="account_id", how="left")
    )
    return sides.select(_cash())


def compared_equity(
    book: pl.DataFrame, accounts: pl.DataFrame, tolerances: pl.DataFrame
) -> pl.DataFrame:
    """Return a finding for every account whose value is known on both sides."""
    is_known = ~pl.col("is_unknown").fill_null(False) & pl.col("equity").is_not_null()
    return (
        accounts.select("account_id", "equity", item=pl.lit("account"))
        .join(_equity(book), on="account_id", how="left")
        .filter(is_known)
        .with_columns(pl.col("local_equity").fill_null(0))
        .join(tolerances, on="account_id", how="left")
        .select(_account_value())
    )


@cache
def _cash() -> list[pl.Expr]:
    mine, yours = pl.col("local_value"), pl.col("broker_value")
    tolerance = pl.col("tolerance")
    in_base = approximate((yours - mine).abs()) * pl.col("rate")
    outcome = beyond(yours - mine, tolerance, "cash_mismatch")
    return finding(
        "cash",
        outcome,
        local=mine,
        broker=yours,
        tolerance=tolerance,
        share=in_base / pl.col("size"),
    )


@cache
def _account_value() -> list[pl.Expr]:
    mine, yours = pl.col("local_equity"), pl.col("equity")
    larger_side = larger(mine, yours)
    tolerance = larger_side * pl.col("equity_tolerance")
    outcome = beyond(yours - mine, tolerance, "equity_mismatch")
    share = approximate((yours - mine).abs()) / approximate(larger_side)
    return finding("equity", outcome, local=mine, broker=yours, tolerance=tolerance, share=share)


def _equity(book: pl.DataFrame) -> pl.DataFrame:
    # An account without any row in the books is worth nothing there; one with an unvalued row is worth an unknown sum.
    return book.group_by("account_id").agg(
        local_equity=pl.col("value_base").sum(),
        is_unknown=pl.col("value_base").is_null().any(),
    )


def _sizes(book: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Return what each account is worth by the side that says more; null where neither knows."""
    mine = pl.when(~pl.col("is_unknown")).then("local_equity")
    return (
        accounts.select("account_id", "equity")
        .join(_equity(book), on="account_id", how="left")
        .select("account_id", size=approximate(larger(mine, pl.col("equity"))))
    )


def _rates(book: pl.DataFrame) -> pl.DataFrame:
    """Return the rate from each currency of an account to its base, where the books valued something in it."""
    value, in_base = approximate(pl.col("value")), approximate(pl.col("value_base"))
    observed = book.filter((pl.col("value") != 0) & pl.col("value_base").is_not_null()).select(
        "account_id", item="currency", size=value.abs(), rate=in_base / value
    )
    known = observed.group_by(KEY).agg(pl.col("rate").sort_by("size", "rate").last())
    own = book.select("account_id", item="base_currency", rate=pl.lit(1.0)).unique()
    return pl.concat([own, known.join(own, on=KEY, how="anti")])
