"""The price history: every read against a naive list of versions, merged at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.market import history
from resources.history import BARS, PriceHistory
from resources.lake import Lake
from resources.store import Store, sqlite_url
from resources.store.schema import current_publications, publications
from tests.resources.histories import (
    DAYS,
    MADE_BY,
    NO_ACTIONS,
    SYMBOLS,
    bars_of,
    day_of,
    lower_limits,
    merge,
    split,
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    lower_limits(monkeypatch)


@pytest.fixture
def store_on_disk(tmp_path: Path) -> Iterator[Store]:
    """One for all examples, because a new one takes as long as an example."""
    opened = Store(sqlite_url(tmp_path / "ballast.db"))
    yield opened
    opened.close()


def _empty(store: Store) -> None:
    with store.write() as connection:
        for table in (current_publications, publications):
            connection.execute(sa.delete(table))


@dataclass
class _Naive:
    """All rows in the order in which they were published; a session's segment is published whole each time."""

    bars: list[pl.DataFrame] = field(default_factory=lambda: [bars_of()])
    actions: list[pl.DataFrame] = field(default_factory=lambda: [NO_ACTIONS])
    own: dict[date, list[pl.DataFrame]] = field(default_factory=dict)

    def publish(self, prices: PriceHistory, session: date, versions: pl.DataFrame) -> None:
        if not prices.lake.snapshot((BARS,)).has(BARS, session.isoformat()):
            self.own.pop(session, None)
        self.own.setdefault(session, []).append(versions)
        self.bars += self.own[session]

    def combined(self) -> pl.DataFrame:
        return history.combine(self.bars)


_versions = st.lists(
    st.tuples(
        st.sampled_from(SYMBOLS),
        st.integers(0, DAYS),
        st.integers(0, DAYS),
        st.integers(1, 999).map(float),
    ),
    max_size=12,
    unique_by=lambda row: row[:3],
)
_steps = st.lists(
    st.one_of(st.just("merge"), st.tuples(st.integers(0, DAYS), _versions)),
    min_size=3,
    max_size=14,
)
_span = st.tuples(st.integers(0, DAYS), st.integers(0, DAYS)).map(sorted)


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_steps, span=_span, symbols=st.sets(st.sampled_from(SYMBOLS)))
def test_every_read_agrees_with_a_naive_list_of_versions_however_it_is_merged(
    small: None, store_on_disk: Store, steps: list[Any], span: list[int], symbols: set[str]
) -> None:
    _empty(store_on_disk)
    naive = _Naive()
    first, last = day_of(span[0]), day_of(span[1])
    with TemporaryDirectory() as folder:
        prices = PriceHistory(Lake(Path(folder), store_on_disk))
        for step in steps:
            if step == "merge":
                merge(prices)
            else:
                session, rows = step
                versions = bars_of(*(row for row in rows if row[1] <= row[2] <= session))
                naive.publish(prices, day_of(session), versions)
                prices.publish(day_of(session), versions, NO_ACTIONS, **MADE_BY)
        versions = naive.combined()
        for session in map(day_of, range(DAYS + 1)):
            known = history.as_of(versions, session)
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
                assert_frame_equal(found, known.filter(wanted))


_told = st.lists(
    st.tuples(
        st.sampled_from(SYMBOLS),
        st.integers(0, DAYS),
        st.integers(2, 9),
    ),
    max_size=4,
    unique_by=lambda row: row[:2],
)


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(runs=st.lists(_told, min_size=2, max_size=DAYS), merged=st.sets(st.integers(0, DAYS)))
def test_no_later_session_changes_the_actions_of_an_earlier_one(
    small: None, store_on_disk: Store, runs: list[Any], merged: set[int]
) -> None:
    _empty(store_on_disk)
    asked: list[pl.DataFrame] = []
    with TemporaryDirectory() as folder:
        prices = PriceHistory(Lake(Path(folder), store_on_disk))
        for day, told in enumerate(runs):
            if day in merged:
                merge(prices)
            bars = bars_of(*((symbol, day, day, 1.0) for symbol in SYMBOLS))
            actions = [split(symbol, ex, ratio) for symbol, ex, ratio in told if ex <= day]
            prices.publish(day_of(day), bars, pl.concat([NO_ACTIONS, *actions]), **MADE_BY)
            asked.append(prices.actions(day_of(day)))
            for earlier, before in enumerate(asked):
                assert_frame_equal(prices.actions(day_of(earlier)), before)
            assert {row[:2] for row in told if row[1] <= day} <= {
                (symbol, (ex - day_of(0)).days)
                for symbol, ex in asked[-1].select("symbol", "ex_date").rows()
            }
