"""The average true range against a loop, and what is read from it against cases by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.market.indicators import RangeSettings, average_true_range, true_ranges
from ballast.tables import TrueRanges
from tests.ballast.builders import Row, actions, bar, bars, day, framewise, split


def candle(number: int, low: float, high: float, close: float, symbol: str = "AAA") -> Row:
    return bar(symbol, day(number), close, open=close, low=low, high=high)


def spread(ranges: list[float], close: float = 100.0) -> list[Row]:
    """Return bars around one close, each with the true range asked for."""
    return [candle(n, close - r / 2, close + r / 2, close) for n, r in enumerate(ranges)]


def averages(rows: list[Row], period: int) -> list[float | None]:
    return average_true_range(bars(*rows), period=period)["average_true_range"].to_list()


def judged(rows: list[Row], session: int | None = None, *events: Row, **periods: int) -> Row:
    last = len(rows) - 1 if session is None else session
    frame = true_ranges(bars(*rows), actions(*events), day(last), RangeSettings(**periods))
    TrueRanges.validate(frame)
    return frame.row(0, named=True)


def test_a_gap_belongs_to_the_true_range() -> None:
    rows = [candle(0, 95, 105, 100), candle(1, 108, 110, 109), candle(2, 90, 92, 91)]
    frame = average_true_range(bars(*rows), period=2)
    assert frame["true_range"].to_list() == [10.0, 10.0, 19.0]


def test_the_first_average_is_a_plain_mean_and_the_next_are_smoothed() -> None:
    # Of 5, 5, 9, 10 and 4 the last three have a mean of 23/3; smoothed from the first three it is another.
    assert averages(spread([9, 10, 4]), 3)[-1] == pytest.approx(23 / 3)
    smoothed = averages(spread([5, 5, 9, 10, 4]), 3)
    first, second = 19 / 3, (19 / 3 * 2 + 10) / 3
    assert smoothed == [None, None, pytest.approx(first), pytest.approx(second),
                        pytest.approx((second * 2 + 4) / 3)]  # fmt: skip


candles = st.lists(
    st.tuples(st.floats(50, 100), st.floats(0, 10), st.floats(0, 10), st.booleans()),
    min_size=1,
    max_size=40,
)


def drawn(moves: list[Any], symbol: str = "AAA") -> list[Row]:
    """Return bars; every one that is flagged has a close only."""
    rows = []
    for number, (close, up, down, is_bare) in enumerate(moves):
        row = candle(number, close - down, close + up, close, symbol)
        rows.append(row | ({"open": None, "high": None, "low": None} if is_bare else {}))
    return rows


@framewise
@given(candles, st.sampled_from([1, 3, 7, 14]))
def test_the_average_is_that_of_a_loop(moves: list[Any], period: int) -> None:
    rows, ranges, average, before = drawn(moves), [], None, None
    for row, found in zip(rows, averages(rows, period), strict=True):
        if row["high"] is None:
            before = row["close"]
            assert found is None
            continue
        high, low = row["high"], row["low"]
        spans = [high - low] if before is None else [
            high - low, abs(high - before), abs(low - before)
        ]  # fmt: skip
        ranges.append(max(spans))
        before = row["close"]
        if len(ranges) == period:
            average = sum(ranges) / period
        elif len(ranges) > period:
            assert average is not None
            average = (average * (period - 1) + ranges[-1]) / period
        assert found == (average if average is None else pytest.approx(average, rel=1e-9))


@framewise
@given(candles, candles, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(one: list[Any], other: list[Any], random: Any) -> None:
    rows = [*drawn(one), *drawn(other, "BBB")]
    plain = true_ranges(bars(*rows), actions(), day(50))
    random.shuffle(rows)
    assert_frame_equal(plain, true_ranges(bars(*rows), actions(), day(50)))


@framewise
@given(candles, st.integers(0, 40))
def test_later_bars_change_nothing(moves: list[Any], number: int) -> None:
    rows = drawn(moves)
    early = [row for row in rows if row["session"] <= day(number)]
    assert_frame_equal(
        true_ranges(bars(*rows), actions(), day(number)),
        true_ranges(bars(*early), actions(), day(number)),
    )


def test_older_history_fades_as_the_smoothing_says() -> None:
    recent = [5.0 + number % 3 for number in range(60)]
    short, long = averages(spread(recent), 14)[-1], averages(spread([50.0] * 30 + recent), 14)[-1]
    assert short is not None
    assert long is not None
    # 46 bars after the seed, whatever came before has lost all but (13/14)^46 of its weight.
    assert abs(long - short) <= 50 * (13 / 14) ** 46


@pytest.mark.parametrize(
    ("last", "level", "multiple"),
    [(1, "low", 1.5), (60, "medium", 2.0), (85, "high", 2.5), (100, "extreme", 3.0)],
)
def test_the_level_is_the_rank_in_its_own_history(last: float, level: str, multiple: float) -> None:
    # With a period of one the average is the true range itself.
    row = judged(spread([*(float(n) for n in range(1, 100)), last - 0.5]), period=1)
    assert (row["range_level"], row["stop_multiple"]) == (level, multiple)


def test_only_the_last_averages_are_ranked() -> None:
    rows = spread([50.0] * 30 + [1.0, 2.0, 3.0, 4.0])
    assert judged(rows, period=1, history=4)["percentile"] == 100.0


@pytest.mark.parametrize(
    ("recent", "trend"),
    [(1.2, "expanding"), (1.1, "stable"), (0.9, "stable"), (0.8, "contracting")],
)
def test_the_trend_compares_five_averages_with_the_ten_before(recent: float, trend: str) -> None:
    assert judged(spread([1.0] * 10 + [recent] * 5), period=1)["trend"] == trend
    assert judged(spread([1.0] * 9 + [recent] * 5), period=1)["trend"] is None


def test_breakout_and_exhaustion_compare_the_session_with_its_average() -> None:
    # The average after the last range x is (9 × 1 + x) / 10: twice of it at x = 2.25, 2.5 times at x = 3.
    flags = {
        x: [judged(spread([1.0] * 20 + [x]), period=10)[f"is_{name}"]
            for name in ("breakout", "exhaustion")]
        for x in (2.2, 2.3, 2.9, 3.1)
    }  # fmt: skip
    assert flags == {2.2: [False, False], 2.3: [True, False], 2.9: [True, False], 3.1: [True, True]}


def test_stops_and_bands_keep_their_distance() -> None:
    row = judged(spread([2.0] * 25))
    assert (row["stop_long"], row["stop_short"]) == (pytest.approx(95), pytest.approx(105))
    assert row["band_middle"] == pytest.approx(100)
    assert (row["band_lower"], row["band_upper"]) == (pytest.approx(96), pytest.approx(104))


def test_too_few_bars_say_nothing() -> None:
    row = judged(spread([2.0] * 13))
    unknown = (
        "average_true_range", "percentile", "range_level", "trend", "stop_long", "stop_multiple",
        "band_middle", "is_breakout",
    )  # fmt: skip
    assert [row[name] for name in unknown] == [None] * len(unknown)
    assert row["confidence"] == pytest.approx(13 / 28)


def test_confidence_falls_with_age() -> None:
    rows = spread([2.0] * 28)
    ages = {age: judged(rows, 27 + age)["confidence"] for age in (0, 5, 15, 30, 99)}
    assert ages == {0: 1.0, 5: 1.0, 15: pytest.approx(0.6), 30: 0.0, 99: 0.0}


def test_a_split_is_no_range() -> None:
    rows = [candle(n, 396, 404, 400) for n in range(14)] + [candle(14, 99, 101, 100)]
    row = judged(rows, 14, split("AAA", day(14), "4"))
    assert (row["true_range"], row["average_true_range"]) == (pytest.approx(2), pytest.approx(2))


def test_a_security_with_closes_only_has_no_range() -> None:
    rows = [bar("AAA", day(n), 10.0, open=None, high=None, low=None) for n in range(30)]
    row = judged(rows)
    assert (row["bars"], row["average_true_range"], row["confidence"]) == (0, None, 0.0)


def test_no_bars_are_no_rows() -> None:
    assert true_ranges(bars(), actions(), day(0)).equals(TrueRanges.create_empty())
    assert isinstance(average_true_range(bars()), pl.DataFrame)
