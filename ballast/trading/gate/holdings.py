"""Layers that ask about what there is: funds, position and lots, the single-position rule, and the price."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from ballast.money import ZERO, multiply
from ballast.settings import TradingSettings
from ballast.trading.gate.facts import (
    EMERGENCY_ORIGINS,
    Answer,
    Facts,
    OpenOrderFact,
    Quote,
    is_emergency_exit,
    plain,
)
from ballast.trading.orders import OrderIntent


def funds(intent: OrderIntent, facts: Facts, settings: TradingSettings) -> Answer:
    """Ask whether cash suffices at the worst price, with the fee, beside what open orders will take.

    A purchase also leaves the account's reserve untouched, at the expected price.
    """
    name = "funds"
    if intent.side == "sell":
        return Answer(name, "not_applicable", "A sale brings cash.")
    if facts.balances is None or facts.fee is None or facts.quote is None:
        return Answer(name, "block", "Cash, fee or price is unknown.")
    if facts.reserved is None:
        return Answer(name, "block", "What open orders will take is unknown.")
    if intent.side == "exchange":
        currency, expected = intent.symbol.partition("/")[0], intent.quantity + facts.fee
        worst = expected
    else:
        currency, value = facts.quote.currency, multiply(intent.quantity, facts.quote.price)
        expected = value + facts.fee
        worst = multiply(value, Decimal(1) + settings.slippage) + facts.fee
    reserved = facts.reserved.get(currency, ZERO)
    available = facts.balances.get(currency, ZERO) - reserved
    if worst > available:
        held_back = f", {plain(reserved)} held back for open orders" if reserved else ""
        return Answer(
            name,
            "block",
            f"{plain(worst)} {currency} are needed, {plain(available)} are there{held_back}.",
        )
    if intent.side == "exchange" or intent.origin in EMERGENCY_ORIGINS:
        return Answer(name, "pass", f"{plain(worst)} of {plain(available)} {currency} are needed.")
    return _above_the_reserve(
        facts, currency, expected, f"{plain(worst)} of {plain(available)} {currency}"
    )


def position(intent: OrderIntent, facts: Facts, settings: TradingSettings) -> Answer:
    """Ask whether an order is of whole lots and, for a sale, of what is held long enough and not sold already."""
    name = "position"
    if intent.side == "exchange":
        return Answer(name, "not_applicable", "An exchange needs no position.")
    if facts.lot_size is None or facts.position is None or facts.open_orders is None:
        return Answer(name, "block", f"What is held of {intent.symbol} is unknown.")
    if intent.quantity <= ZERO or intent.quantity % facts.lot_size != ZERO:
        return Answer(
            name,
            "block",
            f"{plain(intent.quantity)} is not a positive multiple of the lot of {plain(facts.lot_size)}.",
        )
    if intent.side == "buy":
        return Answer(name, "pass", f"{plain(facts.position)} are held.")
    on_sale = sum(
        (o.remaining for o in _others(intent, facts.open_orders) if o.side != "buy"), ZERO
    )
    free = facts.position - on_sale
    if intent.quantity > free:
        return Answer(
            name,
            "block",
            f"{plain(facts.position)} are held, {plain(on_sale)} of them are on sale.",
        )
    if is_emergency_exit(intent, facts):
        return Answer(
            name, "pass", f"{plain(free)} may be sold; a repair does not wait for the hold."
        )
    return _held_long_enough(intent, facts, settings, free)


def single_position(intent: OrderIntent, facts: Facts) -> Answer:
    """Ask, where the account wants it, that an order either opens a position or closes the whole of one."""
    name = "single_position"
    if not facts.is_single_position or intent.side == "exchange":
        return Answer(name, "not_applicable", "The account allows more than one entry.")
    if facts.position is None or facts.open_orders is None:
        return Answer(name, "block", f"What is held of {intent.symbol} is unknown.")
    if any(other.symbol == intent.symbol for other in _others(intent, facts.open_orders)):
        return Answer(name, "block", f"An order of {intent.symbol} is open.")
    if facts.position == ZERO:
        return Answer(name, "pass", "Nothing is held; the order opens the position.")
    closing_side = "sell" if facts.position > ZERO else "buy"
    if intent.side != closing_side:
        return Answer(name, "block", f"{plain(facts.position)} {intent.symbol} are held already.")
    if intent.quantity != abs(facts.position):
        return Answer(
            name,
            "block",
            f"Only the whole position of {plain(facts.position)} may be closed at once.",
        )
    return Answer(name, "pass", "The order closes the position.")


def price(intent: OrderIntent, facts: Facts, settings: TradingSettings) -> Answer:
    """Ask whether the decision is of this session, the price fresh, and not far from what was decided on."""
    name = "price"
    if intent.session != facts.session:
        return Answer(
            name, "block", f"Decided for session {intent.session}; now it is {facts.session}."
        )
    quote = facts.quote
    if quote is None or quote.price <= ZERO:
        return Answer(name, "block", f"There is no price of {intent.symbol}.")
    if not quote.is_usable:
        return Answer(name, "block", f"The price of {intent.symbol} is stale ({quote.observed}).")
    return _within_the_collar(intent, quote, settings)


def _above_the_reserve(facts: Facts, currency: str, cost: Decimal, words: str) -> Answer:
    rates = facts.rates_to_base
    cash, reserved = facts.balances or {}, facts.reserved or {}
    used = [c for c in {*cash, *reserved} if cash.get(c, ZERO) or reserved.get(c, ZERO)]
    unknown = sorted({c for c in (*used, currency) if c not in rates})
    if facts.cash_reserve is None or unknown:
        what = f"the rate of {', '.join(unknown)}" if unknown else "the cash reserve"
        return Answer("funds", "block", f"{words} are needed, but {what} is unknown.")
    left = sum(
        (multiply(cash.get(c, ZERO) - reserved.get(c, ZERO), rates[c]) for c in used), ZERO
    ) - multiply(cost, rates[currency])
    if left < facts.cash_reserve:
        return Answer(
            "funds",
            "block",
            f"{left:.2f} of cash would be left in base currency; the reserve is {facts.cash_reserve:.2f}.",
        )
    return Answer("funds", "pass", f"{words} are needed; the reserve stays.")


def _held_long_enough(
    intent: OrderIntent, facts: Facts, settings: TradingSettings, free: Decimal
) -> Answer:
    if facts.history is None or facts.history.last is None:
        return Answer("position", "block", f"When {intent.symbol} was last traded is unknown.")
    first, last = facts.history.first, facts.history.last
    days = (facts.moment.date() - last).days
    if days < settings.minimum_hold_days:
        return Answer(
            "position",
            "block",
            f"Held since {first}, last traded on {last}, {days} days ago; sold from"
            f" {last + timedelta(days=settings.minimum_hold_days)} on.",
        )
    return Answer("position", "pass", f"{plain(free)} may be sold; last traded on {last}.")


def _within_the_collar(intent: OrderIntent, quote: Quote, settings: TradingSettings) -> Answer:
    decided = intent.price
    if decided is None or decided <= ZERO:
        return Answer("price", "pass", f"{plain(quote.price)}; the order was decided at any price.")
    if abs(quote.price - decided) > multiply(decided, settings.price_collar):
        return Answer(
            "price",
            "block",
            f"{plain(quote.price)} is more than {settings.price_collar:.1%} from the {plain(decided)} that it was"
            " decided on.",
        )
    return Answer("price", "pass", f"{plain(quote.price)}, decided at {plain(decided)}.")


def _others(
    intent: OrderIntent, open_orders: tuple[OpenOrderFact, ...]
) -> tuple[OpenOrderFact, ...]:
    return tuple(
        order
        for order in open_orders
        if order.symbol == intent.symbol and order.client_order_id != intent.client_order_id
    )
