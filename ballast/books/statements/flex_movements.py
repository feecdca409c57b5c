"""Cash, transfers and corporate actions of a Flex statement; the identifiers are the broker's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from ballast.books.statements.cash_events import CashFacts, CashSort, book_cash
from ballast.books.statements.cells import RowRefusedError
from ballast.books.statements.corporate_actions import ActionFacts, book_actions, sentence
from ballast.books.statements.draft import Draft
from ballast.books.statements.flex_elements import Element, needed, utc, word
from ballast.books.statements.flex_trades import category
from ballast.books.statements.transfers import (
    SIGN_OF_DIRECTION,
    TransferFacts,
    book_transfer,
    refuse_senseless,
)
from ballast.money import ZERO

SORT_OF_TYPE: dict[str, CashSort] = {
    "Deposits & Withdrawals": "funding",
    "Dividends": "dividend",
    "Payment In Lieu Of Dividends": "payment_in_lieu",
    "Withholding Tax": "withholding_tax",
    "Broker Interest Paid": "interest",
    "Broker Interest Received": "interest",
    "Bond Interest Paid": "interest",
    "Bond Interest Received": "interest",
    "Other Fees": "fee",
    "Commission Adjustments": "fee",
    "Advisor Fees": "fee",
}


def read_cash(elements: list[Element], draft: Draft) -> None:
    """Settle all cash transactions."""
    movements: list[CashFacts] = []

    def take(element: Element) -> None:
        movements.append(_cash(element.converted(), draft))

    _read(elements, "CashTransaction", take, draft)
    book_cash(movements, draft)


def read_transfers(elements: list[Element], draft: Draft) -> None:
    """Settle all transfers."""

    def take(element: Element) -> None:
        book_transfer(_transfer(element.converted(), draft), draft)

    lots = [element for element in elements if element.tag == "TransferLot"]
    draft.skipped("lot of a transfer", len(lots))
    _read([each for each in elements if each.tag != "TransferLot"], "Transfer", take, draft)


def read_actions(elements: list[Element], draft: Draft) -> None:
    """Settle all corporate actions."""
    actions: list[ActionFacts] = []

    def take(element: Element) -> None:
        actions.append(_action(element, draft))

    _read(elements, "CorporateAction", take, draft, settles=False)
    book_actions(actions, draft)


def _read(
    elements: list[Element],
    tag: str,
    take: Callable[[Element], None],
    draft: Draft,
    *,
    settles: bool = True,
) -> None:
    """Take each element once: a query may list the same rows in detail and in summary."""
    has_details = any(element.raw.get("levelOfDetail") != "SUMMARY" for element in elements)
    seen: set[str] = set()
    for element in elements:
        try:
            if element.tag != tag:
                raise RowRefusedError("element_not_known")
            if has_details and element.raw.get("levelOfDetail") == "SUMMARY":
                draft.skipped("summary of rows that are counted")
                continue
            identifier = element.raw.get("transactionID", "")
            if identifier in seen:
                raise RowRefusedError("identifier_repeated")
            take(element)
            seen.update(filter(None, [identifier]))
            if settles:
                draft.imported()
        except RowRefusedError as error:
            draft.quarantine(element.position, element.section, error.rule, element.text)


def _cash(row: Any, draft: Draft) -> CashFacts:
    sort = SORT_OF_TYPE[word(needed(row.type))]
    amount: Decimal = needed(row.amount)
    if amount == ZERO:
        raise RowRefusedError("amount_is_zero")
    at = utc(needed(row.dateTime or row.settleDate or row.reportDate))
    draft.refuse_outside_period(at, may_be_late=True)
    return CashFacts(
        event_id=row.transactionID,
        sort=sort,
        section="CashTransactions",
        currency=str(needed(row.currency)),
        at=at,
        amount=amount,
        description=row.description or "",
        symbol=row.symbol,
        settled_on=row.settleDate,
    )


def _transfer(row: Any, draft: Draft) -> TransferFacts:
    at = utc(needed(row.dateTime or row.date or row.reportDate))
    draft.refuse_outside_period(at)
    sign = SIGN_OF_DIRECTION.get(word(row.direction))
    if sign is None:
        raise RowRefusedError("direction_not_known")
    quantity = abs(row.quantity or ZERO) * sign
    cash = row.cashTransfer or ZERO
    currency = str(needed(row.currency))
    description = row.description or word(row.type) or None
    facts = TransferFacts(
        event_id=row.transactionID or "",
        asset_category=category(row.assetCategory),
        currency=currency,
        symbol=row.symbol,
        at=at,
        quantity=quantity,
        price=row.transferPrice,
        multiplier=row.multiplier or Decimal(1),
        cash=cash,
        description=description,
    )
    refuse_senseless(facts)
    if facts.event_id:
        return facts
    raise RowRefusedError("identifier_missing")


def _action(element: Element, draft: Draft) -> ActionFacts:
    row = element.converted()
    description = str(needed(row.actionDescription or row.description))
    from_symbol, action, symbol = sentence(description)
    at: datetime = utc(needed(row.dateTime or row.reportDate))
    draft.refuse_outside_period(at, may_be_late=True)
    return ActionFacts(
        line=element.position,
        text=element.text,
        action_id=needed(row.actionID or row.transactionID),
        currency=str(needed(row.currency)),
        at=at,
        from_symbol=from_symbol,
        action=action,
        symbol=symbol,
        quantity=row.quantity or ZERO,
        proceeds=row.proceeds or ZERO,
        description=description,
    )
