"""What bars do not say: windows with too few of their sessions, and prices that are old."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.planning.scores.coverage import covered_share
from ballast.settings import ScoreSettings
from tests.ballast.builders import arithmetic
from tests.ballast.planning.scores.histories import SESSION, History, random_history, weekdays
from tests.ballast.planning.scores.test_security_scores import missing_of, only, scored

SPANNING = (
    "high_52_weeks", "momentum_30", "momentum_90", "sharpe", "rsi", "bollinger_position",
    "ema_distance", "max_drawdown",
)  # fmt: skip


def some_bars_of(history: History, kept: Iterable[int]) -> History:
    numbers = list(kept)
    days = [history.days[n] for n in numbers]
    closes = [history.closes[n] for n in numbers]
    return History(history.symbol, days, closes, [None] * len(numbers))


def walk(count: int) -> History:
    source = random.Random(1)
    closes = [100.0]
    while len(closes) < count:
        closes.append(closes[-1] * (1 + source.gauss(0.0003, 0.01)))
    return History("S", weekdays(count), closes, [None] * count)


@arithmetic
@given(st.integers(1, 3000), st.integers(0, 5000), st.integers(1, 366))
def test_more_days_between_as_many_bars_never_cover_more(
    returns: int, days: int, sessions_per_year: int
) -> None:
    spans = pl.DataFrame({"days": [days, days + 1]})
    shares = spans.select(covered_share(pl.lit(returns), pl.col("days"), sessions_per_year))
    longer, shorter = shares.to_series()[1], shares.to_series()[0]
    assert 0 < longer <= shorter <= 1


def test_a_year_without_a_lost_session_is_covered_whole_and_a_week_of_holidays_is_none() -> None:
    spans = pl.DataFrame({"returns": [252, 247, 126], "days": [365, 365, 365]})
    shares = spans.select(covered_share(pl.col("returns"), pl.col("days"), 252)).to_series()
    assert shares.to_list() == pytest.approx([1.0, 1.0, 126 / 247])


def test_a_year_is_one_of_days_and_not_of_bars() -> None:
    days = weekdays(600)
    falling = [float(price) for price in range(700, 100, -1)]
    # Every tenth bar is lost.
    kept = [number for number in range(600) if number % 10]
    history = History("S", [days[n] for n in kept], [falling[n] for n in kept], [None] * len(kept))
    row = only(scored([history]))
    since = SESSION - timedelta(days=365)
    inside = [close for day, close in zip(history.days, history.closes, strict=True) if day > since]
    assert row["high_52_weeks"] == max(inside) == inside[0]
    assert len(inside) < 252


def test_bars_that_cover_few_sessions_say_nothing_of_them() -> None:
    whole = walk(1_400)
    row = only(scored([some_bars_of(whole, range(4, 1_400, 5))]))
    assert row["history_sessions"] == 280
    assert row["close"] == whole.closes[-1]
    for name in (*SPANNING, "volatility", "volatility_30", "below_high"):
        assert row[name] is None, name
    assert set(SPANNING) <= set(missing_of(row))
    assert not set(SPANNING) & set(missing_of(only(scored([whole]))))


def test_lost_bars_do_not_raise_the_volatility() -> None:
    whole = walk(600)
    partial = some_bars_of(whole, (number for number in range(600) if number % 6))
    of_all, of_some = (only(scored([each]))["volatility"] for each in (whole, partial))
    assert of_some == pytest.approx(of_all, rel=0.04)


@pytest.mark.parametrize("days", [14, 15])
def test_nothing_is_known_of_the_price_of_what_stopped_trading(days: int) -> None:
    last = SESSION - timedelta(days=days)
    history = random_history("S", 3, 2_750)
    history.is_total_return, history.figures = False, {"target_price": (SESSION, 20.0)}
    kept = sum(day <= last for day in history.days)
    del history.days[kept:], history.closes[kept:], history.highs[kept:]
    assert history.days[-1] == last
    row = only(scored([history]))
    assert (row["history_sessions"], row["last_session"]) == (kept, last)
    is_known = days <= 14
    gone = (*SPANNING, "cagr", "cagr_5y", "cagr_10y", "dividend_yield", "five_year_average_yield")
    for name in (*gone, "close", "volatility", "current_drawdown", "return_score", "target_upside"):
        assert (row[name] is not None) == is_known, name
    assert set(gone).isdisjoint(missing_of(row)) if is_known else set(gone) <= set(missing_of(row))


def test_the_age_at_which_a_price_is_forgotten_is_a_setting() -> None:
    history = History(
        "S", weekdays(300, SESSION - timedelta(days=30)), [10.0, 11.0] * 150, [None] * 300
    )
    assert only(scored([history]))["momentum_30"] is None
    older = ScoreSettings(price_age=30)
    assert only(scored([history], settings=older))["momentum_30"] is not None
