"""What is known about one account apart from the broker's account of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from ballast.calendars import end_of_session
from ballast.money import ZERO
from ballast.reconciliation.findings import PostingRow

# Older bookings were reconciled before; they are not doubted again.
_BOOKINGS_WITHIN = timedelta(days=15)

Transaction = Sequence[PostingRow]


@dataclass(frozen=True)
class Clues:
    """What is known about one account apart from the broker's account of events.

    Parameters
    ----------
    transactions : sequence of transactions
        Standing postings up to the session, by transaction, in order of time.
    orders : sequence of mappings
        Rows of `Orders` of which the broker's account of events says nothing.
    actions : sequence of mappings
        Rows of `CorporateActions`, none after the session.
    prices, currencies : mapping
        Last close and quotation currency of the securities; other commodities are cash.
    rates : mapping of (str, str) to Decimal
        rate(from, to).
    source : str, optional
        Source of the broker's postings, where it told what happened.
    confirmed : set of str
        Transactions that the broker told of.
    """

    account_id: str
    session: date
    transactions: Sequence[Transaction] = ()
    orders: Sequence[PostingRow] = ()
    actions: Sequence[PostingRow] = ()
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    currencies: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    source: str | None = None
    confirmed: AbstractSet[str] = frozenset()

    def is_security(self, commodity: str) -> bool:
        """Say whether a commodity is a security rather than a currency."""
        return commodity in self.currencies

    def recent(self) -> Iterator[Transaction]:
        """Return the transactions that may still be doubted, the newest first."""
        since = end_of_session(self.session - _BOOKINGS_WITHIN)
        return (each for each in reversed(self.transactions) if each[0]["occurred_at"] >= since)

    def held_before(self, symbol: str, day: date) -> Decimal:
        """Return what the books held of a security before a day."""
        start = end_of_session(day - timedelta(days=1))
        rows = (row for each in self.transactions for row in each)
        return sum(
            (r["quantity"] for r in rows if r["commodity"] == symbol and r["occurred_at"] < start),
            ZERO,
        )
