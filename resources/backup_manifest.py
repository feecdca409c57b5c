"""What a backup says about itself, and whether that is true of what lies in its folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from ballast.errors import BackupError
from resources.store.copies import count_rows, damage_of, revision_of

MANIFEST_NAME = "manifest.json"
STORE_NAME = "ballast.db"
LAKE_NAME, STATEMENTS_NAME = "lake", "statements"
_FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """The contents of a backup.

    Parameters
    ----------
    created_at : datetime
        When the store was copied; what was committed later is not in it.
    database : str
        What the store was on: sqlite or postgresql. The copy is a SQLite file either way.
    rows : dict of str to int
        Rows per table of the store.
    files : dict of str to str
        sha256 of every file, by its path in the backup.
    gaps : tuple of str
        Files that the store refers to and that were missing or damaged already.
    """

    created_at: datetime
    code_version: str
    schema_revision: str
    database: str
    rows: dict[str, int]
    files: dict[str, str]
    gaps: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """Return the manifest as a file."""
        fields = asdict(self) | {"format": _FORMAT, "created_at": self.created_at.isoformat()}
        return (json.dumps(fields, indent=1, sort_keys=True) + "\n").encode()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup.

    Raises
    ------
    BackupError
        If the folder is no backup, or one of a newer format.
    """
    try:
        fields: dict[str, Any] = json.loads((folder / MANIFEST_NAME).read_bytes())
        if fields.pop("format") != _FORMAT:
            raise ValueError("its format is unknown")
        created_at = datetime.fromisoformat(fields.pop("created_at"))
        manifest = Manifest(created_at=created_at, **fields | {"gaps": tuple(fields["gaps"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupError(
            f"this folder is no backup that can be read: {error}",
            where=str(folder),
            remedy="Name a folder that `ballast backup` has written.",
        ) from error
    for name in manifest.files:
        # A path is only ever joined to a folder if it stays in it.
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise BackupError(
                f"the manifest names a file outside of the backup: {name!r}",
                where=str(folder),
                remedy="Do not use it; somebody has changed it.",
            )
    return manifest


def problems_of_backup(folder: Path, manifest: Manifest) -> list[str]:
    """Return in which way a folder differs from a manifest; nothing if it is whole."""
    problems = []
    for name, digest in manifest.files.items():
        found = digest_of(folder / name)
        if found is None:
            problems.append(f"{name} is missing")
        elif found != digest:
            problems.append(f"{name} has other content than was backed up")
    return problems or _problems_of_store(folder / STORE_NAME, manifest)


def _problems_of_store(store: Path, manifest: Manifest) -> list[str]:
    if damage := damage_of(store):
        return [f"{STORE_NAME}: {each}" for each in damage]
    problems = []
    if revision_of(store) != manifest.schema_revision:
        problems.append(f"{STORE_NAME} does not have the schema {manifest.schema_revision}")
    rows = count_rows(store)
    problems += [
        f"{STORE_NAME}: {table} has {rows.get(table)} rows, not {expected}"
        for table, expected in manifest.rows.items()
        if rows.get(table) != expected
    ]
    return problems


def require_whole(folder: Path, manifest: Manifest) -> None:
    """Refuse a folder that differs from its manifest.

    Raises
    ------
    BackupError
        Naming the first differences.
    """
    _require_none(problems_of_backup(folder, manifest), folder)


def require_sound_store(folder: Path, manifest: Manifest) -> None:
    """Refuse a copy of the store that differs from its manifest.

    Raises
    ------
    BackupError
        Naming the first differences.
    """
    _require_none(_problems_of_store(folder / STORE_NAME, manifest), folder)


def _require_none(problems: list[str], folder: Path) -> None:
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise BackupError(
            f"the backup is damaged: {'; '.join(problems[:3])}{more}",
            where=str(folder),
            remedy="Use another backup; `ballast backup` writes a new one.",
        )


def digest_of(path: Path) -> str | None:
    """Return the sha256 of a file; None if there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None
