"""Integrity: what is sound has no findings, and each kind of damage has one that names it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from resources.integrity import Finding, lake_findings, statement_findings, store_findings
from resources.lake import Lake
from resources.store import Store
from resources.store.engine import HEAD_REVISION
from resources.store.schema import current_publications
from resources.store.upkeep import shorten_log
from tests.resources.backed_up import Work, filled_sqlite


@pytest.fixture
def work(store: Store, tmp_path: Path) -> Work:
    filled = Work(tmp_path / "work", store)
    filled.data.mkdir(parents=True)
    filled.fill()
    return filled


def _findings(work: Work) -> list[Finding]:
    return [
        *store_findings(work.store),
        *lake_findings(work.lake),
        *statement_findings(work.store, work.data / "statements"),
    ]


def _write(work: Work, statement: str) -> None:
    with work.store.write() as connection:
        connection.execute(sa.text(statement))


def test_what_is_sound_has_no_findings(work: Work) -> None:
    assert _findings(work) == []


def test_files_that_are_missing_or_changed_are_named(work: Work) -> None:
    replaced, current = (
        path.relative_to(work.lake.root).as_posix()
        for path in sorted(
            work.lake.root.rglob("*.parquet"), key=lambda path: path.stat().st_mtime_ns
        )
    )
    (work.lake.root / replaced).unlink()
    (work.lake.root / current).write_bytes(b"other")
    (statement,) = (work.data / "statements").iterdir()
    statement.unlink()
    assert _findings(work) == [
        Finding("lake", replaced, "the file is missing; it was replaced since"),
        Finding("lake", current, "the file has other content than was recorded; it is current"),
        Finding("statements", statement.name, "the file is missing"),
    ]


def test_a_table_whose_publication_is_not_recorded_is_named(work: Work) -> None:
    with work.store.write() as connection:
        connection.execute(sa.update(current_publications).values(publication_id=99))
    assert _findings(work)[0] == Finding(
        "lake", "asset p", "its current publication is not recorded"
    )


def test_a_schema_of_another_version_is_found(work: Work) -> None:
    _write(work, "UPDATE alembic_version SET version_num = '0001'")
    (finding,) = store_findings(work.store)
    assert finding.problem == f"its schema is 0001, not {HEAD_REVISION}"


def test_a_table_that_is_gone_is_found_and_the_others_are_still_read(work: Work) -> None:
    _write(work, "DROP TABLE postings")
    _write(work, "DROP TABLE orders")
    assert {finding.subject for finding in store_findings(work.store)} == {"postings", "orders"}


def test_an_amount_that_is_none_is_found(tmp_path: Path) -> None:
    with filled_sqlite(tmp_path) as work:
        _write(work, "UPDATE postings SET quantity = 'twelve'")
        (finding,) = store_findings(work.store)
        assert finding.subject == "postings"
        assert "cannot be read" in finding.problem


def test_damage_of_the_database_file_is_found(tmp_path: Path) -> None:
    with filled_sqlite(tmp_path) as work:
        shorten_log(work.store)
        path = work.data / "ballast.db"
        content = bytearray(path.read_bytes())
        # Not the first page, without which it is no database at all.
        content[4096 + 8 : 4096 * 40] = b"\x55" * (4096 * 39 - 8)
        work.store.close()
        path.write_bytes(bytes(content))
        assert any(finding.subject == "database" for finding in store_findings(work.store))


def test_a_log_that_was_shortened_is_empty_and_everything_is_in_the_database(
    tmp_path: Path,
) -> None:
    with filled_sqlite(tmp_path) as work:
        log = work.data / "ballast.db-wal"
        assert log.stat().st_size > 0
        assert shorten_log(work.store)
        assert log.stat().st_size == 0
        assert _findings(work) == []


def test_shortening_the_log_is_harmless_on_any_database(lake: Lake) -> None:
    assert shorten_log(lake.store)
