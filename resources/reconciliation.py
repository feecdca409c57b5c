"""The memory of the reconciliation in the store: runs, and discrepancies from their first session to their last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa

from ballast.reconciliation.memory import Discrepancy
from ballast.reconciliation.resolve import Proposal
from resources.clock import now
from resources.proposals import write_proposals
from resources.store import Store, insert_unknown, upsert
from resources.store.reconciliation_schema import discrepancies, reconciliation_results

# Runs do not overtake each other by more than a few.
_NEWEST_CONTEXTS = 200


@dataclass(frozen=True)
class AccountResult:
    """What one run found out about one account."""

    account_id: str
    is_clean: bool
    is_available: bool
    discrepancies: int
    inconclusive: int
    positions_checked: int
    duration_ms: float


@dataclass(frozen=True)
class RunContext:
    """Which run it was, for which session, and what triggered it."""

    run_id: str
    session: date
    trigger: str
    context: Mapping[str, Any]


@dataclass(frozen=True)
class ReconciliationMemory:
    """Reads and writes what the reconciliation remembers."""

    store: Store

    def known(self, session: date) -> list[Discrepancy]:
        """Return what is open, and what this session has opened or ended already."""
        is_current = sa.or_(
            discrepancies.c.resolved_on.is_(None),
            discrepancies.c.resolved_on == session,
            discrepancies.c.first_seen == session,
        )
        query = sa.select(discrepancies).where(is_current).order_by(discrepancies.c.first_seen)
        names = [field.name for field in fields(Discrepancy)]
        with self.store.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [Discrepancy(**{name: row[name] for name in names}) for row in rows]

    def newest_sessions(self) -> dict[str, date]:
        """Return the newest session for which each account was to be reconciled, whether it answered or not."""
        query = sa.select(
            reconciliation_results.c.account_id, sa.func.max(reconciliation_results.c.session)
        ).group_by(reconciliation_results.c.account_id)
        with self.store.read() as connection:
            return {account: _day(newest) for account, newest in connection.execute(query)}

    def compared_until(self, before: date) -> dict[str, date]:
        """Return the newest session before a day for which each account answered."""
        query = (
            sa.select(
                reconciliation_results.c.account_id, sa.func.max(reconciliation_results.c.session)
            )
            .where(reconciliation_results.c.is_available, reconciliation_results.c.session < before)
            .group_by(reconciliation_results.c.account_id)
        )
        with self.store.read() as connection:
            return {account: _day(newest) for account, newest in connection.execute(query)}

    def history(self, session: date, sessions: int) -> pl.DataFrame:
        """Return the newest result per account and session, for the last sessions up to one."""
        query = (
            sa.select(*(reconciliation_results.c[name] for name in _HISTORY))
            .where(
                reconciliation_results.c.session <= session,
                # Weekends and holidays are no sessions.
                reconciliation_results.c.session > session - 2 * timedelta(days=sessions),
            )
            .order_by(reconciliation_results.c.recorded_at)
        )
        with self.store.read() as connection:
            rows = [tuple(row) for row in connection.execute(query)]
        frame = pl.DataFrame(rows, schema=_HISTORY, orient="row")
        last = frame["session"].unique().sort().tail(sessions)
        return (
            frame.filter(pl.col("session").is_in(last.implode()))
            .unique(["account_id", "session"], keep="last", maintain_order=True)
            .sort("account_id", "session")
        )

    def fills_reconciled_until(self) -> datetime | None:
        """Return up to which moment the fills have been reconciled by runs that they triggered."""
        query = (
            sa.select(reconciliation_results.c.context)
            .where(reconciliation_results.c.trigger == "post_fill")
            .order_by(reconciliation_results.c.recorded_at.desc())
            .limit(_NEWEST_CONTEXTS)
        )
        with self.store.read() as connection:
            contexts = [json.loads(text) for text in connection.scalars(query)]
        moments = [datetime.fromisoformat(c["until"]) for c in contexts if c.get("until")]
        return max(moments, default=None)

    def record(
        self,
        run: RunContext,
        results: Sequence[AccountResult],
        changed: Iterable[Discrepancy],
        proposed: Sequence[Proposal],
        decided: Sequence[str],
    ) -> None:
        """Write what a run found, in one transaction; writing it again changes nothing.

        Parameters
        ----------
        decided : sequence of str
            Accounts of which this run says what is proposed: what was proposed before and is not any more is withdrawn.
        """
        moment = now()
        with self.store.write() as connection:
            insert_unknown(
                connection,
                reconciliation_results,
                [
                    asdict(result)
                    | {
                        "run_id": run.run_id,
                        "session": run.session,
                        "trigger": run.trigger,
                        "context": json.dumps(run.context, sort_keys=True, default=str),
                        "recorded_at": moment,
                    }
                    for result in results
                ],
            )
            upsert(
                connection,
                discrepancies,
                [
                    asdict(each) | {"last_run_id": run.run_id, "recorded_at": moment}
                    for each in changed
                ],
            )
            write_proposals(connection, run.run_id, run.session, decided, proposed)


_HISTORY = {
    "account_id": pl.String, "session": pl.Date, "is_clean": pl.Boolean,
    "is_available": pl.Boolean, "discrepancies": pl.Int64, "inconclusive": pl.Int64,
}  # fmt: skip


def _day(value: date | str) -> date:
    # SQLite forgets the type of a column in an aggregate.
    return date.fromisoformat(value) if isinstance(value, str) else value
