"""An empty store in no time: the file of one that was migrated before, because migrating takes longer than a test."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from resources.store import Store, sqlite_url


def empty_store(folder: Path) -> Store:
    """Open an empty SQLite store in a folder."""
    path = folder / "ballast.db"
    path.write_bytes(_empty_file())
    return Store(sqlite_url(path))


@cache
def _empty_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ballast.db"
        Store(sqlite_url(path)).close()
        return path.read_bytes()
