"""What a person is told of the guards: each episode once, and again when it gets worse."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from ballast.alerts import Alert, Severity, identity
from ballast.guards.kill_switch import Latch
from ballast.guards.states import ACCOUNT
from ballast.guards.status import out_of_the_ordinary

_SEVERITIES: dict[str, Severity] = {
    "warn": "warning",
    "block_sells": "warning",
    "block_buys": "warning",
    "reduce_only": "critical",
    "act": "critical",
    "halt": "critical",
    "unknown": "critical",
}
# One security concerns less than the whole account.
_SEVERITIES_OF_ONE_SECURITY: dict[str, Severity] = {
    "warn": "info",
    "reduce_only": "warning",
    "act": "critical",
    "unknown": "warning",
}


def guard_alerts(status: pl.DataFrame, session: date) -> list[Alert]:
    """Return an alert for everything that is not ok.

    Parameters
    ----------
    status : pl.DataFrame
        `GuardStatus`.
    """
    return [_alert(row, session) for row in out_of_the_ordinary(status).iter_rows(named=True)]


def latch_alert(latch: Latch, session: date) -> Alert:
    """Return the alert of a guard that has tripped the switch of an account."""
    allowed = {
        "halt": "Nothing is sent until then.",
        "reduce_only": "Until then only repairs of negative cash and closes by a guard are sent.",
    }[latch.level]
    return Alert(
        identity("kill_switch", latch.account_id, latch.episode, latch.level),
        "kill_switch",
        "critical",
        f"{latch.account_id}: the kill switch was tripped by {latch.guard}",
        f"{latch.reason} {allowed} Reset it with the job `reset_kill_switch` and a reason.",
        latch.account_id,
        session,
    )


def _alert(row: dict[str, Any], session: date) -> Alert:
    is_account = row["subject"] == ACCOUNT
    severities = _SEVERITIES if is_account else _SEVERITIES_OF_ONE_SECURITY
    subject = row["account_id"] if is_account else f"{row['account_id']}, {row['subject']}"
    return Alert(
        identity(row["guard"], row["account_id"], row["subject"], row["state"], row["episode"]),
        row["guard"],
        severities[row["state"]],
        f"{subject}: {row['guard'].replace('_', ' ')} {row['state'].replace('_', ' ')}",
        f"{row['explanation']} {row['effect']}",
        row["account_id"],
        session,
    )
