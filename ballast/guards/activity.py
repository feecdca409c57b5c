"""Whether an account trades too often, and whether its prices and its broker's answers are of today."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import polars as pl

from ballast.guards.states import first_match, in_percent, limit, rounded_percent, rows
from ballast.settings import GuardSettings

DECISIONS, ORDERS, STALE_PRICES, ACCOUNT_DATA = (
    "order_decisions_per_minute", "orders_per_day", "stale_prices", "account_data",
)  # fmt: skip
_MINUTE = "60s"


def order_rates(sent: pl.DataFrame, accounts: Iterable[str]) -> pl.DataFrame:
    """Return how many orders each account sent, and how many decisions its busiest minute held.

    Parameters
    ----------
    sent : pl.DataFrame
        account_id, decision (the plan or episode that the order belongs to), sent_at: the orders of the session.

    Returns
    -------
    pl.DataFrame
        account_id, orders, decisions. A decision whose moment is unknown counts into the busiest minute.
    """
    by_decision = sent.group_by("account_id", "decision").agg(pl.col("sent_at").min())
    timed = by_decision.drop_nulls("sent_at").sort("account_id", "sent_at")
    busiest = (
        timed.rolling("sent_at", period=_MINUTE, group_by="account_id")
        .agg(within=pl.len())
        .group_by("account_id")
        .agg(busiest=pl.col("within").max())
    )
    untimed = by_decision.group_by("account_id").agg(untimed=pl.col("sent_at").is_null().sum())
    listed = pl.DataFrame({"account_id": list(accounts)}, schema={"account_id": pl.String})
    joined = listed
    for counted in (sent.group_by("account_id").agg(orders=pl.len()), busiest, untimed):
        joined = joined.join(counted, on="account_id", how="left")
    filled = joined.with_columns(pl.col("orders", "busiest", "untimed").fill_null(0).cast(pl.Int64))
    return filled.select(
        "account_id", "orders", decisions=pl.col("busiest") + pl.col("untimed")
    ).sort("account_id")


def order_rate_guard(rates: pl.DataFrame, settings: GuardSettings, session: date) -> pl.DataFrame:
    """Judge how often each account traded in the session; at a limit, no plan may add to it.

    Parameters
    ----------
    rates : pl.DataFrame
        account_id, orders, decisions, as `order_rates` gives them.
    """
    parts = (
        (DECISIONS, "decisions", settings.decisions_per_minute, "decisions in one minute"),
        (ORDERS, "orders", settings.orders_per_day, "orders in the session"),
    )
    return pl.concat(
        [
            rows(
                rates.with_columns(
                    state=first_match(
                        (pl.col(counted).is_null(), "unknown"),
                        (pl.col(counted) >= most, "reduce_only"),
                    )
                ),
                guard,
                unit=counted,
                measured=pl.col(counted),
                acting_limit=limit(most),
                episode=pl.lit(f"{guard}-{session}"),
                explanation=pl.format(
                    "{} {}. At the limit, look for a loop that keeps ordering; the next session counts anew.",
                    pl.col(counted).cast(pl.String).fill_null("An unknown number of"),
                    pl.lit(words),
                ),
            )
            for guard, counted, most, words in parts
        ]
    )


def stale_prices_guard(
    positions: pl.DataFrame, accounts: Iterable[str], settings: GuardSettings, session: date
) -> pl.DataFrame:
    """Judge how much of each account is valued at a price that is not of the session.

    Parameters
    ----------
    positions : pl.DataFrame
        account_id, is_price_stale, value_base of `Positions`; a flag that is null counts as stale.
    """
    size = pl.col("value_base").abs()
    is_stale = pl.col("is_price_stale").fill_null(True)
    shares = positions.group_by("account_id").agg(
        whole=pl.when(size.is_not_null().all()).then(size.sum()),
        part=pl.when(size.is_not_null().all()).then(size.filter(is_stale).sum()),
        is_held=pl.lit(True),
    )
    listed = pl.DataFrame({"account_id": list(accounts)}, schema={"account_id": pl.String})
    share = pl.col("share")
    # An account that holds nothing has nothing that is stale.
    is_flat = pl.col("is_held").is_null() | (pl.col("whole") == 0)
    judged = (
        listed.join(shares, on="account_id", how="left")
        .sort("account_id")
        .with_columns(
            share=pl.when(is_flat)
            .then(limit(0))
            .otherwise(rounded_percent(pl.col("part"), pl.col("whole")))
        )
        .with_columns(
            state=first_match(
                (share.is_null(), "unknown"),
                (share > limit(settings.stale_value_limit, percent=True), "reduce_only"),
                (share > limit(settings.stale_value_warning, percent=True), "warn"),
            )
        )
    )
    return rows(
        judged,
        STALE_PRICES,
        unit="%",
        measured=share,
        warning_limit=limit(settings.stale_value_warning, percent=True),
        acting_limit=limit(settings.stale_value_limit, percent=True),
        episode=pl.lit(f"{STALE_PRICES}-{session}"),
        explanation=pl.when(share.is_null())
        .then(pl.lit("The value of a position is unknown: add the missing price or rate."))
        .otherwise(pl.format("{} of the account is valued at stale prices.", in_percent(share))),
    )


def account_data_guard(
    answers: pl.DataFrame,
    accounts: Iterable[str],
    settings: GuardSettings,
    session: date,
    now: datetime | None,
) -> pl.DataFrame:
    """Judge whether what each broker said is of this session and, where trading is live, of the last minutes.

    Parameters
    ----------
    answers : pl.DataFrame
        account_id, is_available, asked_as_of, asked_at of `BrokerAccounts`.
    now : datetime, optional
        The moment of the run in a portfolio that is live; None where sessions are only looked back at.
    """
    listed = pl.DataFrame({"account_id": list(accounts)}, schema={"account_id": pl.String})
    is_answered = pl.col("is_available").fill_null(False)
    age = pl.lit(None, pl.Float64) if now is None else _minutes(pl.lit(now) - pl.col("asked_at"))
    judged = (
        listed.join(answers, on="account_id", how="left")
        .sort("account_id")
        .with_columns(age=age)
        .with_columns(
            state=first_match(
                (~is_answered | pl.col("asked_as_of").is_null(), "unknown"),
                (pl.col("age").is_null() & pl.lit(now is not None), "unknown"),
                (pl.col("asked_as_of") != session, "reduce_only"),
                (pl.col("age") > settings.account_data_age, "reduce_only"),
            )
        )
    )
    return rows(
        judged,
        ACCOUNT_DATA,
        unit="minutes",
        measured=pl.col("age").round(2),
        acting_limit=limit(settings.account_data_age),
        episode=pl.lit(f"{ACCOUNT_DATA}-{session}"),
        explanation=pl.when(~is_answered)
        .then(pl.lit("The broker could not be asked; this does not mean that the account is empty."))
        .when(pl.col("asked_as_of") != session)
        .then(pl.format("The broker's answer describes {}; ask again.", pl.col("asked_as_of")))
        .when(pl.col("state") == "ok")
        .then(pl.lit("The broker's answer describes this session."))
        .otherwise(pl.lit("The broker's answer is too old; ask again.")),
    )  # fmt: skip


def _minutes(age: pl.Expr) -> pl.Expr:
    return age.dt.total_microseconds() / 60_000_000
