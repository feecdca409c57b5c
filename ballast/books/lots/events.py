"""From postings to what the matching loop works on: one event per change of a security, in scaled integers."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from ballast.books.lots import kernel
from ballast.books.postings import without_reversed
from ballast.calendars import local_dates
from ballast.money import AMOUNT

# Kinds that bring or take units by lots; what they realise is said by `REALISING`.
_TRADES = (
    "trade", "cash_in_lieu", "assignment", "exercise", "expiry", "transfer", "adjustment",
)  # fmt: skip
REALISING = ("trade", "cash_in_lieu", "assignment", "exercise", "expiry", "return_of_capital")
CONVERSIONS = ("merger", "symbol_change", "spin_off")
_OPERATIONS = {
    **dict.fromkeys(_TRADES, kernel.TRADE),
    **dict.fromkeys(CONVERSIONS, kernel.CARRIED),
    "split": kernel.SPLIT,
    "basis_restatement": kernel.RESTATEMENT,
    "return_of_capital": kernel.RETURN_OF_CAPITAL,
}
_UNKNOWN = pl.lit(None, dtype=AMOUNT)


def lot_events(postings: pl.DataFrame, exchanges: Mapping[str, str]) -> pl.DataFrame:
    """Return the changes of securities, in order of time.

    Parameters
    ----------
    postings : pl.DataFrame
        `Postings` up to the moment of interest; those that were reversed are left out.
    exchanges : mapping of str to str
        Exchange (MIC) per security; other commodities are cash.

    Returns
    -------
    pl.DataFrame
        posting_id, account_id, symbol, kind, operation, occurred_at, traded_on, acquired_on, quantity, amount (paid or
        received for all units, with the fee in the same currency; null when unknown), currency, concerns, basis_share,
        chosen_lot.
    """
    standing = without_reversed(postings)
    fees = (
        standing.filter(pl.col("kind") == "commission")
        .group_by("transaction_id", cost_currency="commodity")
        .agg(fee=-pl.col("quantity").sum())
    )
    is_security = pl.col("commodity").is_in(sorted(exchanges))
    returned = (pl.col("kind") == "return_of_capital") & pl.col("concerns").is_in(sorted(exchanges))
    listed = pl.DataFrame(
        {"symbol": list(exchanges), "exchange": list(exchanges.values())},
        schema={"symbol": pl.String, "exchange": pl.String},
    )
    kind = pl.col("kind").cast(pl.String)
    # A fee makes a purchase dearer and a sale bring less; in another currency it is no part of either.
    fee = pl.col("fee").fill_null(0)
    paid = pl.coalesce(
        "counter_value", (pl.col("quantity").abs() * pl.col("unit_cost")).cast(AMOUNT)
    )
    stated = pl.when(pl.col("quantity") > 0).then(paid + fee).otherwise(paid - fee)
    amount = (
        pl.when(returned)
        .then(pl.col("quantity"))
        .when(kind.is_in(["split", *CONVERSIONS]))
        .then(_UNKNOWN)
        .when(kind == "basis_restatement")
        .then(pl.col("counter_value"))
        .otherwise(stated)
    )
    return (
        standing.filter((is_security & kind.is_in(list(_OPERATIONS))) | returned)
        .join(fees, on=["transaction_id", "cost_currency"], how="left", maintain_order="left")
        .with_columns(
            kind=kind,
            operation=kind.replace_strict(_OPERATIONS, return_dtype=pl.Int64),
            symbol=pl.when(returned).then(pl.col("concerns")).otherwise(pl.col("commodity")),
            currency=pl.when(returned)
            .then(pl.col("commodity"))
            .otherwise(pl.col("cost_currency")),
            amount=amount.cast(AMOUNT),
            quantity=pl.when(returned).then(pl.lit(0, dtype=AMOUNT)).otherwise(pl.col("quantity")),
        )
        .join(listed, on="symbol", how="left", maintain_order="left")
        .with_columns(traded_on=local_dates("occurred_at", "exchange"))
        .select(
            "posting_id", "transaction_id", "account_id", "symbol", "kind", "operation",
            "occurred_at", "traded_on", "acquired_on", "quantity", "amount", "currency",
            "concerns", "basis_share", "chosen_lot",
        )
        # What a split leaves over is paid out at the same moment, so the split comes first.
        .sort("occurred_at", pl.col("kind") != "split", "posting_id")
    )  # fmt: skip
