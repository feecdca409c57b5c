"""Securities and cash that came from, or went to, another account or broker.

A basis that the statement does not tell is unknown, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from ballast.books.broker_events import CashMovement, TransferEvent
from ballast.books.statements.cells import (
    RowRefusedError,
    asset_category,
    currency_code,
    moment,
    number,
    optional_number,
)
from ballast.books.statements.draft import Draft
from ballast.books.statements.rows import Row
from ballast.books.statements.trade_events import BOOKED_CATEGORIES, NOT_BOOKED
from ballast.money import ZERO, multiply, to_cents

SIGN_OF_DIRECTION = {"IN": 1, "OUT": -1}
NO_SYMBOL = frozenset({None, "", "-", "--"})


@dataclass(frozen=True)
class TransferFacts:
    """One transfer as stated.

    Parameters
    ----------
    quantity, cash : Decimal
        Signed: what comes is positive.
    price : Decimal or None
        Basis per unit, where it is told.
    """

    event_id: str
    asset_category: str
    currency: str
    symbol: str | None
    at: datetime
    quantity: Decimal
    price: Decimal | None
    multiplier: Decimal
    cash: Decimal
    description: str | None


def refuse_senseless(facts: TransferFacts) -> None:
    """Raise the rule that a transfer breaks, if any."""
    if facts.price is not None and facts.price < ZERO:
        raise RowRefusedError("price_is_negative")
    if facts.quantity == ZERO and facts.cash == ZERO:
        raise RowRefusedError("transfer_of_nothing")
    if facts.quantity != ZERO and facts.symbol in NO_SYMBOL:
        raise RowRefusedError("cell_empty")
    if facts.quantity != ZERO and facts.asset_category not in BOOKED_CATEGORIES:
        raise RowRefusedError(NOT_BOOKED)


def book_transfer(facts: TransferFacts, draft: Draft) -> None:
    """Add a transfer that makes sense to a statement."""
    if facts.quantity != ZERO and facts.symbol is not None:
        basis = None
        if facts.price and facts.quantity > ZERO:
            basis = to_cents(multiply(multiply(facts.quantity, facts.multiplier), facts.price))
        draft.events.append(
            TransferEvent(
                event_id=facts.event_id,
                account_id=draft.account_id,
                symbol=facts.symbol,
                quantity=facts.quantity,
                occurred_at=facts.at,
                cost_basis=basis,
                currency=facts.currency,
                description=facts.description,
            )
        )
    if facts.cash != ZERO:
        draft.events.append(
            CashMovement(
                movement_id=facts.event_id,
                account_id=draft.account_id,
                kind="deposit" if facts.cash > ZERO else "withdrawal",
                currency=facts.currency,
                amount=facts.cash,
                occurred_at=facts.at,
                description=facts.description,
            )
        )


def read_transfers(rows: list[Row], draft: Draft) -> None:
    """Settle all rows of the section of an activity statement."""
    for row in rows:
        try:
            first = row.cells[0] if row.cells else ""
            if row.kind in {"Total", "SubTotal"} or first.startswith("Total"):
                draft.skipped("total of transfers")
                continue
            book_transfer(_facts(row, draft), draft)
            draft.imported()
        except RowRefusedError as error:
            draft.quarantine(row.line, row.section, error.rule, row.text)


def read_grants(rows: list[Row], draft: Draft) -> None:
    """Settle all rows about shares that the broker gave; what they cost for tax is not told."""
    for row in rows:
        try:
            if row.kind != "Data" or row.cells[:1] == ("Total",):
                draft.skipped("total of grants")
                continue
            symbol, at = row.required("Symbol"), moment(row.required("Report Date"))
            quantity = number(row.required("Quantity"))
            if quantity == ZERO:
                raise RowRefusedError("quantity_is_zero")
            draft.refuse_outside_period(at)
            description = row.cell("Description") or None
            event_id = draft.ids.of("Grant Activity", at, symbol, quantity, description)
            draft.events.append(
                TransferEvent(
                    event_id, draft.account_id, symbol, quantity, at, description=description
                )
            )
            draft.imported()
        except RowRefusedError as error:
            draft.quarantine(row.line, row.section, error.rule, row.text)


def _facts(row: Row, draft: Draft) -> TransferFacts:
    category = asset_category(row.required("Asset Category"))
    currency = currency_code(row.required("Currency"))
    at = moment(row.required("Date", "Date/Time"))
    sign = SIGN_OF_DIRECTION.get(row.required("Direction").upper())
    if sign is None:
        raise RowRefusedError("direction_not_known")
    symbol = row.cell("Symbol")
    instrument = (draft.instruments or {}).get((category, symbol or ""))
    multiplier = instrument.multiplier if instrument else None
    quantity = abs(optional_number(row.cell("Qty", "Quantity")) or ZERO) * sign
    price = optional_number(row.cell("Xfer Price", "Transfer Price"))
    cash = optional_number(row.cell("Cash Amount")) or ZERO
    description = " ".join(filter(None, (row.cell("Type"), row.cell("Xfer Company")))) or None
    facts = TransferFacts(
        event_id="",
        asset_category=category,
        currency=currency,
        symbol=symbol,
        at=at,
        quantity=quantity,
        price=price,
        multiplier=multiplier or Decimal(1),
        cash=cash,
        description=description,
    )
    draft.refuse_outside_period(at)
    refuse_senseless(facts)
    identity = (at, category, symbol, currency, quantity, price, cash, description)
    return replace(facts, event_id=draft.ids.of("Transfers", *identity))
