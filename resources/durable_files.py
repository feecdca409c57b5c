"""Files that are there whole or not at all, and survive a power cut once they are there."""

from __future__ import annotations

import os
from pathlib import Path

_TEMPORARY_SUFFIX = ".partial"


def write_durably(path: Path, body: bytes, *, below: Path) -> None:
    """Write a file; when this returns, it is on disk with all names on its path.

    Parameters
    ----------
    below : Path
        A folder that was on disk before; those between it and the file may be new.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}{_TEMPORARY_SUFFIX}")
    with partial.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = path.parent
    while True:
        sync_folder(folder)
        if folder in (below, folder.parent):
            return
        folder = folder.parent


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk."""
    _sync(folder)


def sync_tree(folder: Path) -> None:
    """Put everything in a folder on disk, at any depth."""
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
