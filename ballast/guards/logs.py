"""What the guards write down: the state of each account per session, and each fall below a limit once."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from ballast.guards.drawdown import DRAWDOWN, MINIMUM_EQUITY
from ballast.money import AMOUNT

Rows = list[dict[str, Any]]

_KINDS = {"warn": "warning", "act": "execution"}
_ACTIONS = {
    ("warn", "research"): "told",
    ("warn", "paper"): "told",
    ("warn", "live"): "told",
    ("act", "research"): "closing of all positions proposed",
    ("act", "paper"): "closing of all positions ordered",
    ("act", "live"): "closing of all positions ordered",
}


def position_snapshots(
    positions: pl.DataFrame, worth: pl.DataFrame, status: pl.DataFrame, session: date
) -> Rows:
    """Return the state of each account at the end of the session.

    Parameters
    ----------
    positions : pl.DataFrame
        `Positions` of the session.
    worth : pl.DataFrame
        account_id, equity, peak, as `ballast.guards.drawdown.equities` gives them.
    status : pl.DataFrame
        `GuardStatus`.

    Returns
    -------
    list of dict
        account_id, session; equity, balance (cash), peak and open_profit in base currency and drawdown in percent, null
        when unknown; positions (their number).
    """
    is_cash, value, base = pl.col("is_cash"), pl.col("value"), pl.col("value_base")
    # The gain of a position in the proportion in which its value was converted.
    profit = pl.col("unrealised_gain") * base / pl.when(value != 0).then(value)
    own = profit.filter(~is_cash)
    cash = base.filter(is_cash)
    sums = positions.group_by("account_id").agg(
        balance=pl.when(cash.is_not_null().all()).then(cash.sum()),
        open_profit=pl.when(own.is_not_null().all()).then(own.sum()),
        positions=(~is_cash).sum().cast(pl.Int64),
    )
    fall = status.filter(pl.col("guard") == DRAWDOWN).select("account_id", drawdown="measured")
    table = (
        worth.select("account_id", "equity", "peak")
        .join(sums, on="account_id", how="left")
        .join(fall, on="account_id", how="left")
        .sort("account_id")
        .with_columns(pl.col("positions").fill_null(0), session=pl.lit(session))
        .with_columns(pl.col("balance", "open_profit").cast(AMOUNT))
    )
    return table.to_dicts()


def drawdown_alerts(status: pl.DataFrame, snapshots: Rows, session: date, mode: str) -> Rows:
    """Return the falls that reached a limit, with an identity that lasts as long as the fall.

    Returns
    -------
    list of dict
        alert_id, account_id, session, guard, kind (warning or execution), threshold, measured, action, positions.
    """
    counts = {row["account_id"]: row["positions"] for row in snapshots}
    fallen = status.filter(
        pl.col("guard").is_in([DRAWDOWN, MINIMUM_EQUITY]) & pl.col("state").is_in(list(_KINDS))
    )
    return [
        {
            "alert_id": f"{row['account_id']}.{row['guard']}.{_KINDS[row['state']]}.{row['episode']}",
            "account_id": row["account_id"],
            "session": session,
            "guard": row["guard"],
            "kind": _KINDS[row["state"]],
            "threshold": row["warning_limit" if row["state"] == "warn" else "acting_limit"],
            "measured": row["measured"],
            "action": _ACTIONS[row["state"], mode],
            "positions": counts.get(row["account_id"], 0),
        }
        for row in fallen.iter_rows(named=True)
    ]
