"""DuckDB: the query engine of a process, and the catalog of views through which people look in.

A DuckDB file admits one process that writes, so nothing of ours is kept in one. The catalog holds
only views over published files; whoever has an old catalog open goes on reading it undisturbed.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path

import duckdb
import sqlalchemy as sa

from resources.clock import now
from resources.lake import Lake
from resources.store.schema import current_publications, publications

# A DuckDB 1.5 command line cannot open what 2.0 writes by default.
_STORAGE_VERSION = "v1.2.0"
_MOST_REBUILDS = 10
_ABANDONED = timedelta(minutes=10)
# Named unlike any column of ours: the file names are added to the columns of the files.
_FILE_COLUMN = "__ballast_file"


def connect() -> duckdb.DuckDBPyConnection:
    """Return a new cursor on the process's in-memory DuckDB; the caller closes it."""
    return _engine(os.getpid()).cursor()


def refresh_catalog(lake: Lake, path: Path) -> None:
    """Replace the catalog by one view per published asset, its partition as the first column.

    Parameters
    ----------
    lake : Lake
        What is current in it is shown.
    path : Path
        DuckDB file; replaced atomically, and never older than what was published before the call.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    for _ in range(_MOST_REBUILDS):
        shown = _current(lake)
        _replace(path, shown)
        # Another process may have put an older catalog here, or published in between.
        if _current_moment(lake) == shown.moment:
            return


@dataclass(frozen=True)
class _Current:
    moment: int | None
    # Per asset, the files of each schema: DuckDB opens one file per group instead of all.
    files: dict[str, dict[str, list[str]]] = field(default_factory=dict)


@cache
def _engine(_process: int) -> duckdb.DuckDBPyConnection:
    # By process: the threads of a DuckDB do not survive a fork.
    return duckdb.connect(
        ":memory:", config={"TimeZone": "UTC", "autoinstall_known_extensions": "false"}
    )


def _current(lake: Lake) -> _Current:
    query = (
        sa.select(publications.c.asset, publications.c.path, publications.c.schema_fingerprint)
        .join(
            current_publications,
            current_publications.c.publication_id == publications.c.publication_id,
        )
        .where(publications.c.path.is_not(None))
        .order_by(publications.c.asset, publications.c.partition)
    )
    root = lake.root.absolute().as_posix()
    current = _Current(_current_moment(lake))
    # Read after the moment: what is newer than it only costs one more rebuild.
    with lake.store.read() as connection:
        for asset, name, schema in connection.execute(query):
            current.files.setdefault(asset, {}).setdefault(schema, []).append(f"{root}/{name}")
    return current


def _current_moment(lake: Lake) -> int | None:
    with lake.store.read() as connection:
        newest: int | None = connection.scalar(
            sa.select(sa.func.max(publications.c.publication_id))
        )
    return newest


def _replace(path: Path, shown: _Current) -> None:
    unique = uuid.uuid4().hex
    building = path.with_name(f".{path.name}.{unique}")
    database = f"catalog_{unique}"
    with connect() as connection:
        connection.execute(
            f"ATTACH {_text(str(building))} AS {database} (STORAGE_VERSION '{_STORAGE_VERSION}')"
        )
        try:
            # In one transaction: each commit of its own would be synced to disk.
            connection.begin()
            for asset, groups in shown.files.items():
                connection.execute(f"CREATE VIEW {database}.{_name(asset)} AS {_select(groups)}")
            connection.commit()
        except duckdb.Error:
            connection.rollback()
            raise
        finally:
            connection.execute(f"DETACH {database}")
    building.replace(path)
    # A log that somebody wrote for the old file would be replayed into this one and spoil it.
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def _select(groups: dict[str, list[str]]) -> str:
    # From the file's folder, not from a list: DuckDB then opens only the partitions asked for.
    return " UNION ALL BY NAME ".join(
        f"SELECT split_part({_FILE_COLUMN}, '/', -2) AS \"partition\", * EXCLUDE ({_FILE_COLUMN}) "
        f"FROM read_parquet({_list(files)}, filename = '{_FILE_COLUMN}', hive_partitioning = false)"
        for files in groups.values()
    )


def _list(files: Sequence[str]) -> str:
    return "[" + ", ".join(_text(_literal(file)) for file in files) + "]"


def _literal(file: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in file)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _remove_abandoned(path: Path) -> None:
    oldest = (now() - _ABANDONED).timestamp()
    for left in path.parent.glob(f".{path.name}.*"):
        try:
            if left.stat().st_mtime < oldest:
                left.unlink()
        except FileNotFoundError:
            # Another process has finished or removed it.
            continue
