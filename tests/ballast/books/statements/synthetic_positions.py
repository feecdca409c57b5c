"""The open positions of an invented statement, with their lots where asked for."""

from __future__ import annotations

from decimal import Decimal

from tests.ballast.books.statements.synthetic_book import D, Security
from tests.ballast.books.statements.synthetic_statement import Line, StatementWriter, line_of

POSITION_HEADER = [
    "DataDiscriminator", "Asset Category", "Currency", "Symbol", "Open", "Quantity", "Mult", "Cost Price",
    "Cost Basis", "Close Price", "Value", "Unrealized P/L", "Code",
]  # fmt: skip


def positions_section(writer: StatementWriter) -> list[Line]:
    held = sorted(writer.book.held(), key=lambda each: (each.category, each.currency))
    rows = [["Open Positions", "Header", *POSITION_HEADER]] if held else []
    for category, currency in dict.fromkeys((each.category, each.currency) for each in held):
        basis_sum = value_sum = D(0)
        for each in held:
            if (each.category, each.currency) != (category, currency):
                continue
            basis, value = writer.book.basis(each), writer.position_value(each)
            rows.append(_position("Summary", each, writer.book.quantity(each), basis))
            rows[-1][2 + POSITION_HEADER.index("Close Price")] = str(
                writer.book.prices.get(each, 0)
            )
            rows[-1][2 + POSITION_HEADER.index("Value")] = f"{value:,}"
            for lot in writer.book.lots[each] if writer.with_lots else ():
                rows.append(_position("Lot", each, lot.quantity, lot.basis))
                rows[-1][2 + POSITION_HEADER.index("Open")] = f"{lot.opened}, 10:00:00"
            basis_sum += basis
            value_sum += value
        rates = {currency: D(1), writer.base: writer.rates[currency]}
        for total_currency, rate in rates.items():
            total = {
                "Asset Category": category, "Currency": total_currency,
                "Cost Basis": str(basis_sum * rate), "Value": str(value_sum * rate),
            }  # fmt: skip
            rows.append(["Open Positions", "Total", *line_of(POSITION_HEADER, total)])
    return rows


def _position(kind: str, security: Security, quantity: Decimal, basis: Decimal) -> Line:
    row = {
        "DataDiscriminator": kind, "Asset Category": security.category, "Currency": security.currency,
        "Symbol": security.symbol, "Open": "-", "Quantity": f"{quantity:,}", "Mult": str(security.multiplier),
        "Cost Basis": f"{basis:,}",
    }  # fmt: skip
    return ["Open Positions", "Data", *line_of(POSITION_HEADER, row)]
