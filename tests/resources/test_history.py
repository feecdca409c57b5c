"""The price history: every read against a naive list of versions, merged at any moment and by several at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.errors import InvalidTableError, StoreError
from ballast.market import history
from ballast.tables import Bars, CorporateActions, polars_schema
from resources import history as module
from resources.history import ACTIONS, BARS, BARS_BY_SESSION, PriceHistory
from resources.lake import Lake, Published
from resources.lake_files import Table
from resources.store import Store, sqlite_url

_FIRST = date(2024, 1, 1)
_SYMBOLS = ("AAA", "BBB", "CCC", "DDD")
_MADE_BY = {"run_id": "run", "code_version": "1"}
_DAYS = 8


def _day(number: int) -> date:
    return _FIRST + timedelta(days=number)


def _bars(*rows: tuple[str, int, int, float]) -> pl.DataFrame:
    """Rows of symbol, day of the session, day on which it was known, close."""
    return Bars.cast(
        pl.DataFrame(
            [
                {
                    "symbol": symbol, "session": _day(session), "known_on": _day(known),
                    "open": None, "high": None, "low": None, "close": close, "volume": None,
                    "is_total_return": False, "source": "test",
                }
                for symbol, session, known, close in rows
            ],
            schema=polars_schema(Bars),
        )
    )  # fmt: skip


def _split(symbol: str, day: int, ratio: int = 2) -> pl.DataFrame:
    row = (symbol, _day(day), "split", Decimal(ratio), None, "test")
    return pl.DataFrame([row], schema=polars_schema(CorporateActions), orient="row")


_NO_ACTIONS = CorporateActions.create_empty()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a handful of rows reaches."""
    monkeypatch.setattr(module, "_SMALL_ROWS", 5)
    monkeypatch.setattr(module, "_GROUP_ROWS", 2)
    monkeypatch.setattr(module, "_MOST_SEGMENTS", 3)
    monkeypatch.setattr(module, "_GROWTH", 2)
    monkeypatch.setattr("os.fsync", lambda _file: None)


@pytest.fixture
def prices(tmp_path: Path) -> PriceHistory:
    return _open(tmp_path)


def _open(folder: Path) -> PriceHistory:
    return PriceHistory(Lake(folder / "lake", Store(sqlite_url(folder / "ballast.db"))))


def _publish(
    prices: PriceHistory,
    day: int,
    *rows: tuple[str, int, int, float],
    actions: pl.DataFrame = _NO_ACTIONS,
) -> None:
    prices.publish(_day(day), _bars(*rows), actions, **_MADE_BY)


def _merge(prices: PriceHistory) -> bool:
    return prices.merge(as_of=_day(_DAYS), **_MADE_BY)


def _segments(prices: PriceHistory) -> list[Published]:
    return prices.lake.snapshot((BARS,)).published(BARS)


@dataclass
class _Naive:
    """All rows in the order in which they were published; a session's segment is published whole each time."""

    bars: list[pl.DataFrame] = field(default_factory=lambda: [_bars()])
    actions: list[pl.DataFrame] = field(default_factory=lambda: [_NO_ACTIONS])
    own: dict[date, list[pl.DataFrame]] = field(default_factory=dict)

    def publish(self, prices: PriceHistory, session: date, versions: pl.DataFrame) -> None:
        if not prices.lake.snapshot((BARS,)).has(BARS, session.isoformat()):
            self.own.pop(session, None)
        self.own.setdefault(session, []).append(versions)
        self.bars += self.own[session]

    def as_of(self, session: date, wanted: pl.Expr) -> pl.DataFrame:
        return history.as_of(history.combine(self.bars), session).filter(wanted)


_versions = st.lists(
    st.tuples(
        st.sampled_from(_SYMBOLS),
        st.integers(0, _DAYS),
        st.integers(0, _DAYS),
        st.integers(1, 999).map(float),
    ),
    max_size=12,
    unique_by=lambda row: row[:3],
)
_steps = st.lists(
    st.one_of(st.just("merge"), st.tuples(st.integers(0, _DAYS), _versions)), max_size=14
)
_span = st.tuples(st.integers(0, _DAYS), st.integers(0, _DAYS)).map(sorted)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_steps, span=_span, symbols=st.sets(st.sampled_from(_SYMBOLS)))
def test_every_read_agrees_with_a_naive_list_of_versions_however_it_is_merged(
    small: None, steps: list[Any], span: list[int], symbols: set[str]
) -> None:
    naive = _Naive()
    first, last = _day(span[0]), _day(span[1])
    with TemporaryDirectory() as folder:
        prices = _open(Path(folder))
        for step in steps:
            if step == "merge":
                _merge(prices)
            else:
                session, rows = step
                versions = _bars(*(row for row in rows if row[1] <= row[2] <= session))
                naive.publish(prices, _day(session), versions)
                prices.publish(_day(session), versions, _NO_ACTIONS, **_MADE_BY)
        for session in map(_day, range(_DAYS + 1)):
            in_span = pl.col("session").is_between(first, last)
            among = pl.col("symbol").is_in(sorted(symbols))
            for read, wanted in (
                ({}, pl.lit(True)),
                ({"symbols": sorted(symbols)}, among),
                ({"first": first, "last": last}, in_span),
                ({"first": first, "last": first}, pl.col("session") == first),
                ({"first": first}, pl.col("session") >= first),
                ({"last": last}, pl.col("session") <= last),
                ({"symbols": sorted(symbols), "first": first, "last": last}, in_span & among),
            ):
                found = prices.as_of(session, **read)  # type: ignore[arg-type]
                assert_frame_equal(found, naive.as_of(session, wanted))
        prices.lake.store.close()


def test_a_merge_changes_no_read_and_leaves_few_segments(small: None, prices: PriceHistory) -> None:
    for day in range(6):
        _publish(prices, day, ("AAA", day, day, 1.0 + day), actions=_split("AAA", day))
    _publish(prices, 6, ("AAA", 2, 6, 9.0), actions=_split("AAA", 2, ratio=5))
    before = [(prices.as_of(_day(day)), prices.actions(_day(day))) for day in range(_DAYS)]
    assert _merge(prices)
    assert not _merge(prices)
    (merged,) = _segments(prices)
    assert merged.rows == 7
    for day, (bars, actions) in enumerate(before):
        assert_frame_equal(prices.as_of(_day(day)), bars)
        assert_frame_equal(prices.actions(_day(day)), actions)
    assert prices.actions(_day(6))["ratio"].to_list() == [2] * 6


def test_segments_stay_few_and_large_ones_are_seldom_written_again(
    prices: PriceHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda _file: None)
    start = [("AAA", 0, day, 1.0) for day in range(2000)]
    prices.publish(_day(2000), _bars(*start), _NO_ACTIONS, **_MADE_BY)
    loaded = _segments(prices)[0]
    for day in range(2001, 2101):
        prices.publish(_day(day), _bars(("AAA", day, day, 1.0)), _NO_ACTIONS, **_MADE_BY)
        prices.merge(as_of=_day(day), **_MADE_BY)
        assert len(_segments(prices)) <= 16
    assert loaded in _segments(prices)


def test_a_large_segment_is_kept_by_symbol_and_by_session_in_small_groups(
    small: None, prices: PriceHistory
) -> None:
    _publish(prices, 4, *((symbol, day, day, 1.0) for symbol in _SYMBOLS for day in range(4)))
    snapshot = prices.lake.snapshot()
    for asset, order in ((BARS, "symbol"), (BARS_BY_SESSION, "session")):
        (path,) = snapshot.paths(asset)
        assert pl.read_parquet(path)[order].is_sorted()
        groups = f"SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata('{path}')"
        assert {rows for _, rows in duckdb.sql(groups).fetchall()} == {2}


def test_publishing_again_changes_nothing(small: None, prices: PriceHistory) -> None:
    rows = [(symbol, day, day, 1.0) for symbol in _SYMBOLS for day in range(4)]
    for _ in range(2):
        _publish(prices, 4, *rows, actions=_split("AAA", 2))
    entries = prices.lake.snapshot().entries
    _publish(prices, 4, *reversed(rows), actions=_split("AAA", 2))
    assert prices.lake.snapshot().entries == entries


def test_a_bar_that_is_known_only_later_is_refused(prices: PriceHistory) -> None:
    with pytest.raises(InvalidTableError, match="known later"):
        _publish(prices, 3, ("AAA", 3, 4, 1.0))
    assert prices.lake.snapshot().entries == {}


def test_what_is_published_during_a_merge_stays_and_wins(
    small: None, prices: PriceHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(5):
        _publish(prices, day, ("AAA", day, day, 1.0))

    def meanwhile() -> None:
        _publish(prices, 4, ("AAA", 4, 4, 7.0))
        _publish(prices, 5, ("AAA", 5, 5, 8.0), ("AAA", 3, 3, 6.0))

    with _before_the_next_publication(monkeypatch, meanwhile):
        assert _merge(prices)
    assert prices.as_of(_day(5))["close"].to_list() == [1.0, 1.0, 1.0, 6.0, 7.0, 8.0]


def test_two_merges_at_once_lose_nothing(
    small: None, prices: PriceHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(4):
        _publish(prices, day, ("AAA", day, day, 1.0), actions=_split("AAA", day))

    def meanwhile() -> None:
        _publish(prices, 4, ("AAA", 4, 4, 2.0), ("AAA", 0, 4, 3.0), actions=_split("AAA", 4))
        assert _merge(prices)

    with _before_the_next_publication(monkeypatch, meanwhile):
        assert _merge(prices)
    assert prices.as_of(_day(4))["close"].to_list() == [3.0, 1.0, 1.0, 1.0, 2.0]
    assert prices.actions(_day(4)).height == 5
    for day in range(5, 8):
        _publish(prices, day, ("AAA", day, day, 1.0))
    expected = prices.as_of(_day(8))
    assert _merge(prices)
    assert_frame_equal(prices.as_of(_day(8)), expected)


def test_a_merge_that_fails_leaves_everything_as_it_was(
    small: None, prices: PriceHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(5):
        _publish(prices, day, ("AAA", day, day, 1.0))
    entries = prices.lake.snapshot().entries

    def fail(*_arguments: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("resources.lake_publications.retire", fail)
        with pytest.raises(RuntimeError, match="power cut"):
            _merge(prices)
    assert prices.lake.snapshot().entries == entries
    assert _merge(prices)
    assert prices.as_of(_day(5)).height == 5


@pytest.mark.parametrize("asset", [BARS, ACTIONS])
def test_a_file_that_was_changed_on_disk_is_never_merged(
    small: None, prices: PriceHistory, asset: str
) -> None:
    for day in range(5):
        _publish(prices, day, ("AAA", day, day, 1.0), actions=_split("AAA", day))
    entries = prices.lake.snapshot().entries
    spoilt, other = prices.lake.snapshot().paths(asset)[:2]
    spoilt.write_bytes(other.read_bytes())
    with pytest.raises(StoreError, match="not what was published"):
        _merge(prices)
    assert prices.lake.snapshot().entries == entries


@contextmanager
def _before_the_next_publication(monkeypatch: pytest.MonkeyPatch, meanwhile: Any) -> Iterator[None]:
    """Do something between what the next publication is made of and its publication."""
    publish = Lake.publish

    def interrupted(lake: Lake, tables: list[Table], **made_by: Any) -> list[Published]:
        monkeypatch.setattr(Lake, "publish", publish)
        meanwhile()
        return publish(lake, tables, **made_by)

    monkeypatch.setattr(Lake, "publish", interrupted)
    yield
    assert Lake.publish is publish
