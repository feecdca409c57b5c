"""The sections of an invented statement, in the broker's order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from tests.ballast.books.statements.synthetic_book import CENT, D
from tests.ballast.books.statements.synthetic_positions import positions_section
from tests.ballast.books.statements.synthetic_statement import (
    CASH_HEADERS,
    FOREX_HEADER,
    TRADE_HEADER,
    TRANSFER_HEADER,
    Line,
    StatementWriter,
)


def sections_of(writer: StatementWriter) -> list[Line]:
    return [
        *_heads(writer),
        *_net_asset_value(writer),
        *_change_in_nav(writer),
        *_unread(),
        *_cash_report(writer),
        *positions_section(writer),
        *_rates(writer),
        *_trades(writer),
        *_actions(writer),
        *_transfers(writer),
        *_cash_sections(writer),
        *_instruments(writer),
        *writer.extra,
        ["Codes", "Header", "Code", "Meaning", "Code (Cont.)", "Meaning (Cont.)"],
        ["Codes", "Data", "C", "Closing Trade", "O", "Opening Trade"],
    ]


def long_day(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _heads(writer: StatementWriter) -> list[Line]:
    period = f"{long_day(writer.first)} - {long_day(writer.last)}"
    head = ["Header", "Field Name", "Field Value"]
    return [
        ["Statement", *head],
        ["Statement", "Data", "BrokerName", "An Invented Broker"],
        ["Statement", "Data", "Title", "Activity Statement"],
        ["Statement", "Data", "Period", period],
        ["Statement", "Data", "WhenGenerated", f"{writer.last}, 20:15:30 EST"],
        ["Account Information", *head],
        ["Account Information", "Data", "Name", "Nobody"],
        ["Account Information", "Data", "Account", writer.account],
        ["Account Information", "Data", "Account Type", "Individual"],
        ["Account Information", "Data", "Base Currency", writer.base],
    ]


def _net_asset_value(writer: StatementWriter) -> list[Line]:
    section = "Net Asset Value"
    by_class: dict[str, Decimal] = {"Cash": writer.cash_in_base()}
    for security in writer.book.held():
        name = "Stock" if security.category == "Stocks" else "Options"
        value = writer.position_value(security) * writer.rates[security.currency]
        by_class[name] = by_class.get(name, D(0)) + value
    by_class["Dividend Accruals"] = D("0.00")
    return [
        [section, "Header", "Asset Class", "Prior Total", "Current Long", "Current Short", "Current Total", "Change"],
        *([section, "Data", name, "0", str(v), "0", str(v), "0"] for name, v in by_class.items()),
        [section, "Data", "Total", "0", "0", "0", str(writer.value()), "0"],
        [section, "Header", "Time Weighted Rate of Return"],
        [section, "Data", "4.25%"],
    ]  # fmt: skip


def _change_in_nav(writer: StatementWriter) -> list[Line]:
    section = "Change in NAV"
    lines = {
        "Dividends": _moved(writer, "Dividends"),
        "Deposits & Withdrawals": _moved(writer, "Deposits & Withdrawals"),
    }
    rest = writer.value() - writer.value_before - sum(lines.values(), D(0))
    values = {
        "Starting Value": writer.value_before, "Mark-to-Market": rest, **lines, "Ending Value": writer.value(),
    }  # fmt: skip
    return [
        [section, "Header", "Field Name", "Field Value"],
        *([section, "Data", name, str(value)] for name, value in values.items()),
    ]


def _moved(writer: StatementWriter, line: str) -> Decimal:
    return sum((m[line] * writer.rates[c] for c, m in list(writer.moved.items())), D(0))


def _unread() -> list[Line]:
    section = "Mark-to-Market Performance Summary"
    return [
        [section, "Header", "Asset Category", "Symbol", "Prior Quantity"],
        [section, "Data", "Stocks", "ABC", "0"],
        ["Total P/L for Statement Period", "Total", "", "", "12.5"],
    ]


def _cash_report(writer: StatementWriter) -> list[Line]:
    section = "Cash Report"
    currencies = sorted({*writer.book.cash, *writer.starting})
    blocks: list[Line] = []
    total_start = D(0)
    base_lines: dict[str, Decimal] = {}
    for currency in currencies:
        start, rate = writer.starting.get(currency, D(0)), writer.rates[currency]
        total_start += start * rate
        blocks.append(["Starting Cash", currency, f"{start:,}"])
        for line, amount in writer.moved[currency].items():
            blocks.append([line, currency, str(amount)])
            base_lines[line] = base_lines.get(line, D(0)) + amount * rate
        for name in ("Ending Cash", "Ending Settled Cash"):
            blocks.append([name, currency, f"{writer.book.cash[currency]:,}"])
    base = [
        ("Starting Cash", total_start),
        *base_lines.items(),
        ("Ending Cash", writer.cash_in_base()),
    ]
    return [
        [section, "Header", "Currency Summary", "Currency", "Total", "Securities", "Futures", ""],
        *([section, "Data", n, "Base Currency Summary", str(v), str(v), "0", ""] for n, v in base),
        *([section, "Data", *block, block[-1], "0", ""] for block in blocks),
    ]


def _rates(writer: StatementWriter) -> list[Line]:
    section = "Forex Balances"
    header = [
        "Asset Category",
        "Currency",
        "Description",
        "Quantity",
        "Cost Price",
        "Close Price",
        "Value in EUR",
    ]
    return [
        [section, "Header", *header],
        *(
            [section, "Data", "Forex", writer.base, currency, "0", "0", str(rate), "0"]
            for currency, rate in writer.rates.items()
            if currency != writer.base
        ),
        [section, "Total", "Total", "", "", "", "", "", "0"],
    ]


def _trades(writer: StatementWriter) -> list[Line]:
    rows: list[Line] = []
    if writer.trade_rows:
        rows.append(["Trades", "Header", *TRADE_HEADER])
    for (category, currency), trades in writer.trade_rows.items():
        symbols = dict.fromkeys(row[3] for row in trades)
        for symbol in symbols:
            own = [row for row in trades if row[3] == symbol]
            rows += [["Trades", "Data", *row] for row in own]
            rows.append(
                ["Trades", "SubTotal", "", category, currency, symbol, "", "0", "", "", *_sums(own)]
            )
        rows.append(["Trades", "Total", "", category, currency, "", "", "", "", "", *_sums(trades)])
        if currency != writer.base:
            rows.append(
                [
                    "Trades",
                    "Total",
                    "",
                    category,
                    writer.base,
                    "",
                    "",
                    "",
                    "",
                    "",
                    "1",
                    "1",
                    "1",
                    "1",
                    "",
                    "",
                ]
            )
    if writer.forex_rows:
        rows.append(["Trades", "Header", *FOREX_HEADER])
        rows += [["Trades", "Data", *row] for row in writer.forex_rows]
    return rows


def _sums(trades: list[Line]) -> Line:
    orders = [row for row in trades if row[0] == "Order"]
    sums = [str(sum((D(row[column]) for row in orders), D(0))) for column in (8, 9, 10, 11)]
    return [*sums, "0", ""]


def _actions(writer: StatementWriter) -> list[Line]:
    header = [
        "Asset Category", "Currency", "Report Date", "Date/Time", "Description", "Quantity", "Proceeds", "Value",
        "Realized P/L", "Code",
    ]  # fmt: skip
    return _plain("Corporate Actions", header, writer.action_rows)


def _transfers(writer: StatementWriter) -> list[Line]:
    return _plain("Transfers", TRANSFER_HEADER, writer.transfer_rows)


def _cash_sections(writer: StatementWriter) -> list[Line]:
    rows: list[Line] = []
    for section, header in CASH_HEADERS.items():
        at, width = header.index("Currency"), len(header)
        found = writer.cash_rows[section]
        rows += [[section, "Header", *header]] if found else []
        amount = header.index("Amount")
        for currency in dict.fromkeys(row[at] for row in found):
            own = [row for row in found if row[at] == currency]
            total = sum((D(row[amount]) for row in own), D(0))
            rows += [[section, "Data", *row] for row in own]
            rows.append([section, "Data", *_total("Total", total, amount, width)])
            if currency != writer.base:
                in_base = (total * writer.rates[currency]).quantize(CENT)
                rows.append(
                    [section, "Data", *_total(f"Total in {writer.base}", in_base, amount, width)]
                )
    return rows


def _total(name: str, total: Decimal, amount: int, width: int) -> Line:
    return [
        name,
        *("" for _ in range(amount - 1)),
        str(total),
        *("" for _ in range(width - amount - 1)),
    ]


def _instruments(writer: StatementWriter) -> list[Line]:
    header = [
        "Asset Category",
        "Symbol",
        "Description",
        "Conid",
        "Security ID",
        "Listing Exch",
        "Multiplier",
        "Type",
    ]
    rows = [
        [
            each.category,
            each.symbol,
            f"{each.symbol} INVENTED",
            "1",
            each.isin,
            "NASDAQ",
            str(each.multiplier),
            "COMMON",
        ]
        for each in writer.seen
    ]
    return _plain("Financial Instrument Information", header, rows)


def _plain(section: str, header: Line, rows: Iterable[Line]) -> list[Line]:
    found = [[section, "Data", *row] for row in rows]
    return [[section, "Header", *header], *found] if found else []
