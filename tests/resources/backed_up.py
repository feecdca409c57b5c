"""A data folder with everything that a backup has to hold, and its shelf of backups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from resources.backup import BackupShelf
from resources.backup_manifest import STORE_NAME
from resources.lake import Lake
from resources.lake_files import Table
from resources.restore import restore
from resources.store import Store, sqlite_url
from resources.store.schema import metadata, postings, statement_imports
from tests.resources.migrated import empty_store

_MOMENT = datetime(2024, 1, 2, 16, 0, 0, 123456, tzinfo=UTC)
STATEMENT = b"Statement,Header,Field Name,Field Value\n"


@dataclass
class Work:
    """A data folder with a store, a lake and a statement, and its shelf of backups."""

    folder: Path
    store: Store

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def lake(self) -> Lake:
        return Lake(self.data / "lake", self.store)

    @property
    def shelf(self) -> BackupShelf:
        return BackupShelf(self.folder / "backups", self.data, "1.0")

    def publish(self, version: int, partition: str = "p") -> None:
        self.lake.publish(
            [Table("asset", partition, pl.DataFrame({"version": [version] * 100}))],
            run_id="run",
            code_version="1",
            as_of="2024-01-02",
        )

    def fill(self) -> None:
        """Publish two versions of a table, post an amount and archive a statement."""
        self.publish(1)
        self.publish(2)
        self.post("first", Decimal("-99999999999999.87654321"))
        digest = sha256(STATEMENT).hexdigest()
        archive = self.data / "statements"
        archive.mkdir()
        (archive / digest).write_bytes(STATEMENT)
        row = {
            "sha256": digest, "file_name": "a.csv", "format": "csv", "status": "imported",
            "rows_read": 1, "rows_imported": 1, "rows_skipped": 0, "rows_quarantined": 0,
            "postings": 0, "detail": "{}", "imported_at": _MOMENT,
        }  # fmt: skip
        with self.store.write() as connection:
            connection.execute(sa.insert(statement_imports).values(row))

    def post(self, name: str, quantity: Decimal, unit_cost: Decimal | None = None) -> None:
        row = {
            "posting_id": name, "transaction_id": name, "account_id": "a", "bucket_id": "core",
            "occurred_at": _MOMENT, "settled_on": date(2024, 1, 4), "kind": "trade",
            "commodity": "A", "quantity": quantity, "unit_cost": unit_cost, "source": "test",
            "external_id": name, "recorded_at": _MOMENT,
        }  # fmt: skip
        with self.store.write() as connection:
            connection.execute(sa.insert(postings).values(row))

    def restored(self, folder: Path) -> Work:
        """Restore the newest backup into the data folder of another work."""
        newest = self.shelf.newest()
        assert newest is not None
        restore(newest, folder / "data")
        return Work(folder, Store(sqlite_url(folder / "data" / STORE_NAME)))


def rows_of(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.read() as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(sa.select(table))), key=repr
            )
            for table in metadata.sorted_tables
        }


@contextmanager
def filled_sqlite(folder: Path) -> Iterator[Work]:
    """Open a filled work on SQLite."""
    data = folder / "data"
    data.mkdir(parents=True)
    work = Work(folder, empty_store(data))
    work.fill()
    yield work
    work.store.close()
