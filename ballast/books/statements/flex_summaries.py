"""What a Flex statement says is held and owed: positions, cash, net asset value, securities and rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ballast.books.statements.cells import RowRefusedError
from ballast.books.statements.draft import Draft
from ballast.books.statements.flex_elements import Element, needed, utc
from ballast.books.statements.flex_trades import category
from ballast.books.statements.model import (
    CashBalance,
    ChangeInNav,
    ClosingPosition,
    ExchangeRate,
    Instrument,
    NetAssetValue,
    OpenLot,
)
from ballast.money import ZERO

BASE_SUMMARY = "BASE_SUMMARY"
# Parts of other attributes, or no movements at all.
_PARTS = ("Sec", "Com", "MTD", "YTD", "Paxos", "IBUKL", "Long", "Short", "Component")
_NOT_MOVEMENTS = frozenset(
    {"startingCash", "endingCash", "endingSettledCash", "avgCreditBalance", "avgDebitBalance"}
)
_CLASS_OF_ATTRIBUTE = {
    "cash": "Cash", "stock": "Stock", "options": "Options", "bonds": "Bonds", "funds": "Funds",
    "notes": "Notes", "commodities": "Commodities", "crypto": "Crypto",
}  # fmt: skip
# The broker fills either one group or the other.
_BY_REALISATION = ("realized", "changeInUnrealized")


def read_positions(elements: list[Element], draft: Draft) -> None:
    """Settle all open positions and their lots."""
    positions: list[ClosingPosition] = []
    lots: list[OpenLot] = []

    def take(row: Any) -> None:
        if row.fxRateToBase is not None:
            _rate(draft, str(needed(row.currency)), row.fxRateToBase)
        if row.levelOfDetail == "LOT":
            lots.append(_lot(row))
        else:
            positions.append(_position(row))

    _read(elements, "OpenPosition", take, draft)
    draft.positions = positions
    if any(element.raw.get("levelOfDetail") == "LOT" for element in elements):
        draft.open_lots = lots
        if not positions:
            draft.positions = None
            draft.warn("section_incomplete", "OpenPositions", "only lots are listed, no summaries")


def read_cash_report(elements: list[Element], draft: Draft) -> None:
    """Settle all balances of cash."""
    balances: list[CashBalance] = []

    def take(row: Any) -> None:
        balances.append(_balance(row))

    _read(elements, "CashReportCurrency", take, draft)
    base = next((each for each in balances if each.currency == BASE_SUMMARY), None)
    draft.cash_in_base = base
    draft.cash = [each for each in balances if each.currency != BASE_SUMMARY]
    if base is not None and len(balances) == 1 and len(elements) == 1:
        draft.cash = [replace(base, currency=draft.heading.base_currency)]


def read_net_asset_value(elements: list[Element], draft: Draft) -> None:
    """Settle the value of each day; the last one is that of the statement."""
    days: list[Any] = []
    _read(elements, "EquitySummaryByReportDateInBase", days.append, draft)
    dated = [day for day in days if day.reportDate is not None]
    if not dated:
        return
    last = max(dated, key=lambda day: day.reportDate)
    classes = [
        (_CLASS_OF_ATTRIBUTE.get(name, name), amount)
        for name, amount in _amounts(last)
        if name != "total" and not name.startswith("slb")
    ]
    draft.net_asset_value = NetAssetValue(tuple(classes), last.total)


def read_change_in_nav(elements: list[Element], draft: Draft) -> None:
    """Settle the change in net asset value."""

    def take(row: Any) -> None:
        components = {
            name: amount
            for name, amount in _amounts(row)
            if name not in {"startingValue", "endingValue", "twr"}
        }
        if components.get("mtm"):
            components = {n: a for n, a in components.items() if n not in _BY_REALISATION}
        draft.change_in_nav = ChangeInNav(
            needed(row.startingValue), tuple(components.items()), needed(row.endingValue)
        )
        value = draft.net_asset_value
        if value is not None and row.twr is not None:
            draft.net_asset_value = replace(value, time_weighted_return=row.twr / 100)

    _read(elements, "ChangeInNAV", take, draft)


def read_instruments(elements: list[Element], draft: Draft) -> None:
    """Settle what the securities are."""
    known = draft.instruments = {}

    def take(row: Any) -> None:
        symbol, asset_category = str(needed(row.symbol)), category(needed(row.assetCategory))
        known[asset_category, symbol] = Instrument(
            symbol=symbol,
            asset_category=asset_category,
            description=row.description,
            currency=row.currency,
            exchange=row.listingExchange,
            multiplier=row.multiplier,
            isin=row.isin,
            conid=row.conid,
        )

    _read(elements, "SecurityInfo", take, draft)


def read_rates(elements: list[Element], draft: Draft) -> None:
    """Settle the exchange rates of each day; those of the last one are the statement's."""
    rows: list[Any] = []
    _read(elements, "ConversionRate", rows.append, draft)
    to_base = [row for row in rows if row.toCurrency == draft.heading.base_currency]
    dated = [row for row in to_base if row.reportDate is not None]
    for row in sorted(dated, key=lambda each: each.reportDate, reverse=True):
        if row.fromCurrency and row.rate is not None and row.rate > ZERO:
            _rate(draft, row.fromCurrency, row.rate)


def _read(elements: list[Element], tag: str, take: Callable[[Any], None], draft: Draft) -> None:
    for element in elements:
        try:
            if element.tag != tag:
                raise RowRefusedError("element_not_known")
            take(element.converted())
            draft.imported()
        except RowRefusedError as error:
            draft.quarantine(element.position, element.section, error.rule, element.text)


def _rate(draft: Draft, currency: str, rate: Decimal) -> None:
    if rate <= ZERO:
        raise RowRefusedError("rate_not_positive")
    if draft.exchange_rates is None:
        draft.exchange_rates = {}
    draft.exchange_rates.setdefault(currency, ExchangeRate(currency, rate))


def _position(row: Any) -> ClosingPosition:
    if row.markPrice is not None and row.markPrice < ZERO:
        raise RowRefusedError("price_is_negative")
    return ClosingPosition(
        symbol=str(needed(row.symbol)),
        asset_category=category(needed(row.assetCategory)),
        currency=str(needed(row.currency)),
        quantity=needed(row.position),
        cost_basis=row.costBasisMoney,
        close_price=row.markPrice,
        value=row.positionValue,
    )


def _lot(row: Any) -> OpenLot:
    return OpenLot(
        symbol=str(needed(row.symbol)),
        currency=str(needed(row.currency)),
        opened_at=utc(needed(row.openDateTime)),
        quantity=needed(row.position),
        cost_basis=needed(row.costBasisMoney),
    )


def _balance(row: Any) -> CashBalance:
    moved = {
        name: amount
        for name, amount in _amounts(row)
        if name not in _NOT_MOVEMENTS and not name.startswith("slb")
    }
    parts = [moved[name] for name in ("deposits", "withdrawals") if name in moved]
    if parts and moved.get("depositWithdrawals") == sum(parts, ZERO):
        moved.pop("depositWithdrawals")
    return CashBalance(
        str(needed(row.currency)),
        needed(row.startingCash),
        tuple(moved.items()),
        needed(row.endingCash),
        row.endingSettledCash,
    )


def _amounts(row: Any) -> list[tuple[str, Decimal]]:
    return [
        (name, value)
        for name, value in vars(row).items()
        if isinstance(value, Decimal) and not name.endswith(_PARTS)
    ]
