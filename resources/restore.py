"""Restoring a backup: into an empty data folder, verified before it is used and after it was written."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from pathlib import Path

from ballast.errors import BackupError
from resources.backup import PARTIAL_SUFFIX, Backup
from resources.backup_manifest import STORE_NAME, digest_of, require_whole
from resources.durable_files import sync_folder, sync_tree
from resources.integrity import Finding, lake_findings, statement_findings, store_findings
from resources.lake import Lake
from resources.store.copies import load_copy
from resources.store.engine import Store, sqlite_url

# What the command line itself puts into a data folder before anything else.
_REBUILT = ("calendars", "dagster/dagster.yaml")
_PARTIAL_NAME = f".{STORE_NAME}.restoring"


def restore(backup: Backup, data: Path, store_url: str | None = None) -> None:
    """Restore a backup into a data folder.

    The store comes last: a folder that has one is restored whole.

    Parameters
    ----------
    data : Path
        Data folder of a workspace; empty, or not there yet.
    store_url : str, optional
        An empty database for the store; a SQLite file in the data folder by default.

    Raises
    ------
    BackupError
        If the backup is damaged or the folder is not empty.
    StoreError
        If the database is not empty.
    """
    require_whole(backup.folder, backup.manifest)
    _require_empty(data)
    for name, digest in backup.manifest.files.items():
        if name != STORE_NAME:
            _restore_file(backup.folder / name, data / name, digest)
    partial = data / _PARTIAL_NAME
    _restore_file(backup.folder / STORE_NAME, partial, backup.manifest.files[STORE_NAME])
    sync_tree(data)
    if store_url is None:
        partial.rename(data / STORE_NAME)
    else:
        with closing(Store(store_url)) as store:
            load_copy(partial, store)
        partial.unlink()
    sync_folder(data)


def rehearse_restore(backup: Backup) -> list[Finding]:
    """Restore a backup into a folder that is removed afterwards, and return what is wrong with the result.

    Parameters
    ----------
    backup : Backup
        What it lacks according to its own manifest is found as well.

    Raises
    ------
    BackupError
        If it cannot be restored.
    """
    # Beside the backups: where they fit, and not in a temporary folder that may be memory.
    with tempfile.TemporaryDirectory(
        prefix="rehearsal-", suffix=PARTIAL_SUFFIX, dir=backup.folder.parent
    ) as folder:
        data = Path(folder) / "data"
        restore(backup, data)
        with closing(Store(sqlite_url(data / STORE_NAME))) as store:
            return [
                *store_findings(store),
                *lake_findings(Lake(data / "lake", store)),
                *statement_findings(store, data / "statements"),
            ]


def _require_empty(data: Path) -> None:
    if not data.exists():
        data.mkdir(parents=True)
        return
    found = (path.relative_to(data) for path in sorted(data.rglob("*")) if not path.is_dir())
    for path in found:
        if path.as_posix() not in _REBUILT and path.parts[0] not in _REBUILT:
            raise BackupError(
                f"the folder to restore into is not empty: it has {path}",
                where=str(data),
                remedy="Move it away whole, or restore into another folder with --into.",
            )


def _restore_file(source: Path, target: Path, digest: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # A copy, never a second name: what happens to the workspace must not happen to the backup.
    shutil.copyfile(source, target)
    if digest_of(target) != digest:
        raise BackupError(
            "a file was restored with other content than it was backed up with",
            where=str(target),
            remedy="Check the disk; remove the folder and restore again.",
        )
