"""A writer that is killed at the worst moments: readers see the old or the new version, whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from resources import lake_publications
from resources.lake import Lake
from resources.lake_files import Table
from resources.store import Store
from tests.resources.crashes import die, die_at_call, run_until_it_dies

_ASSETS = ("left", "right")
_OLD, _NEW, _NEXT = 1, 2, 3


def _publish(lake: Lake, version: int) -> None:
    frame = pl.DataFrame({"version": [version] * 1000})
    lake.publish(
        [Table(asset, "p", frame) for asset in _ASSETS],
        run_id="run",
        code_version="1",
        as_of="2024-01-02",
    )


def _versions(lake: Lake) -> list[int]:
    snapshot = lake.snapshot()
    frames = [snapshot.read(asset, "p") for asset in _ASSETS]
    assert [frame.height for frame in frames] == [1000, 1000]
    return [version for frame in frames for version in frame["version"].unique()]


def _files(lake: Lake) -> set[Path]:
    return {path for path in lake.root.rglob("*") if path.is_file()}


def _before_first_sync(store: Store) -> None:
    os.fsync = die_at_call(1, os.fsync)


def _before_first_name(store: Store) -> None:
    Path.replace = die_at_call(1, Path.replace)  # type: ignore[method-assign]


def _between_the_files(store: Store) -> None:
    Path.replace = die_at_call(2, Path.replace)  # type: ignore[method-assign]


def _between_the_rows(store: Store) -> None:
    lake_publications.upsert = die_at_call(2, lake_publications.upsert)  # type: ignore[attr-defined]


def _before_commit(store: Store) -> None:
    sa.event.listen(store.engine, "commit", die)


def _never(store: Store) -> None:
    """Die in the hook that follows the commit."""


# Where the writer dies, whether it had committed, and how many files it leaves that nobody needs.
_CRASHES: list[tuple[Callable[[Store], None], bool, int]] = [
    (_before_first_sync, False, 1),
    (_before_first_name, False, 1),
    (_between_the_files, False, 2),
    (_between_the_rows, False, 2),
    (_before_commit, False, 2),
    (_never, True, 0),
]


def _write_and_die(url: str, root: Path, prepare: Callable[[Store], None]) -> None:
    store = Store(url)
    prepare(store)
    _publish(Lake(root, store, after_publication=die), _NEW)


@pytest.mark.parametrize(
    ("prepare", "committed", "left_over"), _CRASHES, ids=[crash[0].__name__ for crash in _CRASHES]
)
def test_a_killed_writer_leaves_the_old_or_the_new_version_whole(
    lake: Lake,
    store_url: str,
    prepare: Callable[[Store], None],
    committed: bool,
    left_over: int,
) -> None:
    _publish(lake, _OLD)
    before = lake.snapshot()
    run_until_it_dies(_write_and_die, store_url, lake.root, prepare)

    version = _NEW if committed else _OLD
    assert _versions(lake) == [version, version]
    assert (before.entries == lake.snapshot().entries) is not committed

    _publish(lake, _NEXT)
    assert _versions(lake) == [_NEXT, _NEXT]
    files = _files(lake)
    assert set(lake.collect_garbage(grace=timedelta(days=1))) == set()
    removed = set(lake.collect_garbage(grace=timedelta(seconds=-60)))
    assert len(removed) == left_over
    assert _files(lake) == files - removed
    assert _versions(lake) == [_NEXT, _NEXT]
