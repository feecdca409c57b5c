"""What an account lost in a session, and how often in a row it sold at a loss.

The ladder of a session's loss only adds: from 2 % on nothing is sold by plan (not into a falling day), from 3 % on
nothing is bought either, so that only repairs and closes are left, and at 5 % the kill switch is tripped, which stops
those, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from ballast.guards.states import first_match, in_percent, limit, rounded_percent, rows
from ballast.money import AMOUNT, exact_column
from ballast.settings import GuardSettings

DAILY_LOSS, LOSS_STREAK = "daily_loss", "loss_streak"
# Float noise of a return ends well beyond the sixth decimal of its percentage.
_RETURN_PLACES = 8


def session_returns(
    growth: pl.DataFrame, accounts: Iterable[str], booked: Iterable[str], session: date
) -> pl.DataFrame:
    """Return the flow-adjusted return of each account in the session.

    Parameters
    ----------
    growth : pl.DataFrame
        `Drawdowns` up to the session.

    Returns
    -------
    pl.DataFrame
        account_id, daily_return (null when unknown), has_begun: false where nothing was invested before, so that there
        is no return to be known.
    """
    of_session = growth.filter((pl.col("level") == "account") & (pl.col("session") == session))
    has_none = pl.col("daily_return").is_null() & pl.col("unknown_reason").is_null()
    known = frozenset(booked)
    listed = pl.DataFrame(
        [{"account_id": account, "is_booked": account in known} for account in accounts],
        schema={"account_id": pl.String, "is_booked": pl.Boolean},
    )
    return (
        listed.join(
            of_session.select("daily_return", account_id="subject", is_first=has_none),
            on="account_id",
            how="left",
        )
        .select(
            "account_id",
            "daily_return",
            has_begun=pl.col("is_booked") & ~pl.col("is_first").fill_null(False),
        )
        .sort("account_id")
    )


def daily_loss_guard(returns: pl.DataFrame, settings: GuardSettings, session: date) -> pl.DataFrame:
    """Judge the return of each account in the session.

    Parameters
    ----------
    returns : pl.DataFrame
        account_id, daily_return, has_begun, as `session_returns` gives them.
    """
    has_begun = pl.col("has_begun").fill_null(True)
    exact = exact_column(pl.col("daily_return"), _RETURN_PLACES)
    measured = rounded_percent(exact, pl.lit(1).cast(AMOUNT))
    no_sales, reduce_only, halt = (
        limit(-value, percent=True)
        for value in (settings.loss_without_sales, settings.loss_reduce_only, settings.loss_halt)
    )
    percent = pl.col("percent")
    judged = returns.with_columns(percent=measured).with_columns(
        state=first_match(
            (percent <= halt, "halt"),
            (percent <= reduce_only, "reduce_only"),
            (percent <= no_sales, "block_sells"),
            (percent.is_null() & has_begun, "unknown"),
        )
    )
    return rows(
        judged,
        DAILY_LOSS,
        unit="%",
        measured=percent,
        warning_limit=no_sales,
        acting_limit=halt,
        episode=pl.lit(f"daily_loss-{session}"),
        explanation=pl.when(percent.is_null() & ~has_begun)
        .then(pl.lit("Nothing was invested before this session."))
        .when(percent.is_null())
        .then(pl.lit("The return of the session is unknown: add the missing price or rate."))
        .otherwise(
            pl.format("The account returned {} in the session, flows apart.", in_percent(percent))
        ),
    )


def losing_streaks(
    gains: pl.DataFrame, ledger: pl.DataFrame, accounts: Iterable[str]
) -> pl.DataFrame:
    """Return how many sales up to now were at a loss, one after the other.

    Parameters
    ----------
    gains : pl.DataFrame
        `RealisedGains`. A sale whose gain is unknown counts as one at a loss.
    ledger : pl.DataFrame
        `Postings`, which say in which order the sales were made.

    Returns
    -------
    pl.DataFrame
        account_id, streak, unknown (sales in the streak whose gain is unknown), last_sale.
    """
    moments = ledger.select("occurred_at", closing_id="posting_id")
    gain = pl.col("gain")
    sales = (
        gains.filter(pl.col("kind") == "trade")
        .group_by("account_id", "closing_id")
        .agg(
            gain=pl.when(gain.is_not_null().all()).then(gain.sum()),
            closed_on=pl.col("closed_on").max(),
        )
        .join(moments, on="closing_id", how="left")
        .sort("account_id", "closed_on", "occurred_at", "closing_id", descending=True)
        .with_columns(is_loss=(gain < 0).fill_null(True), is_unknown=gain.is_null())
        .with_columns(
            is_in_streak=pl.col("is_loss").cast(pl.Int64).cum_min().over("account_id") > 0
        )
        .group_by("account_id")
        .agg(
            streak=pl.col("is_in_streak").sum().cast(pl.Int64),
            unknown=(pl.col("is_in_streak") & pl.col("is_unknown")).sum().cast(pl.Int64),
            last_sale=pl.col("closed_on").max(),
        )
    )
    listed = pl.DataFrame({"account_id": list(accounts)}, schema={"account_id": pl.String})
    return (
        listed.join(sales, on="account_id", how="left")
        .with_columns(pl.col("streak", "unknown").fill_null(0))
        .sort("account_id")
    )


def loss_streak_guard(
    streaks: pl.DataFrame, settings: GuardSettings, session: date
) -> pl.DataFrame:
    """Judge the sales at a loss in a row; the block ends with the session of the last one.

    Parameters
    ----------
    streaks : pl.DataFrame
        account_id, streak, unknown, last_sale, as `losing_streaks` gives them.
    """
    is_long = (pl.col("streak") >= settings.losing_sales).fill_null(True)
    is_today = (pl.col("last_sale") >= session) | (
        pl.col("last_sale").is_null() & (pl.col("streak") != 0).fill_null(True)
    )
    judged = streaks.with_columns(
        state=first_match((is_long & is_today, "block_buys"), (is_long, "warn"))
    )
    return rows(
        judged,
        LOSS_STREAK,
        unit="sales",
        measured=pl.col("streak"),
        acting_limit=limit(settings.losing_sales),
        episode=pl.format("loss_streak-{}", pl.col("last_sale").fill_null(session)),
        explanation=pl.format(
            "The last {} sales were at a loss in a row, {} of them counted so because their gain is unknown.",
            pl.col("streak").cast(pl.String).fill_null("unknown number of"),
            pl.col("unknown").fill_null(0),
        ),
    )
