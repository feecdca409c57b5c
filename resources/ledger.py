"""The ledger in the store: append-only, and idempotent by source and external id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from ballast.calendars import end_of_session
from ballast.tables import Postings, polars_schema
from resources.clock import now
from resources.store import Store, insert_unknown
from resources.store.schema import postings


@dataclass(frozen=True)
class Ledger:
    """Reads and appends postings."""

    store: Store

    def append(self, table: pl.DataFrame) -> int:
        """Append `Postings`; those that are known already stay as they are.

        Returns
        -------
        int
            Number of postings that were new.
        """
        recorded_at = now()
        rows = [row | {"recorded_at": recorded_at} for row in table.iter_rows(named=True)]
        with self.store.write() as connection:
            return insert_unknown(connection, postings, rows)

    def read(self, session: date) -> pl.DataFrame:
        """Return all postings up to the end of a session, as `Postings`."""
        names = polars_schema(Postings).names()
        query = (
            sa.select(*(postings.c[name] for name in names))
            .where(postings.c.occurred_at < end_of_session(session))
            .order_by(postings.c.occurred_at, postings.c.posting_id)
        )
        with self.store.read() as connection:
            rows = [tuple(row) for row in connection.execute(query)]
        frame = pl.DataFrame(rows, schema=polars_schema(Postings), orient="row")
        return Postings.validate(frame)

    def commodities(self, session: date) -> list[str]:
        """Return every security and currency that was booked up to the end of a session."""
        query = (
            sa.select(postings.c.commodity)
            .where(postings.c.occurred_at < end_of_session(session))
            .distinct()
            .order_by(postings.c.commodity)
        )
        with self.store.read() as connection:
            return list(connection.scalars(query))

    def trading_days(self, account_id: str, symbol: str, session: date) -> list[tuple[date, bool]]:
        """Return each day on which a security was traded, and whether it was bought, up to the end of a session."""
        query = sa.select(postings.c.occurred_at, postings.c.quantity).where(
            postings.c.account_id == account_id,
            postings.c.commodity == symbol,
            postings.c.kind == "trade",
            postings.c.occurred_at < end_of_session(session),
        )
        with self.store.read() as connection:
            found = {
                (row.occurred_at.date(), row.quantity > 0) for row in connection.execute(query)
            }
        return sorted(found)

    def known_ids(self, account_id: str) -> list[str]:
        """Return the ids of all postings of an account."""
        query = sa.select(postings.c.posting_id).where(postings.c.account_id == account_id)
        with self.store.read() as connection:
            return list(connection.scalars(query))

    def newest_moment(self, account_id: str, source: str) -> datetime | None:
        """Return the moment of an account's newest posting from a source."""
        with self.store.read() as connection:
            newest: datetime | None = connection.scalar(
                sa.select(sa.func.max(postings.c.occurred_at)).where(
                    postings.c.account_id == account_id, postings.c.source == source
                )
            )
        return newest
