"""The part of the daily report that says what was ordered, and what the gate stopped."""

from __future__ import annotations

import polars as pl

_MOST_LINES = 8
_ENDS_WELL = "filled"


def orders_in_words(orders: pl.DataFrame, answers: pl.DataFrame) -> str:
    """Return a section per account with counts by state, and a line for each order that did not end well.

    Parameters
    ----------
    orders, answers : pl.DataFrame
        `Orders` and `GateAnswers` of the session; nothing is said where both are empty.
    """
    stopped = _stopped(orders, answers)
    accounts = sorted({*orders["account_id"], *stopped["account_id"]})
    if not accounts:
        return ""
    lines = ["## What was ordered"]
    for account in accounts:
        own = orders.filter(pl.col("account_id") == account)
        held_up = stopped.filter(pl.col("account_id") == account)
        counts = own.group_by("state").len().sort("state").iter_rows()
        said = [f"{count} {state}" for state, count in counts]
        said += [f"{held_up.height} stopped by the gate"] if held_up.height else []
        lines.append(f"- **{account}**: {', '.join(said)}")
        others = own.filter(pl.col("state") != _ENDS_WELL)
        told = [
            f"  - {row['side']} {row['symbol']} is {row['state']}: {row['detail'] or 'no answer yet'}"
            for row in others.iter_rows(named=True)
        ]
        told += [
            f"  - {row['side']} {row['symbol']} was stopped ({row['layer']}): {row['reason']}"
            for row in held_up.iter_rows(named=True)
        ]
        lines += told[:_MOST_LINES]
        if len(told) > _MOST_LINES:
            lines.append(f"  - and {len(told) - _MOST_LINES} more")
    return "\n".join(lines)


def _stopped(orders: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Return the first layer that stopped each order which was never written, by the newest judgement."""
    newest = pl.col("attempt") == pl.col("attempt").max().over("client_order_id")
    return (
        answers.filter(newest & (pl.col("verdict") == "block"))
        .filter(~pl.col("client_order_id").is_in(orders["client_order_id"].implode()))
        .sort("client_order_id", "number")
        .group_by("client_order_id", maintain_order=True)
        .first()
    )
