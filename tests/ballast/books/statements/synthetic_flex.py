"""Writes what a statement writer knows as a Flex statement instead."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from xml.etree import ElementTree

from tests.ballast.books.statements.synthetic_book import D
from tests.ballast.books.statements.synthetic_statement import (
    CASH_HEADERS,
    FOREX_HEADER,
    TRADE_HEADER,
    TRANSFER_HEADER,
    StatementWriter,
)

Attributes = dict[str, str]
WORD_OF_CATEGORY = {"Stocks": "STK", "Equity and Index Options": "OPT", "Forex": "CASH"}
TYPE_OF_SECTION = {
    "Deposits & Withdrawals": "Deposits/Withdrawals", "Fees": "Other Fees", "Dividends": "Dividends",
    "Withholding Tax": "Withholding Tax",
}  # fmt: skip
ATTRIBUTE_OF_LINE = {
    "Deposits & Withdrawals": "deposits", "Dividends": "dividends", "Withholding Tax": "withholdingTax",
    "Interest": "brokerInterest", "Other Fees": "otherFees", "Commissions": "commissions",
    "Trades (Sales)": "netTradesSales", "Trades (Purchase)": "netTradesPurchases",
    "Net Trades (Forex)": "realizedForexVm", "Corporate Actions": "other",
}  # fmt: skip


def flex_tree(*writers: StatementWriter) -> ElementTree.Element:
    root = ElementTree.Element("FlexQueryResponse", queryName="invented", type="AF")
    container = ElementTree.SubElement(root, "FlexStatements", count=str(len(writers)))
    for writer in writers:
        statement = ElementTree.SubElement(
            container, "FlexStatement",
            accountId=writer.account, fromDate=str(writer.first), toDate=str(writer.last), period="",
            whenGenerated=f"{writer.last};201530",
        )  # fmt: skip
        ElementTree.SubElement(
            statement, "AccountInformation", accountId=writer.account, currency=writer.base
        )
        ElementTree.SubElement(statement, "ChangeInNAV", _change(writer))
        for section, tag, rows in (
            ("CashReport", "CashReportCurrency", _cash_report(writer)),
            ("EquitySummaryInBase", "EquitySummaryByReportDateInBase", [_equity(writer)]),
            ("OpenPositions", "OpenPosition", _positions(writer)),
            ("Trades", "Trade", _trades(writer)),
            ("CorporateActions", "CorporateAction", _actions(writer)),
            ("Transfers", "Transfer", _transfers(writer)),
            ("CashTransactions", "CashTransaction", _cash(writer)),
            ("SecuritiesInfo", "SecurityInfo", _securities(writer)),
            ("ConversionRates", "ConversionRate", _rates(writer)),
            ("FxPositions", "FxLots", []),
        ):
            parent = ElementTree.SubElement(statement, section)
            for row in rows:
                ElementTree.SubElement(parent, tag, row)
    return root


def flex(*writers: StatementWriter) -> bytes:
    return ElementTree.tostring(flex_tree(*writers), encoding="utf-8", xml_declaration=True)


def _change(writer: StatementWriter) -> Attributes:
    before, after = writer.value_before, writer.value()
    return {
        "startingValue": str(before),
        "mtm": str(after - before),
        "endingValue": str(after),
        "twr": "4.25",
    }


def _cash_report(writer: StatementWriter) -> Iterable[Attributes]:
    start = sum((a * writer.rates[c] for c, a in writer.starting.items()), D(0))
    end = writer.cash_in_base()
    yield {
        "currency": "BASE_SUMMARY", "startingCash": str(start), "endingCash": str(end),
        "deposits": str(end - start), "depositWithdrawals": str(end - start), "depositsSec": "1",
    }  # fmt: skip
    for currency in sorted({*writer.book.cash, *writer.starting}):
        lines = {ATTRIBUTE_OF_LINE[name]: str(a) for name, a in writer.moved[currency].items()}
        yield {
            "currency": currency, "startingCash": str(writer.starting.get(currency, D(0))), **lines,
            "endingCash": str(writer.book.cash[currency]),
        }  # fmt: skip


def _equity(writer: StatementWriter) -> Attributes:
    values: dict[str, Decimal] = {"cash": writer.cash_in_base(), "dividendAccruals": D(0)}
    for each in writer.book.held():
        name = "stock" if each.category == "Stocks" else "options"
        value = writer.position_value(each) * writer.rates[each.currency]
        values[name] = values.get(name, D(0)) + value
    amounts = {name: str(value) for name, value in values.items()}
    return {
        "reportDate": str(writer.last),
        **amounts,
        "stockLong": "1",
        "total": str(writer.value()),
    }


def _positions(writer: StatementWriter) -> Iterable[Attributes]:
    for each in writer.book.held():
        about = {
            "assetCategory": WORD_OF_CATEGORY[each.category], "currency": each.currency, "symbol": each.symbol,
            "fxRateToBase": str(writer.rates[each.currency]),
        }  # fmt: skip
        yield about | {
            "levelOfDetail": "SUMMARY", "position": f"{writer.book.quantity(each):,}",
            "markPrice": str(writer.book.prices.get(each, D(0))),
            "positionValue": str(writer.position_value(each)), "costBasisMoney": str(writer.book.basis(each)),
        }  # fmt: skip
        for lot in writer.book.lots[each] if writer.with_lots else ():
            yield about | {
                "levelOfDetail": "LOT", "position": str(lot.quantity), "costBasisMoney": str(lot.basis),
                "openDateTime": f"{lot.opened};100000",
            }  # fmt: skip


def _trades(writer: StatementWriter) -> Iterable[Attributes]:
    rows = [(TRADE_HEADER, row) for rows in writer.trade_rows.values() for row in rows]
    rows += [(FOREX_HEADER, row) for row in writer.forex_rows]
    number = 0
    for header, row in rows:
        cells = dict(zip(header, row, strict=True))
        if cells["DataDiscriminator"] != "Order":
            continue
        number += 1
        attributes = {
            "tradeID": str(1000 + number), "levelOfDetail": "EXECUTION", "currency": cells["Currency"],
            "assetCategory": WORD_OF_CATEGORY[cells["Asset Category"]], "symbol": cells["Symbol"],
            "dateTime": cells["Date/Time"].replace(", ", ";").replace(":", ""), "quantity": cells["Quantity"],
            "tradePrice": cells["T. Price"], "proceeds": cells["Proceeds"], "notes": cells["Code"],
            "ibCommission": cells.get("Comm/Fee") or cells.get("Comm in EUR", "0"),
            "ibCommissionCurrency": cells["Currency"] if "Comm/Fee" in cells else writer.base,
        }  # fmt: skip
        if "Basis" in cells:
            attributes |= {"cost": cells["Basis"], "fifoPnlRealized": cells["Realized P/L"]}
        yield attributes


def _actions(writer: StatementWriter) -> Iterable[Attributes]:
    for number, row in enumerate(writer.action_rows):
        category, currency, day, at, text, quantity, proceeds, *_ = row
        yield {
            "assetCategory": WORD_OF_CATEGORY[category], "currency": currency, "reportDate": day,
            "dateTime": at.replace(", ", ";").replace(":", ""), "actionDescription": text,
            "quantity": quantity, "proceeds": proceeds, "transactionID": str(2000 + number),
            # One identifier for all rows of one action.
            "actionID": f"{day.replace('-', '')}{len(text.partition(' (')[0])}",
        }  # fmt: skip


def _transfers(writer: StatementWriter) -> Iterable[Attributes]:
    for number, row in enumerate(writer.transfer_rows):
        cells = dict(zip(TRANSFER_HEADER, row, strict=True))
        yield {
            "assetCategory": WORD_OF_CATEGORY[cells["Asset Category"]], "currency": cells["Currency"],
            "symbol": cells["Symbol"], "date": cells["Date"], "type": cells["Type"],
            "direction": cells["Direction"].upper(), "quantity": cells["Qty"],
            "transferPrice": cells["Xfer Price"], "transactionID": str(3000 + number),
        }  # fmt: skip


def _cash(writer: StatementWriter) -> Iterable[Attributes]:
    number = 0
    for section, header in CASH_HEADERS.items():
        for row in writer.cash_rows[section]:
            number += 1
            yield _cash_row(section, dict(zip(header, row, strict=True)), number)


def _cash_row(section: str, cells: dict[str, str], number: int) -> Attributes:
    is_paid = cells["Amount"].startswith("-")
    interest = "Broker Interest Paid" if is_paid else "Broker Interest Received"
    return {
        "type": TYPE_OF_SECTION.get(section, interest), "currency": cells["Currency"], "amount": cells["Amount"],
        "dateTime": cells.get("Date") or cells["Settle Date"], "description": cells["Description"],
        "levelOfDetail": "DETAIL", "transactionID": str(4000 + number),
    }  # fmt: skip


def _securities(writer: StatementWriter) -> Iterable[Attributes]:
    for each in writer.seen:
        yield {
            "assetCategory": WORD_OF_CATEGORY[each.category], "symbol": each.symbol, "isin": each.isin,
            "multiplier": str(each.multiplier), "currency": each.currency, "conid": "1",
        }  # fmt: skip


def _rates(writer: StatementWriter) -> Iterable[Attributes]:
    for currency, rate in writer.rates.items():
        yield {
            "reportDate": str(writer.last), "fromCurrency": currency, "toCurrency": writer.base, "rate": str(rate),
        }  # fmt: skip
