"""Layers that ask about time: how often, whether the market is open, how long ago, and whether it is a duplicate."""

from __future__ import annotations

from datetime import timedelta

from ballast.settings import TradingSettings
from ballast.trading.gate.facts import Answer, Facts, PastTrade, in_words, is_emergency_exit
from ballast.trading.orders import OrderIntent

_WEEK = timedelta(days=7)


def frequency(intent: OrderIntent, facts: Facts, settings: TradingSettings) -> Answer:
    """Ask whether the account has traded too recently or too often; an exchange of currency is no trade."""
    name = "frequency"
    if intent.side == "exchange":
        return Answer(name, "not_applicable", "An exchange of currency is not counted.")
    if is_emergency_exit(intent, facts):
        return Answer(name, "bypassed", "Repairs and closes do not wait.")
    if not settings.limit_frequency:
        return Answer(name, "not_applicable", "trading.limit_frequency is off.")
    if facts.trades is None:
        return Answer(name, "block", "The earlier trades are unknown.")
    reason = _too_often(facts.trades, facts, settings)
    if reason is not None:
        return Answer(name, "block", reason)
    return Answer(name, "pass", f"{_today(facts.trades, facts)} trades today so far.")


def market_hours(intent: OrderIntent, facts: Facts, settings: TradingSettings) -> Answer:
    """Ask whether the exchange is open: for a sale always, for a purchase where orders are not queued."""
    name = "market_hours"
    if intent.side == "exchange":
        return Answer(name, "not_applicable", "Currencies are exchanged around the clock.")
    if facts.market is None:
        return Answer(name, "block", f"Whether {intent.symbol} trades now is unknown.")
    if facts.market.is_open:
        return Answer(name, "pass", f"{facts.market.exchange} is open: {facts.market.hours}.")
    if intent.side == "buy" and facts.market.exchange not in settings.strict_venues:
        return Answer(name, "pass", f"{facts.market.exchange} is closed and queues the order.")
    return Answer(name, "block", f"{facts.market.exchange} is closed: {facts.market.hours}.")


def cooldown(intent: OrderIntent, facts: Facts, settings: TradingSettings) -> Answer:
    """Ask whether the security was bought too recently to be bought again."""
    name = "cooldown"
    if intent.side != "buy":
        return Answer(name, "not_applicable", "Only purchases cool down.")
    if is_emergency_exit(intent, facts):
        return Answer(name, "bypassed", "Repairs and closes do not wait.")
    if facts.history is None:
        return Answer(name, "block", f"When {intent.symbol} was last bought is unknown.")
    bought = facts.history.last_purchase
    if bought is None:
        return Answer(name, "pass", f"{intent.symbol} was not bought before.")
    days = (facts.moment.date() - bought).days
    if days < settings.buy_cooldown_days:
        return Answer(
            name,
            "block",
            f"{intent.symbol} was bought on {bought}, {days} days ago; again from"
            f" {bought + timedelta(days=settings.buy_cooldown_days)} on.",
        )
    return Answer(name, "pass", f"Last bought on {bought}.")


def duplicate(intent: OrderIntent, facts: Facts, settings: TradingSettings) -> Answer:
    """Ask whether an order of the security is open, or the same was ordered a moment ago; nothing bypasses this."""
    name = "duplicate"
    if facts.open_orders is None or facts.trades is None:
        return Answer(name, "block", "Which orders are open is unknown.")
    for other in facts.open_orders:
        if other.symbol == intent.symbol and other.client_order_id != intent.client_order_id:
            return Answer(
                name, "block", f"Order {other.client_order_id} of {intent.symbol} is still open."
            )
    if intent.side == "exchange":
        return Answer(name, "pass", f"No exchange {intent.symbol} is open.")
    span = timedelta(minutes=settings.duplicate_minutes)
    if intent.side == "sell":
        span = max(span, timedelta(hours=settings.duplicate_sale_hours))
    for trade in facts.trades:
        passed = facts.moment - trade.at
        if (trade.symbol, trade.side) == (intent.symbol, intent.side) and passed < span:
            return Answer(
                name,
                "block",
                f"A {trade.side} of {trade.symbol} was ordered {in_words(passed)} ago; the next may follow"
                f" after {in_words(span)}.",
            )
    return Answer(name, "pass", f"No other order of {intent.symbol} is open or just done.")


def _too_often(
    trades: tuple[PastTrade, ...], facts: Facts, settings: TradingSettings
) -> str | None:
    pause = timedelta(minutes=settings.minutes_between_trades)
    last = max((trade.at for trade in trades), default=None)
    if last is not None and facts.moment - last < pause:
        return f"The last trade was at {last:%Y-%m-%d %H:%M} UTC; next from {last + pause:%Y-%m-%d %H:%M} UTC on."
    today = _today(trades, facts)
    if today >= settings.trades_per_day:
        return f"{today} trades were ordered today; the limit is {settings.trades_per_day}."
    first = facts.moment.date() - _WEEK
    week = sum(first < trade.at.date() <= facts.moment.date() for trade in trades)
    if week >= settings.trades_per_week:
        return f"{week} trades were ordered in seven days; the limit is {settings.trades_per_week}."
    return None


def _today(trades: tuple[PastTrade, ...], facts: Facts) -> int:
    return sum(trade.at.date() == facts.moment.date() for trade in trades)
