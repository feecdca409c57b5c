"""The price history: its segments, and merges that are interrupted or done by several at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ballast.errors import InvalidTableError, StoreError
from ballast.market.returns import security_returns
from ballast.tables import CorporateActions
from resources.history import ACTIONS, BARS, BARS_BY_SESSION, PriceHistory
from resources.lake import Lake, Published
from resources.lake_files import Table
from tests.resources.histories import (
    DAYS,
    MADE_BY,
    NO_ACTIONS,
    SYMBOLS,
    bars_of,
    day_of,
    lower_limits,
    merge,
    open_history,
    publish,
    segments,
    split,
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    lower_limits(monkeypatch)


@pytest.fixture
def prices(tmp_path: Path) -> PriceHistory:
    return open_history(tmp_path)


def test_a_merge_changes_no_read_and_leaves_few_segments(small: None, prices: PriceHistory) -> None:
    for day in range(6):
        publish(prices, day, ("AAA", day, day, 1.0 + day), actions=split("AAA", day))
    publish(prices, 6, ("AAA", 2, 6, 9.0), actions=split("AAA", 2, ratio=5))
    before = [(prices.as_of(day_of(day)), prices.actions(day_of(day))) for day in range(DAYS)]
    assert merge(prices)
    assert not merge(prices)
    (merged,) = segments(prices)
    assert merged.rows == 7
    for day, (bars, actions) in enumerate(before):
        assert_frame_equal(prices.as_of(day_of(day)), bars)
        assert_frame_equal(prices.actions(day_of(day)), actions)
    assert prices.actions(day_of(6))["ratio"].to_list() == [2] * 6


def test_an_action_that_is_learned_late_changes_no_earlier_session(
    small: None, prices: PriceHistory
) -> None:
    for day in range(6):
        publish(prices, day, ("AAA", day, day, 100.0 if day < 5 else 50.0))

    def fall_of_day(number: int, asked_on: int) -> float:
        asked = day_of(asked_on)
        returns = security_returns(prices.as_of(asked), prices.actions(asked))
        return float(returns.filter(session=day_of(number))["daily_return"].item())

    assert fall_of_day(5, asked_on=5) == -0.5
    publish(prices, 6, ("AAA", 6, 6, 50.0), actions=split("AAA", 5))
    # Told again, with the newest session or an old one, it is no news.
    publish(prices, 6, actions=split("AAA", 5))
    publish(prices, 5, actions=split("AAA", 5))
    for _ in range(2):
        assert fall_of_day(5, asked_on=5) == -0.5
        assert prices.actions(day_of(5)).is_empty()
        assert fall_of_day(5, asked_on=6) == 0.0
        merge(prices)
    assert len(segments(prices)) == 1


def test_actions_that_come_with_the_first_bars_were_known_on_their_ex_dates(
    prices: PriceHistory,
) -> None:
    rows = [("AAA", day, day, 1.0) for day in range(5)]
    publish(prices, 4, *rows, actions=pl.concat([split("AAA", 1), split("AAA", 3)]))
    assert [prices.actions(day_of(day)).height for day in range(5)] == [0, 1, 1, 2, 2]
    # What another attempt at the session learns besides was known at its end.
    publish(prices, 4, actions=pl.concat([split("AAA", 1), split("AAA", 2)]))
    assert [prices.actions(day_of(day)).height for day in range(5)] == [0, 1, 1, 2, 3]


def test_an_action_that_was_published_without_its_day_counts_from_its_ex_date(
    small: None, prices: PriceHistory
) -> None:
    publish(prices, 0, ("AAA", 0, 0, 1.0))
    older = Table(ACTIONS, day_of(3).isoformat(), split("AAA", 2), CorporateActions)
    prices.lake.publish([older], as_of=day_of(3).isoformat(), **MADE_BY)
    for day in range(4, 8):
        publish(prices, day, ("AAA", day, day, 1.0), actions=split("AAA", day))
    publish(prices, 3, ("AAA", 3, 3, 1.0), actions=split("AAA", 3))
    for _ in range(2):
        assert [prices.actions(day_of(day)).height for day in range(8)] == [0, 0, 1, 2, 3, 4, 5, 6]
        assert prices.actions(day_of(7)).columns == CorporateActions.column_names()
        merge(prices)


def test_segments_stay_few_and_large_ones_are_seldom_written_again(
    prices: PriceHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda _file: None)
    start = [("AAA", 0, day, 1.0) for day in range(2000)]
    prices.publish(day_of(2000), bars_of(*start), NO_ACTIONS, **MADE_BY)
    loaded = segments(prices)[0]
    for day in range(2001, 2101):
        prices.publish(day_of(day), bars_of(("AAA", day, day, 1.0)), NO_ACTIONS, **MADE_BY)
        prices.merge(as_of=day_of(day), **MADE_BY)
        assert len(segments(prices)) <= 16
    assert loaded in segments(prices)


def test_a_large_segment_is_kept_by_symbol_and_by_session_in_small_groups(
    small: None, prices: PriceHistory
) -> None:
    publish(prices, 4, *((symbol, day, day, 1.0) for symbol in SYMBOLS for day in range(4)))
    snapshot = prices.lake.snapshot()
    for asset, order in ((BARS, "symbol"), (BARS_BY_SESSION, "session")):
        (path,) = snapshot.paths(asset)
        assert pl.read_parquet(path)[order].is_sorted()
        groups = f"SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata('{path}')"
        assert {rows for _, rows in duckdb.sql(groups).fetchall()} == {2}


def test_publishing_again_changes_nothing(small: None, prices: PriceHistory) -> None:
    rows = [(symbol, day, day, 1.0) for symbol in SYMBOLS for day in range(4)]
    for _ in range(2):
        publish(prices, 4, *rows, actions=split("AAA", 2))
    entries = prices.lake.snapshot().entries
    publish(prices, 4, *reversed(rows), actions=split("AAA", 2))
    assert prices.lake.snapshot().entries == entries


def test_a_bar_that_is_known_only_later_is_refused(prices: PriceHistory) -> None:
    with pytest.raises(InvalidTableError, match="known later"):
        publish(prices, 3, ("AAA", 3, 4, 1.0))
    assert prices.lake.snapshot().entries == {}


def test_what_is_published_during_a_merge_stays_and_wins(
    small: None, prices: PriceHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(5):
        publish(prices, day, ("AAA", day, day, 1.0))

    def meanwhile() -> None:
        publish(prices, 4, ("AAA", 4, 4, 7.0))
        publish(prices, 5, ("AAA", 5, 5, 8.0), ("AAA", 3, 3, 6.0))

    with _before_the_next_publication(monkeypatch, meanwhile):
        assert merge(prices)
    assert prices.as_of(day_of(5))["close"].to_list() == [1.0, 1.0, 1.0, 6.0, 7.0, 8.0]


def test_two_merges_at_once_lose_nothing(
    small: None, prices: PriceHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(4):
        publish(prices, day, ("AAA", day, day, 1.0), actions=split("AAA", day))

    def meanwhile() -> None:
        publish(prices, 4, ("AAA", 4, 4, 2.0), ("AAA", 0, 4, 3.0), actions=split("AAA", 4))
        assert merge(prices)

    with _before_the_next_publication(monkeypatch, meanwhile):
        assert merge(prices)
    assert prices.as_of(day_of(4))["close"].to_list() == [3.0, 1.0, 1.0, 1.0, 2.0]
    assert prices.actions(day_of(4)).height == 5
    for day in range(5, 8):
        publish(prices, day, ("AAA", day, day, 1.0))
    expected = prices.as_of(day_of(8))
    assert merge(prices)
    assert_frame_equal(prices.as_of(day_of(8)), expected)


def test_a_merge_that_fails_leaves_everything_as_it_was(
    small: None, prices: PriceHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(5):
        publish(prices, day, ("AAA", day, day, 1.0))
    entries = prices.lake.snapshot().entries

    def fail(*_arguments: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("resources.lake_publications.retire", fail)
        with pytest.raises(RuntimeError, match="power cut"):
            merge(prices)
    assert prices.lake.snapshot().entries == entries
    assert merge(prices)
    assert prices.as_of(day_of(5)).height == 5


@pytest.mark.parametrize("asset", [BARS, ACTIONS])
def test_a_file_that_was_changed_on_disk_is_never_merged(
    small: None, prices: PriceHistory, asset: str
) -> None:
    for day in range(5):
        publish(prices, day, ("AAA", day, day, 1.0), actions=split("AAA", day))
    entries = prices.lake.snapshot().entries
    spoilt, other = prices.lake.snapshot().paths(asset)[:2]
    spoilt.write_bytes(other.read_bytes())
    with pytest.raises(StoreError, match="not what was published"):
        merge(prices)
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
