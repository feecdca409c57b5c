"""Statements of brokers: the registry of files, their archive, and their way into the ledger.

A file enters as a whole, in one transaction, or not at all. The content of what was imported is kept by its hash, so
that every figure can be traced to the file it came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.books.postings import postings_of
from ballast.books.statement_import import (
    SOURCE,
    closing_the_opening,
    opening_events,
    require_continuity,
)
from ballast.books.statements import (
    Identity,
    Statement,
    StatementError,
    closing_quantities,
    identities,
    read_statements,
    require_agreement,
    require_identities,
)
from ballast.money import AMOUNT
from resources.clock import now
from resources.durable_files import write_durably
from resources.statement_records import close_rows, instrument_rows, registry_row
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
    """

    store: Store
    archive: Path
    accounts: Mapping[str, str] = field(repr=False)

    def import_file(self, path: Path) -> str:
        """Import a file unless its content was imported before; returns its status: imported, known or refused."""
        content = path.read_bytes()
        digest = sha256(content).hexdigest()
        if self._status(digest) == "imported":
            return "known"
        try:
            found = self._checked(content, path.name)
            write_durably(self._kept(digest), content, below=self.archive.parent)
            with self.store.write() as connection:
                self._book(connection, digest, path.name, found)
        except StatementError as error:
            self._refuse(digest, path.name, content, error)
            return "refused"
        return "imported"

    def import_folder(self, inbox: Path) -> dict[str, str]:
        """Import all files of a folder, statements of earlier periods first; returns the status per file name."""
        statuses = {}
        files = [
            path for path in sorted(inbox.glob("*")) if path.suffix.lower() in (".csv", ".xml")
        ]
        for path in sorted(files, key=self._begins):
            statuses[path.name] = self.import_file(path)
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
        period = statement_periods.c
        query = (
            sa.select(period.sha256, period.last_day)
            .where(period.account_id == account_id, period.last_day <= until)
            .order_by(period.last_day.desc(), period.first_day)
            .limit(1)
        )
        with self.store.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else self._statement(row.sha256, account_id, row.last_day)

    def learned_instruments(self, until: date) -> pl.DataFrame:
        """Return the securities that statements of periods up to a day have named.

        Returns
        -------
        pl.DataFrame
            symbol, name, currency, exchange, kind, multiplier; of several statements the newest counts.
        """
        listed = instruments.c
        names = ("symbol", "name", "currency", "exchange", "kind", "multiplier")
        query = (
            sa.select(*(listed[name] for name in names))
            .where(listed.known_from <= until)
            .order_by(listed.symbol, listed.known_from.desc(), listed.sha256)
        )
        with self.store.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        texts = [(name, pl.String) for name in names[:-1]]
        frame = pl.DataFrame(rows, schema=[*texts, ("multiplier", AMOUNT)])
        return frame.unique("symbol", keep="first", maintain_order=True)

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
            first = min(s.first_day for s in _read(path.read_bytes(), path.name, self.accounts))
        except (StatementError, ValueError):
            first = date.max
        return first, path.name

    def _checked(self, content: bytes, name: str) -> list[tuple[Statement, list[Identity]]]:
        if len(content) > LARGEST_FILE:
            raise StatementError(
                f"the file has {len(content):,} bytes, more than {LARGEST_FILE:,}",
                where=name,
                remedy="Download shorter periods.",
            )
        return [
            (statement, require_identities(statement, self._before(statement)))
            for statement in _read(content, name, self.accounts)
        ]

    def _before(self, statement: Statement) -> Mapping[str, Any] | None:
        previous = self.newest(statement.account_id, statement.first_day - timedelta(days=1))
        if previous is None:
            return None
        require_continuity(statement, previous)
        return closing_quantities(previous)

    def _book(
        self,
        connection: Connection,
        digest: str,
        name: str,
        found: list[tuple[Statement, list[Identity]]],
    ) -> None:
        new = 0
        for statement, _ in found:
            self._require_agreement(connection, statement)
            events = list(statement.events)
            later = self._first(connection, statement.account_id)
            if later is None:
                events += opening_events(statement)
            elif statement.first_day < later.first_day:
                events += [*opening_events(statement), *closing_the_opening(later)]
            rows = postings_of(events, source=SOURCE).iter_rows(named=True)
            new += insert_unknown(
                connection, postings, [row | {"recorded_at": now()} for row in rows]
            )
            period = {
                "sha256": digest,
                "account_id": statement.account_id,
                "first_day": statement.first_day,
                "last_day": statement.last_day,
            }
            upsert(connection, statement_periods, [period])
            insert_unknown(connection, instruments, instrument_rows(statement, digest))
            insert_unknown(connection, statement_closes, close_rows(statement, digest))
        upsert(connection, statement_imports, [registry_row(digest, name, found, new)])

    def _require_agreement(self, connection: Connection, statement: Statement) -> None:
        """Refuse a statement that tells other events than one that was imported, for days that both cover."""
        period = statement_periods.c
        overlapping = connection.execute(
            sa.select(period.sha256, period.last_day, statement_imports.c.file_name)
            .join(statement_imports, statement_imports.c.sha256 == period.sha256)
            .where(
                period.account_id == statement.account_id,
                period.first_day <= statement.last_day,
                period.last_day >= statement.first_day,
            )
        ).all()
        require_agreement(
            statement,
            [
                replace(
                    self._statement(row.sha256, statement.account_id, row.last_day),
                    file_name=row.file_name,
                )
                for row in overlapping
            ],
        )

    def _first(self, connection: Connection, account_id: str) -> Statement | None:
        period = statement_periods.c
        row = connection.execute(
            sa.select(period.sha256, period.last_day)
            .where(period.account_id == account_id)
            .order_by(period.first_day, period.last_day)
            .limit(1)
        ).first()
        return None if row is None else self._statement(row.sha256, account_id, row.last_day)

    def _statement(self, digest: str, account_id: str, last_day: date) -> Statement:
        statements = _read(self._kept(digest).read_bytes(), digest, self.accounts)
        return next(s for s in statements if s.account_id == account_id and s.last_day == last_day)

    def _refuse(self, digest: str, name: str, content: bytes, error: StatementError) -> None:
        try:
            statements = _read(content, name, self.accounts)
        except StatementError:
            statements = ()
        found = [(each, identities(each)) for each in statements]
        row = registry_row(digest, name, found, 0)
        detail = json.loads(row["detail"]) | {"refused": f"{error.what} {error.remedy}"}
        read = row["rows_read"] or len(content.splitlines())
        row |= {
            "status": "refused",
            "rows_read": read,
            "rows_imported": 0,
            "rows_skipped": read - row["rows_quarantined"],
            "detail": json.dumps(detail),
        }
        with self.store.write() as connection:
            upsert(connection, statement_imports, [row])

    def _status(self, digest: str) -> str | None:
        with self.store.read() as connection:
            status: str | None = connection.scalar(
                sa.select(statement_imports.c.status).where(statement_imports.c.sha256 == digest)
            )
        return status

    def _kept(self, digest: str) -> Path:
        return self.archive / digest


def statement_files(inbox: Path) -> list[Path]:
    """Return the files of a folder that may be statements, by name."""
    if not inbox.is_dir():
        return []
    return [path for path in sorted(inbox.iterdir()) if path.suffix.lower() in (".csv", ".xml")]


def dropped_files(inbox: Path) -> list[str]:
    """Return name, size and time of every file that may be a statement."""
    facts = [(path.name, path.stat()) for path in statement_files(inbox)]
    return [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in facts]


def _read(content: bytes, name: str, accounts: Mapping[str, str]) -> tuple[Statement, ...]:
    return _remembered(content, name, tuple(sorted(accounts.items())))


@lru_cache(maxsize=8)
def _remembered(
    content: bytes, name: str, accounts: tuple[tuple[str, str], ...]
) -> tuple[Statement, ...]:
    return read_statements(content, name, dict(accounts))
