"""Statements of brokers: the registry of files, their archive, and their way into the ledger.

A file enters as a whole, in one transaction, or not at all. The content of what was imported is kept by its hash, so
that every figure can be traced to the file it came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.books.broker_events import BrokerEvent
from ballast.books.statement_import import (
    closing_the_opening,
    opening_events,
    require_bookable_names,
    require_continuity,
    require_distinct_names,
)
from ballast.books.statements import (
    Identity,
    Statement,
    StatementError,
    closing_quantities,
    identities,
    require_agreement,
    require_identities,
)
from ballast.books.statements.statement_error import without_numbers
from ballast.money import AMOUNT
from resources.statement_archive import StatementArchive
from resources.statement_records import (
    HOME_EXCHANGE,
    close_rows,
    instrument_rows,
    posting_rows,
    registry_row,
)
from resources.store import Store, insert_unknown, upsert
from resources.store.schema import (
    instruments,
    postings,
    statement_closes,
    statement_imports,
    statement_periods,
)

LARGEST_FILE = 50 * 1024 * 1024


@dataclass(frozen=True)
class StatementBook:
    """Imports statement files and answers from those that were imported.

    Parameters
    ----------
    archive : Path
        Folder of what was imported, by hash.
    accounts : mapping of str to str
        Our account by the broker's number.
    currencies : mapping of str to str
        Currency by symbol of the securities in the portfolio file.
    """

    store: Store
    archive: Path
    accounts: Mapping[str, str] = field(repr=False)
    currencies: Mapping[str, str] = field(default_factory=dict)

    def import_file(self, path: Path) -> str:
        """Import a file unless its content was imported before; returns its status: imported, known or refused."""
        content = path.read_bytes()
        digest = sha256(content).hexdigest()
        with self.store.read() as connection:
            if _status(connection, digest) == "imported":
                return "known"
        try:
            statements = self._read(content, path.name)
            self._archive.keep(digest, content)
            with self.store.write() as connection:
                # Another process may look at the same inbox: what is known is asked in the transaction that adds to it.
                if _status(connection, digest) == "imported":
                    return "known"
                self._book(connection, digest, path.name, statements)
        except StatementError as error:
            return self._refuse(digest, path.name, content, error)
        return "imported"

    def import_folder(self, inbox: Path) -> dict[str, str]:
        """Import all files of a folder, statements of earlier periods first; returns the status per file name.

        What was refused is tried again as long as others are imported, because one of them may fill its gap.
        """
        statuses: dict[str, str] = {}
        left = sorted(statement_files(inbox), key=self._begins)
        while left:
            tried = {path: self.import_file(path) for path in left}
            statuses |= {path.name: status for path, status in tried.items()}
            if "imported" not in tried.values():
                break
            left = [path for path, status in tried.items() if status == "refused"]
        return statuses

    def table(self) -> list[dict[str, Any]]:
        """Return the registry, newest first, with the details as they were recorded."""
        query = sa.select(statement_imports).order_by(
            statement_imports.c.imported_at.desc(), statement_imports.c.sha256
        )
        with self.store.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return [row | {"detail": json.loads(row["detail"])} for row in rows]

    def newest(self, account_id: str, until: date) -> Statement | None:
        """Return the statement of an account with the newest last day that is not after a day."""
        with self.store.read() as connection:
            return self._archive.newest(connection, account_id, until)

    def activity(self, account_id: str, until: date) -> list[BrokerEvent]:
        """Return what the statements that end by a day tell of an account, and what it held before the first."""
        with self.store.read() as connection:
            first = self._archive.first(connection, account_id)
            told = self._archive.until(connection, account_id, until)
        opening = [] if first is None else opening_events(first)
        # Statements may overlap.
        return list(dict.fromkeys([*opening, *(event for each in told for event in each.events)]))

    def learned_instruments(self, until: date) -> pl.DataFrame:
        """Return the securities that statements of periods up to a day have named.

        Returns
        -------
        pl.DataFrame
            symbol, name, currency, exchange, kind, multiplier; of several statements the newest one that describes a
            security counts.
        """
        listed = instruments.c
        names = ("symbol", "name", "currency", "exchange", "kind", "multiplier")
        query = (
            sa.select(*(listed[name] for name in names))
            .where(listed.known_from <= until)
            .order_by(
                listed.symbol, listed.exchange.is_(None), listed.known_from.desc(), listed.sha256
            )
        )
        with self.store.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        texts = [(name, pl.String) for name in names[:-1]]
        frame = pl.DataFrame(rows, schema=[*texts, ("multiplier", AMOUNT)])
        newest = frame.unique("symbol", keep="first", maintain_order=True)
        return newest.with_columns(pl.col("exchange").fill_null(HOME_EXCHANGE))

    def closes(self, until: date) -> pl.DataFrame:
        """Return the closing prices that statements gave up to a day: symbol, day, close, oldest first."""
        known = statement_closes.c
        query = (
            sa.select(known.symbol, known.day, known.close)
            .where(known.day <= until)
            .order_by(known.symbol, known.day)
        )
        with self.store.read() as connection:
            rows = [tuple(row) for row in connection.execute(query)]
        schema = pl.Schema({"symbol": pl.String(), "day": pl.Date(), "close": AMOUNT})
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _begins(self, path: Path) -> tuple[date, str]:
        try:
            statements = self._archive.read(path.read_bytes(), path.name)
            first = min(statement.first_day for statement in statements)
        except (StatementError, ValueError):
            first = date.max
        return first, path.name

    def _read(self, content: bytes, name: str) -> list[Statement]:
        if len(content) > LARGEST_FILE:
            raise StatementError(
                f"the file has {len(content):,} bytes, more than {LARGEST_FILE:,}",
                where=name,
                remedy="Download shorter periods.",
            )
        # One file may hold several periods of an account, in any order.
        return sorted(self._archive.read(content, name), key=lambda each: each.first_day)

    def _book(
        self, connection: Connection, digest: str, name: str, statements: list[Statement]
    ) -> None:
        found, new = [], 0
        for statement in statements:
            found.append((statement, self._proven(connection, statement)))
            events = list(statement.events)
            later = self._archive.first(connection, statement.account_id)
            if later is None:
                events += opening_events(statement)
            elif statement.first_day < later.first_day:
                events += [*opening_events(statement), *closing_the_opening(later)]
            new += insert_unknown(connection, postings, posting_rows(events))
            period = {
                "sha256": digest,
                "account_id": statement.account_id,
                "first_day": statement.first_day,
                "last_day": statement.last_day,
            }
            insert_unknown(connection, statement_periods, [period])
            insert_unknown(connection, instruments, instrument_rows(statement, digest))
            insert_unknown(connection, statement_closes, close_rows(statement, digest))
        upsert(connection, statement_imports, [registry_row(digest, name, found, new)])

    def _proven(self, connection: Connection, statement: Statement) -> list[Identity]:
        """Return the sums of a statement, or refuse it if it contradicts itself or its neighbours."""
        require_bookable_names(statement)
        require_distinct_names(statement, self.currencies)
        before = self._archive.before(connection, statement)
        if before is not None:
            require_continuity(statement, before)
        sums = require_identities(statement, None if before is None else closing_quantities(before))
        require_agreement(statement, self._archive.overlapping(connection, statement))
        after = self._archive.after(connection, statement)
        if after is not None:
            # Else the books of an account whose earlier statements come later would miss what lies between.
            require_continuity(after, statement)
            require_identities(after, closing_quantities(statement))
        return sums

    def _refuse(self, digest: str, name: str, content: bytes, error: StatementError) -> str:
        try:
            statements = self._archive.read(content, name)
        except StatementError:
            statements = ()
        found = [(each, identities(each)) for each in statements]
        row = registry_row(digest, name, found, 0)
        detail = json.loads(row["detail"]) | {
            "refused": without_numbers(f"{error.what} {error.remedy}")
        }
        read = row["rows_read"] or len(content.splitlines())
        row |= {
            "status": "refused",
            "rows_read": read,
            "rows_imported": 0,
            "rows_skipped": read - row["rows_quarantined"],
            "detail": json.dumps(detail),
        }
        with self.store.write() as connection:
            if _status(connection, digest) == "imported":
                return "known"
            upsert(connection, statement_imports, [row])
        return "refused"

    @property
    def _archive(self) -> StatementArchive:
        return StatementArchive(self.archive, self.accounts)


def statement_files(inbox: Path) -> list[Path]:
    """Return the files of a folder that may be statements, by name."""
    if not inbox.is_dir():
        return []
    return [
        path
        for path in sorted(inbox.iterdir())
        if path.suffix.lower() in (".csv", ".xml") and path.is_file()
    ]


def dropped_files(inbox: Path) -> list[str]:
    """Return name, size and time of every file that may be a statement."""
    facts = [(path.name, path.stat()) for path in statement_files(inbox)]
    return [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in facts]


def _status(connection: Connection, digest: str) -> str | None:
    query = sa.select(statement_imports.c.status).where(statement_imports.c.sha256 == digest)
    status: str | None = connection.scalar(query)
    return status
