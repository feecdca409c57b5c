"""The positions snapshot: quantities, cost and value as of the end of a session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from ballast.calendars import end_of_session
from ballast.money import approximate
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


def positions_snapshot(
    postings: pl.DataFrame,
    lots: pl.DataFrame,
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
    lots : pl.DataFrame
        `TaxLots` of the session, which say what each position cost.
    securities, prices, rates : pl.DataFrame
        `Securities`, `Prices` and `ExchangeRates` of the session.
    base_currencies : mapping of str to str
        Base currency per account; postings of other accounts are left out.

    Returns
    -------
    pl.DataFrame
        `Positions`. A security without a price has null value; then no weight of its account is known. What was paid in
        another currency than that of the quotation has null cost and gain.
    """
    known = known_postings(postings, session).filter(
        pl.col("account_id").is_in(sorted(base_currencies))
    )
    listed = pl.DataFrame(
        {"account_id": list(base_currencies), "base_currency": list(base_currencies.values())},
        schema={"account_id": pl.String, "base_currency": pl.String},
    )
    owned = (
        quantities(known)
        .join(listed, on="account_id", maintain_order="left")
        .with_columns(is_cash=~pl.col("commodity").is_in(securities["symbol"].implode()))
        .join(_bases(lots, securities), on=_KEY, how="left", maintain_order="left")
        .with_columns(average_cost=pl.col("cost_basis") / pl.col("quantity"))
    )
    return _valued(owned, securities, prices, rates)


def _bases(lots: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """Add up what the lots of a position cost; null where one is unknown or not in the currency of the quotation."""
    basis = pl.col("cost_basis")
    quoted = securities.select("symbol", quoted_in="currency")
    is_quoted = (pl.col("currency") == pl.col("quoted_in")).fill_null(False)
    is_known = (basis.is_not_null() & is_quoted).all()
    return (
        lots.join(quoted, on="symbol", how="left", maintain_order="left")
        .group_by("account_id", commodity="symbol")
        .agg(cost_basis=pl.when(is_known).then(basis.sum()))
    )


def _valued(
    frame: pl.DataFrame, securities: pl.DataFrame, prices: pl.DataFrame, rates: pl.DataFrame
) -> pl.DataFrame:
    # A security that the prices do not list yet has an unknown value, in its own currency.
    quoted = securities.select("symbol", "multiplier", quoted_in="currency").join(
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
            .otherwise(pl.col("quantity") * pl.col("price") * pl.col("multiplier")),
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
