"""Trades as events, whichever format they came in.

The broker states purchases with negative proceeds and commissions as negative cash.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ballast.books.broker_events import Cancellation, ExchangeFill, Fill, FillKind
from ballast.books.statements.cells import RowRefusedError, currency_code
from ballast.books.statements.draft import Draft
from ballast.books.statements.model import StatedTrade
from ballast.money import CENT, ZERO

Execution = Fill | ExchangeFill
FOREX = "Forex"
STOCKS = "Stocks"
OPTIONS = "Equity and Index Options"
# What settles daily (futures, CFDs) moves other cash than its proceeds and needs books of its own.
BOOKED_CATEGORIES = frozenset(
    {
        STOCKS, OPTIONS, FOREX, "Bonds", "Funds", "Mutual Funds", "Warrants", "Treasury Bills",
        "Structured Products", "Crypto", "Cryptocurrency",
    }
)  # fmt: skip
NOT_BOOKED = "asset_category_not_booked"
CANCELLED = "Ca"
_KIND_OF_CODE: dict[str, FillKind] = {"A": "assignment", "Ex": "exercise", "Ep": "expiry"}
# Average prices of orders are stated with fewer digits than the proceeds that they led to.
_PRICE_DIGITS_LOST = Decimal("0.0001")


@dataclass(frozen=True)
class TradeFacts:
    """One trade as stated.

    Parameters
    ----------
    fee : Decimal
        Signed as stated: negative when it was paid.
    multiplier : Decimal or None
        Units of the underlying per contract; None where the statement does not tell.
    cancels_id : str or None
        The trade that this one cancels, where the broker names it.
    """

    event_id: str
    asset_category: str
    currency: str
    symbol: str
    at: datetime
    quantity: Decimal
    price: Decimal
    proceeds: Decimal
    fee: Decimal
    fee_currency: str
    basis: Decimal | None
    realised: Decimal | None
    codes: tuple[str, ...]
    multiplier: Decimal | None
    description: str | None = None
    settled_on: date | None = None
    cancels_id: str | None = None
    is_cancellation: bool = False


def refuse_senseless(facts: TradeFacts) -> None:
    """Raise the rule that a trade breaks, if any."""
    if facts.asset_category not in BOOKED_CATEGORIES:
        raise RowRefusedError(NOT_BOOKED)
    if facts.quantity == ZERO:
        raise RowRefusedError("quantity_is_zero")
    if facts.price < ZERO:
        raise RowRefusedError("price_is_negative")
    if facts.proceeds * facts.quantity > ZERO:
        raise RowRefusedError("proceeds_contradict_quantity")
    multiplier = Decimal(1) if facts.asset_category in {STOCKS, FOREX} else facts.multiplier
    if facts.asset_category in {STOCKS, OPTIONS, FOREX} and multiplier is not None:
        units = facts.quantity * multiplier
        tolerance = CENT + abs(units) * _PRICE_DIGITS_LOST
        if abs(units * facts.price + facts.proceeds) > tolerance:
            raise RowRefusedError("proceeds_differ_from_quantity_times_price")


def trade_event(facts: TradeFacts, account_id: str) -> Execution:
    """Return the event of a trade that makes sense."""
    if facts.asset_category == FOREX:
        return _exchange(facts, account_id)
    kinds = [_KIND_OF_CODE[code] for code in facts.codes if code in _KIND_OF_CODE]
    return Fill(
        fill_id=facts.event_id,
        account_id=account_id,
        symbol=facts.symbol,
        quantity=facts.quantity,
        price=facts.price,
        currency=facts.currency,
        fee=-facts.fee,
        fee_currency=facts.fee_currency,
        filled_at=facts.at,
        kind=kinds[0] if kinds else "trade",
        proceeds=facts.proceeds,
        settled_on=facts.settled_on,
        description=facts.description,
    )


def book_trades(trades: list[TradeFacts], draft: Draft) -> None:
    """Add trades to a statement; a cancellation reverses the trade that it names or mirrors."""
    by_id: dict[str, Execution] = {}
    by_cash: dict[tuple[object, ...], list[Execution]] = defaultdict(list)
    # A cancellation may precede its trade in the file.
    for facts in sorted(trades, key=_cancels):
        event = trade_event(facts, draft.account_id)
        if not _cancels(facts):
            by_id[event.fill_id] = event
            by_cash[_effect(event)].append(event)
            draft.events.append(event)
            draft.trades.append(_stated(facts))
            continue
        mirrored = by_cash[_effect(event, sign=-1)]
        origin = by_id.get(facts.cancels_id or "") or (mirrored[0] if mirrored else None)
        if origin is None:
            draft.warn(
                "cancelled_trade_not_in_statement",
                facts.symbol,
                "the cancelled trade precedes the statement, so its mirror image is booked",
            )
            draft.events.append(event)
            continue
        by_id.pop(origin.fill_id)
        by_cash[_effect(origin)].remove(origin)
        draft.events.append(Cancellation(facts.event_id, origin, facts.at))


def _cancels(facts: TradeFacts) -> bool:
    return facts.is_cancellation or CANCELLED in facts.codes


def _effect(event: Execution, sign: int = 1) -> tuple[object, ...]:
    """Return what a trade does, turned around for a negative sign: what a cancellation has in common with its trade."""
    match event:
        case Fill():
            amounts = event.quantity * sign, (event.proceeds or ZERO) * sign, event.fee * sign
            return event.symbol, event.currency, event.price, *amounts
        case ExchangeFill():
            legs = [
                (event.from_currency, -event.from_amount * sign),
                (event.to_currency, event.to_amount * sign),
            ]
            return (*sorted(legs), event.fee * sign)


def _exchange(facts: TradeFacts, account_id: str) -> ExchangeFill:
    bought, _, paid_in = facts.symbol.partition(".")
    if paid_in != facts.currency or currency_code(bought) == paid_in:
        raise RowRefusedError("currency_pair_not_readable")
    legs = [(bought, abs(facts.quantity)), (paid_in, abs(facts.proceeds))]
    if facts.quantity > ZERO:
        legs.reverse()
    (from_currency, from_amount), (to_currency, to_amount) = legs
    return ExchangeFill(
        fill_id=facts.event_id,
        account_id=account_id,
        from_currency=from_currency,
        from_amount=from_amount,
        to_currency=to_currency,
        to_amount=to_amount,
        fee=-facts.fee,
        fee_currency=facts.fee_currency,
        filled_at=facts.at,
        description=facts.description,
    )


def _stated(facts: TradeFacts) -> StatedTrade:
    return StatedTrade(
        event_id=facts.event_id,
        symbol=facts.symbol,
        asset_category=facts.asset_category,
        currency=facts.currency,
        proceeds=facts.proceeds,
        fee=facts.fee,
        basis=facts.basis,
        realised=facts.realised,
        codes=facts.codes,
    )
