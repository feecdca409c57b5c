"""Indicators of the newest close against TA-Lib."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from ballast.planning.scores import technicals
from tests.ballast.builders import arithmetic


def walk(seed: int, count: int) -> np.ndarray:
    moves = np.random.default_rng(seed).normal(0.0003, 0.02, count)
    closes: np.ndarray = 50 * np.exp(np.cumsum(moves))
    return closes


def newest(indicator: pl.Expr, closes: np.ndarray) -> float | None:
    frame = pl.DataFrame({"close": closes}, schema={"close": pl.Float64})
    found: float | None = frame.select(indicator).item()
    return found


CLOSE = pl.col("close")
walks = st.tuples(st.integers(0, 10**6), st.integers(1, 400))


@arithmetic
@given(walks)
def test_the_relative_strength_index_is_that_of_ta_lib(drawn: tuple[int, int]) -> None:
    closes = walk(*drawn)
    theirs = talib.RSI(closes, 14)[-1]
    ours = newest(technicals.rsi(CLOSE), closes)
    assert ours == (None if np.isnan(theirs) else pytest.approx(theirs, abs=1e-9))


def test_it_is_that_of_ta_lib_also_where_the_history_is_longer_than_its_memory() -> None:
    closes = walk(7, 5_000)
    theirs = talib.RSI(closes, 14)[-1]
    assert newest(technicals.rsi(CLOSE), closes) == pytest.approx(theirs, rel=1e-14)


@arithmetic
@given(walks)
def test_the_bollinger_position_is_that_of_ta_lib(drawn: tuple[int, int]) -> None:
    closes = walk(*drawn)
    ours = newest(technicals.bollinger_position(CLOSE), closes)
    if len(closes) < 20:
        assert ours is None
        return
    upper, _, lower = (band[-1] for band in talib.BBANDS(closes, 20, 2.0, 2.0))
    assert ours == pytest.approx((closes[-1] - lower) / (upper - lower), abs=1e-6)


@arithmetic
@given(walks)
def test_the_distance_from_the_exponential_average_is_that_of_ta_lib(
    drawn: tuple[int, int],
) -> None:
    closes = walk(*drawn)
    ours = newest(technicals.ema_distance(CLOSE), closes)
    if len(closes) < 200:
        assert ours is None
        return
    assert ours == pytest.approx(closes[-1] / talib.EMA(closes, 200)[-1] - 1, abs=1e-12)


def test_bands_without_width_have_no_position() -> None:
    assert newest(technicals.bollinger_position(CLOSE), np.full(30, 0.1)) is None


@pytest.mark.parametrize(("count", "known"), [(29, False), (30, True)])
def test_momentum_looks_back_to_the_first_of_the_last_closes(count: int, known: bool) -> None:
    closes = np.arange(1.0, count + 1)
    ours = newest(technicals.momentum(CLOSE, 30), closes)
    assert ours == (30 / 1 - 1 if known else None)


@pytest.mark.parametrize(("count", "expected"), [(49, None), (50, 50.0), (252, 252.0)])
def test_the_high_of_a_year_needs_fifty_sessions(count: int, expected: float | None) -> None:
    falling = np.arange(count, 0.0, -1.0)
    assert newest(technicals.high_of_year(CLOSE, CLOSE), falling) == expected
