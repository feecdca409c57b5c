"""An order that every layer lets pass, and the facts that make it so."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from ballast.guards.kill_switch import Switch
from ballast.settings import GuardSettings, TradingSettings
from ballast.trading.gate import Answer, Facts, Market, Quote, TradingHistory, judge
from ballast.trading.orders import OrderIntent

SESSION = date(2020, 8, 20)
MOMENT = datetime(2020, 8, 20, 14, tzinfo=UTC)
SETTINGS, GUARDS = TradingSettings(), GuardSettings()


def order(side: str = "buy", quantity: str = "10", **facts: object) -> OrderIntent:
    """An order of a plan in a security quoted in dollars, or USD/EUR."""
    usual: dict[str, object] = {
        "client_order_id": "one.plan.1",
        "account_id": "one",
        "origin": "plan",
        "origin_id": "plan",
        "session": SESSION,
        "side": side,
        "symbol": "USD/EUR" if side == "exchange" else "A",
        "quantity": Decimal(quantity),
        "price": None if side == "exchange" else Decimal(100),
    }
    return OrderIntent.model_validate(usual | facts)


def facts(**changes: object) -> Facts:
    """A calm day: ten thousand dollars, a hundred units bought and sold long ago, and nothing in the way."""
    usual: dict[str, object] = {
        "moment": MOMENT,
        "session": SESSION,
        "refusal": None,
        "switch": Switch(),
        "restricted": frozenset(),
        "account_problem": None,
        "orders_in_session": 0,
        "trades": (),
        "market": Market("XNYS", True, "09:30 to 16:00"),
        "history": TradingHistory(date(2019, 1, 2), date(2019, 6, 3), date(2019, 1, 2)),
        "balances": {"USD": Decimal(10_000), "EUR": Decimal(0)},
        "rates_to_base": {"USD": Decimal("0.9"), "EUR": Decimal(1)},
        "cash_reserve": Decimal(500),
        "fee": Decimal(4),
        "position": Decimal(100),
        "lot_size": Decimal(1),
        "open_orders": (),
        "quote": Quote(Decimal(100), "USD"),
    }
    return Facts(**(usual | changes))  # type: ignore[arg-type]


def answers(
    intent: OrderIntent, known: Facts, settings: TradingSettings = SETTINGS
) -> dict[str, Answer]:
    """What every layer says."""
    return {answer.layer: answer for answer in judge(intent, known, settings, GUARDS)}


def verdicts(
    intent: OrderIntent, known: Facts, settings: TradingSettings = SETTINGS
) -> dict[str, str]:
    """Whether every layer lets the order pass."""
    return {name: answer.verdict for name, answer in answers(intent, known, settings).items()}


def blocking(intent: OrderIntent, known: Facts, settings: TradingSettings = SETTINGS) -> set[str]:
    """The layers that stop an order."""
    found = verdicts(intent, known, settings)
    return {name for name, verdict in found.items() if verdict == "block"}
