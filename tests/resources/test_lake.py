"""The lake: what is published, what readers see, and what is refused."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dataframely as dy
import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.errors import InvalidTableError, NotPublishedError, StoreError
from ballast.tables import polars_schema
from resources.lake import Lake, Published, Snapshot
from resources.lake_files import Table
from resources.store import Store, upsert
from resources.store.schema import publications


class Holdings(dy.Schema):
    symbol = dy.String(primary_key=True)
    quantity = dy.Decimal(38, 8)


def _holdings(**quantities: int) -> pl.DataFrame:
    rows = [(symbol, Decimal(quantity)) for symbol, quantity in quantities.items()]
    return pl.DataFrame(rows, schema=polars_schema(Holdings), orient="row")


def _publish(
    lake: Lake, *tables: Table, run_id: str = "run", retire: Sequence[Published] = ()
) -> list[Published]:
    return lake.publish(tables, run_id=run_id, code_version="1", as_of="2024-01-02", retire=retire)


def _one(lake: Lake, frame: pl.DataFrame, partition: str = "2024-01-02") -> Published:
    (published,) = _publish(lake, Table("holdings", partition, frame, Holdings))
    return published


def _read(snapshot: Snapshot, partition: str = "2024-01-02") -> pl.DataFrame:
    return snapshot.read("holdings", partition)


def _files(lake: Lake) -> set[str]:
    found = lake.root.rglob("*") if lake.root.exists() else []
    return {path.relative_to(lake.root).as_posix() for path in found if path.is_file()}


def _count(lake: Lake) -> int:
    with lake.store.read() as connection:
        query = sa.select(sa.func.count()).select_from(publications)
        return connection.scalar(query) or 0


def _ticking(monkeypatch: pytest.MonkeyPatch) -> Callable[[], datetime]:
    """Let a day pass between any two looks at the clock."""
    moment = datetime(2024, 1, 1, tzinfo=UTC)

    def tick() -> datetime:
        nonlocal moment
        moment += timedelta(days=1)
        return moment

    monkeypatch.setattr("resources.lake.now", tick)
    return tick


_frames = st.builds(
    lambda rows, split: pl.concat(
        [
            pl.DataFrame(part, schema=polars_schema(Holdings), orient="row")
            for part in (rows[:split], rows[split:])
        ],
        rechunk=False,
    ),
    st.lists(
        st.tuples(
            st.text(max_size=5),
            st.integers(-(10**12), 10**12).map(lambda units: Decimal(units).scaleb(-8)),
        ),
        max_size=20,
        unique_by=lambda row: row[0],
    ),
    st.integers(0, 20),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(frame=_frames)
def test_rows_come_back_as_published_and_publishing_them_again_changes_nothing(
    lake: Lake, frame: pl.DataFrame
) -> None:
    first = _one(lake, frame)
    assert_frame_equal(_read(lake.snapshot()), frame)
    assert first.rows == frame.height
    before = _files(lake), _count(lake)
    (again,) = _publish(
        lake, Table("holdings", "2024-01-02", frame.rechunk(), Holdings), run_id="later"
    )
    assert again == first
    assert (_files(lake), _count(lake)) == before


def test_rows_that_return_to_an_earlier_state_are_a_new_publication(lake: Lake) -> None:
    first = _one(lake, _holdings(AAA=1))
    _one(lake, _holdings(AAA=2))
    third = _one(lake, _holdings(AAA=1))
    assert third.publication_id > first.publication_id
    assert_frame_equal(_read(lake.snapshot()), _holdings(AAA=1))


def test_a_frame_that_breaks_its_schema_publishes_nothing_of_the_whole_step(lake: Lake) -> None:
    twice = pl.concat([_holdings(AAA=1), _holdings(AAA=2)])
    unknown = _holdings(AAA=1).rename({"quantity": "amount"})
    for broken in (twice, unknown):
        with pytest.raises(InvalidTableError, match="Holdings"):
            _publish(
                lake,
                Table("good", "2024-01-02", _holdings(AAA=1), Holdings),
                Table("broken", "2024-01-02", broken, Holdings),
            )
    assert lake.snapshot().entries == {}
    assert _files(lake) == set()


def test_tables_of_a_step_become_visible_together_or_not_at_all(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tables(quantity: int) -> list[Table]:
        frame = _holdings(AAA=quantity)
        return [Table(asset, "2024-01-02", frame, Holdings) for asset in ("left", "right")]

    def seen() -> list[pl.DataFrame]:
        snapshot = lake.snapshot()
        return [snapshot.read(asset, "2024-01-02") for asset in ("left", "right")]

    _publish(lake, *tables(1))
    with monkeypatch.context() as patched:
        calls: list[object] = []

        def fail_at_the_second(*arguments: object) -> None:
            calls.append(arguments)
            if len(calls) == 2:
                raise RuntimeError("power cut")
            upsert(*arguments)  # type: ignore[arg-type]

        patched.setattr("resources.lake_publications.upsert", fail_at_the_second)
        with pytest.raises(RuntimeError, match="power cut"):
            _publish(lake, *tables(2))
    assert len(calls) == 2
    assert [frame["quantity"].item() for frame in seen()] == [1, 1]
    _publish(lake, *tables(2))
    assert [frame["quantity"].item() for frame in seen()] == [2, 2]


def test_a_snapshot_keeps_showing_what_it_was_taken_of(lake: Lake) -> None:
    _one(lake, _holdings(AAA=1))
    snapshot = lake.snapshot()
    _one(lake, _holdings(AAA=2))
    assert_frame_equal(_read(snapshot), _holdings(AAA=1))
    assert_frame_equal(_read(lake.snapshot()), _holdings(AAA=2))


def test_a_snapshot_can_be_limited_to_assets_and_to_a_partition(lake: Lake) -> None:
    frame = _holdings(AAA=1)
    keys = [("a", "2024-01-03"), ("a", "2024-01-02"), ("b", "2024-01-02"), ("c", "2024-01-02")]
    _publish(lake, *(Table(asset, partition, frame) for asset, partition in keys))
    assert set(lake.snapshot().entries) == set(keys)
    assert set(lake.snapshot(["a", "b"], partition="2024-01-02").entries) == {
        ("a", "2024-01-02"),
        ("b", "2024-01-02"),
    }
    snapshot = lake.snapshot(["a"])
    assert snapshot.partitions("a") == ["2024-01-02", "2024-01-03"]
    in_order_of_publication = ["2024-01-03", "2024-01-02"]
    assert [entry.partition for entry in snapshot.published("a")] == in_order_of_publication
    assert [path.parent.name for path in snapshot.paths("a")] == in_order_of_publication
    assert snapshot.has("a", "2024-01-02")
    assert not snapshot.has("b", "2024-01-02")


def test_what_was_known_at_an_earlier_moment_can_be_read(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick = _ticking(monkeypatch)
    before = tick()
    _one(lake, _holdings(AAA=1))
    between = tick()
    _one(lake, _holdings(AAA=2))
    after = tick()
    assert lake.snapshot(known_at=before).entries == {}
    assert_frame_equal(_read(lake.snapshot(known_at=between)), _holdings(AAA=1))
    assert_frame_equal(_read(lake.snapshot(known_at=after)), _holdings(AAA=2))


def test_a_retired_partition_is_hidden_but_still_known_at_the_time(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick = _ticking(monkeypatch)
    entry = _one(lake, _holdings(AAA=1))
    before = tick()
    _publish(lake, Table("holdings", "all", _holdings(AAA=1), Holdings), retire=[entry])
    assert lake.snapshot().partitions("holdings") == ["all"]
    assert lake.snapshot(known_at=tick()).partitions("holdings") == ["all"]
    assert lake.snapshot(known_at=before).partitions("holdings") == ["2024-01-02"]
    _one(lake, _holdings(AAA=1))
    assert lake.snapshot().partitions("holdings") == ["2024-01-02", "all"]


def test_a_partition_published_anew_in_the_meantime_is_not_retired(lake: Lake) -> None:
    entry = _one(lake, _holdings(AAA=1))
    _one(lake, _holdings(AAA=2))
    _publish(lake, retire=[entry])
    assert_frame_equal(_read(lake.snapshot()), _holdings(AAA=2))


def test_what_nobody_has_published_is_named_with_its_remedy(lake: Lake) -> None:
    with pytest.raises(NotPublishedError, match="Materialise holdings for 2024-01-02"):
        _read(lake.snapshot())


_safe = string.ascii_letters + string.digits + "_.-"
_unsafe_names = st.one_of(
    st.sampled_from(["", ".", "..", "...", "../x", "a/b", "/a", "a\n", "a b", "a\\b", "a\0b", "é"]),
    st.text(_safe, min_size=129, max_size=200),
    st.builds(
        lambda left, sign, right: left + sign + right,
        st.text(_safe, max_size=5),
        st.characters(exclude_characters=_safe),
        st.text(_safe, max_size=5),
    ),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=_unsafe_names)
def test_names_that_could_leave_the_folder_are_refused(lake: Lake, name: str) -> None:
    frame = _holdings(AAA=1)
    for asset, partition, run in ((name, "p", "r"), ("a", name, "r"), ("a", "p", name)):
        with pytest.raises(InvalidTableError, match="cannot name a folder"):
            _publish(lake, Table(asset, partition, frame), run_id=run)
    assert not lake.root.exists()


def test_a_folder_whose_name_looks_like_a_pattern_is_read_as_it_is(
    store: Store, tmp_path: Path
) -> None:
    lake = Lake(tmp_path / "[ab]*? 'quoted' key=value", store)
    _one(lake, _holdings(AAA=1))
    assert_frame_equal(_read(lake.snapshot()), _holdings(AAA=1))


def test_after_each_publication_the_hook_sees_it(lake: Lake) -> None:
    seen: list[list[str]] = []
    hooked = replace(
        lake, after_publication=lambda done: seen.append(done.snapshot().partitions("holdings"))
    )
    _one(hooked, _holdings(AAA=1), "2024-01-02")
    _one(hooked, _holdings(AAA=1), "2024-01-03")
    assert seen == [["2024-01-02"], ["2024-01-02", "2024-01-03"]]


def test_a_file_that_was_collected_too_early_is_never_published(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    _one(lake, _holdings(AAA=1))
    written = Lake._write_file

    def collected_at_once(lake: Lake, table: Table, run_id: str) -> object:
        file = written(lake, table, run_id)
        assert lake.collect_garbage(grace=timedelta(seconds=-60)) == [lake.root / file.path]
        return file

    monkeypatch.setattr(Lake, "_write_file", collected_at_once)
    with pytest.raises(StoreError, match="collected before it was published"):
        _one(lake, _holdings(AAA=2))
    assert_frame_equal(_read(lake.snapshot()), _holdings(AAA=1))
