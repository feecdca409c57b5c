"""Returns of securities: splits undone, dividends reinvested, any order."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.market.returns import security_returns
from ballast.tables import DailyReturns
from tests.ballast.builders import Row, actions, bar, bars, day, dividend, framewise, split


def found(rows: list[Row], *events: Row) -> list[float | None]:
    frame = security_returns(bars(*rows), actions(*events))
    DailyReturns.validate(frame)
    return frame["daily_return"].to_list()


def quoted(*closes: float, **more: object) -> list[Row]:
    return [bar("AAA", day(number), close, **more) for number, close in enumerate(closes)]


def test_the_first_bar_has_no_return() -> None:
    assert found(quoted(100, 110, 99)) == [None, pytest.approx(0.1), pytest.approx(-0.1)]


def test_a_split_is_no_loss() -> None:
    assert found(quoted(100, 26), split("AAA", day(1), "4"))[1] == pytest.approx(0.04)


def test_a_dividend_is_part_of_the_return() -> None:
    assert found(quoted(100, 97), dividend("AAA", day(1), "4"))[1] == pytest.approx(0.01)


def test_a_dividend_on_the_day_of_a_split_is_per_new_share() -> None:
    events = [split("AAA", day(1), "2"), dividend("AAA", day(1), "1")]
    assert found(quoted(100, 49), *events)[1] == pytest.approx(0.0)


def test_a_close_that_contains_dividends_gets_none_again() -> None:
    rows = quoted(100, 97, is_total_return=True)
    assert found(rows, dividend("AAA", day(1), "4"))[1] == pytest.approx(-0.03)


def test_an_event_without_a_bar_counts_in_the_next() -> None:
    rows = [bar("AAA", day(0), 100.0), bar("AAA", day(3), 27.0)]
    frame = security_returns(bars(*rows), actions(split("AAA", day(1), "4")))
    assert frame["daily_return"][1] == pytest.approx(0.08)
    assert frame["since"].to_list() == [None, day(0)]


@framewise
@given(st.lists(st.floats(1, 100), min_size=2, max_size=20), st.randoms(use_true_random=False))
def test_order_and_scale_of_prices_do_not_matter(closes: list[float], random: object) -> None:
    rows = [*quoted(*closes), *(bar("BBB", day(n), c) for n, c in enumerate(closes))]
    plain = security_returns(bars(*rows), actions())
    random.shuffle(rows)  # type: ignore[attr-defined]
    assert_frame_equal(plain, security_returns(bars(*rows), actions()))
    dearer = bars(*rows).with_columns(pl.col("close") * 8)
    assert_frame_equal(plain, security_returns(dearer, actions()))
