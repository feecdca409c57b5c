"""Orders: what was decided, and what may become of it."""

from ballast.trading.orders.intents import OrderIntent, client_order_id
from ballast.trading.orders.states import (
    FINAL_STATES,
    ON_ITS_WAY,
    OPEN_STATES,
    EventKind,
    IllegalTransitionError,
    OrderEvent,
    OrderProgress,
    after,
    progress_of,
)

__all__ = [
    "FINAL_STATES",
    "ON_ITS_WAY",
    "OPEN_STATES",
    "EventKind",
    "IllegalTransitionError",
    "OrderEvent",
    "OrderIntent",
    "OrderProgress",
    "after",
    "client_order_id",
    "progress_of",
]
