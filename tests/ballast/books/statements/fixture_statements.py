"""The invented statements that the tests share."""

from __future__ import annotations

from datetime import date

from ballast.books.statements import Statement, read_statements
from tests.ballast.books.statements.synthetic_book import Book, D, Lot, Security
from tests.ballast.books.statements.synthetic_statement import Line, StatementWriter, as_bytes

ACCOUNTS = {"U0000001": "main", "U0000002": "second"}
ABC = Security("ABC")
XYZ = Security("XYZ", isin="US0000000002")
NEW = Security("NEW", isin="US0000000003")
KID = Security("KID", isin="US0000000004")
EUX = Security("EUX", currency="EUR", isin="DE0000000001")
PUT = Security("ABC 21JUN24 40 P", "Equity and Index Options", multiplier=D(100), isin="")
CALL = Security("XYZ 21JUN24 90 C", "Equity and Index Options", multiplier=D(100), isin="")


def funded(year: int = 2024, account: str = "U0000001") -> StatementWriter:
    """Return a year that begins with a deposit and dollars."""
    writer = StatementWriter(Book(), date(year, 1, 1), date(year, 12, 31), account=account)
    writer.money(
        "Deposits & Withdrawals", "EUR", f"{year}-01-02", "Electronic Fund Transfer", "100000"
    )
    return writer.exchange("EUR.USD", "-50000", "1.1", f"{year}-01-03, 09:30:00")


def full_year() -> StatementWriter:
    """Return a year in which everything happens once."""
    writer = funded()
    writer.with_lots = True
    writer.trade(ABC, "100", "50", "2024-01-04, 10:00:00", with_executions=True)
    writer.trade(ABC, "50", "52", "2024-02-05, 11:00:00")
    writer.trade(ABC, "-120", "60", "2024-03-06, 12:00:00", code="C;P")
    writer.trade(XYZ, "-40", "80", "2024-03-07, 10:00:00")
    writer.trade(XYZ, "60", "75", "2024-04-08, 10:00:00", code="C;O")
    writer.trade(EUX, "1000", "12.345", "2024-04-09, 04:00:00", fee="-4.55")
    writer.cancelled(ABC, "10", "61", "2024-04-10, 10:00:00")
    writer.trade(PUT, "-1", "2.5", "2024-05-01, 10:00:00")
    writer.trade(PUT, "1", "0", "2024-06-21, 16:20:00", fee="0", code="A;C")
    writer.trade(ABC, "100", "40", "2024-06-21, 16:20:00", fee="0", code="A;O")
    writer.trade(CALL, "1", "1.5", "2024-05-02, 10:00:00")
    writer.trade(CALL, "-1", "0", "2024-06-21, 16:20:00", fee="0", code="C;Ep")
    writer.money(
        "Dividends", "USD", "2024-05-15",
        "ABC(US0000000001) Cash Dividend USD 0.25 per Share (Ordinary Dividend)", "7.50",
    )  # fmt: skip
    writer.money(
        "Dividends", "USD", "2024-05-16",
        "ABC(US0000000001) Payment in Lieu of Dividend (Ordinary Dividend)", "1.25",
    )  # fmt: skip
    writer.money(
        "Dividends", "USD", "2024-05-17",
        "ABC(US0000000001) Cash Dividend USD 0.10 per Share (Return of Capital)", "3.00",
    )  # fmt: skip
    tax = "ABC(US0000000001) Cash Dividend USD 0.25 per Share - US Tax"
    writer.money("Withholding Tax", "USD", "2024-05-15", tax, "-1.13")
    writer.money("Withholding Tax", "USD", "2024-05-15", tax, "1.13")
    writer.money("Withholding Tax", "USD", "2024-05-15", tax, "-1.00")
    writer.money("Interest", "EUR", "2024-06-04", "EUR Credit Interest for May-2024", "12.34")
    writer.money("Interest", "USD", "2024-06-04", "USD Debit Interest for May-2024", "-2.10")
    writer.money("Fees", "USD", "2024-06-05", "Market Data Subscription", "-10.00")
    writer.money("Deposits & Withdrawals", "EUR", "2024-11-02", "Disbursement", "-5000")
    writer.transfer(KID, "10", "2024-07-01")
    writer.transfer(EUX, "200", "2024-07-02", price="11.50", kind="FOP")
    writer.transfer(KID, "-4", "2024-07-03")
    writer.split(ABC, "2 for 1", "130", "2024-08-01, 20:25:00")
    reverse_split(writer)
    spin_off(writer)
    renamed(writer)
    writer.extra.append(["Nouvelle section", "Header", "Symbole"])
    writer.extra.append(["Nouvelle section", "Data", "ABC"])
    writer.extra.append(["Notes/Legal Notes", "Notes", "Nothing here is real"])
    return writer


def reverse_split(writer: StatementWriter) -> None:
    """One for eight on 20 units gives 2.5, of which the half is paid out."""
    at = "2024-09-02, 20:25:00"
    text = f"{XYZ.sentence} Split 1 for 8"
    writer.action(XYZ, f"{text} (XYZ.OLD, XYZ INVENTED INC, {XYZ.isin})", at, "-20")
    writer.action(XYZ, f"{text} {XYZ.triple}", at, "2.5")
    writer.book.scale(XYZ, D("-17.5"))
    writer.book.close(XYZ, D("-0.5"))
    in_lieu = f"{XYZ.sentence} Cash in Lieu of Fractional Shares {XYZ.triple}"
    writer.action(XYZ, in_lieu, at, "-0.5", "290.00")


def spin_off(writer: StatementWriter) -> None:
    text = f"{ABC.sentence} Spinoff  1 for 26 {KID.triple}"
    writer.action(KID, text, "2024-09-10, 20:25:00", "10")
    writer.book.lots[KID].append(Lot("2024-09-10", D(10), D(0)))


def renamed(writer: StatementWriter) -> None:
    """Merge one security into another and give a third its new name."""
    quantity = writer.book.convert(XYZ, NEW, D(4))
    text = f"{XYZ.sentence} Merged(Acquisition) WITH {NEW.isin} 2 for 1"
    writer.action(XYZ, f"{text} {XYZ.triple}", "2024-10-01, 20:25:00", str(-quantity))
    writer.action(NEW, f"{text} {NEW.triple}", "2024-10-01, 20:25:00", "4")


def history() -> list[bytes]:
    """Return three yearly files with splits, short sales, reversals and transfers."""
    first = funded(2022)
    first.trade(ABC, "100", "50", "2022-02-01, 10:00:00")
    first.trade(XYZ, "-30", "90", "2022-03-01, 10:00:00")
    tax = "ABC(US0000000001) Cash Dividend USD 0.25 per Share - US Tax"
    first.money("Withholding Tax", "USD", "2022-12-15", tax, "-3.75")
    files = [first.content()]
    second = StatementWriter(first.book, date(2023, 1, 1), date(2023, 12, 31))
    second.split(ABC, "4 for 1", "300", "2023-05-01, 20:25:00")
    second.trade(XYZ, "10", "70", "2023-06-01, 10:00:00", code="C")
    # Last year's tax is taken back and booked again at the same amount.
    second.money("Withholding Tax", "USD", "2022-12-15", tax, "3.75")
    second.money("Withholding Tax", "USD", "2022-12-15", tax, "-3.75")
    second.transfer(KID, "25", "2023-07-01", price="8")
    files.append(second.content())
    third = StatementWriter(first.book, date(2024, 1, 1), date(2024, 12, 31))
    third.trade(ABC, "-400", "15", "2024-01-05, 10:00:00", code="C")
    third.trade(XYZ, "40", "60", "2024-01-08, 10:00:00", code="C;O")
    third.transfer(KID, "-25", "2024-02-01")
    return [*files, third.content()]


def one(content: bytes, file_name: str = "statement.csv") -> Statement:
    (statement,) = read_statements(content, file_name, ACCOUNTS)
    return statement


def consolidated(first: StatementWriter, second: StatementWriter) -> bytes:
    """Write two accounts as one statement: rows carry an account, summaries are sums over both."""
    rows: list[Line] = []
    other = second.rows()
    with_account = {"Trades", "Dividends", "Deposits & Withdrawals", "Interest"}
    for section in dict.fromkeys(row[0] for row in first.rows()):
        for writer, own in ((first, first.rows()), (second, other)):
            for row in (row for row in own if row[0] == section):
                if section not in with_account:
                    rows += [row] if writer is first else []
                    continue
                cell = "Account" if row[1] == "Header" else writer.account
                is_total = row[1] in {"Total", "SubTotal"} or row[2].startswith("Total")
                rows.append([*row, "" if is_total else cell])
    for row in rows:
        if row[:3] == ["Account Information", "Data", "Account"]:
            row[3] = f"{first.account}, {second.account}"
    return as_bytes(rows)
