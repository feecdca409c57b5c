"""The lake under fire: writers killed at random, readers and people looking on all the time.

Each write publishes two assets that carry the same version; a reader that ever sees two versions in
one snapshot has seen half a publication.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import random
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from multiprocessing.context import SpawnProcess
from pathlib import Path

import duckdb
import polars as pl
import pytest
import sqlalchemy as sa

from resources.catalog import refresh_catalog
from resources.lake import Lake
from resources.lake_files import Table
from resources.store import Store
from resources.store.schema import publications

pytestmark = pytest.mark.slow
# Shown by --log-cli-level=INFO.
_log = logging.getLogger(__name__)

_SECONDS = 20.0
_WRITERS = 4
_READERS = 2
_ASSETS = ("left", "right")
_PARTITIONS = ("p", "q", "r")
_ROWS = 2000
_GRACE = timedelta(seconds=10)
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class _Field:
    """Where everything is; handed to every process."""

    url: str
    folder: Path

    @property
    def catalog(self) -> Path:
        return self.folder / "data" / "catalog.duckdb"

    @property
    def stop(self) -> Path:
        return self.folder / "stop"

    def open(self, hook: Callable[[Lake], None] | None = None) -> Lake:
        return Lake(self.folder / "lake", Store(self.url), hook)

    def note(self, kind: str, **facts: object) -> None:
        """Append one line and see it to the disk; a line torn by a kill is not a line."""
        path = self.folder / f"{kind}.{os.getpid()}.log"
        with path.open("a") as file:
            file.write(json.dumps(facts) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def notes(self, kind: str) -> list[dict[str, object]]:
        texts = [path.read_text() for path in self.folder.glob(f"{kind}.*.log")]
        lines = [line for text in texts for line in text.splitlines(keepends=True)]
        return [json.loads(line) for line in lines if line.endswith("\n")]


def _publish(lake: Lake, partition: str) -> list[dict[str, object]]:
    version = uuid.uuid4().hex
    frame = pl.DataFrame({"version": [version] * _ROWS, "number": range(_ROWS)})
    published = lake.publish(
        # In any order: the locks of two writers must not cross.
        [Table(asset, partition, frame) for asset in random.sample(_ASSETS, len(_ASSETS))],
        run_id=f"{os.getpid()}-{version}",
        code_version="1",
        as_of="2024-01-02",
    )
    return [asdict(entry) | {"published_at": str(entry.published_at)} for entry in published]


def _write(field: _Field) -> None:
    chance = random.Random()

    def refresh_sometimes(lake: Lake) -> None:
        if chance.random() < 0.1:
            begun = time.perf_counter()
            refresh_catalog(lake, field.catalog)
            field.note("refresh", seconds=time.perf_counter() - begun)

    lake = field.open(refresh_sometimes)
    while not field.stop.exists():
        begun = time.perf_counter()
        entries = _publish(lake, chance.choice(_PARTITIONS))
        field.note("acknowledged", entries=entries, seconds=time.perf_counter() - begun)


def _read(field: _Field) -> None:
    lake = field.open()
    while not field.stop.exists():
        snapshot = lake.snapshot(_ASSETS)
        frames = [snapshot.read(asset, name) for name in _PARTITIONS for asset in _ASSETS]
        versions = [frame["version"].unique().to_list() for frame in frames]
        whole = all(frame.height == _ROWS for frame in frames)
        whole &= all(len(found) == 1 for found in versions)
        field.note("read", consistent=whole and versions[::2] == versions[1::2])


_ASK = """
    SELECT count(*), count(DISTINCT partition), count(DISTINCT (partition, version))
    FROM (FROM "left" UNION ALL BY NAME FROM "right")
"""
_ANSWER = (2 * _ROWS * len(_PARTITIONS), len(_PARTITIONS), len(_PARTITIONS))


def _sit(field: _Field) -> None:
    """A person who opens the catalog once and stays."""
    with duckdb.connect(str(field.catalog), read_only=True) as connection:
        while not field.stop.exists():
            answer = connection.execute(_ASK).fetchone()
            field.note("person", consistent=answer == _ANSWER)


def _visit(field: _Field) -> None:
    """A person who opens the catalog again for every question."""
    while not field.stop.exists():
        with duckdb.connect(str(field.catalog), read_only=True) as connection:
            answer = connection.execute(_ASK).fetchone()
        field.note("person", consistent=answer == _ANSWER)


def _collect(field: _Field) -> None:
    lake = field.open()
    while not field.stop.exists():
        lake.collect_garbage(grace=_GRACE)
        time.sleep(0.5)


def _run(work: Callable[[_Field], None], field: _Field) -> None:
    try:
        work(field)
    except Exception:  # noqa: BLE001
        field.note("error", who=work.__name__, trace=traceback.format_exc())


def _start(work: Callable[[_Field], None], field: _Field) -> SpawnProcess:
    process = _SPAWN.Process(target=_run, args=(work, field), daemon=True)
    process.start()
    return process


@pytest.fixture
def field(store_url: str, tmp_path: Path) -> Iterator[_Field]:
    created = _Field(store_url, tmp_path)
    yield created
    created.stop.touch()


def _fight(field: _Field) -> int:
    """Let everybody work, killing a random writer every two to four seconds."""
    chance = random.Random()
    writers = [_start(_write, field) for _ in range(_WRITERS)]
    readers = [_start(_read, field) for _ in range(_READERS)]
    others = [_start(work, field) for work in (_sit, _visit, _collect)]
    end = time.monotonic() + _SECONDS
    killed = 0
    while time.monotonic() < end:
        time.sleep(chance.uniform(2, 4))
        place = chance.randrange(_WRITERS)
        writers[place].kill()
        writers[place].join()
        writers[place] = _start(_write, field)
        killed += 1
    field.stop.touch()
    everybody = [*writers, *readers, *others]
    for process in everybody:
        process.join(timeout=60)
    assert [process.exitcode for process in everybody] == [0] * len(everybody)
    return killed


def _files(lake: Lake) -> set[str]:
    return {p.relative_to(lake.root).as_posix() for p in lake.root.rglob("*") if p.is_file()}


def test_nothing_is_lost_torn_or_refused_while_writers_are_killed(
    field: _Field,
) -> None:
    lake = field.open()
    for partition in _PARTITIONS:
        _publish(lake, partition)
    refresh_catalog(lake, field.catalog)

    killed = _fight(field)

    errors = field.notes("error")
    assert errors == [], "\n".join(str(error["trace"]) for error in errors)
    acknowledged, reads, people = (field.notes(n) for n in ("acknowledged", "read", "person"))
    for kind, notes in (("read", reads), ("person", people)):
        assert notes, f"no {kind} took place"
        assert all(note["consistent"] for note in notes), f"a {kind} saw mixed versions"
    assert killed >= 3
    assert len(acknowledged) > killed

    with lake.store.read() as connection:
        rows = connection.execute(sa.select(publications)).all()
    known = {row.publication_id: (row.asset, row.partition, row.path, row.sha256) for row in rows}
    for note in acknowledged:
        entries = note["entries"]
        assert isinstance(entries, list)
        for entry in entries:
            expected = (entry["asset"], entry["partition"], entry["path"], entry["sha256"])
            assert known[entry["publication_id"]] == expected

    referenced = {row.path for row in rows}
    before = _files(lake)
    assert referenced <= before
    removed = lake.collect_garbage(grace=timedelta(seconds=-60))
    assert {path.relative_to(lake.root).as_posix() for path in removed} == before - referenced
    assert _files(lake) == referenced
    for row in rows:
        assert sha256((lake.root / row.path).read_bytes()).hexdigest() == row.sha256

    newest = lake.snapshot()
    for key, entry in newest.entries.items():
        assert entry.publication_id == max(n for n, facts in known.items() if facts[:2] == key)
    refresh_catalog(lake, field.catalog)
    with duckdb.connect(str(field.catalog), read_only=True) as connection_of_a_person:
        shown = connection_of_a_person.execute('SELECT DISTINCT partition, version FROM "left"')
        assert dict(shown.fetchall()) == {
            name: newest.read("right", name)["version"][0] for name in _PARTITIONS
        }

    for kind in ("acknowledged", "refresh"):
        seconds = sorted(float(str(note["seconds"])) for note in field.notes(kind))
        assert seconds, f"no {kind} took place"
        middle, tail = (1000 * seconds[int(share * len(seconds))] for share in (0.5, 0.99))
        rate = len(seconds) / _SECONDS
        _log.info("%s: %.1f per second, p50 %.0f ms, p99 %.0f ms", kind, rate, middle, tail)
    counts = {"killed": killed, "reads": len(reads), "people": len(people), "orphans": len(removed)}
    _log.info("%s", counts)
