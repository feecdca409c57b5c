"""What positions cost after some postings, by the account's own lots, and what would make it the broker's figure.

Amounts are what was paid for a long position and received for a short one, never signed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import polars as pl

from ballast.books.lots.book import match_postings
from ballast.books.postings import DEFAULT_BUCKET, without_reversed
from ballast.calendars import end_of_session
from ballast.money import ZERO, divide, multiply
from ballast.reconciliation.findings import RECONCILIATION, PostingRow
from ballast.reconciliation.opening import solve_affine
from ballast.settings import LotMethod, ReconciliationSettings
from ballast.tables import Postings, polars_schema


@dataclass(frozen=True)
class BrokerHolding:
    """What the broker reports of a position.

    Parameters
    ----------
    amount : Decimal, optional
        Its basis; None where the broker reports none.
    reports_basis : bool
        The basis is the broker's own figure, not its average price times the units.
    """

    quantity: Decimal
    amount: Decimal | None
    reports_basis: bool = False


@dataclass(frozen=True)
class Held:
    """What the books hold of a security: units, what the lots of known basis cost, and whether that is all of them."""

    quantity: Decimal
    amount: Decimal
    is_known: bool


@dataclass(frozen=True)
class Opening:
    """An opening that nobody saw: when, what all its units cost, and what one did."""

    moment: datetime
    cost: Decimal
    price: Decimal


HeldAfter = Callable[[pl.DataFrame, str], Held]


def held_by_lots(exchanges: Mapping[str, str], methods: Mapping[str, LotMethod]) -> HeldAfter:
    """Return the function that takes units and basis of one account's security from the lots of the books.

    Parameters
    ----------
    exchanges : mapping of str to str
        Exchange (MIC) per security.
    methods : mapping of str to LotMethod
        Per account.
    """

    def held_after(postings: pl.DataFrame, symbol: str) -> Held:
        lots = match_postings(postings, exchanges, methods).lots.filter(pl.col("symbol") == symbol)
        is_known = lots["amount"].null_count() == 0 and lots["currency"].n_unique() <= 1
        return Held(sum(lots["quantity"], ZERO), sum(lots["amount"].drop_nulls(), ZERO), is_known)

    return held_after


def with_rows(ledger: pl.DataFrame, rows: Sequence[PostingRow]) -> pl.DataFrame:
    """Add rows of postings to a ledger; those that it has already change nothing."""
    added = pl.DataFrame(rows, schema=polars_schema(Postings))
    return pl.concat([ledger, added]).unique("posting_id", keep="first", maintain_order=True)


def unseen_opening(
    symbol: str,
    currency: str,
    units: Decimal,
    postings: pl.DataFrame,
    held_after: HeldAfter,
    broker: BrokerHolding | None,
    agreed_until: date | None,
    last_moment: datetime,
) -> Opening | None:
    """Find when and at what cost unexplained units must have come, so that what is left has the broker's basis.

    Where units were closed since the two sides agreed last, the units came before that: the cost is solved for, because
    a part of it went with what was closed. Else they count at the end and cost what is missing.

    Parameters
    ----------
    units : Decimal
        Signed.
    postings : pl.DataFrame
        `Postings` of the account, with what else is proposed for it.
    broker : BrokerHolding, optional
        What the broker reports.
    agreed_until : date, optional
        Newest session in which the account was compared before; None: never.
    last_moment : datetime
        When units count that come at the end.

    Returns
    -------
    Opening or None
        None where the broker reports no basis, where units went, or where no positive cost fits.
    """
    if broker is None or broker.amount is None or units * broker.quantity <= ZERO:
        return None
    since = (
        pl.lit(True)
        if agreed_until is None
        else pl.col("occurred_at") >= end_of_session(agreed_until)
    )
    window = (
        without_reversed(postings)
        .filter((pl.col("commodity") == symbol) & since)
        .sort("occurred_at")
    )
    if window.filter(pl.col("quantity") * (1 if units > ZERO else -1) < 0).is_empty():
        held = held_after(postings, symbol)
        return _opening(last_moment, broker.amount - held.amount if held.is_known else ZERO, units)
    account, moment = window["account_id"][0], window["occurred_at"][0] - timedelta(microseconds=1)

    def amount_at(cost: Fraction) -> Fraction:
        row = _opening_row(account, symbol, units, _decimal(cost), currency, moment)
        held = held_after(with_rows(postings, [row]), symbol)
        return Fraction(held.amount) if held.is_known else Fraction(0)

    step = Fraction(broker.amount) or Fraction(1)
    cost = solve_affine(amount_at, Fraction(broker.amount), step)
    return None if cost is None else _opening(moment, _decimal(cost), units)


def restated(
    symbol: str,
    postings: pl.DataFrame,
    held_after: HeldAfter,
    broker: BrokerHolding,
    settings: ReconciliationSettings,
) -> Decimal | None:
    """Return the amount of the restatement that gives a position the broker's basis; None where none is needed.

    Parameters
    ----------
    postings : pl.DataFrame
        `Postings` of the account, with everything that is proposed for it.
    """
    held = held_after(postings, symbol)
    if broker.amount is None or held.quantity != broker.quantity:
        return None
    missing = broker.amount - held.amount
    allowed = multiply(settings.average_cost_tolerance, max(broker.amount, held.amount))
    if broker.reports_basis:
        allowed = min(allowed, settings.basis_tolerance)
    return None if held.is_known and abs(missing) <= allowed else missing


def _opening(moment: datetime, cost: Decimal, units: Decimal) -> Opening | None:
    return Opening(moment, cost, divide(cost, abs(units))) if cost > ZERO else None


def _opening_row(
    account: str, symbol: str, units: Decimal, cost: Decimal, currency: str, moment: datetime
) -> PostingRow:
    return {
        "posting_id": "opening", "transaction_id": "opening", "account_id": account,
        "bucket_id": DEFAULT_BUCKET, "occurred_at": moment, "kind": "adjustment", "commodity": symbol,
        "quantity": units, "counter_value": cost, "cost_currency": currency,
        "source": RECONCILIATION, "external_id": "opening",
    }  # fmt: skip


def _decimal(amount: Fraction) -> Decimal:
    return divide(Decimal(amount.numerator), Decimal(amount.denominator))
