"""The files of the lake: one table, checked, written whole and synced to disk under a name that is never used twice."""

from __future__ import annotations

import hashlib
import io
import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import dataframely as dy
import polars as pl
import sqlalchemy as sa

from ballast.errors import InvalidTableError
from resources.durable_files import write_durably
from resources.store.schema import publications

# Not a leading dot: ".." would leave the folder.
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")


@dataclass(frozen=True)
class Table:
    """One table to publish: all rows of an asset's partition."""

    asset: str
    partition: str
    frame: pl.DataFrame
    schema: type[dy.Schema] | None = None
    # Rows that a reader can skip together; the writer's own choice by default.
    row_group_rows: int | None = None


@dataclass(frozen=True)
class PublishedFile:
    """A file that is complete and on disk, relative to the lake's folder."""

    path: str
    size: int
    sha256: str
    schema_fingerprint: str


def refuse_unsafe(what: str, name: str, column: sa.Column[str]) -> None:
    """Refuse a name that would leave the lake's folder or does not fit its column."""
    longest = getattr(column.type, "length", 0)
    if not _SAFE_NAME.fullmatch(name) or len(name) > longest:
        raise InvalidTableError(
            f"{name!r} cannot name a folder",
            where=what,
            remedy=f"Use at most {longest} letters, digits, dots and dashes; start with a letter.",
        )


def validated(table: Table) -> Table:
    """Check a table's names, and its rows against its schema.

    Raises
    ------
    InvalidTableError
        If anything is wrong with it.
    """
    refuse_unsafe("asset", table.asset, publications.c.asset)
    refuse_unsafe("partition", table.partition, publications.c.partition)
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
    return replace(table, frame=frame)


def write_file(root: Path, table: Table, run_id: str) -> PublishedFile:
    """Write a table to its folder; when this returns, it survives a power cut."""
    content = io.BytesIO()
    table.frame.write_parquet(
        content, compression="zstd", statistics=True, row_group_size=table.row_group_rows
    )
    body = content.getvalue()
    digest = hashlib.sha256(body).hexdigest()
    folder = root / table.asset / table.partition
    folder.mkdir(parents=True, exist_ok=True)
    unique = uuid.uuid4().hex[:12]
    final = folder / f"{run_id[:8]}-{digest[:16]}-{unique}.parquet"
    write_durably(final, body, below=root.parent)
    return PublishedFile(
        final.relative_to(root).as_posix(), len(body), digest, _fingerprint(table.frame)
    )


def is_older(path: Path, cutoff: datetime) -> bool:
    """Say whether a file was last written before a moment."""
    try:
        return path.stat().st_mtime <= cutoff.timestamp()
    except FileNotFoundError:
        # A writer has just given it its final name.
        return False


def _fingerprint(frame: pl.DataFrame) -> str:
    text = ",".join(f"{name}:{dtype}" for name, dtype in frame.schema.items())
    return hashlib.sha256(text.encode()).hexdigest()[:16]
