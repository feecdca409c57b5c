"""The trades of an activity statement.

An order and its executions are the same trade twice, so only one kind is counted per symbol; closed lots are the
broker's own matching of the trade above them.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from ballast.books.statements.cells import (
    RowRefusedError,
    asset_category,
    codes,
    currency_code,
    moment,
    number,
    optional_number,
)
from ballast.books.statements.draft import Draft
from ballast.books.statements.model import ClosedLot
from ballast.books.statements.rows import Row
from ballast.books.statements.stated_totals import RunningTotals
from ballast.books.statements.trade_events import (
    FOREX,
    TradeFacts,
    book_trades,
    refuse_senseless,
    trade_event,
)
from ballast.money import ZERO

MEASURES = ("Proceeds", "Comm/Fee", "Basis", "Realized P/L")
DETAIL_KINDS = {"WashSale": "detail of a wash sale"}
Subject = tuple[str, str, str]


def read_trades(rows: list[Row], draft: Draft) -> None:
    """Settle all rows of the section."""
    counted = _counted_kinds(rows)
    totals = RunningTotals("Trades", MEASURES, draft.heading.base_currency)
    subtotals = RunningTotals("Trades", MEASURES, draft.heading.base_currency)
    trades: list[TradeFacts] = []
    closed_lots: list[ClosedLot] = []
    last_id: str | None = None
    for row in rows:
        try:
            if row.kind in {"Total", "SubTotal"}:
                key = (asset_category(row.required("Asset Category")), row.required("Currency"))
                if row.kind == "Total":
                    totals.compare(row, key, draft)
                else:
                    subtotals.compare(row, (row.required("Symbol"), *key), draft)
                continue
            kind = row.required("DataDiscriminator")
            if kind == "ClosedLot":
                closed_lots.append(_closed_lot(row, last_id))
                draft.imported()
            elif kind in DETAIL_KINDS:
                draft.skipped(DETAIL_KINDS[kind])
            elif kind not in {"Order", "Trade"}:
                raise RowRefusedError("discriminator_not_known")
            elif kind != counted[_subject(row)]:
                draft.skipped("execution of an order that is counted")
            else:
                category, currency, symbol = _subject(row)
                values = {measure: optional_number(row.cell(measure)) for measure in MEASURES}
                totals.add((category, currency), values)
                subtotals.add((symbol, category, currency), values)
                facts = _facts(row, draft)
                trades.append(facts)
                last_id = facts.event_id
                draft.imported()
        except RowRefusedError as error:
            draft.quarantine(row.line, row.section, error.rule, row.text)
    if any(row.cell("DataDiscriminator") == "ClosedLot" for row in rows):
        draft.closed_lots = closed_lots
    book_trades(trades, draft)


def _counted_kinds(rows: list[Row]) -> dict[Subject, str]:
    kinds: dict[Subject, str] = {}
    for row in rows:
        kind = row.cell("DataDiscriminator")
        if row.kind == "Data" and kind in {"Order", "Trade"}:
            known = kinds.get(_subject(row))
            kinds[_subject(row)] = "Order" if "Order" in {known, kind} else "Trade"
    return kinds


def _subject(row: Row) -> Subject:
    return (
        asset_category(row.cell("Asset Category") or ""),
        row.cell("Currency") or "",
        row.cell("Symbol") or "",
    )


def _facts(row: Row, draft: Draft) -> TradeFacts:
    category = asset_category(row.required("Asset Category"))
    currency = currency_code(row.required("Currency"))
    symbol = row.required("Symbol")
    at = moment(row.required("Date/Time"))
    quantity = number(row.required("Quantity"))
    price = number(row.required("T. Price"))
    proceeds = number(row.required("Proceeds"))
    fee, fee_currency = _fee(row, currency)
    facts = TradeFacts(
        event_id="",
        asset_category=category,
        currency=currency,
        symbol=symbol,
        at=at,
        quantity=quantity,
        price=price,
        proceeds=proceeds,
        fee=fee,
        fee_currency=fee_currency,
        basis=optional_number(row.cell("Basis")),
        realised=optional_number(row.cell("Realized P/L")),
        codes=codes(row.cell("Code")),
        multiplier=_multiplier(category, symbol, draft),
    )
    draft.refuse_outside_period(at)
    refuse_senseless(facts)
    trade_event(facts, draft.account_id)
    cancels = "Ca" if "Ca" in facts.codes else ""
    event_id = draft.ids.of("Trades", at, category, symbol, quantity, price, proceeds, cancels)
    return replace(facts, event_id=event_id)


def _fee(row: Row, currency: str) -> tuple[Decimal, str]:
    """Return the commission and its currency, which for exchanges only the header names."""
    for column in row.columns or ():
        if column.startswith("Comm in "):
            fee_currency = currency_code(column.removeprefix("Comm in "))
            return optional_number(row.cell(column)) or ZERO, fee_currency
    return optional_number(row.cell("Comm/Fee")) or ZERO, currency


def _multiplier(category: str, symbol: str, draft: Draft) -> Decimal | None:
    instrument = (draft.instruments or {}).get((category, symbol))
    return None if instrument is None else instrument.multiplier


def _closed_lot(row: Row, fill_id: str | None) -> ClosedLot:
    if asset_category(row.required("Asset Category")) == FOREX:
        raise RowRefusedError("closed_lot_of_an_exchange")
    return ClosedLot(
        symbol=row.required("Symbol"),
        currency=currency_code(row.required("Currency")),
        fill_id=fill_id,
        opened_at=moment(row.required("Date/Time")),
        quantity=number(row.required("Quantity")),
        cost_basis=number(row.required("Basis")),
        realised=optional_number(row.cell("Realized P/L")),
        codes=codes(row.cell("Code")),
    )
