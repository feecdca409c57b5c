"""Fresh stores for brokers; SQLite, because what the store itself guarantees is tested on both databases elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.store import Store, sqlite_url
from tests.resources.brokers.papers import NewStore


@pytest.fixture
def new_store(tmp_path: Path) -> Iterator[NewStore]:
    opened: list[Store] = []

    def open_one() -> Store:
        opened.append(Store(sqlite_url(tmp_path / f"paper-{len(opened)}.db")))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()
