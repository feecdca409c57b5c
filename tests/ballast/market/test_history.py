"""Versions of bars: what was known when, against loops over rows."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.market.history import (
    actions_as_of,
    adjusted_for_splits,
    as_of,
    combine,
    combine_actions,
    combine_known_actions,
    corrections,
    dated_actions,
    new_versions,
    windows,
)
from ballast.tables import Bars, CorporateActions, KnownActions
from tests.ballast.builders import (
    D,
    Row,
    actions,
    bar,
    bars,
    day,
    dividend,
    framewise,
    split,
)

NOTHING = bars()

versions = st.lists(
    st.tuples(
        st.sampled_from(["AAA", "BBB"]),
        st.integers(0, 6),
        st.integers(0, 4),
        st.sampled_from([100.0, 101.0, 102.0]),
    ),
    max_size=20,
)


def rows_of(stream: list[tuple[str, int, int, float]]) -> list[Row]:
    return [
        bar(symbol, day(session), close, known_on=day(session + delay))
        for symbol, session, delay, close in stream
    ]


def view(frame: pl.DataFrame) -> dict[tuple[str, date], tuple[date, float]]:
    columns = frame.select("symbol", "session", "known_on", "close").iter_rows()
    return {(symbol, session): (known_on, close) for symbol, session, known_on, close in columns}


@framewise
@given(versions, st.integers(0, 10))
def test_as_of_is_the_newest_version_known_by_then(stream: list, on: int) -> None:
    expected: dict[tuple[str, date], tuple[date, float]] = {}
    for row in rows_of(stream):
        key = row["symbol"], row["session"]
        if row["known_on"] <= day(on) and (
            key not in expected or row["known_on"] >= expected[key][0]
        ):
            expected[key] = row["known_on"], row["close"]
    known = as_of(bars(*rows_of(stream)), day(on))
    assert view(known) == expected
    assert known.height == len(expected)
    assert known.select("symbol", "session").rows() == sorted(expected)


@framewise
@given(versions, st.integers(0, 10))
def test_as_of_needs_only_what_was_known_by_then(stream: list, on: int) -> None:
    rows = rows_of(stream)
    by_then = [row for row in rows if row["known_on"] <= day(on)]
    assert_frame_equal(as_of(bars(*rows), day(on)), as_of(bars(*by_then), day(on)))


@framewise
@given(versions, st.integers(0, 10), st.data())
def test_the_order_of_different_versions_is_irrelevant(
    stream: list, on: int, data: st.DataObject
) -> None:
    rows = list({(r["symbol"], r["session"], r["known_on"]): r for r in rows_of(stream)}.values())
    shuffled = data.draw(st.permutations(rows))
    assert_frame_equal(as_of(bars(*shuffled), day(on)), as_of(bars(*rows), day(on)))


@framewise
@given(versions, st.integers(0, 20))
def test_history_cut_into_segments_is_the_same_history(stream: list, cut: int) -> None:
    rows = rows_of(stream)
    whole, parts = combine([bars(*rows)]), combine([bars(*rows[:cut]), bars(*rows[cut:])])
    key = ["symbol", "session", "known_on"]
    assert_frame_equal(parts.sort(key), whole.sort(key))
    Bars.validate(parts)


def test_no_segments_are_an_empty_history() -> None:
    assert combine([]).is_empty()
    assert combine_actions([]).is_empty()


def test_an_action_counts_as_it_was_first_reported() -> None:
    first, again = split("AAA", day(1), "2"), split("AAA", day(1), "3")
    merged = combine_actions([actions(first), actions(again, dividend("AAA", day(1), "0.5"))])
    CorporateActions.validate(merged)
    assert merged.select("kind", "ratio").rows() == [("dividend", None), ("split", D(2))]


def test_an_action_counts_from_its_ex_date_or_from_the_session_that_had_overlooked_it() -> None:
    known = bars(bar("AAA", day(3), 1.0), bar("BBB", day(1), 1.0))
    told = actions(split("AAA", day(3), "2"), split("BBB", day(2), "2"), split("CCC", day(1), "2"))
    dated = KnownActions.validate(dated_actions(told, known, day(5)))
    assert dated["known_on"].to_list() == [day(5), day(2), day(1)]
    heights = [actions_as_of(dated, day(number)).height for number in range(6)]
    assert heights == [0, 1, 2, 2, 2, 3]


def test_of_an_action_that_was_reported_twice_the_first_report_counts_from_its_day_on() -> None:
    first, again = split("AAA", day(1), "2"), split("AAA", day(1), "3")
    late = dated_actions(actions(again), bars(bar("AAA", day(4), 1.0)), day(4))
    whole = combine_known_actions([late, dated_actions(actions(first), NOTHING, day(1))])
    assert whole.height == 2
    for number in (1, 4):
        assert actions_as_of(whole, day(number))["ratio"].to_list() == [D(2)]


def asked(known: pl.DataFrame, session: int, **more: Any) -> dict[int, list[str]]:
    defaults: dict[str, Any] = {"history_start": day(0), "overlap": timedelta(days=3)}
    starts = windows(known, ["BBB", "AAA"], day(session), **(defaults | more))
    return {(start - day(0)).days: symbols for start, symbols in starts.items()}


def test_all_history_is_asked_for_at_first() -> None:
    assert asked(NOTHING, 20) == {0: ["AAA", "BBB"]}


def test_then_only_what_is_missing_and_the_overlap() -> None:
    known = bars(bar("AAA", day(10), 100), bar("AAA", day(9), 100), bar("BBB", day(12), 100))
    assert asked(known, 13) == {7: ["AAA"], 9: ["BBB"]}


def test_a_new_security_is_asked_for_whole_beside_known_ones() -> None:
    assert asked(bars(bar("AAA", day(10), 100)), 11) == {7: ["AAA"], 0: ["BBB"]}


def test_the_overlap_never_reaches_before_the_start_of_history() -> None:
    assert asked(bars(bar("AAA", day(1), 100)), 2) == {0: ["AAA", "BBB"]}


def test_a_start_of_history_in_the_future_asks_for_the_session_alone() -> None:
    assert asked(NOTHING, 5, history_start=day(9)) == {5: ["AAA", "BBB"]}


KNOWN = bars(bar("AAA", day(0), 100), bar("AAA", day(1), 101))


def learned(*rows: Row, on: int = 5) -> list[tuple[int, int, float]]:
    frame = new_versions(KNOWN, bars(*rows), day(on))
    return [
        ((session - day(0)).days, (known_on - day(0)).days, close)
        for session, known_on, close in frame.select("session", "known_on", "close").iter_rows()
    ]


def test_what_is_known_already_is_not_learned_again() -> None:
    assert learned(*KNOWN.iter_rows(named=True)) == []


def test_a_new_bar_is_known_at_the_end_of_its_own_session() -> None:
    assert learned(bar("AAA", day(2), 102), bar("AAA", day(3), 103)) == [(2, 2, 102), (3, 3, 103)]


def test_a_confirmed_jump_is_known_when_it_was_confirmed() -> None:
    assert learned(bar("AAA", day(2), 202, known_on=day(3))) == [(2, 3, 202)]


def test_a_late_correction_is_a_new_version_known_from_this_run_on() -> None:
    assert learned(bar("AAA", day(0), 99)) == [(0, 5, 99)]


def test_a_bar_that_arrives_after_newer_ones_is_known_from_this_run_on() -> None:
    known = bars(bar("AAA", day(0), 100), bar("AAA", day(4), 104))
    late = new_versions(known, bars(bar("AAA", day(2), 102)), day(5))
    assert late["known_on"].to_list() == [day(5)]


def test_lateness_is_counted_per_security() -> None:
    late = new_versions(KNOWN, bars(bar("BBB", day(0), 50)), day(5))
    assert late["known_on"].to_list() == [day(0)]


def test_a_bar_from_after_the_session_is_not_learned() -> None:
    assert learned(bar("AAA", day(6), 106), bar("AAA", day(4), 104, known_on=day(6))) == []


@pytest.mark.parametrize("field", ["open", "high", "low", "close", "volume"])
def test_a_correction_of_any_value_is_one(field: str) -> None:
    row = bar("AAA", day(1), 101)
    assert len(learned(row | {field: row[field] * 1.001})) == 1
    assert learned(row | {field: row[field] * (1 + 5e-7)}) == []


def test_noise_in_the_sixth_digit_is_no_correction_but_beyond_it_is() -> None:
    assert learned(bar("AAA", day(1), 101 * (1 + 0.9e-6))) == []
    assert learned(bar("AAA", day(1), 101 * (1 + 1.1e-6))) != []
    assert learned(bar("AAA", day(1), 101 * (1 - 1.1e-6))) != []


@pytest.mark.parametrize("missing", [None, math.nan])
def test_a_value_that_was_unknown_is_learned_and_one_that_is_missing_corrects_nothing(
    missing: float | None,
) -> None:
    whole = bar("AAA", day(0), 100)
    partial = whole | {"volume": missing}
    assert new_versions(bars(partial), bars(whole), day(5))["volume"].to_list() == [100.0]
    assert new_versions(bars(whole), bars(partial), day(5)).is_empty()
    assert new_versions(bars(partial), bars(partial), day(5)).is_empty()


@framewise
@given(versions, versions, st.integers(6, 10))
def test_learning_the_same_twice_teaches_nothing(before: list, seen: list, on: int) -> None:
    known = as_of(bars(*rows_of(before)), day(on))
    arriving = as_of(bars(*rows_of(seen)), day(on))
    first = new_versions(known, arriving, day(on))
    after = as_of(combine([known, first]), day(on))
    assert new_versions(after, arriving, day(on)).is_empty()
    for key, (_, close) in view(arriving).items():
        assert view(after)[key][1] == pytest.approx(close, rel=1e-6)


@framewise
@given(versions, versions, st.integers(6, 10))
def test_what_is_learned_late_leaves_every_earlier_view_alone(
    before: list, seen: list, on: int
) -> None:
    """Apart from bars newer than all known ones, which an earlier session could have seen had it run."""
    known = as_of(bars(*rows_of(before)), day(on))
    newest = dict(known.group_by("symbol").agg(pl.col("session").max()).iter_rows())
    arriving = [
        row for row in rows_of(seen) if row["session"] <= newest.get(row["symbol"], day(-1))
    ]
    learnt = new_versions(known, as_of(bars(*arriving), day(on)), day(on))
    for earlier in range(on):
        assert_frame_equal(
            as_of(combine([known, learnt]), day(earlier)), as_of(known, day(earlier))
        )


def test_corrections_show_the_close_before_and_after() -> None:
    learnt = new_versions(KNOWN, bars(bar("AAA", day(1), 99), bar("AAA", day(2), 102)), day(5))
    assert corrections(KNOWN, learnt).rows() == [("AAA", day(1), 101.0, 99.0)]


splits = st.dictionaries(
    st.tuples(st.sampled_from(["AAA", "BBB"]), st.integers(0, 9)),
    st.sampled_from(["2", "0.1", "1.5"]),
    max_size=6,
)


@framewise
@given(splits, st.integers(0, 9))
def test_prices_are_divided_and_volumes_multiplied_by_every_split_after_them_up_to_the_session(
    ratios: dict[tuple[str, int], str], on: int
) -> None:
    events = actions(*(split(symbol, day(ex), ratio) for (symbol, ex), ratio in ratios.items()))
    raw = [bar(symbol, day(number), 100.0) for symbol in ("AAA", "BBB") for number in range(on + 1)]
    adjusted = adjusted_for_splits(bars(*raw), events, day(on))
    assert adjusted.height == len(raw)
    for row in adjusted.iter_rows(named=True):
        factor = math.prod(
            float(ratio)
            for (symbol, ex), ratio in ratios.items()
            if symbol == row["symbol"] and row["session"] < day(ex) <= day(on)
        )
        for field in ("open", "high", "low", "close"):
            assert row[field] == pytest.approx(100.0 / factor)
        assert row["volume"] == pytest.approx(100.0 * factor)


def test_a_dividend_adjusts_nothing() -> None:
    raw = bars(bar("AAA", day(0), 100), bar("AAA", day(1), 90))
    paid = actions(dividend("AAA", day(1), "10"))
    assert_frame_equal(adjusted_for_splits(raw, paid, day(1)), raw)
