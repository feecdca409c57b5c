"""The report of a reconciliation, and its proposals, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from ballast.money import ZERO, multiply
from ballast.reconciliation.basis import BrokerHolding
from ballast.reconciliation.explain import Explained
from ballast.reconciliation.memory import Discrepancy
from ballast.reconciliation.resolve import Proposal
from ballast.tables import Proposals, ProposedPostings, Reconciliation, polars_schema

_MOST_REASONS = 3


def report_of(
    explained: Explained,
    proposals: Sequence[Proposal],
    discrepancies: Iterable[Discrepancy],
    session: date,
) -> pl.DataFrame:
    """Return `Reconciliation`: the comparison with causes, proposals and ages.

    Parameters
    ----------
    discrepancies : iterable of Discrepancy
        What is remembered; of two with one key the later counts.
    """
    ages = {each.key: each for each in discrepancies if each.first_seen <= session}
    by_item: dict[tuple[str, str], list[Proposal]] = {}
    for proposal in proposals:
        for commodity in dict.fromkeys(row["commodity"] for row in proposal.postings):
            by_item.setdefault((proposal.account_id, commodity), []).append(proposal)
    reasons = _reasons(explained.lines)
    rows = []
    for row in explained.table.iter_rows(named=True):
        differs = row["outcome"] not in {"matched", "inconclusive"}
        key = row["account_id"], row["item"]
        age = ages.get((*key, row["field"])) if differs else None
        own = by_item.get(key, []) if differs else []
        why = reasons.get(key, "") if row["field"] in {"quantity", "cash"} and differs else ""
        rows.append(
            row
            | {
                "explanation": f"{row['explanation']} {why}".strip(),
                "proposals": ", ".join(each.proposal_id for each in own) or None,
                "discrepancy_id": None if age is None else age.discrepancy_id,
                "first_seen": None if age is None else age.first_seen,
                "sessions_open": 0 if age is None else age.sessions_seen,
            }
        )
    return Reconciliation.validate(pl.DataFrame(rows, schema=polars_schema(Reconciliation)))


def proposals_table(proposals: Sequence[Proposal], statuses: Mapping[str, str]) -> pl.DataFrame:
    """Return `Proposals`.

    Parameters
    ----------
    statuses : mapping of str to str
        What became of those that are remembered.
    """
    rows = [
        {
            "proposal_id": each.proposal_id,
            "account_id": each.account_id,
            "cause": each.cause,
            "description": each.description,
            "evidence": each.evidence,
            "postings": len(each.postings),
            "accepts_itself": each.accepts_itself,
            "status": statuses.get(each.proposal_id, "proposed"),
        }
        for each in proposals
    ]
    return Proposals.validate(pl.DataFrame(rows, schema=polars_schema(Proposals)))


def proposed_table(proposals: Sequence[Proposal]) -> pl.DataFrame:
    """Return `ProposedPostings`."""
    rows = [
        {**posting, "proposal_id": each.proposal_id}
        for each in proposals
        for posting in each.postings
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(ProposedPostings))
    return ProposedPostings.validate(frame.unique("posting_id", maintain_order=True))


def broker_holdings(
    positions: pl.DataFrame, currencies: Mapping[str, str]
) -> dict[tuple[str, str], BrokerHolding]:
    """Return what the brokers report of each position.

    Parameters
    ----------
    positions : pl.DataFrame
        `BrokerPositions`.
    currencies : mapping of str to str
        Quotation currency of the securities; a basis in another one is taken for unknown.
    """
    return {
        (row["account_id"], row["symbol"]): _holding(row, currencies.get(row["symbol"]))
        for row in positions.iter_rows(named=True)
    }


def _holding(row: Mapping[str, Any], currency: str | None) -> BrokerHolding:
    if row["currency"] != currency:
        return BrokerHolding(row["quantity"], None)
    if row["cost_basis"] is not None:
        return BrokerHolding(row["quantity"], abs(row["cost_basis"]), reports_basis=True)
    price = row["average_price"]
    # No price is reported as zero by some: then the basis is unknown, not nothing.
    amount = multiply(abs(row["quantity"]), price) if price not in (None, ZERO) else None
    return BrokerHolding(row["quantity"], amount)


def _reasons(lines: pl.DataFrame) -> dict[tuple[str, str], str]:
    grouped = lines.group_by("account_id", "item").agg(pl.col("description").head(_MOST_REASONS))
    return {
        (account, item): " ".join(descriptions)
        for account, item, descriptions in grouped.iter_rows()
    }
