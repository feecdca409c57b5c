"""All guards together: one table, and what it stops in a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import polars as pl

from ballast.guards.states import ACCOUNT, BUY, EFFECTS, SELL, restrictions
from ballast.planning.account import Account, Candidate
from ballast.tables import GUARD_STATES, GuardStatus, polars_schema

_STOPS_SOMETHING = [state for state in GUARD_STATES if restrictions([state])]


def status_of(*guards: pl.DataFrame) -> pl.DataFrame:
    """Put the rows of all guards into one `GuardStatus`, by account, guard and subject."""
    effect = pl.col("state").cast(pl.String).replace_strict(EFFECTS, return_dtype=pl.String)
    table = pl.concat(list(guards), how="diagonal").with_columns(effect=effect)
    names = polars_schema(GuardStatus).names()
    return GuardStatus.validate(
        GuardStatus.cast(table.select(names)).sort("account_id", "guard", "subject")
    )


def worst_states(status: pl.DataFrame) -> dict[str, str]:
    """Return the strictest state of each account, its securities included."""
    worst = status.group_by("account_id").agg(pl.col("state").max()).sort("account_id")
    return {account: str(state) for account, state in worst.iter_rows()}


def restricted_sides(status: pl.DataFrame, account_id: str, subject: str) -> frozenset[str]:
    """Return the sides that may not be ordered by plan in a security of an account.

    Parameters
    ----------
    subject : str
        Security; `account` for what holds for all of them.
    """
    rows = status.filter(
        (pl.col("account_id") == account_id) & pl.col("subject").is_in([ACCOUNT, subject])
    )
    return restrictions(rows["state"].cast(pl.String))


def blocked_by_guards(status: pl.DataFrame) -> dict[str, str]:
    """Return the accounts for which nothing may be planned, with the reason in words."""
    stopping = status.filter(
        (pl.col("subject") == ACCOUNT) & pl.col("state").is_in(_STOPS_SOMETHING)
    )
    found: dict[str, str] = {}
    for (account,), rows in stopping.sort("account_id", "guard").group_by(
        "account_id", maintain_order=True
    ):
        if restrictions(rows["state"].cast(pl.String)) >= {BUY, SELL}:
            reasons = rows.select("guard", "state", "explanation").iter_rows()
            found[str(account)] = "; ".join(
                f"{guard} {state}: {explanation}" for guard, state, explanation in reasons
            )
    return found


def restricted(accounts: Iterable[Account], status: pl.DataFrame) -> list[Account]:
    """Return the facts of the accounts to plan, with the sides taken away that a guard stops.

    Parameters
    ----------
    status : pl.DataFrame
        `GuardStatus`. What `blocked_by_guards` names is left to the caller.
    """
    stopping = status.filter(pl.col("state").is_in(_STOPS_SOMETHING))
    return [
        replace(
            account,
            candidates=tuple(_restricted(c, account, stopping) for c in account.candidates),
        )
        for account in accounts
    ]


def merged_reasons(*blocks: dict[str, str]) -> dict[str, str]:
    """Return every account that anything blocks, with all reasons."""
    accounts = sorted({account for block in blocks for account in block})
    return {
        account: "; ".join(block[account] for block in blocks if account in block)
        for account in accounts
    }


def out_of_the_ordinary(status: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that a person should look at, the strictest first."""
    return status.filter(pl.col("state") != GUARD_STATES[0]).sort(
        "state", "account_id", "guard", "subject", descending=[True, False, False, False]
    )


def watched_securities(
    positions: pl.DataFrame, targets: Sequence[tuple[str, str]], tradable: Iterable[str]
) -> pl.DataFrame:
    """Return account_id and symbol of what each account holds or wants, of the securities that may be traded.

    Parameters
    ----------
    positions : pl.DataFrame
        `Positions`.
    targets : sequence of (str, str)
        Account and security of every target.
    """
    held = positions.filter(~pl.col("is_cash")).select("account_id", symbol="commodity")
    wanted = pl.DataFrame(
        list(targets), schema={"account_id": pl.String, "symbol": pl.String}, orient="row"
    )
    return (
        pl.concat([held, wanted])
        .unique()
        .filter(pl.col("symbol").is_in(sorted(tradable)))
        .sort("account_id", "symbol")
    )


def _restricted(candidate: Candidate, account: Account, stopping: pl.DataFrame) -> Candidate:
    stopped = restricted_sides(stopping, account.account_id, candidate.symbol)
    return replace(
        candidate,
        allow_buy=candidate.allow_buy and BUY not in stopped,
        allow_sell=candidate.allow_sell and SELL not in stopped,
    )
