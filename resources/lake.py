"""The lake: immutable Parquet files that one transaction in the store publishes.

Invariants: a file is complete and on disk before anything refers to it; all tables of a publication
become visible at once; readers resolve every path in one read, so what they see belongs together;
nothing published is ever changed; no path is ever used twice, so a collector cannot meet a new file
under an old name.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import dataframely as dy
import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.errors import InvalidTableError, NotPublishedError, StoreError
from resources.clock import now
from resources.store.engine import Store, upsert
from resources.store.schema import current_publications, publications

# Not a leading dot: ".." would leave the folder.
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
_TEMPORARY_SUFFIX = ".partial"


@dataclass(frozen=True)
class Table:
    """One table to publish: all rows of an asset's partition."""

    asset: str
    partition: str
    frame: pl.DataFrame
    schema: type[dy.Schema] | None = None


@dataclass(frozen=True)
class Published:
    """Where the rows of one asset's partition are."""

    publication_id: int
    asset: str
    partition: str
    path: str
    rows: int
    sha256: str
    run_id: str
    published_at: datetime


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
        _refuse_unsafe("run", run_id, publications.c.run_id)
        checked = [_validated(table) for table in tables]
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
                _record(connection, table, file, stamp)
                for table, file in zip(checked, files, strict=True)
            ]
            for entry in retire:
                _retire(connection, entry, stamp)
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
        if known_at is None:
            query = sa.select(publications).join(
                current_publications,
                current_publications.c.publication_id == publications.c.publication_id,
            )
        else:
            latest = (
                sa.select(sa.func.max(publications.c.publication_id))
                .where(publications.c.published_at <= known_at)
                .group_by(publications.c.asset, publications.c.partition)
            )
            query = sa.select(publications).where(publications.c.publication_id.in_(latest))
        if assets is not None:
            query = query.where(publications.c.asset.in_(list(assets)))
        if partition is not None:
            query = query.where(publications.c.partition == partition)
        with self.store.read() as connection:
            rows = connection.execute(query.where(publications.c.path.is_not(None))).all()
        entries = [_entry(row) for row in rows]
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
            self._forget_superseded(now() - max(keep_superseded, grace))
        old = [path for path in sorted(self.root.rglob("*.parquet*")) if _is_older(path, cutoff)]
        # As the only writer: a file that is referred to after this was verified to be there.
        with self.store.write() as connection:
            referenced = set(
                connection.scalars(
                    sa.select(publications.c.path).where(publications.c.path.is_not(None))
                )
            )
            removed = [p for p in old if p.relative_to(self.root).as_posix() not in referenced]
            for path in removed:
                path.unlink(missing_ok=True)
        return removed

    def _forget_superseded(self, before: datetime) -> None:
        newer = publications.alias()
        replaced = (
            sa.select(newer.c.publication_id)
            .where(
                newer.c.asset == publications.c.asset,
                newer.c.partition == publications.c.partition,
                newer.c.publication_id > publications.c.publication_id,
                newer.c.published_at < before,
            )
            .exists()
        )
        with self.store.write() as connection:
            connection.execute(sa.delete(publications).where(replaced))

    def _require(self, files: Sequence[_File]) -> None:
        for file in files:
            if not (self.root / file.path).exists():
                raise StoreError(
                    "a file was collected before it was published",
                    where=file.path,
                    remedy="Repeat the step; collect with a grace longer than the longest write.",
                )

    def _write_file(self, table: Table, run_id: str) -> _File:
        content = io.BytesIO()
        table.frame.write_parquet(content, compression="zstd", statistics=True)
        body = content.getvalue()
        digest = hashlib.sha256(body).hexdigest()
        folder = self.root / table.asset / table.partition
        folder.mkdir(parents=True, exist_ok=True)
        unique = uuid.uuid4().hex[:12]
        final = folder / f"{run_id[:8]}-{digest[:16]}-{unique}.parquet"
        partial = folder / f"{final.name}{_TEMPORARY_SUFFIX}"
        with partial.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(final)
        # The folders may be new; a file is on disk only when all names on its path are.
        for named in (folder, folder.parent, self.root, self.root.parent):
            _sync_folder(named)
        return _File(final.relative_to(self.root).as_posix(), len(body), digest)


@dataclass(frozen=True)
class _File:
    path: str
    size: int
    sha256: str


def _refuse_unsafe(what: str, name: str, column: sa.Column[str]) -> None:
    longest = getattr(column.type, "length", 0)
    if not _SAFE_NAME.fullmatch(name) or len(name) > longest:
        raise InvalidTableError(
            f"{name!r} cannot name a folder",
            where=what,
            remedy=f"Use at most {longest} letters, digits, dots and dashes; start with a letter.",
        )


def _is_older(path: Path, cutoff: datetime) -> bool:
    try:
        return path.stat().st_mtime <= cutoff.timestamp()
    except FileNotFoundError:
        # A writer has just given it its final name.
        return False


def _validated(table: Table) -> Table:
    _refuse_unsafe("asset", table.asset, publications.c.asset)
    _refuse_unsafe("partition", table.partition, publications.c.partition)
    if table.schema is None:
        return table
    try:
        frame = table.schema.validate(table.frame)
    except (dy.exc.ValidationError, dy.exc.SchemaError) as error:
        raise InvalidTableError(
            f"rows break the schema {table.schema.__name__}: {error}",
            where=f"{table.asset} {table.partition}",
            remedy="Nothing was published; correct the input or quarantine the rows.",
        ) from error
    return Table(table.asset, table.partition, frame, table.schema)


def _record(
    connection: Connection, table: Table, file: _File, stamp: Mapping[str, object]
) -> Published:
    same = connection.execute(
        sa.select(publications)
        .join(
            current_publications,
            current_publications.c.publication_id == publications.c.publication_id,
        )
        .where(
            publications.c.asset == table.asset,
            publications.c.partition == table.partition,
            publications.c.sha256 == file.sha256,
            publications.c.path.is_not(None),
        )
    ).first()
    if same is not None:
        return _entry(same)
    row = connection.execute(
        sa.insert(publications)
        .values(
            asset=table.asset,
            partition=table.partition,
            path=file.path,
            rows=table.frame.height,
            size_bytes=file.size,
            sha256=file.sha256,
            schema_fingerprint=_fingerprint(table.frame),
            **stamp,
        )
        .returning(publications)
    ).one()
    _point_at(connection, table.asset, table.partition, row.publication_id)
    return _entry(row)


def _retire(connection: Connection, entry: Published, stamp: Mapping[str, object]) -> None:
    current = connection.scalar(
        sa.select(current_publications.c.publication_id).where(
            current_publications.c.asset == entry.asset,
            current_publications.c.partition == entry.partition,
        )
    )
    if current != entry.publication_id:
        return
    row = connection.execute(
        sa.insert(publications)
        .values(
            asset=entry.asset,
            partition=entry.partition,
            path=None,
            rows=0,
            size_bytes=0,
            sha256="",
            schema_fingerprint="",
            **stamp,
        )
        .returning(publications.c.publication_id)
    ).one()
    _point_at(connection, entry.asset, entry.partition, row.publication_id)


def _point_at(connection: Connection, asset: str, partition: str, publication_id: int) -> None:
    pointer = {"asset": asset, "partition": partition, "publication_id": publication_id}
    upsert(connection, current_publications, [pointer])


def _entry(row: sa.Row[tuple[object, ...]]) -> Published:
    found = row._mapping
    return Published(
        publication_id=found["publication_id"],
        asset=found["asset"],
        partition=found["partition"],
        path=found["path"],
        rows=found["rows"],
        sha256=found["sha256"],
        run_id=found["run_id"],
        published_at=found["published_at"],
    )


def _fingerprint(frame: pl.DataFrame) -> str:
    text = ",".join(f"{name}:{dtype}" for name, dtype in frame.schema.items())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
