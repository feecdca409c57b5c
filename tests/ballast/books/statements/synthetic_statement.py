"""Writes invented activity statements in the documented layout, from what happened in a book."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import date
from decimal import Decimal

from tests.ballast.books.statements.synthetic_book import CENT, Book, D, Security

TRADE_HEADER = [
    "DataDiscriminator", "Asset Category", "Currency", "Symbol", "Date/Time", "Quantity", "T. Price", "C. Price",
    "Proceeds", "Comm/Fee", "Basis", "Realized P/L", "MTM P/L", "Code",
]  # fmt: skip
FOREX_HEADER = [
    "DataDiscriminator", "Asset Category", "Currency", "Symbol", "Date/Time", "Quantity", "T. Price", "",
    "Proceeds", "Comm in EUR", "", "", "MTM in EUR", "Code",
]  # fmt: skip
TRANSFER_HEADER = [
    "Asset Category", "Currency", "Symbol", "Date", "Type", "Direction", "Xfer Company", "Xfer Account", "Qty",
    "Xfer Price", "Market Value", "Realized P/L", "Cash Amount", "Code",
]  # fmt: skip
CASH_HEADERS = {
    "Deposits & Withdrawals": ["Currency", "Settle Date", "Description", "Amount"],
    "Fees": ["Subtitle", "Currency", "Date", "Description", "Amount"],
    "Dividends": ["Currency", "Date", "Description", "Amount"],
    "Withholding Tax": ["Currency", "Date", "Description", "Amount", "Code"],
    "Interest": ["Currency", "Date", "Description", "Amount"],
}
LINE_OF_SECTION = {"Fees": "Other Fees"}
Line = list[str]


def line_of(header: Line, cells: dict[str, str]) -> Line:
    """Return cells in the order of a header; the others are blank."""
    return [cells.get(column, "") for column in header]


def _trade_row(security: Security, at: str, quantity: str, price: str, code: str) -> dict[str, str]:
    return {
        "DataDiscriminator": "Order", "Asset Category": security.category, "Currency": security.currency,
        "Symbol": security.symbol, "Date/Time": at, "Quantity": f"{D(quantity):,}", "T. Price": price,
        "C. Price": price, "Code": code,
    }  # fmt: skip


class StatementWriter:
    """One period of one account; each method books something and writes its row."""

    def __init__(
        self,
        book: Book,
        first: date,
        last: date,
        *,
        account: str = "U0000001",
        base: str = "EUR",
        rates: dict[str, Decimal] | None = None,
    ) -> None:
        self.book, self.first, self.last, self.account, self.base = book, first, last, account, base
        self.rates = {base: D(1), "USD": D("0.90")} | (rates or {})
        self.starting = dict(book.cash)
        self.value_before = self.value()
        self.moved: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: D(0)))
        self.cash_rows: dict[str, list[Line]] = defaultdict(list)
        self.trade_rows: dict[tuple[str, str], list[Line]] = defaultdict(list)
        self.forex_rows: list[Line] = []
        self.action_rows: list[Line] = []
        self.transfer_rows: list[Line] = []
        self.seen: dict[Security, None] = dict.fromkeys(book.lots)
        self.with_lots = False
        self.extra: list[Line] = []

    # What happens

    def trade(
        self,
        security: Security,
        quantity: str,
        price: str,
        at: str,
        *,
        fee: str = "-1",
        code: str = "O",
        with_executions: bool = False,
    ) -> StatementWriter:
        amount, unit = D(quantity), D(price)
        proceeds = -amount * unit * security.multiplier
        basis, realised, closed = self.book.trade(security, amount, proceeds, D(fee), at)
        is_moved = {"A", "Ex"} & set(code.split(";"))
        self._move(
            security.currency, "Trades (Sales)" if amount < 0 else "Trades (Purchase)", proceeds
        )
        self._move(security.currency, "Commissions", D(fee))
        row = _trade_row(security, at, quantity, price, code)
        row |= {"Proceeds": str(proceeds), "Comm/Fee": fee, "Basis": str(basis)}
        row["Realized P/L"] = str(D(0) if is_moved else realised)
        rows = self.trade_rows[security.category, security.currency]
        rows.append(line_of(TRADE_HEADER, row))
        if with_executions:
            rows.append(line_of(TRADE_HEADER, row | {"DataDiscriminator": "Trade"}))
        for lot in closed:
            closing = _trade_row(security, lot.opened, str(lot.quantity), price, "ST")
            closing |= {"DataDiscriminator": "ClosedLot", "Basis": str(lot.basis)}
            rows.append(line_of(TRADE_HEADER, closing | {"Realized P/L": "0"}))
        self.book.prices[security] = unit
        self.seen[security] = None
        return self

    def cancelled(self, security: Security, quantity: str, price: str, at: str) -> StatementWriter:
        """Write a trade and the row that takes it back."""
        for amount, fee, code in ((D(quantity), "-1", "O"), (-D(quantity), "1", "Ca")):
            proceeds = -amount * D(price) * security.multiplier
            row = _trade_row(security, at, str(amount), price, code)
            row |= {"Proceeds": str(proceeds), "Comm/Fee": fee, "Basis": str(-proceeds - D(fee))}
            rows = self.trade_rows[security.category, security.currency]
            rows.append(line_of(TRADE_HEADER, row | {"Realized P/L": "0"}))
        self.seen[security] = None
        return self

    def exchange(
        self, pair: str, quantity: str, rate: str, at: str, fee: str = "-1.80"
    ) -> StatementWriter:
        bought, paid = pair.split(".")
        proceeds = -(D(quantity) * D(rate)).quantize(CENT)
        self.book.cash[bought] += D(quantity)
        self.book.cash[paid] += proceeds
        self.book.cash[self.base] += D(fee)
        self._move(bought, "Net Trades (Forex)", D(quantity))
        self._move(paid, "Net Trades (Forex)", proceeds)
        self._move(self.base, "Commissions", D(fee))
        row = {
            "DataDiscriminator": "Order", "Asset Category": "Forex", "Currency": paid, "Symbol": pair,
            "Date/Time": at, "Quantity": f"{D(quantity):,}", "T. Price": rate, "Proceeds": str(proceeds),
            "Comm in EUR": fee,
        }  # fmt: skip
        self.forex_rows.append(line_of(FOREX_HEADER, row))
        return self

    def money(
        self, section: str, currency: str, day: str, text: str, amount: str
    ) -> StatementWriter:
        """Write a row of a section of cash movements."""
        self.book.cash[currency] += D(amount)
        self._move(currency, LINE_OF_SECTION.get(section, section), D(amount))
        head = ["Other Fees"] if section == "Fees" else []
        tail = [""] if section == "Withholding Tax" else []
        self.cash_rows[section].append([*head, currency, day, text, amount, *tail])
        return self

    def action(
        self, security: Security, text: str, at: str, quantity: str, proceeds: str = "0"
    ) -> StatementWriter:
        """Write a row about a corporate action; the book is changed by the caller."""
        self.book.cash[security.currency] += D(proceeds)
        self._move(security.currency, "Corporate Actions", D(proceeds))
        self.action_rows.append(
            [
                security.category,
                security.currency,
                at[:10],
                at,
                text,
                quantity,
                proceeds,
                "0",
                "0",
                "",
            ]
        )
        self.seen[security] = None
        return self

    def split(self, security: Security, ratio: str, added: str, at: str) -> StatementWriter:
        self.book.scale(security, D(added))
        text = f"{security.sentence} Split {ratio} {security.triple}"
        return self.action(security, text, at, added)

    def transfer(
        self, security: Security, quantity: str, at: str, price: str = "--", kind: str = "ACATS"
    ) -> StatementWriter:
        amount = D(quantity)
        if amount > 0:
            basis = D(0) if price == "--" else amount * D(price)
            self.book.trade(security, amount, -basis, D(0), at)
            self.book.cash[security.currency] += basis
        else:
            self.book.close(security, amount)
        direction = "In" if amount > 0 else "Out"
        row = {
            "Asset Category": security.category, "Currency": security.currency, "Symbol": security.symbol,
            "Date": at[:10], "Type": kind, "Direction": direction, "Xfer Company": "OTHER BROKER",
            "Qty": quantity, "Xfer Price": price, "Cash Amount": "0",
        }  # fmt: skip
        self.transfer_rows.append(line_of(TRANSFER_HEADER, row))
        self.seen[security] = None
        return self

    # What it adds up to

    def _move(self, currency: str, line: str, amount: Decimal) -> None:
        if amount:
            self.moved[currency][line] += amount

    def position_value(self, security: Security) -> Decimal:
        price = self.book.prices.get(security, D(0))
        return self.book.quantity(security) * security.multiplier * price

    def value(self) -> Decimal:
        return self.cash_in_base() + sum(
            (self.position_value(each) * self.rates[each.currency] for each in self.book.held()),
            D(0),
        )

    def cash_in_base(self) -> Decimal:
        return sum((amount * self.rates[each] for each, amount in self.book.cash.items()), D(0))

    # The file

    def rows(self) -> list[Line]:
        from tests.ballast.books.statements.synthetic_sections import sections_of

        return sections_of(self)

    def content(self) -> bytes:
        return as_bytes(self.rows())


def as_bytes(rows: list[Line]) -> bytes:
    """Write rows as the broker does: a byte-order mark, and quotes only where needed."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return ("\ufeff" + text.getvalue()).encode()
