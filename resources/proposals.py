"""Proposals of the reconciliation in the store, and what became of them: booked by a decision, or taken back by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.errors import ProposalRefusedError
from ballast.reconciliation.resolve import Proposal
from resources.clock import now
from resources.proposal_rows import postings_from_json, postings_to_json, reversing_rows
from resources.store import Store, insert_unknown
from resources.store.reconciliation_schema import proposals
from resources.store.schema import postings

PROPOSED, ACCEPTED, REVERSED, WITHDRAWN = "proposed", "accepted", "reversed", "withdrawn"
# Rounding that adds up over this time is no rounding.
_ROUNDING_MEMORY = timedelta(days=30)


@dataclass(frozen=True)
class ProposalBook:
    """Reads proposals, and books or takes back what a person decides."""

    store: Store

    def already_rounded(self, session: date) -> dict[tuple[str, str], Decimal]:
        """Return what was lately accepted as rounding, per account and currency, signed."""
        query = sa.select(proposals.c.account_id, proposals.c.postings).where(
            proposals.c.cause == "rounding",
            proposals.c.status == ACCEPTED,
            proposals.c.session > session - _ROUNDING_MEMORY,
            proposals.c.session <= session,
        )
        sums: dict[tuple[str, str], Decimal] = {}
        with self.store.read() as connection:
            for account, text in connection.execute(query):
                for row in postings_from_json(text):
                    key = account, row["commodity"]
                    sums[key] = sums.get(key, Decimal(0)) + row["quantity"]
        return sums

    def statuses(self) -> dict[str, str]:
        """Return what became of every proposal."""
        with self.store.read() as connection:
            rows = connection.execute(sa.select(proposals.c.proposal_id, proposals.c.status))
            return {row.proposal_id: row.status for row in rows}

    def spent(self) -> frozenset[str]:
        """Return the ids of proposals that were reversed, under which nothing is proposed again."""
        query = sa.select(proposals.c.proposal_id).where(proposals.c.status == REVERSED)
        with self.store.read() as connection:
            return frozenset(connection.scalars(query))

    def accept(self, proposal_ids: Sequence[str], *, by: str, reason: str) -> int:
        """Book proposals: all of them or none; those that are booked already stay as they are.

        Returns
        -------
        int
            Number of postings that were new.

        Raises
        ------
        ProposalRefusedError
            If one does not exist, was withdrawn or reversed, or if nobody says who decides and why.
        """
        _refuse_anonymous(by, reason)
        with self.store.write() as connection:
            rows = _proposals(connection, proposal_ids, allowed=(PROPOSED, ACCEPTED))
            moment = now()
            booked = [
                posting | {"recorded_at": moment}
                for row in rows
                if row["status"] == PROPOSED
                for posting in postings_from_json(row["postings"])
            ]
            new = insert_unknown(connection, postings, booked)
            _decide(connection, ACCEPTED, rows, PROPOSED, by, reason)
            return new

    def reverse(self, proposal_ids: Sequence[str], *, by: str, reason: str, session: date) -> int:
        """Take back what accepted proposals booked, by reversing postings as of the end of a session.

        Raises
        ------
        ProposalRefusedError
            If one does not exist or was not accepted, or if nobody says who decides and why.
        """
        _refuse_anonymous(by, reason)
        with self.store.write() as connection:
            rows = _proposals(connection, proposal_ids, allowed=(ACCEPTED, REVERSED))
            moment = now()
            booked = [
                reversal | {"recorded_at": moment}
                for row in rows
                if row["status"] == ACCEPTED
                for reversal in reversing_rows(
                    postings_from_json(row["postings"]), session, f"{row['proposal_id']}:undone"
                )
            ]
            new = insert_unknown(connection, postings, booked)
            _decide(connection, REVERSED, rows, ACCEPTED, by, reason)
            return new

    def table(self, account_id: str | None = None) -> pl.DataFrame:
        """Return all proposals: id, account, session, cause, description, status, who decided and why."""
        names = (
            "proposal_id", "account_id", "session", "cause", "description", "evidence",
            "accepts_itself", "status", "decided_by", "reason",
        )  # fmt: skip
        query = sa.select(*(proposals.c[name] for name in names)).order_by(
            proposals.c.session, proposals.c.account_id, proposals.c.proposal_id
        )
        if account_id is not None:
            query = query.where(proposals.c.account_id == account_id)
        with self.store.read() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return pl.DataFrame(rows, schema=_PROPOSAL_TABLE)


def write_proposals(
    connection: Connection,
    run_id: str,
    session: date,
    accounts: Sequence[str],
    proposed: Sequence[Proposal],
) -> None:
    """Write what a run proposes; what was proposed for its accounts before and is not any more is withdrawn.

    Parameters
    ----------
    accounts : sequence of str
        Accounts that could be asked.
    """
    rows = [_proposal_row(run_id, session, each) for each in proposed]
    insert_unknown(connection, proposals, rows)
    ids = [each.proposal_id for each in proposed]
    _set_status(
        connection,
        WITHDRAWN,
        proposals.c.account_id.in_(accounts),
        proposals.c.status == PROPOSED,
        proposals.c.proposal_id.not_in(ids),
    )
    _set_status(
        connection,
        PROPOSED,
        proposals.c.proposal_id.in_(ids),
        proposals.c.status == WITHDRAWN,
    )


_PROPOSAL_TABLE = {
    "proposal_id": pl.String, "account_id": pl.String, "session": pl.Date, "cause": pl.String,
    "description": pl.String, "evidence": pl.String, "accepts_itself": pl.Boolean,
    "status": pl.String, "decided_by": pl.String, "reason": pl.String,
}  # fmt: skip


def _proposal_row(run_id: str, session: date, each: Proposal) -> dict[str, Any]:
    return {
        "proposal_id": each.proposal_id,
        "account_id": each.account_id,
        "session": session,
        "run_id": run_id,
        "cause": each.cause,
        "description": each.description,
        "evidence": each.evidence,
        "postings": postings_to_json(each.postings),
        "accepts_itself": each.accepts_itself,
        "status": PROPOSED,
        "decided_by": None,
        "reason": None,
        "recorded_at": now(),
    }


def _proposals(
    connection: Connection, ids: Sequence[str], *, allowed: Sequence[str]
) -> list[Mapping[str, Any]]:
    query = sa.select(proposals).where(proposals.c.proposal_id.in_(list(ids)))
    rows = {row["proposal_id"]: dict(row) for row in connection.execute(query).mappings()}
    for proposal_id in ids:
        status = rows[proposal_id]["status"] if proposal_id in rows else "unknown"
        if status not in allowed:
            raise ProposalRefusedError(
                f"the proposal {proposal_id} is {status}",
                where="reconciliation proposals",
                remedy="Choose ids from the newest reconciliation_report.",
            )
    return [rows[proposal_id] for proposal_id in dict.fromkeys(ids)]


def _decide(
    connection: Connection,
    status: str,
    rows: Sequence[Mapping[str, Any]],
    before: str,
    by: str,
    reason: str,
) -> None:
    ids = [row["proposal_id"] for row in rows if row["status"] == before]
    connection.execute(
        sa.update(proposals)
        .where(proposals.c.proposal_id.in_(ids))
        .values(status=status, decided_by=by, reason=reason)
    )


def _set_status(connection: Connection, status: str, *where: sa.ColumnElement[bool]) -> None:
    connection.execute(sa.update(proposals).where(*where).values(status=status))


def _refuse_anonymous(by: str, reason: str) -> None:
    if not by.strip() or not reason.strip():
        raise ProposalRefusedError(
            "a decision about the books needs a name and a reason",
            where="reconciliation proposals",
            remedy="Fill in `decided_by` and `reason`.",
        )
