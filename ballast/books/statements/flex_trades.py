"""The trades of a Flex statement; the identifiers are the broker's."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from ballast.books.statements.cells import RowRefusedError
from ballast.books.statements.draft import Draft
from ballast.books.statements.flex_elements import Element, needed, utc, word
from ballast.books.statements.model import ClosedLot
from ballast.books.statements.trade_events import (
    FOREX,
    OPTIONS,
    STOCKS,
    TradeFacts,
    book_trades,
    refuse_senseless,
    trade_event,
)
from ballast.money import ZERO

CATEGORY_OF_WORD = {
    "STK": STOCKS, "OPT": OPTIONS, "CASH": FOREX, "BOND": "Bonds", "BILL": "Treasury Bills",
    "FUND": "Funds", "WAR": "Warrants", "IOPT": "Structured Products", "CRYPTO": "Crypto",
}  # fmt: skip
SUMMARY_TAGS = frozenset({"SymbolSummary", "AssetSummary", "WashSale"})
LEVEL_OF_TAG = {"Order": "ORDER", "Lot": "CLOSED_LOT", "Trade": "EXECUTION"}
_CANCELLED = " (Ca.)"


def category(value: Any) -> str:
    """Return the asset category in the words of activity statements."""
    return CATEGORY_OF_WORD.get(word(value), word(value))


def read_trades(elements: list[Element], draft: Draft) -> None:
    """Settle all elements of the section; executions are counted, and orders only where there are none."""
    levels = [_level(element) for element in elements]
    counted = "EXECUTION" if "EXECUTION" in levels else "ORDER"
    trades: list[TradeFacts] = []
    closed_lots: list[ClosedLot] = []
    seen: set[str] = set()
    for element, level in zip(elements, levels, strict=True):
        try:
            if element.tag in SUMMARY_TAGS or level.endswith("SUMMARY"):
                draft.skipped("summary of trades")
            elif level == "CLOSED_LOT":
                closed_lots.append(_closed_lot(element.converted(), trades))
                draft.imported()
            elif level not in {"EXECUTION", "ORDER"}:
                raise RowRefusedError("level_not_known")
            elif level != counted:
                draft.skipped("order whose executions are counted")
            else:
                facts = _facts(element.converted(), draft)
                if facts.event_id in seen:
                    raise RowRefusedError("identifier_repeated")
                seen.add(facts.event_id)
                trades.append(facts)
                draft.imported()
        except RowRefusedError as error:
            draft.quarantine(element.position, element.section, error.rule, element.text)
    if "CLOSED_LOT" in levels:
        draft.closed_lots = closed_lots
    book_trades(trades, draft)


def read_option_events(elements: list[Element], draft: Draft) -> None:
    """Settle exercises, assignments and expiries, which stand among the trades as well."""
    booked = {trade.event_id for trade in draft.trades}
    for element in elements:
        try:
            if element.tag != "OptionEAE":
                raise RowRefusedError("element_not_known")
            if element.converted().tradeID not in booked:
                raise RowRefusedError("option_event_without_trade")
            draft.skipped("option event that is among the trades")
        except RowRefusedError as error:
            draft.quarantine(element.position, element.section, error.rule, element.text)


def _level(element: Element) -> str:
    if element.tag not in {*LEVEL_OF_TAG, *SUMMARY_TAGS}:
        return ""
    return element.raw.get("levelOfDetail") or LEVEL_OF_TAG.get(element.tag, "SUMMARY")


def _facts(trade: Any, draft: Draft) -> TradeFacts:
    at = _moment(trade)
    asset_category = category(needed(trade.assetCategory))
    symbol, currency = str(needed(trade.symbol)), str(needed(trade.currency))
    quantity: Decimal = needed(trade.quantity)
    price: Decimal = needed(trade.tradePrice)
    proceeds: Decimal = needed(trade.proceeds)
    fee_currency = trade.ibCommissionCurrency or currency
    fee, taxes = trade.ibCommission or ZERO, trade.taxes or ZERO
    if taxes and fee and fee_currency != currency:
        raise RowRefusedError("tax_and_commission_in_two_currencies")
    if fee == ZERO:
        fee_currency = currency
    codes = tuple(word(code) for code in trade.notes)
    is_cancellation = word(trade.buySell).endswith(_CANCELLED) or word(
        trade.transactionType
    ).endswith("Cancel")
    event_id = trade.tradeID or trade.transactionID or trade.ibExecID or trade.ibOrderID
    facts = TradeFacts(
        event_id=event_id or "",
        asset_category=asset_category,
        currency=currency,
        symbol=symbol,
        at=at,
        quantity=quantity,
        price=price,
        proceeds=proceeds,
        fee=fee + taxes,
        fee_currency=fee_currency,
        basis=trade.cost,
        realised=trade.fifoPnlRealized,
        codes=codes,
        multiplier=trade.multiplier,
        description=trade.description,
        settled_on=trade.settleDateTarget,
        cancels_id=trade.origTradeID,
        is_cancellation=is_cancellation,
    )
    draft.refuse_outside_period(at)
    refuse_senseless(facts)
    trade_event(facts, draft.account_id)
    if event_id is None:
        raise RowRefusedError("identifier_missing")
    return facts


def _moment(trade: Any) -> datetime:
    if trade.dateTime is not None:
        return utc(trade.dateTime)
    day = needed(trade.tradeDate)
    return utc(datetime.combine(day, trade.tradeTime) if trade.tradeTime else day)


def _closed_lot(lot: Any, trades: list[TradeFacts]) -> ClosedLot:
    return ClosedLot(
        symbol=str(needed(lot.symbol)),
        currency=str(needed(lot.currency)),
        fill_id=trades[-1].event_id if trades and trades[-1].symbol == lot.symbol else None,
        opened_at=utc(needed(lot.openDateTime)),
        quantity=needed(lot.quantity),
        cost_basis=needed(lot.cost),
        realised=lot.fifoPnlRealized,
        codes=tuple(word(code) for code in lot.notes),
    )
