"""The one gate of every order: named layers in a fixed order, each answering by itself, failing closed.

`judge` asks every layer, also after one has stopped the order, so that a person sees all that stands in the way. Sales
by repairs and guards bypass frequency, cooldown and minimum hold, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ballast.settings import GuardSettings, TradingSettings
from ballast.trading.gate import holdings, permission, timing
from ballast.trading.gate.facts import (
    EMERGENCY_ORIGINS,
    Answer,
    Facts,
    Market,
    OpenOrderFact,
    PastTrade,
    Quote,
    TradingHistory,
    Verdict,
)
from ballast.trading.orders import OrderIntent

__all__ = [
    "EMERGENCY_ORIGINS",
    "LAYERS",
    "Answer",
    "Facts",
    "Market",
    "OpenOrderFact",
    "PastTrade",
    "Quote",
    "TradingHistory",
    "Verdict",
    "judge",
    "stopped_by",
]

_SIDES = ("buy", "sell", "exchange")

_Layer = Callable[[OrderIntent, Facts, TradingSettings, GuardSettings], Answer]
_LAYERS: dict[str, _Layer] = {
    "mode": lambda intent, facts, _, __: permission.mode(intent, facts),
    "kill_switch": lambda intent, facts, _, guards: permission.kill_switch(intent, facts, guards),
    "account": lambda intent, facts, _, __: permission.account(intent, facts),
    "frequency": lambda intent, facts, settings, _: timing.frequency(intent, facts, settings),
    "market_hours": lambda intent, facts, settings, _: timing.market_hours(intent, facts, settings),
    "cooldown": lambda intent, facts, settings, _: timing.cooldown(intent, facts, settings),
    "funds": lambda intent, facts, settings, _: holdings.funds(intent, facts, settings),
    "position": lambda intent, facts, settings, _: holdings.position(intent, facts, settings),
    "single_position": lambda intent, facts, _, __: holdings.single_position(intent, facts),
    "duplicate": lambda intent, facts, settings, _: timing.duplicate(intent, facts, settings),
    "price": lambda intent, facts, settings, _: holdings.price(intent, facts, settings),
}
LAYERS = tuple(_LAYERS)


def judge(
    intent: OrderIntent, facts: Facts, settings: TradingSettings, guards: GuardSettings
) -> tuple[Answer, ...]:
    """Return the answer of every layer, in order.

    Parameters
    ----------
    intent : OrderIntent
        The order; a side that is none of buy, sell and exchange, or a quantity that is not positive, passes nowhere.
    """
    if intent.side not in _SIDES or not intent.quantity > 0:
        reason = f"{intent.side!r} of {intent.quantity} is no order."
        return tuple(Answer(name, "block", reason) for name in LAYERS)
    return tuple(layer(intent, facts, settings, guards) for layer in _LAYERS.values())


def stopped_by(answers: Sequence[Answer]) -> Answer | None:
    """Return the first layer that stops the order; None if it may be sent."""
    return next((answer for answer in answers if answer.verdict == "block"), None)
