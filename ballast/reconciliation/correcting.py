"""The postings of a correction: what takes a posting back, what stands for one of the broker's, what is our own."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime

from ballast.books.postings import DEFAULT_BUCKET, derived_id
from ballast.reconciliation.findings import RECONCILIATION, Finding, PostingRow, corrected_id
from ballast.tables import Postings, polars_schema

_KEPT = (
    "account_id", "bucket_id", "kind", "commodity", "unit_cost", "counter_value", "cost_currency",
    "acquired_on", "concerns", "basis_share",
)  # fmt: skip


def reversal(posting: PostingRow, moment: datetime, reason: str) -> PostingRow:
    """Return the posting that takes back another one.

    Parameters
    ----------
    reason : str
        What it is taken back for: part of the id, because the same posting may be taken back, restored and taken back.
    """
    external_id = f"{reason}:reversed:{posting['posting_id']}"
    return {name: posting[name] for name in _KEPT} | {
        "settled_on": None,
        "chosen_lot": None,
        "description": None,
        "posting_id": derived_id(RECONCILIATION, external_id),
        "transaction_id": derived_id(RECONCILIATION, f"{reason}:{posting['transaction_id']}"),
        "occurred_at": moment,
        "quantity": -posting["quantity"],
        "source": RECONCILIATION,
        "external_id": external_id,
        "reverses": posting["posting_id"],
    }


def booked(
    finding: Finding, proposal_id: str, moment: datetime, known: AbstractSet[str]
) -> list[PostingRow]:
    """Return the postings that a finding says the books lack.

    Parameters
    ----------
    moment : datetime
        When postings of our own count.
    known : set of str
        Ids of all postings of the books, reversed ones too.
    """
    complete = [row for row in finding.book if "posting_id" in row]
    if not complete:
        rows = [dict(row) | {"account_id": finding.account_id} for row in finding.book]
        return [new_posting(row, proposal_id, n, moment) for n, row in enumerate(rows, 1)]
    names = polars_schema(Postings).names()
    if not finding.reverse and not known & {row["posting_id"] for row in complete}:
        return [{name: row[name] for name in names} for row in complete]
    transaction = complete[0]["transaction_id"]
    # The broker's ids are used up; the number tells a second correction of one event from the first.
    number = 1
    while derived_id(RECONCILIATION, corrected_id(transaction, number, 1)) in known:
        number += 1
    return [
        {name: row[name] for name in names}
        | {
            "source": RECONCILIATION,
            "external_id": (external_id := corrected_id(transaction, number, leg)),
            "posting_id": derived_id(RECONCILIATION, external_id),
            "transaction_id": derived_id(RECONCILIATION, f"corrected:{transaction}:{number}"),
            "reverses": None,
        }
        for leg, row in enumerate(complete, 1)
    ]


def new_posting(row: PostingRow, proposal_id: str, number: int, moment: datetime) -> PostingRow:
    """Complete a posting of our own."""
    external_id = f"{proposal_id}:{number}"
    return {
        **dict.fromkeys(polars_schema(Postings).names()),
        "posting_id": derived_id(RECONCILIATION, external_id),
        "transaction_id": derived_id(RECONCILIATION, proposal_id),
        "bucket_id": DEFAULT_BUCKET,
        "occurred_at": moment,
        "source": RECONCILIATION,
        "external_id": external_id,
        **row,
    }
