"""Backups: the store as of one moment, every file that it refers to, and a manifest that proves them whole.

A backup is a folder. It is written under another name and gets its own only once everything in it is on disk and was
verified, so that what looks like a backup is one. The store is copied first: files are immutable and only ever added,
therefore all that the copy refers to is still there afterwards.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from resources.backup_manifest import (
    LAKE_NAME,
    MANIFEST_NAME,
    STATEMENTS_NAME,
    STORE_NAME,
    Manifest,
    digest_of,
    read_manifest,
    require_sound_store,
)
from resources.clock import now
from resources.durable_files import sync_folder, sync_tree, write_durably
from resources.store.copies import (
    copy_store,
    count_rows,
    imported_statements,
    referenced_files,
    revision_of,
)
from resources.store.engine import Store

_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z")
_NAME_FORMAT = "%Y%m%dT%H%M%S.%fZ"
PARTIAL_SUFFIX = ".partial"
_ABANDONED = timedelta(days=1)


@dataclass(frozen=True)
class Backup:
    """A backup that is whole."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """Name of the folder: the moment at which the backup was begun, UTC."""
        return self.folder.name

    @property
    def size(self) -> int:
        """Bytes of all files, also of those that are shared with the lake."""
        return sum((self.folder / name).stat().st_size for name in self.manifest.files)


@dataclass(frozen=True)
class BackupShelf:
    """The folder of the backups of a workspace.

    Parameters
    ----------
    folder : Path
        Where they are; made with the first one.
    data : Path
        The workspace's data folder: its lake and its statements are backed up.
    code_version : str
        Recorded with each backup.
    """

    folder: Path
    data: Path
    code_version: str

    def names(self) -> list[str]:
        """Return the names of the backups, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if _NAME.fullmatch(path.name))

    def newest(self) -> Backup | None:
        """Return the newest backup; None if there is none yet.

        Raises
        ------
        BackupError
            If it cannot be read.
        """
        names = self.names()
        return None if not names else self.find(names[-1])

    def find(self, name: str) -> Backup:
        """Return a backup by its name here, or by its path.

        Raises
        ------
        BackupError
            If there is no such backup, or it cannot be read.
        """
        folder = self.folder / name if name in self.names() else Path(name).resolve()
        return Backup(folder, read_manifest(folder))

    def create(self, store: Store) -> Backup:
        """Back up the store and everything that it refers to.

        A file that is missing or damaged in the workspace does not keep the rest from being backed up; the manifest
        names it among its gaps.

        Raises
        ------
        BackupError
            If what was written does not pass its verification; then no backup is left.
        """
        begun_at = now()
        name = begun_at.astimezone(UTC).strftime(_NAME_FORMAT)
        partial = self._partial(name)
        partial.mkdir(parents=True)
        try:
            manifest = self._fill(partial, store, begun_at)
            require_sound_store(partial, manifest)
            sync_tree(partial)
            final = self.folder / name
            partial.rename(final)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync_folder(self.folder)
        return Backup(final, manifest)

    def prune(self, keep: int) -> list[str]:
        """Remove all but the newest backups, each with everything that belongs to it, and what crashes left behind.

        Returns
        -------
        list of str
            Names of the backups that were removed.
        """
        removed = []
        for name in self.names()[:-keep]:
            # Renamed first: a crash in the middle leaves nothing that looks like a backup.
            dying = self._partial(name)
            (self.folder / name).rename(dying)
            shutil.rmtree(dying)
            removed.append(name)
        oldest = (now() - _ABANDONED).timestamp()
        for path in self.folder.glob(f"*{PARTIAL_SUFFIX}"):
            if path.stat().st_mtime < oldest:
                shutil.rmtree(path)
        return removed

    def _partial(self, name: str) -> Path:
        return self.folder / f"{name}.{uuid.uuid4().hex[:8]}{PARTIAL_SUFFIX}"

    def _fill(self, partial: Path, store: Store, begun_at: datetime) -> Manifest:
        copy = partial / STORE_NAME
        copy_store(store, copy)
        files, gaps = {STORE_NAME: digest_of(copy) or ""}, []
        for name, digest in _needed(copy):
            if _place(self.data / name, partial / name, digest):
                files[name] = digest
            else:
                gaps.append(name)
        manifest = Manifest(
            created_at=begun_at,
            code_version=self.code_version,
            schema_revision=revision_of(copy),
            database=store.engine.dialect.name,
            rows=count_rows(copy),
            files=files,
            gaps=tuple(gaps),
        )
        write_durably(partial / MANIFEST_NAME, manifest.to_json(), below=partial)
        return manifest


def _needed(copy: Path) -> Iterator[tuple[str, str]]:
    """Yield every file that a copy of the store refers to, by its path in the data folder, with its hash."""
    for path, digest in referenced_files(copy).items():
        yield f"{LAKE_NAME}/{path}", digest
    for digest in imported_statements(copy):
        yield f"{STATEMENTS_NAME}/{digest}", digest


def _place(source: Path, target: Path, digest: str) -> bool:
    """Put an immutable file into a backup, under a second name or as a copy; returns whether it is the right one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except FileNotFoundError:
        return False
    except OSError:
        # Another disk, or a file system without links.
        shutil.copyfile(source, target)
    if digest_of(target) == digest:
        return True
    target.unlink()
    return False
