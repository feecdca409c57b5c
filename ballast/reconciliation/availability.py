"""Whether the brokers answered, whether for this session, and what is still on its way between the two sides."""

from __future__ import annotations

from datetime import date

import polars as pl

from ballast.reconciliation.fields import KEY, finding
from ballast.tables import BrokerAccounts

ACCOUNT = "account"
_OTHER_SESSION = "Book and broker describe different sessions; nothing follows from this figure."


def accounts_of(broker_accounts: pl.DataFrame, session: date, *sides: pl.DataFrame) -> pl.DataFrame:
    """Return every account of any side, and whether its broker described another session.

    Accounts that have rows on a side but no word on whether their broker answered were not asked.

    Parameters
    ----------
    broker_accounts : pl.DataFrame
        `BrokerAccounts`.
    sides : pl.DataFrame
        Anything with an account_id.
    """
    asked = broker_accounts.lazy().select(BrokerAccounts.column_names()).unique()
    seen = pl.concat([side.lazy().select("account_id") for side in sides]).unique()
    not_asked = pl.col("is_available").is_null()
    return (
        asked.join(seen, on="account_id", how="full", coalesce=True)
        .with_columns(
            pl.col("is_available", "reports_lots").fill_null(False),
            detail=pl.when(not_asked).then(pl.lit("it was not asked")).otherwise("detail"),
        )
        .with_columns(
            is_of_another_session=pl.col("is_available") & (pl.col("asked_as_of") != session)
        )
        .collect()
    )


def unavailable(accounts: pl.DataFrame) -> pl.DataFrame:
    """Return the one finding of each account whose broker could not be asked."""
    explanation = pl.format(
        "The broker could not be asked: {}. This does not mean that the account is empty.",
        pl.col("detail").fill_null("no reason given"),
    )
    return _of_the_account(accounts.filter(~pl.col("is_available")), "unavailable", explanation)


def of_another_session(accounts: pl.DataFrame, session: date) -> pl.DataFrame:
    """Return a finding for each account whose broker answered for another session."""
    explanation = pl.format(
        "The broker's answer describes {}, not {}; ask again.",
        pl.col("asked_as_of"),
        pl.lit(session),
    )
    return _of_the_account(
        accounts.filter(pl.col("is_of_another_session")), "inconclusive", explanation
    )


def withhold(
    findings: pl.DataFrame, accounts: pl.DataFrame, in_flight: pl.DataFrame
) -> pl.DataFrame:
    """Judge neither what differs beside an execution on its way, nor any figure of another session.

    Parameters
    ----------
    findings : pl.DataFrame
        account_id, item, outcome, explanation and more.
    accounts : pl.DataFrame
        As `accounts_of` returns it.
    in_flight : pl.DataFrame
        `InFlight`. It concerns its own item, and the value of the account, which contains it.
    """
    if in_flight.is_empty() and not accounts["is_of_another_session"].any():
        return findings
    reasons = _reasons(in_flight)
    states = accounts.select("account_id", "is_of_another_session")
    is_moving = pl.col("reason").is_not_null() & (pl.col("outcome") != "matched")
    is_of_another_session = pl.col("is_of_another_session")
    return (
        findings.join(states, on="account_id", how="left")
        .join(reasons, on=KEY, how="left")
        .with_columns(
            outcome=pl.when(is_of_another_session | is_moving)
            .then(pl.lit("inconclusive"))
            .otherwise("outcome"),
            explanation=pl.when(is_of_another_session)
            .then(pl.lit(_OTHER_SESSION))
            .when(is_moving)
            .then(
                pl.format(
                    "An execution is on its way ({}); run again after the next import.", "reason"
                )
            )
            .otherwise("explanation"),
        )
        .drop("is_of_another_session", "reason")
    )


def _reasons(in_flight: pl.DataFrame) -> pl.DataFrame:
    rows = in_flight.select(*KEY, "reason")
    both = pl.concat([rows, rows.with_columns(item=pl.lit(ACCOUNT))])
    return both.group_by(KEY).agg(pl.col("reason").unique().sort().str.join(", "))


def _of_the_account(accounts: pl.DataFrame, outcome: str, explanation: pl.Expr) -> pl.DataFrame:
    nothing = pl.lit(None)
    return accounts.with_columns(item=pl.lit(ACCOUNT)).select(
        finding(
            "availability", pl.lit(outcome), local=nothing, broker=nothing, explanation=explanation
        )
    )
