"""Why a security may not be bought or sold by a plan now; the same rules as the gate's, so that no step is in vain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from ballast.money import ZERO
from ballast.planning.account import Candidate
from ballast.settings import TradingSettings

Row = Mapping[str, Any]


def no_purchase(
    candidate: Candidate, security: Row, position: Row, trading: TradingSettings, session: date
) -> str | None:
    """Return why a security may not be bought; None where it may.

    Parameters
    ----------
    security, position : mapping
        Its rows of `Securities` and `PositionScores`; the latter empty where there is none.
    """
    if not security["allow_buy"]:
        return "the portfolio file does not allow to buy it"
    if not candidate.allow_buy:
        return "a guard stops purchases of it"
    bought = position.get("last_bought")
    if bought is None:
        return None
    again = bought + timedelta(days=trading.buy_cooldown_days)
    return f"it was bought on {bought}; again from {again} on" if session < again else None


def no_sale(
    candidate: Candidate, security: Row, position: Row, trading: TradingSettings, session: date
) -> str | None:
    """Return why a security may not be sold; None where it may."""
    if candidate.quantity <= ZERO:
        return "it is not held"
    if not security["allow_sell"]:
        return "the portfolio file does not allow to sell it"
    if not candidate.allow_sell:
        return "a guard stops sales of it"
    traded = [day for day in (position.get("last_bought"), position.get("last_sold")) if day]
    if position and not traded:
        return "when it was last traded is unknown"
    if traded:
        again = max(traded) + timedelta(days=trading.minimum_hold_days)
        if session < again:
            return f"it was last traded on {max(traded)}; sold from {again} on"
    blocked: str | None = position.get("sell_blocked_by")
    return blocked
