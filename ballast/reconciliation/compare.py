"""Compare the books with what the brokers report, for all accounts at once.

Outcomes: `matched`; the six discrepancies `missing_local`, `missing_broker`, `quantity_mismatch`, `cost_mismatch`,
`cash_mismatch`, `equity_mismatch`; `inconclusive` where the broker knows a fill that the books could not have seen
yet, or describes another session; `unavailable` where the broker could not be asked.
"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from ballast.money import AMOUNT
from ballast.reconciliation.availability import (
    of_another_session,
    states_of,
    unavailable,
    with_unasked,
)
from ballast.settings import ReconciliationSettings
from ballast.tables import Reconciliation, polars_schema

SEVERITY = {
    "matched": "none",
    "cost_mismatch": "info",
    "cash_mismatch": "warning",
    "equity_mismatch": "warning",
    "quantity_mismatch": "critical",
    "missing_local": "critical",
    "missing_broker": "critical",
    "inconclusive": "warning",
    "unavailable": "critical",
}

_EXPLANATION = {
    "matched": "Book and broker agree.",
    "cost_mismatch": "Average cost differs; usually fees or rounding. No action needed today.",
    "cash_mismatch": "Cash differs; look for a fee, dividend, interest or transfer not yet booked.",
    "equity_mismatch": "Account value differs; compare prices and the rows above.",
    "quantity_mismatch": "Quantities differ; a fill or corporate action may be missing.",
    "missing_local": "The broker holds it, the books do not; a fill may be missing.",
    "missing_broker": "The books hold it, the broker does not; it may have been closed there.",
    "inconclusive": "The broker knows a newer fill than the books; run again after the next import.",
    "unavailable": "The broker could not be asked; nothing is known about this account today.",
}

_OTHER_SESSION = "Book and broker describe different sessions; nothing follows from this figure."

# An account with one of these may not be planned.
BLOCKING_OUTCOMES = ("inconclusive", "unavailable")


def reconcile(
    positions: pl.DataFrame,
    broker_positions: pl.DataFrame,
    broker_balances: pl.DataFrame,
    broker_accounts: pl.DataFrame,
    latest_fills: dict[str, datetime],
    settings: ReconciliationSettings,
    session: date,
) -> pl.DataFrame:
    """Report every field of every key of both sides.

    Parameters
    ----------
    positions : pl.DataFrame
        `Positions` of the session: the books.
    broker_positions, broker_balances, broker_accounts : pl.DataFrame
        What the brokers report; rows of an unavailable account are ignored, and an account without a row in
        `broker_accounts` is unavailable.
    latest_fills : dict of str to datetime
        Newest fill in the books per account.
    session : date
        Session of both sides; a broker's answer as of another one is inconclusive.

    Returns
    -------
    pl.DataFrame
        `Reconciliation`.
    """
    accounts = states_of(
        with_unasked(broker_accounts, positions, broker_positions, broker_balances),
        latest_fills,
        session,
    )
    available = accounts.filter(pl.col("is_available"))
    asked = available.select("account_id")
    book = positions.join(asked, on="account_id", how="semi")
    held = _net_positions(broker_positions.join(asked, on="account_id", how="semi"))
    cash = broker_balances.join(asked, on="account_id", how="semi")

    compared = pl.concat(
        [
            _quantities(book, held, settings),
            _costs(book, held, settings),
            _cash(book, cash, settings),
            _equity(book, available, settings),
        ]
    )
    table = pl.concat(
        [
            _concluded(compared, available),
            of_another_session(accounts.filter(pl.col("is_of_another_session")), session),
            unavailable(accounts.filter(~pl.col("is_available"))),
        ]
    )
    table = table.with_columns(
        severity=pl.col("outcome").replace_strict(SEVERITY, return_dtype=pl.String),
        explanation=pl.coalesce(
            "explanation", pl.col("outcome").replace_strict(_EXPLANATION, return_dtype=pl.String)
        ),
    )
    return Reconciliation.validate(
        Reconciliation.cast(table.select(polars_schema(Reconciliation).names())).sort(
            "account_id", "item", "field"
        )
    )


def blocked_accounts(report: pl.DataFrame) -> dict[str, str]:
    """Return the accounts that may not be planned, with the reason in words."""
    stops = report.filter(
        (pl.col("severity") == "critical") | pl.col("outcome").is_in(BLOCKING_OUTCOMES)
    )
    reasons: dict[str, list[str]] = {}
    for row in stops.iter_rows(named=True):
        reasons.setdefault(row["account_id"], []).append(f"{row['item']} {row['outcome']}")
    return {account: ", ".join(sorted(set(found))) for account, found in sorted(reasons.items())}


def _concluded(compared: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Withhold judgement on differences beside a fill in flight, and on every figure of another session."""
    differs = pl.col("outcome") != "matched"
    withheld = pl.col("is_of_another_session") | (differs & pl.col("in_flight"))
    states = accounts.select("account_id", "in_flight", "is_of_another_session")
    return (
        compared.join(states, on="account_id", how="left", maintain_order="left")
        .with_columns(
            outcome=pl.when(withheld).then(pl.lit("inconclusive")).otherwise(pl.col("outcome")),
            explanation=pl.when(pl.col("is_of_another_session")).then(pl.lit(_OTHER_SESSION)),
        )
        .drop("in_flight", "is_of_another_session")
    )


def _net_positions(broker: pl.DataFrame) -> pl.DataFrame:
    """Net the rows in which a broker reports one position (lots, hedging); what nets to zero is not held."""
    quantity, price = pl.col("quantity"), pl.col("average_price")
    net = quantity.sum()
    # Null where nothing is left to divide by: Polars evaluates the branch that is not taken, too.
    weighted = (quantity * price).sum() / pl.when(net != 0).then(net)
    average = pl.when(price.is_not_null().all()).then(weighted)
    return (
        broker.group_by("account_id", item="symbol")
        .agg(
            broker_value=net,
            # One row keeps its price as it is; a division could move the last digit.
            broker_price=pl.when(pl.len() == 1).then(price.first()).otherwise(average),
        )
        .filter(pl.col("broker_value") != 0)
    )


def _quantities(
    book: pl.DataFrame, held: pl.DataFrame, settings: ReconciliationSettings
) -> pl.DataFrame:
    joined = _both_sides(
        book.filter(~pl.col("is_cash") & (pl.col("quantity") != 0)).select(
            "account_id", item="commodity", local_value="quantity"
        ),
        held.select("account_id", "item", "broker_value"),
    ).with_columns(tolerance=pl.lit(settings.quantity_tolerance).cast(AMOUNT))
    outcome = (
        # Before the missing sides, so that a growing difference never becomes less severe.
        pl.when(_difference().abs() <= pl.col("tolerance"))
        .then(pl.lit("matched"))
        .when(pl.col("local_value").is_null())
        .then(pl.lit("missing_local"))
        .when(pl.col("broker_value").is_null())
        .then(pl.lit("missing_broker"))
        .otherwise(pl.lit("quantity_mismatch"))
    )
    return _rows(joined, "quantity", outcome)


def _costs(
    book: pl.DataFrame, held: pl.DataFrame, settings: ReconciliationSettings
) -> pl.DataFrame:
    joined = (
        book.filter(~pl.col("is_cash"))
        .select("account_id", item="commodity", local_value="average_cost")
        .join(
            held.select("account_id", "item", broker_value="broker_price"),
            on=["account_id", "item"],
            how="inner",
        )
        .filter(pl.col("local_value").is_not_null() & pl.col("broker_value").is_not_null())
        .with_columns(
            tolerance=_larger_side() * pl.lit(settings.average_cost_tolerance).cast(AMOUNT)
        )
    )
    return _rows(joined, "average_cost", _beyond_tolerance("cost_mismatch"))


def _cash(
    book: pl.DataFrame, broker: pl.DataFrame, settings: ReconciliationSettings
) -> pl.DataFrame:
    # A broker that answered completely and names no balance in a currency says that it is zero.
    joined = _both_sides(
        book.filter(pl.col("is_cash")).select(
            "account_id", item="commodity", local_value="quantity"
        ),
        broker.select("account_id", item="currency", broker_value="balance"),
    ).with_columns(
        pl.col("local_value", "broker_value").fill_null(0),
        tolerance=pl.lit(settings.cash_tolerance).cast(AMOUNT),
    )
    return _rows(joined, "cash", _beyond_tolerance("cash_mismatch"))


def _equity(
    book: pl.DataFrame, accounts: pl.DataFrame, settings: ReconciliationSettings
) -> pl.DataFrame:
    # An account without any row in the books is worth nothing there; one with an unvalued row is worth an unknown sum.
    local = book.group_by("account_id").agg(
        local_value=pl.col("value_base").sum(),
        is_unknown=pl.col("value_base").is_null().any(),
    )
    joined = (
        accounts.select("account_id", item=pl.lit("account"), broker_value="equity")
        .join(local, on="account_id", how="left")
        .filter(~pl.col("is_unknown").fill_null(False) & pl.col("broker_value").is_not_null())
        .with_columns(pl.col("local_value").fill_null(0))
        .with_columns(tolerance=_larger_side() * pl.lit(settings.equity_tolerance).cast(AMOUNT))
    )
    return _rows(joined, "equity", _beyond_tolerance("equity_mismatch"))


def _both_sides(local: pl.DataFrame, broker: pl.DataFrame) -> pl.DataFrame:
    # One broker may report a balance in several rows; their net is what counts.
    key = ["account_id", "item"]
    net = broker.group_by(key).agg(pl.col("broker_value").sum())
    return local.join(net, on=key, how="full", coalesce=True)


def _difference() -> pl.Expr:
    return pl.col("broker_value").fill_null(0) - pl.col("local_value").fill_null(0)


def _larger_side() -> pl.Expr:
    return pl.max_horizontal(pl.col("local_value").abs(), pl.col("broker_value").abs())


def _beyond_tolerance(outcome: str) -> pl.Expr:
    return (
        pl.when(_difference().abs() > pl.col("tolerance"))
        .then(pl.lit(outcome))
        .otherwise(pl.lit("matched"))
    )


def _rows(joined: pl.DataFrame, field: str, outcome: pl.Expr) -> pl.DataFrame:
    return joined.select(
        "account_id",
        "item",
        field=pl.lit(field),
        outcome=outcome,
        local_value=pl.col("local_value").cast(AMOUNT),
        broker_value=pl.col("broker_value").cast(AMOUNT),
        difference=_difference().cast(AMOUNT),
        tolerance=pl.col("tolerance").cast(AMOUNT),
        explanation=pl.lit(None).cast(pl.String),
    )
