"""The summaries of an activity statement: cash by currency, net asset value, and how it changed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from ballast.books.statements.cells import (
    RowRefusedError,
    currency_code,
    number,
    optional_number,
)
from ballast.books.statements.draft import Draft
from ballast.books.statements.model import CashBalance, ChangeInNav, NetAssetValue
from ballast.books.statements.rows import Row

BASE_SUMMARY = "Base Currency Summary"
STARTING_CASH, ENDING_CASH, ENDING_SETTLED = "Starting Cash", "Ending Cash", "Ending Settled Cash"
STARTING_VALUE, ENDING_VALUE = "Starting Value", "Ending Value"


def read_cash_report(rows: list[Row], draft: Draft) -> None:
    """Settle all rows of the cash report."""
    lines: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for row in rows:
        try:
            currency = row.required("Currency")
            if currency != BASE_SUMMARY:
                currency_code(currency)
            name, total = row.required("Currency Summary"), optional_number(row.cell("Total"))
            if total is None:
                draft.skipped("line without an amount")
                continue
            lines[currency].append((name, total))
            draft.imported()
        except RowRefusedError as error:
            draft.quarantine(row.line, row.section, error.rule, row.text)
    balances = [_balance(currency, found, draft) for currency, found in lines.items()]
    complete = [balance for balance in balances if balance is not None]
    draft.cash_in_base = next((each for each in complete if each.currency == BASE_SUMMARY), None)
    draft.cash = [each for each in complete if each.currency != BASE_SUMMARY]
    if draft.cash_in_base is not None and set(lines) == {BASE_SUMMARY}:
        # Who holds nothing but base currency gets no line per currency.
        draft.cash = [replace(draft.cash_in_base, currency=draft.heading.base_currency)]


def read_net_asset_value(rows: list[Row], draft: Draft) -> None:
    """Settle all rows of the net asset value; its second header is about the return."""
    classes: list[tuple[str, Decimal]] = []
    total: Decimal | None = None
    time_weighted: Decimal | None = None
    for row in rows:
        try:
            returned = row.cell("Time Weighted Rate of Return")
            if returned is not None:
                time_weighted = number(returned.removesuffix("%")) / 100
            elif (name := row.required("Asset Class")) == "Total":
                total = number(row.required("Current Total"))
            else:
                classes.append((name, number(row.required("Current Total"))))
            draft.imported()
        except RowRefusedError as error:
            draft.quarantine(row.line, row.section, error.rule, row.text)
    draft.net_asset_value = NetAssetValue(tuple(classes), total, time_weighted)


def read_change_in_nav(rows: list[Row], draft: Draft) -> None:
    """Settle all rows of the change in net asset value."""
    values: dict[str, Decimal] = {}
    for row in rows:
        try:
            name = row.required("Field Name")
            value = number(row.required("Field Value"))
            if name in values:
                raise RowRefusedError("line_repeated")
            values[name] = value
            draft.imported()
        except RowRefusedError as error:
            draft.quarantine(row.line, row.section, error.rule, row.text)
    starting, ending = values.pop(STARTING_VALUE, None), values.pop(ENDING_VALUE, None)
    if starting is None or ending is None:
        draft.warn("section_incomplete", "Change in NAV", "its start or its end is missing")
        return
    draft.change_in_nav = ChangeInNav(starting, tuple(values.items()), ending)


def _balance(currency: str, lines: list[tuple[str, Decimal]], draft: Draft) -> CashBalance | None:
    """Return a balance: what stands between the starting and the ending line moved it."""
    names = [name for name, _ in lines]
    if STARTING_CASH not in names or ENDING_CASH not in names:
        draft.warn(
            "section_incomplete", f"Cash Report {currency}", "its start or its end is missing"
        )
        return None
    first, last = names.index(STARTING_CASH), names.index(ENDING_CASH)
    settled = next((amount for name, amount in lines if name == ENDING_SETTLED), None)
    return CashBalance(
        currency, lines[first][1], tuple(lines[first + 1 : last]), lines[last][1], settled
    )
