"""Propose what would make the books agree with the broker: explicit postings, which a person accepts or leaves.

Invariants: booking all proposals of an account makes its comparison clean, but for what time resolves by itself;
nothing that stands is changed, it is reversed; the ids follow from the facts, so that a second run proposes the same
and booking twice changes nothing.

An event that the broker itself reports is booked as the broker's, under its own ids, so that a late report of it
changes nothing. What is only inferred, and what nobody can explain, becomes an adjustment; a basis that still differs
afterwards is restated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import count
from typing import Any

import polars as pl

from ballast.books.postings import derived_id
from ballast.calendars import end_of_session
from ballast.money import ZERO, multiply, to_amount
from ballast.reconciliation.basis import (
    BrokerHolding,
    HeldAfter,
    restated,
    unseen_opening,
    with_rows,
)
from ballast.reconciliation.causes import CAUSES, UNEXPLAINED, Cause
from ballast.reconciliation.correcting import booked, new_posting, reversal
from ballast.reconciliation.explain import Explained, Key
from ballast.reconciliation.findings import RECONCILIATION, Finding, PostingRow
from ballast.settings import ReconciliationSettings
from ballast.tables import Postings, polars_schema

# A restatement is for what is left once everything else is booked.
_AFTER_THE_REST = timedelta(milliseconds=500)


@dataclass(frozen=True)
class Proposal:
    """A correction of the books.

    Parameters
    ----------
    postings : tuple of posting rows
        Complete rows of `Postings`.
    accepts_itself : bool
        It is of rounding size, and the settings let such corrections be booked without a person.
    """

    proposal_id: str
    account_id: str
    cause: Cause
    description: str
    evidence: str | None
    postings: tuple[PostingRow, ...]
    accepts_itself: bool = False


@dataclass(frozen=True)
class Books:
    """What the proposals are made for.

    Parameters
    ----------
    ledger : pl.DataFrame
        `Postings` up to the session.
    held_after : HeldAfter
        Units and basis of the positions that some postings leave, by the accounts' own lot methods.
    holdings : mapping of (account, symbol) to BrokerHolding
        What the brokers report.
    currencies : mapping of str to str
        Quotation currency of the securities.
    first_seen : mapping of (account, item) to date
        Session in which a difference appeared first; that of the run where it is new.
    agreed_until : mapping of str to date
        Newest earlier session in which an account was compared; absent where it never was.
    agreed_before : mapping of (account, item) to date or None
        The same before a difference appeared that is not new.
    euro_rates : mapping of str to Decimal
        Euros per unit of a currency.
    already_rounded : mapping of (account, currency) to Decimal
        What was lately accepted as rounding, signed.
    spent : set of str
        Ids of proposals that were accepted and taken back.
    """

    session: date
    ledger: pl.DataFrame
    held_after: HeldAfter
    holdings: Mapping[Key, BrokerHolding]
    currencies: Mapping[str, str]
    first_seen: Mapping[Key, date] = field(default_factory=dict)
    agreed_until: Mapping[str, date] = field(default_factory=dict)
    agreed_before: Mapping[Key, date | None] = field(default_factory=dict)
    euro_rates: Mapping[str, Decimal] = field(default_factory=dict)
    already_rounded: Mapping[Key, Decimal] = field(default_factory=dict)
    spent: AbstractSet[str] = frozenset()

    def name(self, facts: str) -> str:
        """Return the id of a proposal."""
        names = (derived_id("proposal", f"{facts}|{number}") for number in count())
        return next(name for name in names if name not in self.spent | self.booked)

    @cached_property
    def booked(self) -> frozenset[str]:
        """Proposals that the books have: what differs after them is another matter."""
        own = self.ledger.filter(pl.col("source") == RECONCILIATION)["external_id"]
        return frozenset(own.str.split(":").list.first())

    def account(self, account_id: str, proposals: Iterable[Proposal]) -> pl.DataFrame:
        """Return the postings of an account with what is proposed for it."""
        rows = [row for each in proposals if each.account_id == account_id for row in each.postings]
        return with_rows(self.ledger.filter(pl.col("account_id") == account_id), rows)

    @property
    def moment(self) -> datetime:
        """When corrections count: as the last thing of the session."""
        return end_of_session(self.session) - timedelta(seconds=1)


def resolve(
    explained: Explained, books: Books, settings: Mapping[str, ReconciliationSettings]
) -> list[Proposal]:
    """Return the proposals of all accounts, each account's in the order in which they were found.

    Parameters
    ----------
    explained : Explained
        The differences with their causes.
    books : Books
        What the proposals are made for.
    settings : mapping of str to ReconciliationSettings
        Per account.
    """
    known = set(books.ledger["posting_id"])
    proposals = [
        _of_finding(finding, books, known)
        for finding in explained.findings
        if not finding.resolves_itself
    ]
    units = set(explained.table.filter(field="quantity").select("account_id", "item").iter_rows())
    for key, remainder in explained.remainders.items():
        if key not in units:
            proposals.append(_of_cash(key, remainder, explained, books, settings[key[0]]))
        elif key[1] in books.currencies:
            postings = books.account(key[0], proposals)
            proposals.append(_of_units(key, remainder, explained, postings, books, settings))
    return proposals + _restatements(explained, proposals, books, settings)


def proposed_postings(proposals: Iterable[Proposal]) -> pl.DataFrame:
    """Return the postings of proposals as `Postings`."""
    rows = [row for proposal in proposals for row in proposal.postings]
    return Postings.validate(
        pl.DataFrame(rows, schema=polars_schema(Postings)).unique("posting_id").sort("posting_id")
    )


def _of_finding(finding: Finding, books: Books, known: set[str]) -> Proposal:
    facts = (
        f"{finding.account_id}|{finding.cause}|{finding.evidence}|{sorted(finding.effects.items())}"
    )
    proposal_id = books.name(facts)
    taken_back = [reversal(row, books.moment, proposal_id) for row in finding.reverse]
    return Proposal(
        proposal_id,
        finding.account_id,
        finding.cause,
        finding.description,
        finding.evidence,
        (*taken_back, *booked(finding, proposal_id, books.moment, known)),
    )


def _of_cash(
    key: Key,
    remainder: Decimal,
    explained: Explained,
    books: Books,
    settings: ReconciliationSettings,
) -> Proposal:
    account, currency = key
    line = _last_line(key, explained)
    is_small = line["cause"] == "rounding"
    proposal_id = _unexplained_id(key, remainder, books)
    row = {
        "account_id": account,
        "kind": "adjustment",
        "commodity": currency,
        "quantity": remainder,
    }
    # What rounds the same way again and again is no rounding.
    total = abs(books.already_rounded.get(key, ZERO) + remainder)
    rate = books.euro_rates.get(currency)
    drifts = rate is None or multiply(total, rate) > settings.rounding_limit
    return Proposal(
        proposal_id,
        account,
        line["cause"],
        f"Book {remainder:+,.2f} {currency}. {CAUSES[line['cause']].meaning}",
        line["evidence"],
        (new_posting(row, proposal_id, 1, books.moment),),
        accepts_itself=is_small and settings.accept_rounding_of_cash and not drifts,
    )


def _of_units(
    key: Key,
    remainder: Decimal,
    explained: Explained,
    postings: pl.DataFrame,
    books: Books,
    settings: Mapping[str, ReconciliationSettings],
) -> Proposal:
    account, symbol = key
    row = {"account_id": account, "kind": "adjustment", "commodity": symbol, "quantity": remainder}
    opening = unseen_opening(
        symbol,
        books.currencies[symbol],
        remainder,
        postings,
        books.held_after,
        books.holdings.get(key),
        books.agreed_before.get(key, books.agreed_until.get(account)),
        books.moment,
    )
    moment = books.moment if opening is None else opening.moment
    price = ""
    if opening is not None:
        row |= {
            "counter_value": opening.cost,
            "unit_cost": opening.price,
            "cost_currency": books.currencies[symbol],
        }
        price = f" at {opening.price.normalize():f} on {opening.moment:%Y-%m-%d}"
    # The cost is part of the name: what is accepted is what was shown.
    proposal_id = _unexplained_id(key, remainder, books, price)
    line = _last_line(key, explained)
    return Proposal(
        proposal_id,
        account,
        line["cause"],
        f"Book {remainder.normalize():+f} {symbol}{price}. {CAUSES[line['cause']].meaning}",
        line["evidence"],
        (new_posting(row, proposal_id, 1, moment),),
        accepts_itself=line["cause"] == "rounding"
        and settings[account].accept_rounding_of_positions,
    )


def _last_line(key: Key, explained: Explained) -> dict[str, Any]:
    """Return the line of a key that says what its remainder is taken for."""
    return explained.lines.filter(account_id=key[0], item=key[1]).row(-1, named=True)


def _restatements(
    explained: Explained,
    proposals: Sequence[Proposal],
    books: Books,
    settings: Mapping[str, ReconciliationSettings],
) -> list[Proposal]:
    """Restate the basis of positions that still differ once everything else is booked."""
    differing = explained.table.filter(
        pl.col("cause") != "none", pl.col("field").is_in(["quantity", "average_cost", "cost_basis"])
    )
    keys = sorted(set(differing.select("account_id", "item").iter_rows()))
    found = []
    for key in keys:
        (account, symbol), broker = key, books.holdings.get(key)
        if broker is None:
            continue
        postings = books.account(account, proposals)
        amount = restated(symbol, postings, books.held_after, broker, settings[account])
        if amount is None:
            continue
        currency = books.currencies[symbol]
        proposal_id = _unexplained_id((account, f"{symbol} basis"), amount, books)
        row = {
            "account_id": account, "kind": "basis_restatement", "commodity": symbol, "quantity": ZERO,
            "counter_value": amount, "cost_currency": currency,
        }  # fmt: skip
        found.append(
            Proposal(
                proposal_id,
                account,
                UNEXPLAINED,
                f"Restate the basis of {symbol} by {amount:+,.2f} {currency} to what the broker reports; nothing is"
                " bought, sold or realised by it.",
                None,
                (new_posting(row, proposal_id, 1, books.moment + _AFTER_THE_REST),),
            )
        )
    return found


def _unexplained_id(key: Key, amount: Decimal, books: Books, more: str = "") -> str:
    # The session in which it appeared, because the same amount may be missing again another time.
    since = books.first_seen.get(key, books.session)
    return books.name(f"{key[0]}|{key[1]}|{since}|{to_amount(amount)}{more}")
