"""An order as it was decided, and how its id is made."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class OrderIntent(BaseModel):
    """An order as it was decided, before anything is sent.

    Parameters
    ----------
    origin : str
        plan, person, guard or emergency.
    origin_id : str
        The plan (inputs hash), request, guard episode or emergency episode that it belongs to.
    symbol : str
        Security; FROM/TO for an exchange, whose `quantity` is an amount of FROM.
    price : Decimal, optional
        What it was decided on: the security's price in its quotation currency, or the rate of the pair.
    decided_at : datetime, optional
        Moment at which the gate let it pass, by the clock of the run: simulated for a session of the past.
    """

    model_config = ConfigDict(frozen=True)

    client_order_id: str
    account_id: str
    origin: str
    origin_id: str
    session: date
    side: str
    symbol: str
    quantity: Decimal
    price: Decimal | None = None
    reason: str | None = None
    decided_at: datetime | None = None


def client_order_id(account_id: str, origin_id: str, step: int) -> str:
    """Derive the id from what the order is for, so that a retry finds it instead of sending it twice."""
    return f"{account_id}.{origin_id}.{step}"
