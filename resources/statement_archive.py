"""What was imported, by hash, and the periods that it covers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.books.statements import Statement, closing_quantities, read_statements
from resources.durable_files import write_durably
from resources.store.schema import statement_imports, statement_periods

_PERIOD = statement_periods.c


@dataclass(frozen=True)
class StatementArchive:
    """Keeps the content of statement files and finds the statements in it.

    Parameters
    ----------
    folder : Path
        Where the content is, each file by its hash.
    accounts : mapping of str to str
        Our account by the broker's number.
    """

    folder: Path
    accounts: Mapping[str, str] = field(repr=False)

    def read(self, content: bytes, name: str) -> tuple[Statement, ...]:
        """Read a file that need not be kept here."""
        return _read(content, name, tuple(sorted(self.accounts.items())))

    def keep(self, digest: str, content: bytes) -> None:
        """Write content, so that it is there after a crash."""
        write_durably(self.folder / digest, content, below=self.folder.parent)

    def newest(self, connection: Connection, account_id: str, until: date) -> Statement | None:
        """Return the statement with the newest last day that is not after a day."""
        order = _PERIOD.last_day.desc(), _PERIOD.first_day
        return self._one(connection, account_id, _PERIOD.last_day <= until, *order)

    def until(self, connection: Connection, account_id: str, day: date) -> list[Statement]:
        """Return the statements with a last day that is not after a day, oldest first."""
        order = _PERIOD.first_day, _PERIOD.last_day
        return self._all(connection, account_id, _PERIOD.last_day <= day, *order)

    def first(self, connection: Connection, account_id: str) -> Statement | None:
        """Return the statement that the books of an account begin with.

        Of several with the same first day, one that tells what the account began with.
        """
        earliest = sa.select(sa.func.min(_PERIOD.first_day)).where(_PERIOD.account_id == account_id)
        found = self._all(
            connection,
            account_id,
            _PERIOD.first_day == earliest.scalar_subquery(),
            _PERIOD.last_day,
        )
        telling = (s for s in found if s.cash is not None and closing_quantities(s) is not None)
        return next(telling, next(iter(found), None))

    def before(self, connection: Connection, statement: Statement) -> Statement | None:
        """Return the statement whose end has to be the start of this one, if it is known.

        It is not where another one covers the start: that one was compared with those before it.
        """
        first = statement.first_day
        covers = sa.and_(_PERIOD.first_day < first, _PERIOD.last_day >= first)
        order = _PERIOD.last_day.desc(), _PERIOD.first_day
        if self._one(connection, statement.account_id, covers, *order) is not None:
            return None
        return self._one(connection, statement.account_id, _PERIOD.last_day < first, *order)

    def after(self, connection: Connection, statement: Statement) -> Statement | None:
        """Return the statement whose start has to be the end of this one, if it is known."""
        last = statement.last_day
        covers = sa.and_(_PERIOD.first_day <= last, _PERIOD.last_day > last)
        order = _PERIOD.first_day, _PERIOD.last_day
        if self._one(connection, statement.account_id, covers, *order) is not None:
            return None
        return self._one(connection, statement.account_id, _PERIOD.first_day > last, *order)

    def overlapping(self, connection: Connection, statement: Statement) -> list[Statement]:
        """Return the statements of the same account that have a day in common with this one."""
        return self._all(
            connection,
            statement.account_id,
            sa.and_(
                _PERIOD.first_day <= statement.last_day, _PERIOD.last_day >= statement.first_day
            ),
            _PERIOD.first_day,
        )

    def _one(self, *query: Any) -> Statement | None:
        return next(iter(self._all(*query, limit=1)), None)

    def _all(
        self,
        connection: Connection,
        account_id: str,
        where: sa.ColumnElement[bool],
        *order: Any,
        limit: int | None = None,
    ) -> list[Statement]:
        query = (
            sa.select(_PERIOD.sha256, _PERIOD.first_day, _PERIOD.last_day)
            .add_columns(statement_imports.c.file_name)
            .outerjoin_from(
                statement_periods,
                statement_imports,
                statement_imports.c.sha256 == _PERIOD.sha256,
            )
            .where(_PERIOD.account_id == account_id, where)
            .order_by(*order)
            .limit(limit)
        )
        return [self._statement(account_id, row) for row in connection.execute(query).all()]

    def _statement(self, account_id: str, row: Any) -> Statement:
        key = account_id, row.first_day, row.last_day
        found = next(
            each
            for each in self.read((self.folder / row.sha256).read_bytes(), row.sha256)
            if (each.account_id, each.first_day, each.last_day) == key
        )
        # In the transaction that imports a file, the registry does not have its name yet.
        return replace(found, file_name=row.file_name or found.file_name)


@lru_cache(maxsize=8)
def _read(
    content: bytes, name: str, accounts: tuple[tuple[str, str], ...]
) -> tuple[Statement, ...]:
    return read_statements(content, name, dict(accounts))
