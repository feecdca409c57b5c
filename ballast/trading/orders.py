"""What may become of an order, and how its id is made.

intent → submitted → filled | rejected; a call that timed out leaves `unknown`, which only the broker's answer resolves.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

FINAL_STATES = ("filled", "rejected")
OPEN_STATES = ("intent", "submitted", "unknown")

_ALLOWED = {
    None: {"intent"},
    "intent": {"submitted", "filled", "rejected", "unknown"},
    "submitted": {"filled", "rejected", "unknown"},
    "unknown": {"submitted", "filled", "rejected"},
}


class OrderIntent(BaseModel):
    """An order as it was decided, before anything is sent."""

    model_config = ConfigDict(frozen=True)

    client_order_id: str
    account_id: str
    origin: str
    origin_id: str
    session: date
    side: str
    symbol: str
    quantity: Decimal


def client_order_id(account_id: str, origin_id: str, step: int) -> str:
    """Derive the id from what the order is for, so that a retry finds it instead of sending it twice."""
    return f"{account_id}.{origin_id}.{step}"


def may_become(state: str | None, following: str) -> bool:
    """Say whether an order in a state (None: not yet written) may enter another."""
    return following in _ALLOWED.get(state, set())
