"""The lake: immutable Parquet files that one transaction in the store publishes.

Invariants: a file is complete and on disk before anything refers to it; all tables of a publication
become visible at once; readers resolve every path in one read, so what they see belongs together;
nothing published is ever changed; no path is ever used twice, so a collector cannot meet a new file
under an old name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from ballast.errors import NotPublishedError, StoreError
from resources import lake_publications
from resources.clock import now
from resources.lake_files import (
    PublishedFile,
    Table,
    is_older,
    refuse_unsafe,
    validated,
    write_file,
)
from resources.lake_publications import Published
from resources.store.engine import Store
from resources.store.schema import publications

__all__ = ["Lake", "Published", "Snapshot"]


@dataclass(frozen=True)
class Snapshot:
    """A consistent view of the lake: the paths that were current at one moment."""

    root: Path
    entries: Mapping[tuple[str, str], Published]

    def has(self, asset: str, partition: str) -> bool:
        """Say whether an asset's partition was published."""
        return (asset, partition) in self.entries

    def read(self, asset: str, partition: str) -> pl.DataFrame:
        """Read one partition.

        Raises
        ------
        NotPublishedError
            If nothing was published; the remedy names the asset to materialise.
        """
        try:
            entry = self.entries[asset, partition]
        except KeyError:
            raise NotPublishedError(
                "nothing has been published for this session",
                where=f"{asset} {partition}",
                remedy=f"Materialise {asset} for {partition}.",
            ) from None
        return pl.read_parquet(self.root / entry.path, glob=False)

    def partitions(self, asset: str) -> list[str]:
        """Return the published partitions of an asset, sorted."""
        return sorted(partition for name, partition in self.entries if name == asset)

    def paths(self, asset: str) -> list[Path]:
        """Return the files of all partitions of an asset, in the order of their publication."""
        return [self.root / entry.path for entry in self.published(asset)]

    def published(self, asset: str) -> list[Published]:
        """Return the publications of all partitions of an asset, in their order."""
        entries = [entry for entry in self.entries.values() if entry.asset == asset]
        return sorted(entries, key=lambda entry: entry.publication_id)


@dataclass(frozen=True)
class Lake:
    """Publishes and resolves tables.

    Parameters
    ----------
    root : Path
        Folder of the files; a local file system.
    store : Store
        Database that holds the publications.
    after_publication : callable, optional
        Called once after each commit, for example to refresh the catalog.
    """

    root: Path
    store: Store
    after_publication: Callable[[Lake], None] | None = field(default=None, compare=False)

    def publish(
        self,
        tables: Sequence[Table],
        *,
        run_id: str,
        code_version: str,
        as_of: str,
        retire: Sequence[Published] = (),
    ) -> list[Published]:
        """Write tables and make all of them visible in one transaction.

        A partition whose rows equal those already published keeps its file, so that a repeated run
        changes nothing.

        Parameters
        ----------
        tables : sequence of Table
            Validated against their schema before anything is written.
        retire : sequence of Published
            Partitions that disappear in the same transaction, unless somebody has published them
            anew.

        Raises
        ------
        InvalidTableError
            If a frame breaks its schema; then nothing is written.
        StoreError
            If a file was collected before it was published; then nothing is published.
        """
        refuse_unsafe("run", run_id, publications.c.run_id)
        checked = [validated(table) for table in tables]
        files = [self._write_file(table, run_id) for table in checked]
        with self.store.write() as connection:
            self._require(files)
            stamp = {
                "run_id": run_id,
                "code_version": code_version,
                "as_of": as_of,
                "published_at": now(),
            }
            published = [
                lake_publications.record(connection, table, file, stamp)
                for table, file in zip(checked, files, strict=True)
            ]
            for entry in retire:
                lake_publications.retire(connection, entry, stamp)
        kept = {entry.path for entry in published}
        for file in files:
            if file.path not in kept:
                (self.root / file.path).unlink(missing_ok=True)
        if self.after_publication is not None:
            self.after_publication(self)
        return published

    def snapshot(
        self,
        assets: Iterable[str] | None = None,
        *,
        partition: str | None = None,
        known_at: datetime | None = None,
    ) -> Snapshot:
        """Resolve paths in one read.

        Parameters
        ----------
        assets : iterable of str, optional
            Only these; all by default.
        partition : str, optional
            Only this partition.
        known_at : datetime, optional
            What was current at an earlier moment.
        """
        with self.store.read() as connection:
            entries = lake_publications.current(connection, assets, partition, known_at)
        return Snapshot(self.root, {(e.asset, e.partition): e for e in entries})

    def collect_garbage(
        self, *, grace: timedelta = timedelta(days=1), keep_superseded: timedelta | None = None
    ) -> list[Path]:
        """Remove files that nothing refers to, older than the grace period.

        Parameters
        ----------
        grace : timedelta
            Longer than the longest read and the longest write.
        keep_superseded : timedelta, optional
            Also forget publications that were replaced longer ago than this; by default history is
            kept for ever.
        """
        cutoff = now() - grace
        if keep_superseded is not None:
            before = now() - max(keep_superseded, grace)
            with self.store.write() as connection:
                lake_publications.forget_superseded(connection, before)
        old = [path for path in sorted(self.root.rglob("*.parquet*")) if is_older(path, cutoff)]
        # As the only writer: a file that is referred to after this was verified to be there.
        with self.store.write() as connection:
            referenced = lake_publications.referenced_paths(connection)
            removed = [p for p in old if p.relative_to(self.root).as_posix() not in referenced]
            for path in removed:
                path.unlink(missing_ok=True)
        return removed

    def _require(self, files: Sequence[PublishedFile]) -> None:
        for file in files:
            if not (self.root / file.path).exists():
                raise StoreError(
                    "a file was collected before it was published",
                    where=file.path,
                    remedy="Repeat the step; collect with a grace longer than the longest write.",
                )

    def _write_file(self, table: Table, run_id: str) -> PublishedFile:
        return write_file(self.root, table, run_id)
