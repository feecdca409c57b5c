"""How far an account is below its peak, and whether enough is left of it.

drawdown = (peak − equity) ÷ peak, in percent, rounded half to even to 0.01 before it is compared. The peak is the
highest growth of the time-weighted return so far, in the capital of the session: equity ÷ (1 + drawdown of the growth).
Deposits and withdrawals change no growth, so that they neither make nor hide a drawdown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from ballast.guards.states import first_match, in_percent, limit, rounded_percent, rows
from ballast.market.drawdowns import drawdowns
from ballast.money import approximate, exact_column
from ballast.settings import GuardSettings
from ballast.tables import DailyReturns, polars_schema

DRAWDOWN, MINIMUM_EQUITY = "drawdown", "minimum_equity"
_START = "start"


def equities(
    positions: pl.DataFrame,
    growth: pl.DataFrame,
    accounts: Iterable[str],
    booked: Iterable[str],
    restarts: Mapping[str, date],
    session: date,
) -> pl.DataFrame:
    """Return what each account is worth and what it would be worth at its peak.

    Parameters
    ----------
    positions : pl.DataFrame
        `Positions` of the session.
    growth : pl.DataFrame
        `Drawdowns` up to the session.
    accounts, booked : iterable of str
        All accounts; those with any posting up to the session.
    restarts : mapping of str to date
        Sessions from whose end on a person had the drawdown of an account measured anew.

    Returns
    -------
    pl.DataFrame
        account_id; is_booked; equity and peak in the account's base currency, null when unknown; missing, the holdings
        whose value is unknown, in words; since, the day of the peak or what else the measure began with.
    """
    value = pl.col("value_base")
    worth = positions.group_by("account_id").agg(
        equity=pl.when(value.is_not_null().all()).then(value.sum()),
        missing=pl.col("commodity").filter(value.is_null()).sort().str.join(", "),
    )
    fallen = measured_anew(growth, restarts).filter(pl.col("session") == session)
    fall = pl.col("drawdown")
    joined = (
        _listed(accounts, booked, restarts)
        .join(worth.with_columns(has_rows=pl.lit(True)), on="account_id", how="left")
        .join(
            fallen.select("drawdown", "peak_session", account_id="subject"),
            on="account_id",
            how="left",
        )
    )
    # An account whose postings sum to nothing has no positions and is worth nothing; that is known.
    is_empty = pl.col("has_rows").is_null() & pl.col("is_booked")
    began = pl.coalesce(pl.col("restart").cast(pl.String), pl.lit(_START))
    return (
        joined.with_columns(
            equity=pl.when(is_empty).then(limit(0)).otherwise("equity"),
            # Measured anew from this session on: nothing has been lost since.
            drawdown=pl.when(pl.col("restart") == session).then(0.0).otherwise(fall),
        )
        .with_columns(
            peak=exact_column(
                pl.when(fall > -1.0).then(approximate(pl.col("equity")) / (1.0 + fall)), 8
            ),
            since=pl.coalesce(pl.col("peak_session").cast(pl.String), began),
        )
        .select("account_id", "is_booked", "equity", "peak", "missing", "since")
        .sort("account_id")
    )


def measured_anew(growth: pl.DataFrame, restarts: Mapping[str, date]) -> pl.DataFrame:
    """Return the drawdowns of accounts, from the restart on where a person asked for one.

    Parameters
    ----------
    growth : pl.DataFrame
        `Drawdowns`; levels other than account are left out.
    """
    of_accounts = growth.filter(pl.col("level") == "account")
    if not restarts:
        return of_accounts
    begins = pl.col("subject").replace_strict(
        dict(restarts), default=date.min, return_dtype=pl.Date
    )
    is_restarted = pl.col("subject").is_in(sorted(restarts))
    later = of_accounts.filter(is_restarted & (pl.col("session") > begins))
    returns = later.with_columns(since=pl.lit(None, pl.Date)).select(
        polars_schema(DailyReturns).names()
    )
    return pl.concat([of_accounts.filter(~is_restarted), drawdowns(returns)])


def drawdown_guard(worth: pl.DataFrame, settings: GuardSettings) -> pl.DataFrame:
    """Judge the fall of each account below its peak, and what is left of it.

    Parameters
    ----------
    worth : pl.DataFrame
        account_id, is_booked, equity, peak, missing, since, as `equities` gives them. A negative equity, and a peak
        that is not positive, are no drawdown but unknown.
    """
    equity, peak = pl.col("equity"), pl.max_horizontal("equity", "peak")
    is_new = ~pl.col("is_booked").fill_null(True) & equity.is_null()
    is_sound = (equity >= 0).fill_null(False)
    fall = pl.when(is_sound & (pl.col("peak") > 0)).then(rounded_percent(peak - equity, peak))
    measured = worth.with_columns(fall=fall)
    warning, acting = (
        limit(settings.drawdown_warning, percent=True),
        limit(settings.drawdown_limit, percent=True),
    )
    # The same episode for both, so that a position is closed once, whichever of them acts first.
    episode = pl.format("drawdown-{}", pl.col("since").fill_null(_START))
    fallen = measured.with_columns(
        state=first_match(
            (is_new, "ok"),
            (pl.col("fall").is_null(), "unknown"),
            (pl.col("fall") >= acting, "act"),
            (pl.col("fall") >= warning, "warn"),
        )
    )
    left = measured.with_columns(
        state=first_match(
            (is_new, "ok"),
            (~is_sound, "unknown"),
            (equity < limit(settings.minimum_equity), "act"),
        )
    )
    return pl.concat(
        [
            rows(
                left,
                MINIMUM_EQUITY,
                unit="base currency",
                measured=equity,
                acting_limit=limit(settings.minimum_equity),
                episode=episode,
                explanation=pl.when(is_new)
                .then(pl.lit("Nothing has been booked in this account yet."))
                .when(equity.is_null())
                .then(
                    pl.format(
                        "The value of the account is unknown: a price or a rate is missing for {}.",
                        pl.col("missing").fill_null("its holdings"),
                    )
                )
                .when(equity < 0)
                .then(pl.lit("The value of the account is negative; look for a margin debt or a missing posting."))
                .when(pl.col("state") == "act")
                .then(pl.lit("The account is worth less than the least that it may be."))
                .otherwise(pl.lit("The account is worth enough.")),
            ),
            rows(
                fallen,
                DRAWDOWN,
                unit="%",
                measured=pl.col("fall"),
                warning_limit=warning,
                acting_limit=acting,
                episode=episode,
                explanation=pl.when(is_new)
                .then(pl.lit("Nothing has been booked in this account yet."))
                .when(pl.col("fall").is_null())
                .then(
                    pl.lit(
                        "The drawdown is unknown: the value of the account, or a return since its peak, is unknown."
                        " Add the missing price or rate; or reset the switch with a restart of the peak."
                    )
                )
                .otherwise(
                    pl.format(
                        "The account is {} below its peak (since: {}), deposits and withdrawals apart.",
                        in_percent(pl.col("fall")),
                        pl.col("since").fill_null(_START),
                    )
                ),
            ),
        ]
    )  # fmt: skip


def _listed(
    accounts: Iterable[str], booked: Iterable[str], restarts: Mapping[str, date]
) -> pl.DataFrame:
    known = frozenset(booked)
    listed = [
        {"account_id": account, "is_booked": account in known, "restart": restarts.get(account)}
        for account in accounts
    ]
    return pl.DataFrame(
        listed, schema={"account_id": pl.String, "is_booked": pl.Boolean, "restart": pl.Date}
    )
