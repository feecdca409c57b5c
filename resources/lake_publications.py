"""The lake's rows in the store: which files were published, and which of them are current.

Rows are only added, until those that were replaced long ago are forgotten; what disappears gets a row without a path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from resources.lake_files import PublishedFile, Table
from resources.store.engine import upsert
from resources.store.schema import current_publications, publications


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


def record(
    connection: Connection, table: Table, file: PublishedFile, stamp: Mapping[str, object]
) -> Published:
    """Publish a file; a partition whose rows equal those that are current keeps its file."""
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
            schema_fingerprint=file.schema_fingerprint,
            **stamp,
        )
        .returning(publications)
    ).one()
    _point_at(connection, table.asset, table.partition, row.publication_id)
    return _entry(row)


def retire(connection: Connection, entry: Published, stamp: Mapping[str, object]) -> None:
    """Let a partition disappear, unless somebody has published it anew."""
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


def current(
    connection: Connection,
    assets: Iterable[str] | None,
    partition: str | None,
    known_at: datetime | None,
) -> list[Published]:
    """Return what is current, or was at an earlier moment; all of it, or only some assets or one partition."""
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
    rows = connection.execute(query.where(publications.c.path.is_not(None))).all()
    return [_entry(row) for row in rows]


def referenced_paths(connection: Connection) -> set[str]:
    """Return every path that a publication refers to, also one that was replaced."""
    paths = sa.select(publications.c.path).where(publications.c.path.is_not(None))
    return set(connection.scalars(paths))


def forget_superseded(connection: Connection, before: datetime) -> None:
    """Remove the publications that were replaced before a moment."""
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
    connection.execute(sa.delete(publications).where(replaced))


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
