"""Trading modes: who may send orders where, and what live mode asks for beside the configuration."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

LIVE_VARIABLE = "BALLAST_LIVE_ACCOUNTS"


def refusal(
    mode: str,
    account_id: str,
    broker: str,
    *,
    confirmed: Collection[str],
    session: date,
    newest: date | None,
    has_an_end: bool,
) -> str | None:
    """Return why no order of an account may be sent; None if orders may.

    Parameters
    ----------
    mode : str
        research, paper or live.
    broker : str
        Name of the account's broker in the portfolio file.
    confirmed : collection of str
        Accounts that the environment names for live trading.
    session, newest : date
        Session of the run, and the newest one by the clock.
    has_an_end : bool
        The portfolio has a last session, so that all of it is history; else orders are for today only.
    """
    if mode == "research":
        return 'Research mode only recommends; set mode = "paper" or "live" in the portfolio file.'
    if broker == "statements":
        return f"Account {account_id} is known by its statements alone; nothing takes its orders."
    over = f"Session {session} is over, the newest is {newest}; orders are for today only."
    if mode == "paper" and broker == "paper":
        return None if has_an_end or session == newest else over
    if mode == "paper":
        return f'Paper mode sends nothing to {broker}; set mode = "live" to trade there.'
    if mode != "live":
        return f"Mode {mode!r} is unknown."
    if account_id not in confirmed:
        return (
            f"Live mode is not confirmed for account {account_id}: name it in {LIVE_VARIABLE} in the environment"
            f" ({LIVE_VARIABLE}={account_id})."
        )
    if has_an_end:
        return "Live mode trades on today's prices; remove sessions.last from the portfolio file."
    return None if session == newest else over
