"""The activity statement (CSV): which reader takes which section, and whose rows they are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime

from ballast.books.statements.balances import (
    read_cash_report,
    read_change_in_nav,
    read_net_asset_value,
)
from ballast.books.statements.cash_rows import SORT_OF_SECTION, read_cash
from ballast.books.statements.cells import RowRefusedError, currency_code, moment, period
from ballast.books.statements.corporate_actions import read_actions
from ballast.books.statements.draft import Draft, Heading
from ballast.books.statements.event_ids import EventIds
from ballast.books.statements.holdings import (
    read_exchange_rates,
    read_forex_balances,
    read_instruments,
    read_positions,
)
from ballast.books.statements.model import Statement
from ballast.books.statements.rows import KINDS, Row, parts, read_rows
from ballast.books.statements.statement_error import StatementError, account_of_number
from ballast.books.statements.trade_rows import read_trades
from ballast.books.statements.transfers import read_grants, read_transfers

Reader = Callable[[list[Row], Draft], None]

STATEMENT, ACCOUNT_INFORMATION = "Statement", "Account Information"
# What other sections need comes first: trades are checked against the multiplier of their contract.
SHARED_READERS: dict[str, Reader] = {
    "Financial Instrument Information": read_instruments,
    "Base Currency Exchange Rate": read_exchange_rates,
    "Forex Balances": read_forex_balances,
}
SUMMARY_READERS: dict[str, Reader] = {
    "Net Asset Value": read_net_asset_value,
    "Change in NAV": read_change_in_nav,
    "Cash Report": read_cash_report,
    "Open Positions": read_positions,
}
EVENT_READERS: dict[str, Reader] = {
    "Trades": read_trades,
    "Corporate Actions": read_actions,
    "Transfers": read_transfers,
    "Grant Activity": read_grants,
    **dict.fromkeys(SORT_OF_SECTION, read_cash),
}
READERS = SHARED_READERS | SUMMARY_READERS | EVENT_READERS
# They repeat or explain what other sections say.
UNREAD_SECTIONS = frozenset(
    {
        "Mark-to-Market Performance Summary", "Realized & Unrealized Performance Summary",
        "Month & Year to Date Performance Summary", "Total P/L for Statement Period",
        "Net Stock Position Summary", "Forex P/L Details", "Change in Dividend Accruals",
        "Open Dividend Accruals", "Interest Accruals", "Borrow Fee Details",
        "Stock Yield Enhancement Program Securities Lent",
        "Stock Yield Enhancement Program Securities Lent Activity",
        "Stock Yield Enhancement Program Securities Lent Interest Details",
        "Codes", "Notes/Legal Notes",
    }
)  # fmt: skip
_NUMBER = re.compile(r"[A-Z]{1,3}[0-9]{5,9}")


def parse_activity_statement(
    content: bytes, *, file_name: str, accounts: Mapping[str, str]
) -> tuple[Statement, ...]:
    """Read an activity statement.

    Parameters
    ----------
    accounts : mapping of str to str
        Our account by the broker's number.

    Returns
    -------
    tuple of Statement
        One per account and per statement in the file; the counts of all add up to the rows of the file.

    Raises
    ------
    StatementError
        If the file is no whole statement of known accounts.
    """
    rows = read_rows(content, file_name=file_name)
    return tuple(
        statement
        for part in parts(rows)
        for statement in _statements(part, file_name=file_name, accounts=accounts)
    )


def _statements(rows: list[Row], *, file_name: str, accounts: Mapping[str, str]) -> list[Statement]:
    drafts = _drafts(rows, file_name=file_name, accounts=accounts)
    first, *others = drafts.values()
    sections: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        its_section = sections[row.section] if row.section in READERS else []
        if not _settled_at_once(row, first):
            its_section.append(row)
    for draft in drafts.values():
        draft.sections.extend(sections)
    for section, reader in READERS.items():
        if section not in sections:
            continue
        if section in SHARED_READERS:
            reader(sections[section], first)
            for draft in others:
                draft.instruments, draft.exchange_rates = first.instruments, first.exchange_rates
            continue
        by_account = _by_account(section, sections[section], drafts)
        for number, its_rows in by_account.items():
            reader(its_rows, drafts[number])
    return [draft.finished() for draft in drafts.values()]


def _settled_at_once(row: Row, draft: Draft) -> bool:
    """Settle what needs no reader."""
    if row.section == "":
        if any(row.cells) or row.kind:
            draft.quarantine(row.line, row.section, "section_missing", row.text)
        else:
            draft.skipped("blank line")
    elif row.section not in READERS and row.section not in {STATEMENT, ACCOUNT_INFORMATION}:
        is_new = draft.ignored(row.section)
        if is_new and row.section not in UNREAD_SECTIONS:
            draft.warn("section_not_known", row.section, "the section is counted and not read")
    elif row.kind not in KINDS:
        draft.quarantine(row.line, row.section, "kind_not_known", row.text)
    elif row.kind == "Notes":
        draft.skipped("note")
    elif row.kind == "Header":
        draft.skipped("header")
    elif row.section in {STATEMENT, ACCOUNT_INFORMATION}:
        draft.imported()
    else:
        return False
    return True


def _by_account(section: str, rows: list[Row], drafts: Mapping[str, Draft]) -> dict[str, list[Row]]:
    """Give each row to its account; in a file of several accounts a row may belong to none."""
    first = next(iter(drafts))
    if len(drafts) == 1:
        return {first: rows}
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        number = row.cell("Account") or ""
        is_total = row.kind != "Data" or any(cell.startswith("Total") for cell in row.cells[:1])
        if number in drafts:
            found[number].append(row)
        elif is_total or section in SUMMARY_READERS:
            drafts[first].skipped("sum over several accounts")
        else:
            drafts[first].quarantine(row.line, section, "account_not_named", row.text)
    return found


def _drafts(rows: list[Row], *, file_name: str, accounts: Mapping[str, str]) -> dict[str, Draft]:
    about = _fields(rows, STATEMENT) | _fields(rows, ACCOUNT_INFORMATION)
    told = ",".join((about.get("Account", ""), about.get("Accounts Included", "")))
    named = [match[0] for token in told.split(",") if (match := _NUMBER.match(token.strip()))]
    in_rows = (row.cell("Account") for row in rows if row.section in READERS and row.kind == "Data")
    numbers = list(dict.fromkeys([*named, *filter(None, in_rows)]))
    if not named:
        sections = sorted({row.section for row in rows if row.section})[:10]
        raise StatementError(
            f"no account is named; the sections are {sections}",
            where=file_name,
            remedy="Use an activity statement in CSV format, in English.",
        )
    by_number = {
        number: account_of_number(number, accounts, file_name=file_name) for number in numbers
    }
    try:
        first_day, last_day = period(about.get("Period", ""))
        base_currency = currency_code(about.get("Base Currency", ""))
    except RowRefusedError as error:
        raise StatementError(
            f"the head of the statement breaks the rule {error.rule}",
            where=file_name,
            remedy="Use an activity statement in CSV format, in English, with account information.",
        ) from None
    generated_at = _generated_at(about.get("WhenGenerated"))
    return {
        number: Draft(
            Heading(
                file_name, "activity", number, account_id, base_currency,
                first_day, last_day, generated_at,
            ),
            EventIds(number),
        )
        for number, account_id in by_number.items()
    }  # fmt: skip


def _fields(rows: list[Row], section: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for row in rows:
        if row.section == section and row.kind == "Data" and len(row.cells) >= 2:
            fields.setdefault(row.cells[0], row.cells[1])
    return fields


def _generated_at(text: str | None) -> datetime | None:
    try:
        return moment(text) if text else None
    except RowRefusedError:
        return None
