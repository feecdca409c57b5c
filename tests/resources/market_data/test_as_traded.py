"""Split adjustment undone: the arithmetic behind every price history."""

from __future__ import annotations

import random
from datetime import date, timedelta
from math import isclose, prod
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.market_data.as_traded import bars_as_traded, later_split_factor

START = date(2020, 1, 1)
DAYS = [START + timedelta(days=offset) for offset in range(40)]
PRICES = ("open", "high", "low", "close")
BAR = {
    "symbol": pl.String,
    "session": pl.Date,
    **dict.fromkeys((*PRICES, "volume"), pl.Float64),
}
SPLIT = {"symbol": pl.String, "ex_date": pl.Date, "ratio": pl.Float64}

symbols = st.sampled_from(["AAA", "BBB", "CCC"])
prices = st.floats(0.5, 5000).map(lambda price: round(price, 4))
volumes = st.integers(0, 10**9).map(float)
bar_rows = st.lists(
    st.tuples(symbols, st.sampled_from(DAYS), prices, prices, prices, prices, volumes),
    unique_by=lambda bar: bar[:2],
    min_size=1,
    max_size=30,
)
split_rows = st.lists(
    st.tuples(symbols, st.sampled_from(DAYS), st.sampled_from([0.125, 0.5, 1.5, 2.0, 3.0, 7.0])),
    max_size=8,
)

Rows = list[tuple[Any, ...]]


def bar_frame(rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=BAR, orient="row")


def split_frame(rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SPLIT, orient="row")


def factor(splits: Rows, symbol: str, session: date) -> float:
    return prod(
        float(ratio)
        for split_symbol, ex_date, ratio in splits
        if split_symbol == symbol and ex_date > session
    )


@settings(deadline=None)
@given(bars=bar_rows, splits=split_rows)
def test_adjusting_bars_as_traded_again_gives_the_adjusted_series(bars: Rows, splits: Rows) -> None:
    traded = bars_as_traded(bar_frame(bars), split_frame(splits))
    assert traded.columns == list(BAR)
    assert traded.height == len(bars)
    adjusted = {(bar[0], bar[1]): bar for bar in bars}
    for row in traded.iter_rows(named=True):
        _, _, *quoted, volume = adjusted[row["symbol"], row["session"]]
        by = factor(splits, row["symbol"], row["session"])
        for name, price in zip(PRICES, quoted, strict=True):
            assert isclose(row[name] / by, price, rel_tol=1e-9, abs_tol=0.6e-6 / by)
        assert isclose(row["volume"] * by, volume, rel_tol=1e-9, abs_tol=0.6 * by)


@settings(deadline=None)
@given(bars=bar_rows, splits=split_rows, seed=st.integers(0, 2**32))
def test_the_order_of_rows_does_not_matter(bars: Rows, splits: Rows, seed: int) -> None:
    shuffled_bars, shuffled_splits = list(bars), list(splits)
    random.Random(seed).shuffle(shuffled_bars)
    random.Random(seed + 1).shuffle(shuffled_splits)
    key = ["symbol", "session"]
    expected = bars_as_traded(bar_frame(bars), split_frame(splits)).sort(key)
    shuffled = bars_as_traded(bar_frame(shuffled_bars), split_frame(shuffled_splits)).sort(key)
    assert shuffled.equals(expected)


@settings(deadline=None)
@given(bars=bar_rows, splits=split_rows)
def test_a_split_touches_only_its_own_symbol(bars: Rows, splits: Rows) -> None:
    mine = [split for split in splits if split[0] == "AAA"]
    is_mine = pl.col("symbol") == "AAA"
    key = ["symbol", "session"]
    with_all = bars_as_traded(bar_frame(bars), split_frame(splits)).filter(is_mine).sort(key)
    alone = bars_as_traded(bar_frame(bars).filter(is_mine), split_frame(mine)).sort(key)
    assert with_all.equals(alone)


def test_the_ex_date_itself_trades_after_the_split() -> None:
    days = pl.DataFrame({"symbol": ["AAA"] * 3, "day": DAYS[:3]})
    factors = later_split_factor(days, split_frame([("AAA", DAYS[1], 4.0)]), "day")
    assert factors["split_factor"].to_list() == [4.0, 1.0, 1.0]


def test_two_splits_of_one_day_count_together() -> None:
    days = pl.DataFrame({"symbol": ["AAA"], "day": DAYS[:1]})
    splits = split_frame([("AAA", DAYS[1], 2.0), ("AAA", DAYS[1], 3.0)])
    assert later_split_factor(days, splits, "day")["split_factor"].to_list() == [6.0]


def test_unknown_prices_and_volumes_stay_unknown() -> None:
    bars = bar_frame([("AAA", DAYS[0], None, None, None, 10.0, None)])
    traded = bars_as_traded(bars, split_frame([("AAA", DAYS[1], 2.0)]))
    assert traded.row(0) == ("AAA", DAYS[0], None, None, None, 20.0, None)
