"""The catalog: views over what is published, whatever people do with the file meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from resources import catalog
from resources.catalog import connect, refresh_catalog
from resources.lake import Lake, Published
from resources.lake_files import Table
from resources.store import Store

_PERSON = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE TABLE later AS SELECT 1 AS mine")
print("ready", flush=True)
sys.stdin.readline()
print(connection.execute("SELECT version FROM asset").fetchall())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "catalog.duckdb"


def _publish(
    lake: Lake, *tables: tuple[str, str, pl.DataFrame], retire: Sequence[Published] = ()
) -> None:
    lake.publish(
        [Table(*table) for table in tables],
        run_id="run",
        code_version="1",
        as_of="2024-01-02",
        retire=retire,
    )


def _version(number: int) -> pl.DataFrame:
    return pl.DataFrame({"version": [number]})


def _ask(path: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_every_asset_is_a_view_with_its_partition_as_first_column(lake: Lake, path: Path) -> None:
    _publish(
        lake,
        ("prices", "2024-01-02", pl.DataFrame({"symbol": ["A"], "close": [Decimal("1.5")]})),
        ("prices", "2024-01-03", pl.DataFrame({"symbol": ["A"], "close": [Decimal("2.5")]})),
        ("regime", "all", pl.DataFrame({"day": [date(2024, 1, 2)], "at": [datetime.now(UTC)]})),
    )
    refresh_catalog(lake, path)
    assert _ask(path, "SELECT * FROM prices ORDER BY 1") == [
        ("2024-01-02", "A", Decimal("1.5")),
        ("2024-01-03", "A", Decimal("2.5")),
    ]
    assert _ask(path, "SELECT partition, day FROM regime") == [("all", date(2024, 1, 2))]
    views = "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
    assert _ask(path, views) == [("prices",), ("regime",)]
    assert _ask(path, "SELECT count(*) FROM duckdb_tables()") == [(0,)]


def test_an_empty_lake_has_an_empty_catalog(lake: Lake, path: Path) -> None:
    refresh_catalog(lake, path)
    assert _ask(path, "SELECT count(*) FROM duckdb_views() WHERE NOT internal") == [(0,)]


def test_only_what_is_current_is_shown(lake: Lake, path: Path) -> None:
    _publish(lake, ("asset", "p", _version(1)), ("asset", "q", _version(1)))
    refresh_catalog(lake, path)
    _publish(lake, ("asset", "p", _version(2)), retire=[lake.snapshot().entries["asset", "q"]])
    refresh_catalog(lake, path)
    assert _ask(path, "FROM asset") == [("p", 2)]


def test_columns_that_came_later_are_null_in_earlier_partitions(lake: Lake, path: Path) -> None:
    _publish(
        lake,
        ("asset", "2024-01-02", pl.DataFrame({"a": [1]})),
        ("asset", "2024-01-03", pl.DataFrame({"b": ["new"], "a": [2]})),
        ("asset", "2024-01-04", pl.DataFrame({"b": ["new"], "a": [2.5]})),
    )
    refresh_catalog(lake, path)
    assert _ask(path, "SELECT partition, a, b FROM asset ORDER BY 1") == [
        ("2024-01-02", 1, None),
        ("2024-01-03", 2, "new"),
        ("2024-01-04", 2.5, "new"),
    ]


def test_any_name_the_lake_accepts_can_be_asked_for(lake: Lake, path: Path) -> None:
    names = ["order", "a.b", "a-b", "0", "_", "duckdb_tables", "A"]
    columns = {"filename": ["f"], "quoted\"'": [1], "select": [2]}
    _publish(lake, *((name, name, pl.DataFrame(columns)) for name in names))
    refresh_catalog(lake, path)
    for name in names:
        assert _ask(path, f'SELECT * FROM main."{name}"') == [(name, "f", 1, 2)]


def test_a_folder_with_signs_of_a_pattern_or_a_quote_is_found(
    store: Store, tmp_path: Path, path: Path
) -> None:
    lake = Lake(tmp_path / "[ab]'?" / "key=value", store)
    _publish(lake, ("asset", "p", _version(1)))
    refresh_catalog(lake, path)
    matching = tmp_path / "a'x"
    shutil.copytree(tmp_path / "[ab]'?", matching)
    for other in matching.rglob("*.parquet"):
        _version(2).write_parquet(other)
    assert _ask(path, "FROM asset") == [("p", 1)]


def test_views_work_from_any_folder(
    lake: Lake, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lake.root.parent)
    relative = Lake(Path("lake"), lake.store)
    _publish(relative, ("asset", "p", _version(1)))
    refresh_catalog(relative, path)
    monkeypatch.chdir("/")
    assert _ask(path, "FROM asset") == [("p", 1)]


def test_a_question_about_one_partition_opens_one_file(lake: Lake, path: Path) -> None:
    _publish(lake, *(("asset", f"p{number}", _version(number)) for number in range(50)))
    refresh_catalog(lake, path)
    (plan,) = _ask(path, "EXPLAIN ANALYZE SELECT version FROM asset WHERE partition = 'p7'")
    assert "Total Files Read: 1" in str(plan)


def test_an_older_duckdb_can_open_the_file(lake: Lake, path: Path) -> None:
    refresh_catalog(lake, path)
    tags = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE path IS NOT NULL"
    assert _ask(path, tags) == [("v1.2.0+",)]


def test_who_has_the_catalog_open_goes_on_reading_it(lake: Lake, path: Path) -> None:
    _publish(lake, ("asset", "p", _version(1)))
    refresh_catalog(lake, path)
    with duckdb.connect(str(path), read_only=True) as person:
        _publish(lake, ("asset", "p", _version(2)))
        refresh_catalog(lake, path)
        assert person.execute("SELECT version FROM asset").fetchall() == [(1,)]
    assert _ask(path, "SELECT version FROM asset") == [(2,)]


def test_tables_that_a_person_adds_do_not_spoil_the_next_catalog(lake: Lake, path: Path) -> None:
    _publish(lake, ("asset", "p", _version(1)))
    refresh_catalog(lake, path)
    person = subprocess.Popen(
        [sys.executable, "-c", _PERSON, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert person.stdout is not None
    assert person.stdout.readline() == "ready\n"
    _publish(lake, ("asset", "p", _version(2)), ("later", "p", _version(2)))
    refresh_catalog(lake, path)
    assert _ask(path, "SELECT version FROM later") == [(2,)]
    assert person.communicate("go on\n", timeout=60)[0] == "[(1,)]\n"
    assert person.returncode == 0
    assert _ask(path, "SELECT version FROM later") == [(2,)]


def _publish_during_the_first(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, step: Callable[[int], None]
) -> list[int]:
    """Run a step just before each catalog is put in place."""
    real, calls = catalog._replace, list[int]()

    def replace(path: Path, shown: catalog._Current) -> None:
        calls.append(len(calls))
        step(len(calls))
        real(path, shown)

    monkeypatch.setattr(catalog, "_replace", replace)
    return calls


def test_a_refresh_overtaken_by_another_process_still_ends_at_the_newest(
    lake: Lake, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtake(call: int) -> None:
        if call == 1:
            _publish(lake, ("asset", "p", _version(2)))
            with monkeypatch.context() as other:
                other.setattr(catalog, "_replace", real)
                refresh_catalog(lake, path)
            assert _ask(path, "SELECT version FROM asset") == [(2,)]

    _publish(lake, ("asset", "p", _version(1)))
    real = catalog._replace
    calls = _publish_during_the_first(lake, monkeypatch, overtake)
    refresh_catalog(lake, path)
    assert _ask(path, "SELECT version FROM asset") == [(2,)]
    assert len(calls) == 2


def test_a_refresh_under_endless_publications_ends(
    lake: Lake, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = _publish_during_the_first(
        lake, monkeypatch, lambda call: _publish(lake, ("asset", "p", _version(call)))
    )
    refresh_catalog(lake, path)
    assert 1 < len(calls) <= 20
    assert _ask(path, "SELECT version FROM asset") == [(len(calls) - 1,)]


def test_threads_that_refresh_at_once_end_at_the_newest(lake: Lake, path: Path) -> None:
    failures: list[Exception] = []

    def refresh(number: int) -> None:
        try:
            _publish(lake, (f"asset{number}", "p", _version(number)))
            refresh_catalog(lake, path)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=refresh, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert _ask(path, "SELECT count(*) FROM duckdb_views() WHERE NOT internal") == [(8,)]


def test_what_a_killed_refresh_left_is_removed_in_time(lake: Lake, path: Path) -> None:
    refresh_catalog(lake, path)
    fresh, old = (path.with_name(f".catalog.duckdb.{name}") for name in ("fresh", "old"))
    for left in (fresh, old):
        left.write_bytes(b"half")
    past = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
    os.utime(old, (past, past))
    refresh_catalog(lake, path)
    assert set(path.parent.iterdir()) == {path, fresh}


def test_an_asset_that_cannot_be_shown_leaves_the_former_catalog(lake: Lake, path: Path) -> None:
    _publish(lake, ("asset", "p", _version(1)))
    refresh_catalog(lake, path)
    _publish(lake, ("broken", "p", _version(2)))
    lake.snapshot().paths("broken")[0].write_bytes(b"not a table")
    for _ in range(2):
        with pytest.raises(duckdb.Error, match="parquet"):
            refresh_catalog(lake, path)
    assert _ask(path, "SELECT version FROM asset") == [(1,)]
    with connect() as connection:
        attached = connection.execute("SELECT count(*) FROM duckdb_databases() WHERE NOT internal")
        assert attached.fetchone() == (1,)


def test_cursors_of_a_process_share_one_engine_that_thinks_in_utc() -> None:
    with connect() as first, connect() as second:
        first.execute(
            "CREATE TABLE shared AS SELECT TIMESTAMPTZ '2024-01-02 00:00:00+02' AS moment"
        )
        try:
            assert second.execute("SELECT moment::VARCHAR FROM shared").fetchall() == [
                ("2024-01-01 22:00:00+00",)
            ]
        finally:
            first.execute("DROP TABLE shared")
