"""The sections of an activity statement whose rows are movements of cash.

Totals stand among the data, in the first cell.
"""

from __future__ import annotations

from ballast.books.statements.cash_events import CashFacts, CashSort, book_cash
from ballast.books.statements.cells import RowRefusedError, currency_code, moment, number
from ballast.books.statements.draft import Draft
from ballast.books.statements.rows import Row
from ballast.books.statements.stated_totals import NOT_COMPARABLE, RunningTotals
from ballast.money import ZERO

SORT_OF_SECTION: dict[str, CashSort] = {
    "Deposits & Withdrawals": "funding",
    "Dividends": "dividend",
    "Payment In Lieu Of Dividends": "payment_in_lieu",
    "Withholding Tax": "withholding_tax",
    "Interest": "interest",
    "Bond Interest Received": "interest",
    "Bond Interest Paid": "interest",
    "Fees": "fee",
    "Other Fees": "fee",
    "Transaction Fees": "fee",
    "Commission Adjustments": "fee",
    "Advisor Fees": "fee",
}
AMOUNT = "Amount"
DAY = ("Settle Date", "Date", "Date/Time")


def read_cash(rows: list[Row], draft: Draft) -> None:
    """Settle all rows of one section."""
    section = rows[0].section if rows else ""
    totals = RunningTotals(section, (AMOUNT,), draft.heading.base_currency)
    movements: list[CashFacts] = []
    currency: str | None = None
    for row in rows:
        try:
            if row.kind in {"Total", "SubTotal"} or _first_cell(row).startswith("Total"):
                _read_total(row, currency, totals, draft)
                continue
            facts = _facts(row, draft)
            currency = facts.currency
            totals.add((currency,), {AMOUNT: facts.amount})
            movements.append(facts)
            draft.imported()
        except RowRefusedError as error:
            draft.quarantine(row.line, row.section, error.rule, row.text)
    book_cash(movements, draft)


def _first_cell(row: Row) -> str:
    return row.cells[0] if row.cells else ""


def _read_total(row: Row, currency: str | None, totals: RunningTotals, draft: Draft) -> None:
    # "Total" ends the rows of one currency; "Total in EUR" converts it, "Total Dividends in EUR" sums up all.
    if _first_cell(row) != "Total" or currency is None:
        draft.skipped(NOT_COMPARABLE)
    else:
        totals.compare(row, (currency,), draft)


def _facts(row: Row, draft: Draft) -> CashFacts:
    currency = currency_code(row.required("Currency"))
    at = moment(row.required(*DAY))
    amount = number(row.required(AMOUNT))
    if amount == ZERO:
        raise RowRefusedError("amount_is_zero")
    draft.refuse_outside_period(at, may_be_late=True)
    return CashFacts(
        event_id=None,
        sort=SORT_OF_SECTION[row.section],
        section=row.section,
        currency=currency,
        at=at,
        amount=amount,
        description=row.cell("Description") or "",
        symbol=row.cell("Symbol") or None,
    )
