"""Backups: whole or not there, noticed when tampered with, and kept in a limited number."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy as sa

from ballast.errors import BackupError, StoreError
from resources.backup_manifest import MANIFEST_NAME, STORE_NAME, read_manifest
from resources.restore import rehearse_restore, restore
from resources.store import Store, sqlite_url
from resources.store.schema import postings, statement_imports
from tests import postgres
from tests.resources.backed_up import Work, filled_sqlite
from tests.resources.crashes import die_at_call, run_until_it_dies


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Work]:
    with filled_sqlite(tmp_path / "work") as filled:
        yield filled


@pytest.mark.parametrize("kind", ["changed", "missing"])
@pytest.mark.parametrize("pattern", ["lake/**/*.parquet", "statements/*", STORE_NAME])
def test_tampering_with_any_file_is_noticed_before_anything_is_restored(
    on_sqlite: Work, tmp_path: Path, pattern: str, kind: str
) -> None:
    backup = on_sqlite.shelf.create(on_sqlite.store)
    victim = sorted(path for path in backup.folder.glob(pattern) if path.is_file())[0]
    content = victim.read_bytes()
    victim.unlink()
    if kind == "changed":
        victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BackupError, match="is damaged"):
        restore(backup, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(BackupError, match="is damaged"):
        rehearse_restore(backup)
    assert not list(on_sqlite.shelf.folder.glob("rehearsal-*"))


def test_a_store_that_was_replaced_together_with_its_hash_is_noticed(on_sqlite: Work) -> None:
    backup = on_sqlite.shelf.create(on_sqlite.store)
    store = Store(sqlite_url(backup.folder / STORE_NAME))
    with store.write() as connection:
        connection.execute(sa.delete(postings))
    store.close()
    path = backup.folder / MANIFEST_NAME
    fields = json.loads(path.read_text())
    digest = sha256((backup.folder / STORE_NAME).read_bytes()).hexdigest()
    path.write_text(json.dumps(fields | {"files": fields["files"] | {STORE_NAME: digest}}))
    with pytest.raises(BackupError, match="postings has 0 rows, not 1"):
        rehearse_restore(on_sqlite.shelf.find(backup.name))


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "lake/../../evil"])
def test_a_manifest_that_points_outside_of_its_folder_is_refused(
    on_sqlite: Work, name: str
) -> None:
    backup = on_sqlite.shelf.create(on_sqlite.store)
    path = backup.folder / MANIFEST_NAME
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(fields | {"files": {name: "0" * 64}}))
    with pytest.raises(BackupError, match="outside of the backup"):
        read_manifest(backup.folder)


@pytest.mark.parametrize(
    "content", [None, b"", b"[]", b"{}", b'{"format": 2}', b'{"format": 1, "gaps": 3}']
)
def test_a_folder_without_a_manifest_that_is_understood_is_no_backup(
    on_sqlite: Work, content: bytes | None
) -> None:
    backup = on_sqlite.shelf.create(on_sqlite.store)
    path = backup.folder / MANIFEST_NAME
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BackupError, match="no backup that can be read"):
        on_sqlite.shelf.newest()


def test_a_lost_file_is_named_and_keeps_nothing_else_from_being_backed_up(
    on_sqlite: Work,
) -> None:
    (path,) = on_sqlite.lake.snapshot().paths("asset")
    path.unlink()
    (statement,) = (on_sqlite.data / "statements").iterdir()
    statement.write_bytes(b"other")
    backup = on_sqlite.shelf.create(on_sqlite.store)
    names = {found.relative_to(on_sqlite.data).as_posix() for found in (path, statement)}
    assert set(backup.manifest.gaps) == names
    assert backup.manifest.rows["postings"] == 1
    found = rehearse_restore(backup)
    assert {(finding.component, finding.problem) for finding in found} == {
        ("lake", "the file is missing; it is current"),
        ("statements", "the file is missing"),
    }


def test_only_the_newest_backups_are_kept_and_nothing_of_the_others(on_sqlite: Work) -> None:
    names = [on_sqlite.shelf.create(on_sqlite.store).name for _ in range(4)]
    assert on_sqlite.shelf.names() == names == sorted(names)
    foreign = on_sqlite.shelf.folder / "notes.txt"
    foreign.write_text("mine")
    assert on_sqlite.shelf.prune(2) == names[:2]
    assert on_sqlite.shelf.names() == names[2:]
    assert on_sqlite.shelf.prune(2) == []
    assert {path.name for path in on_sqlite.shelf.folder.iterdir()} == {*names[2:], "notes.txt"}
    assert on_sqlite.lake.snapshot().read("asset", "p").height == 100


def test_a_store_with_tables_of_somebody_else_is_not_backed_up_in_part(
    tmp_path: Path, postgres_server: postgres.Server
) -> None:
    with postgres_server.fresh_database() as url:
        store = Store(url)
        with store.write() as connection:
            connection.execute(sa.text("CREATE TABLE foreign_rows (a INTEGER)"))
        with pytest.raises(StoreError, match="foreign_rows"):
            Work(tmp_path, store).shelf.create(store)
        store.close()
    assert list((tmp_path / "backups").iterdir()) == []


def _before_the_store_is_copied() -> None:
    from resources import backup

    backup.copy_store = die_at_call(1, backup.copy_store)  # type: ignore[attr-defined]


def _between_the_files() -> None:
    Path.hardlink_to = die_at_call(2, Path.hardlink_to)  # type: ignore[method-assign]


def _in_the_middle_of_the_manifest() -> None:
    os.fsync = die_at_call(1, os.fsync)


def _before_it_gets_its_name() -> None:
    Path.rename = die_at_call(1, Path.rename)  # type: ignore[method-assign]


def _in_the_middle_of_a_removal() -> None:
    from resources import backup

    backup.shutil.rmtree = die_at_call(1, backup.shutil.rmtree)  # type: ignore[attr-defined]


def _back_up_and_die(folder: Path, crash: str) -> None:
    work = Work(folder, Store(sqlite_url(folder / "data" / STORE_NAME)))
    globals()[crash]()
    work.shelf.create(work.store)
    work.shelf.prune(1)


@pytest.mark.parametrize(
    "crash",
    [
        "_before_the_store_is_copied", "_between_the_files", "_in_the_middle_of_the_manifest",
        "_before_it_gets_its_name", "_in_the_middle_of_a_removal",
    ],
)  # fmt: skip
def test_a_crash_leaves_no_half_backup_that_looks_whole(
    on_sqlite: Work, crash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_sqlite.shelf.create(on_sqlite.store)
    run_until_it_dies(_back_up_and_die, on_sqlite.folder, crash)
    shelf = on_sqlite.shelf
    assert len(shelf.names()) == 1
    assert rehearse_restore(shelf.find(shelf.names()[0])) == []
    # What the crash left is removed once nobody can still be writing it.
    shelf.prune(7)
    assert len(list(shelf.folder.iterdir())) == 2
    later = datetime.now(UTC) + timedelta(days=2)
    monkeypatch.setattr("resources.backup.now", lambda: later)
    shelf.prune(7)
    assert len(list(shelf.folder.iterdir())) == 1


def test_a_writer_is_not_disturbed_and_what_it_has_not_committed_is_not_in_the_backup(
    on_sqlite: Work,
) -> None:
    with on_sqlite.store.write() as writer:
        writer.execute(sa.update(postings).values(kind="transfer"))
        backup = on_sqlite.shelf.create(on_sqlite.store)
        writer.execute(sa.delete(statement_imports))
    assert (backup.manifest.rows["postings"], backup.manifest.rows["statement_imports"]) == (1, 1)
    with closing(sqlite3.connect(backup.folder / STORE_NAME)) as copy:
        assert copy.execute("SELECT kind FROM postings").fetchall() == [("trade",)]
