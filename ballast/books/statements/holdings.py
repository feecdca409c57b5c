"""What an activity statement says is held at the end: positions, their lots, and what the securities are."""

from __future__ import annotations

from ballast.books.statements.cells import (
    RowRefusedError,
    asset_category,
    currency_code,
    moment,
    number,
    optional_number,
)
from ballast.books.statements.draft import Draft
from ballast.books.statements.model import ClosingPosition, ExchangeRate, Instrument, OpenLot
from ballast.books.statements.rows import Row
from ballast.books.statements.stated_totals import RunningTotals
from ballast.money import ZERO

MEASURES = ("Cost Basis", "Value")


def read_positions(rows: list[Row], draft: Draft) -> None:
    """Settle all rows of the open positions."""
    positions: list[ClosingPosition] = []
    lots: list[OpenLot] = []
    totals = RunningTotals("Open Positions", MEASURES, draft.heading.base_currency)
    for row in rows:
        try:
            if row.kind in {"Total", "SubTotal"}:
                totals.compare(
                    row,
                    (asset_category(row.required("Asset Category")), row.required("Currency")),
                    draft,
                )
                continue
            match row.required("DataDiscriminator"):
                case "Summary":
                    position = _position(row)
                    positions.append(position)
                    totals.add(
                        (position.asset_category, position.currency),
                        {"Cost Basis": position.cost_basis, "Value": position.value},
                    )
                case "Lot":
                    lots.append(_lot(row))
                case _:
                    raise RowRefusedError("discriminator_not_known")
            draft.imported()
        except RowRefusedError as error:
            draft.quarantine(row.line, row.section, error.rule, row.text)
    draft.positions = positions
    if any(row.cell("DataDiscriminator") == "Lot" for row in rows):
        draft.open_lots = lots


def read_instruments(rows: list[Row], draft: Draft) -> None:
    """Settle all rows of the financial instrument information; old names of a security are listed beside the new."""
    known = draft.instruments = {}
    for row in rows:
        try:
            category = asset_category(row.required("Asset Category"))
            for symbol in row.required("Symbol").split(","):
                known[category, symbol.strip()] = Instrument(
                    symbol=symbol.strip(),
                    asset_category=category,
                    description=row.cell("Description") or None,
                    currency=row.cell("Currency") or None,
                    exchange=row.cell("Listing Exch") or None,
                    multiplier=optional_number(row.cell("Multiplier")),
                    isin=row.cell("Security ID") or None,
                    conid=row.cell("Conid") or None,
                )
            draft.imported()
        except RowRefusedError as error:
            draft.quarantine(row.line, row.section, error.rule, row.text)


def read_exchange_rates(rows: list[Row], draft: Draft) -> None:
    """Settle all rows of the exchange rates: base currency per unit."""
    for row in rows:
        try:
            _rate(draft, row.required("Currency"), row.required("Exchange Rate"))
            draft.imported()
        except RowRefusedError as error:
            draft.quarantine(row.line, row.section, error.rule, row.text)


def read_forex_balances(rows: list[Row], draft: Draft) -> None:
    """Settle all rows of the balances of foreign currencies, which carry the rate at the end as their close price."""
    for row in rows:
        try:
            first = row.cells[0] if row.cells else ""
            if row.kind in {"Total", "SubTotal"} or first.startswith("Total"):
                draft.skipped("total of currency balances")
                continue
            _rate(draft, row.required("Description"), row.required("Close Price"))
            draft.imported()
        except RowRefusedError as error:
            draft.quarantine(row.line, row.section, error.rule, row.text)


def _rate(draft: Draft, currency: str, rate_text: str) -> None:
    rate = ExchangeRate(currency_code(currency), number(rate_text))
    if rate.rate <= ZERO:
        raise RowRefusedError("rate_not_positive")
    if draft.exchange_rates is None:
        draft.exchange_rates = {}
    draft.exchange_rates.setdefault(rate.currency, rate)


def _position(row: Row) -> ClosingPosition:
    close_price = optional_number(row.cell("Close Price"))
    if close_price is not None and close_price < ZERO:
        raise RowRefusedError("price_is_negative")
    return ClosingPosition(
        symbol=row.required("Symbol"),
        asset_category=asset_category(row.required("Asset Category")),
        currency=currency_code(row.required("Currency")),
        quantity=number(row.required("Quantity")),
        cost_basis=optional_number(row.cell("Cost Basis")),
        close_price=close_price,
        value=optional_number(row.cell("Value")),
    )


def _lot(row: Row) -> OpenLot:
    return OpenLot(
        symbol=row.required("Symbol"),
        currency=currency_code(row.required("Currency")),
        opened_at=moment(row.required("Open")),
        quantity=number(row.required("Quantity")),
        cost_basis=number(row.required("Cost Basis")),
    )
