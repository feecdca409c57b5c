"""Garbage collection: what it must leave alone, whatever happened before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from resources.lake import Lake, Snapshot
from resources.lake_files import Table
from resources.store.schema import current_publications, publications

_GRACE = timedelta(hours=24)
_START = datetime(2024, 1, 1, tzinfo=UTC)
_PARTITIONS = ("p", "q")


@dataclass
class _World:
    """A lake under a clock of our own, and what must be true of it."""

    lake: Lake
    now: datetime = _START
    taken: list[tuple[datetime, Snapshot, dict[str, int]]] = field(default_factory=list)
    current: dict[str, int] = field(default_factory=dict)
    orphans: dict[Path, datetime] = field(default_factory=dict)
    counted: int = 0

    def start_anew(self) -> None:
        """Forget everything: the fixture lasts for all examples of a test."""
        with self.lake.store.write() as connection:
            connection.execute(sa.delete(publications))
            connection.execute(sa.delete(current_publications))
        shutil.rmtree(self.lake.root, ignore_errors=True)
        self.now = _START
        self.taken, self.current, self.orphans = [], {}, {}

    def publish(self, partition: str, version: int) -> None:
        self.lake.publish([_table(partition, version)], run_id="run", code_version="1", as_of="x")
        self.current[partition] = version
        self._date_new_files()

    def retire(self, partition: str) -> None:
        entries = self.lake.snapshot(partition=partition).entries.values()
        self.lake.publish([], run_id="run", code_version="1", as_of="x", retire=[*entries])
        self.current.pop(partition, None)

    def leave_orphan(self, suffix: str) -> None:
        """Leave what a writer leaves that is killed before it commits."""
        self.counted += 1
        folder = self.lake.root / "asset" / "p"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"killed-{self.counted}.parquet{suffix}"
        path.write_bytes(b"half")
        self.orphans[path] = self.now
        self._date_new_files()

    def take(self) -> None:
        self.taken.append((self.now, self.lake.snapshot(), dict(self.current)))

    def collect(self, keep: timedelta | None) -> None:
        before = set(self.lake.root.rglob("*.parquet*"))
        removed = set(self.lake.collect_garbage(grace=_GRACE, keep_superseded=keep))
        assert before - set(self.lake.root.rglob("*.parquet*")) == removed
        due = {path for path, since in self.orphans.items() if self.now - since >= _GRACE}
        assert removed & set(self.orphans) == due
        if keep is None:
            assert removed == due
        else:
            # What was replaced before anybody could still read it is gone from now on.
            self.taken = [entry for entry in self.taken if self.now - entry[0] <= _GRACE]
        for path in due:
            del self.orphans[path]

    def check(self) -> None:
        self.take()
        for _, snapshot, expected in self.taken:
            seen = {name: snapshot.read("asset", name) for name in snapshot.partitions("asset")}
            assert {name: frame["version"].item() for name, frame in seen.items()} == expected
        self.taken.pop()

    def _date_new_files(self) -> None:
        for path in self.lake.root.rglob("*.parquet*"):
            if path.stat().st_mtime > (_START + timedelta(days=365)).timestamp():
                os.utime(path, (self.now.timestamp(), self.now.timestamp()))


def _table(partition: str, version: int) -> Table:
    return Table("asset", partition, pl.DataFrame({"version": [version]}))


@pytest.fixture
def world(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Iterator[_World]:
    created = _World(lake)
    monkeypatch.setattr("resources.lake.now", lambda: created.now)
    yield created
    created.check()


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.sampled_from(_PARTITIONS), st.integers(0, 3)),
        st.tuples(st.just("retire"), st.sampled_from(_PARTITIONS)),
        st.tuples(st.just("orphan"), st.sampled_from(["", ".partial"])),
        st.tuples(st.just("take")),
        st.tuples(st.just("wait"), st.integers(1, 36)),
        st.tuples(st.just("collect"), st.sampled_from([None, 0, 24, 72])),
    ),
    min_size=8,
    max_size=30,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_steps)
@example(
    steps=[
        ("publish", "p", 1),
        ("wait", 25),
        ("take",),
        ("publish", "p", 2),
        ("wait", 1),
        ("collect", 0),
    ]
)
@example(
    steps=[
        ("publish", "p", 1),
        ("take",),
        ("publish", "p", 2),
        ("wait", 23),
        ("collect", 0),
        ("take",),
        ("wait", 2),
        ("collect", 0),
        ("publish", "p", 1),
        ("orphan", ".partial"),
        ("wait", 24),
        ("collect", None),
    ]
)
def test_no_snapshot_loses_a_file_within_the_grace_and_no_orphan_stays_beyond_it(
    world: _World, steps: list[tuple[object, ...]]
) -> None:
    world.start_anew()
    for name, *arguments in steps:
        match name, *arguments:
            case "publish", str(partition), int(version):
                world.publish(partition, version)
            case "retire", str(partition):
                world.retire(partition)
            case "orphan", str(suffix):
                world.leave_orphan(suffix)
            case "wait", int(hours):
                world.now += timedelta(hours=hours)
            case "collect", None:
                world.collect(None)
            case "collect", int(hours):
                world.collect(timedelta(hours=hours))
            case _:
                world.take()
        world.check()


def test_replaced_rows_are_forgotten_only_when_asked(world: _World) -> None:
    world.publish("p", 1)
    first = world.lake.snapshot().paths("asset")
    world.publish("p", 2)
    world.now += 10 * _GRACE
    assert world.lake.collect_garbage() == []
    assert world.lake.collect_garbage(keep_superseded=20 * _GRACE) == []
    assert world.lake.collect_garbage(keep_superseded=5 * _GRACE) == first


def test_files_of_a_run_that_repeats_an_earlier_one_never_share_a_path(world: _World) -> None:
    world.publish("p", 1)
    first = world.lake.snapshot().paths("asset")
    world.publish("p", 2)
    world.publish("p", 1)
    assert world.lake.snapshot().paths("asset") != first


def test_a_file_that_a_writer_renames_meanwhile_is_no_error(
    world: _World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish("p", 1)
    world.leave_orphan(".partial")
    (orphan,) = world.orphans
    listed = Path.rglob

    def renamed_once_listed(folder: Path, pattern: str) -> Iterator[Path]:
        found = sorted(listed(folder, pattern))
        orphan.unlink()
        yield from found

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rglob", renamed_once_listed)
        world.now += 2 * _GRACE
        assert world.lake.collect_garbage() == []
    world.orphans.clear()
