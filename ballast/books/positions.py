"""The positions snapshot: quantities, cost and value as of the end of a session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from ballast.books.average_cost import Change, Holding, hold
from ballast.books.postings import without_reversed
from ballast.calendars import end_of_session
from ballast.money import ZERO, approximate
from ballast.tables import Positions, polars_schema

_KEY = ["account_id", "commodity"]


def known_postings(postings: pl.DataFrame, session: date) -> pl.DataFrame:
    """Return the postings that happened up to the end of a session."""
    return postings.filter(pl.col("occurred_at") < end_of_session(session))


def quantities(postings: pl.DataFrame) -> pl.DataFrame:
    """Sum the postings per account and commodity; what sums to zero is not held."""
    return (
        postings.group_by(_KEY).agg(pl.col("quantity").sum()).filter(pl.col("quantity") != 0)
    ).sort(_KEY)


def holdings(postings: pl.DataFrame, symbols: set[str]) -> dict[tuple[str, str], Holding]:
    """Return quantity and average-cost basis per account and security.

    Parameters
    ----------
    postings : pl.DataFrame
        `Postings` up to the moment of interest.
    symbols : set of str
        The securities among the commodities; the rest is cash.
    """
    standing = without_reversed(postings)
    paid = standing.filter(pl.col("kind") == "commission").group_by("transaction_id", "commodity")
    fees = {
        (transaction, currency): -quantity
        for transaction, currency, quantity in paid.agg(pl.col("quantity").sum()).iter_rows()
    }
    changes: dict[tuple[str, str], list[Change]] = {}
    ordered = standing.filter(pl.col("commodity").is_in(sorted(symbols))).sort(
        "occurred_at", "posting_id"
    )
    for row in ordered.iter_rows(named=True):
        change = Change(
            quantity=row["quantity"],
            price=row["unit_cost"],
            # A fee in another currency than the price is booked, but is no part of the basis.
            fee=fees.get((row["transaction_id"], row["cost_currency"]), ZERO),
            is_split=row["kind"] == "split",
        )
        changes.setdefault((row["account_id"], row["commodity"]), []).append(change)
    return {key: hold(list_of_changes) for key, list_of_changes in changes.items()}


def positions_snapshot(
    postings: pl.DataFrame,
    securities: pl.DataFrame,
    prices: pl.DataFrame,
    rates: pl.DataFrame,
    base_currencies: Mapping[str, str],
    session: date,
) -> pl.DataFrame:
    """Value every position and cash balance as of the end of a session.

    Parameters
    ----------
    postings : pl.DataFrame
        `Postings`; later ones are ignored.
    securities, prices, rates : pl.DataFrame
        `Securities`, `Prices` and `ExchangeRates` of the session.
    base_currencies : mapping of str to str
        Base currency per account; postings of other accounts are left out.

    Returns
    -------
    pl.DataFrame
        `Positions`. A security without a price has null value; then no weight of its account is known.
    """
    known = known_postings(postings, session).filter(
        pl.col("account_id").is_in(sorted(base_currencies))
    )
    symbols = set(securities["symbol"])
    held = holdings(known, symbols)
    nothing_known = Holding(basis=None)
    rows = [
        {
            "account_id": account,
            "commodity": commodity,
            "quantity": quantity,
            "is_cash": commodity not in symbols,
            "cost_basis": held.get((account, commodity), nothing_known).basis,
            "average_cost": held.get((account, commodity), nothing_known).average,
            "base_currency": base_currencies[account],
        }
        for account, commodity, quantity in quantities(known).iter_rows()
    ]
    wanted = polars_schema(Positions)
    names = (
        "account_id", "commodity", "quantity", "is_cash", "cost_basis", "average_cost",
        "base_currency",
    )  # fmt: skip
    frame = pl.DataFrame(rows, schema={name: wanted[name] for name in names})
    return _valued(frame, securities, prices, rates)


def _valued(
    frame: pl.DataFrame, securities: pl.DataFrame, prices: pl.DataFrame, rates: pl.DataFrame
) -> pl.DataFrame:
    # A security that the prices do not list yet has an unknown value, in its own currency.
    quoted = securities.select("symbol", quoted_in="currency").join(
        prices.select("symbol", "price", "price_session", "is_stale"), on="symbol", how="left"
    )
    to_base = rates.select(currency="from_currency", base_currency="to_currency", rate="rate")
    cash = pl.col("is_cash")
    valued = (
        frame.join(
            quoted, left_on="commodity", right_on="symbol", how="left", maintain_order="left"
        )
        .with_columns(
            currency=pl.when(cash).then(pl.col("commodity")).otherwise(pl.col("quoted_in")),
            value=pl.when(cash)
            .then(pl.col("quantity"))
            .otherwise(pl.col("quantity") * pl.col("price")),
            is_price_stale=pl.when(cash).then(False).otherwise(pl.col("is_stale").fill_null(True)),
        )
        .join(to_base, on=["currency", "base_currency"], how="left", maintain_order="left")
        .with_columns(
            unrealised_gain=pl.col("value") - pl.col("cost_basis"),
            value_base=(pl.col("value") * pl.col("rate")).round(8),
        )
    )
    share = approximate(pl.col("value_base"))
    all_known = pl.col("value_base").is_not_null().all().over("account_id")
    total = share.sum().over("account_id")
    valued = valued.with_columns(
        weight=pl.when(all_known & (total > 0)).then(share / total).otherwise(None)
    )
    return Positions.validate(
        Positions.cast(valued.select(polars_schema(Positions).names())).sort(_KEY)
    )


def account_values(positions: pl.DataFrame) -> pl.DataFrame:
    """Return value and cash in base currency per account; null when any part is unknown."""
    value = pl.col("value_base")
    known = value.is_not_null().all()
    cash = value.filter(pl.col("is_cash"))
    return (
        positions.group_by("account_id")
        .agg(
            pl.col("base_currency").first(),
            value_base=pl.when(known).then(value.sum()).otherwise(None),
            cash_base=pl.when(cash.is_not_null().all()).then(cash.sum()).otherwise(None),
        )
        .sort("account_id")
    )
