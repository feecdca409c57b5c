"""Cash that comes or goes without a trade, as events, whichever format it came in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from ballast.books.broker_events import CashKind, CashMovement
from ballast.books.statements.cells import local_day
from ballast.books.statements.draft import Draft
from ballast.money import ZERO

CashSort = Literal["funding", "dividend", "payment_in_lieu", "withholding_tax", "interest", "fee"]

# "ABC(US0000000001) Cash Dividend USD 0.25 per Share (Ordinary Dividend)"
_SECURITY = re.compile(r"(?P<symbol>[^()]+?) ?\((?P<security_id>[A-Z0-9]*)\) ")
# Such rows are positive when they are first booked; taxes are negative.
_NATURALLY_POSITIVE = frozenset({"dividend", "payment_in_lieu"})


@dataclass(frozen=True)
class CashFacts:
    """One movement of cash as stated.

    Parameters
    ----------
    event_id : str or None
        None where the broker gives none.
    """

    event_id: str | None
    sort: CashSort
    section: str
    currency: str
    at: datetime
    amount: Decimal
    description: str
    symbol: str | None = None
    settled_on: date | None = None


def book_cash(movements: Sequence[CashFacts], draft: Draft) -> None:
    """Add movements of cash to a statement."""
    late = Counter(_facts(each) for each in movements if _is_late(each, draft))
    for each in movements:
        event_id = each.event_id
        if event_id is None:
            event_id = draft.ids.of(*_facts(each), earlier=_earlier(each, late, draft))
        draft.events.append(
            CashMovement(
                movement_id=event_id,
                account_id=draft.account_id,
                kind=cash_kind(each),
                currency=each.currency,
                amount=each.amount,
                occurred_at=each.at,
                symbol=each.symbol or symbol_in(each),
                settled_on=each.settled_on,
                description=each.description or None,
            )
        )


def cash_kind(facts: CashFacts) -> CashKind:
    """Return what kind of movement the books call it."""
    if facts.sort == "funding":
        return "deposit" if facts.amount > ZERO else "withdrawal"
    text = facts.description.casefold()
    if facts.sort == "dividend" and "payment in lieu" in text:
        return "payment_in_lieu"
    if facts.sort in _NATURALLY_POSITIVE and "return of capital" in text:
        return "return_of_capital"
    return facts.sort


def symbol_in(facts: CashFacts) -> str | None:
    """Return the security that a dividend or its tax names at the start of its description."""
    if facts.sort not in {*_NATURALLY_POSITIVE, "withholding_tax"}:
        return None
    match = _SECURITY.match(facts.description)
    return match["symbol"] if match else None


def _is_late(facts: CashFacts, draft: Draft) -> bool:
    return local_day(facts.at) < draft.heading.first_day


def _earlier(
    facts: CashFacts, late: Counter[tuple[str, datetime, str, Decimal, str]], draft: Draft
) -> int:
    """Return how many rows like this one an earlier statement has shown.

    A tax that is taken back and booked again long after its day is a row with the facts of the first one. The row
    that takes it back proves that the first one exists, so that the new one is not taken for it.
    """
    is_natural = (facts.amount > ZERO) == (facts.sort in _NATURALLY_POSITIVE)
    if facts.sort in {"funding", "interest", "fee"} or not is_natural or not _is_late(facts, draft):
        return 0
    return late[_facts(facts, sign=-1)]


def _facts(facts: CashFacts, sign: int = 1) -> tuple[str, datetime, str, Decimal, str]:
    return facts.section, facts.at, facts.currency, facts.amount * sign, facts.description
