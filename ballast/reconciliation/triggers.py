"""When to reconcile after fills: soon after the last of them, and never later than a limit after the first.

A steady stream of fills would put a simple delay off for ever, and would forget all fills but the last; here the wait
is bounded, and the context carries every fill since the last run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

TRIGGERS = ("startup", "periodic", "post_fill", "retry", "import", "on_demand", "pipeline")


@dataclass(frozen=True)
class Execution:
    """A fill as it became known."""

    account_id: str
    order_id: str
    symbol: str
    session: date
    known_at: datetime


@dataclass(frozen=True)
class Wait:
    """Whether to reconcile now, and in words why or why not."""

    is_over: bool
    reason: str


def wait_after_fills(
    fills: Sequence[Execution], now: datetime, *, quiet_time: timedelta, longest_wait: timedelta
) -> Wait:
    """Decide whether the fills since the last run are to be reconciled now.

    Parameters
    ----------
    fills : sequence of Execution
        All fills since the last run, in any order.
    quiet_time : timedelta
        No fill for this long ends the wait.
    longest_wait : timedelta
        So does this time since the first of them.
    """
    if not fills:
        return Wait(False, "No order has been filled since the last reconciliation.")
    first = min(fill.known_at for fill in fills)
    last = max(fill.known_at for fill in fills)
    if now - last >= quiet_time:
        return Wait(True, f"{len(fills)} fills, the last {_seconds(now - last)} ago.")
    if now - first >= longest_wait:
        return Wait(True, f"{len(fills)} fills keep coming since {_seconds(now - first)}.")
    return Wait(
        False, f"{len(fills)} fills, the last {_seconds(now - last)} ago; waiting for more of them."
    )


def fills_context(fills: Sequence[Execution]) -> dict[str, Any]:
    """Return the context of a run after fills (at least one): every fill that it is for, and how far they reach."""
    ordered = sorted(fills, key=lambda fill: (fill.known_at, fill.order_id))
    listed: list[Mapping[str, object]] = [
        {"order_id": fill.order_id, "account_id": fill.account_id, "symbol": fill.symbol}
        for fill in ordered
    ]
    until = max(fill.known_at for fill in fills)
    return {"trigger": "post_fill", "fills": listed, "until": until.isoformat()}


def _seconds(span: timedelta) -> str:
    return f"{max(span.total_seconds(), 0):.0f} s"
