"""Performance apart from flows: time-weighted, money-weighted, turnover."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pyxirr import xirr

from ballast.books.performance import (
    daily_returns,
    money_weighted_returns,
    portfolio_performance,
    turnover,
)
from ballast.tables import (
    DailyReturns,
    DrawdownEpisodes,
    Drawdowns,
    PerformanceMeasures,
    PeriodReturns,
    PortfolioValues,
    RollingMeasures,
    Turnover,
)
from tests.ballast.books.valued import bought, closes, on, value
from tests.ballast.builders import D, Row, day, framewise, table


def worth(*values: str | None, flows: dict[int, str] | None = None, **more: Any) -> pl.DataFrame:
    """Return the values of one portfolio; flows are zero unless named."""
    came = {0: values[0]} | (flows or {})
    rows = [
        {
            "level": "total", "subject": "total", "session": day(number),
            "value_base": None if amount is None else D(amount),
            "flow_base": D(came.get(number) or "0"),
            "unknown_reason": "no price of AAA yet" if amount is None else None,
        } | more
        for number, amount in enumerate(values)
    ]  # fmt: skip
    return table(PortfolioValues, rows)


def found(values: pl.DataFrame) -> list[float | None]:
    frame = daily_returns(values)
    DailyReturns.validate(frame)
    return frame["daily_return"].to_list()


def test_a_return_is_the_change_of_value_without_the_flow() -> None:
    values = worth("100", "160", "88", flows={1: "50", 2: "-80"})
    assert found(values) == [None, pytest.approx(0.1), pytest.approx(0.05)]


def test_nothing_invested_before_is_no_return_rather_than_infinity() -> None:
    values = worth("0", "100", "110", "0", "50", flows={1: "100", 3: "-110", 4: "50"})
    assert found(values) == [None, None, pytest.approx(0.1), 0.0, None]
    assert daily_returns(values)["unknown_reason"].to_list() == [None] * 5


def test_an_unknown_value_hides_two_returns_and_says_why() -> None:
    frame = daily_returns(worth("100", None, "110", "121"))
    assert frame["daily_return"].to_list() == [None, None, None, pytest.approx(0.1)]
    assert frame["unknown_reason"].to_list() == [
        None, "no price of AAA yet", "the value of the session before is unknown", None,
    ]  # fmt: skip


def test_values_unknown_before_the_start_hide_nothing() -> None:
    frame = daily_returns(worth(None, None, "110", "121"))
    assert frame["unknown_reason"].to_list()[2:] == [None, None]
    assert frame["daily_return"].to_list()[2:] == [None, pytest.approx(0.1)]


def test_a_negative_value_has_no_return() -> None:
    frame = daily_returns(worth("100", "-5", "10"))
    assert frame["daily_return"].to_list() == [None, pytest.approx(-1.05), None]
    assert "negative" in frame["unknown_reason"][2]


def test_a_deposit_is_no_performance() -> None:
    rows = [on(1, 0, "EUR", "100", kind="deposit"), on(2, 2, "EUR", "900", kind="deposit")]
    result = portfolio_performance(value(rows, sessions=4), windows=[2])
    for measured in result.measures.to_dicts():
        assert (measured["total_return"], measured["volatility"]) == (0.0, 0.0)
        assert measured["money_weighted_return"] == pytest.approx(0.0)


def test_fees_and_dividends_are_performance() -> None:
    rows = [
        on(1, 0, "EUR", "100", kind="deposit"),
        on(2, 1, "EUR", "-10", kind="fee"),
        on(3, 2, "EUR", "18", kind="dividend"),
    ]
    frame = daily_returns(value(rows, sessions=3).portfolios).filter(level="total")
    assert frame["daily_return"].to_list() == [None, pytest.approx(-0.1), pytest.approx(0.2)]


prices = st.lists(st.integers(20, 80), min_size=6, max_size=6)
shares = st.lists(st.integers(-60, 200), min_size=5, max_size=5)


@framewise
@given(prices, shares)
def test_flows_do_not_change_the_time_weighted_return(
    quoted: list[int], percent: list[int]
) -> None:
    start = [on(1, 0, "BBB", "100", kind="transfer"), on(2, 0, "EUR", "1000", kind="deposit")]
    left = value(start, prices=closes("BBB", quoted), sessions=6)
    moves, units, money = [], D(100), D(1000)
    # At the end of a session the owner adds or takes the same share of everything, in kind.
    for number, part in enumerate(percent, start=1):
        moves += [
            on(10 * number, number, "BBB", str(units * part / 100), kind="transfer"),
            on(10 * number + 1, number, "EUR", str(money * part / 100), kind="deposit"),
        ]
        units, money = (round(x * (100 + part) / 100, 8) for x in (units, money))
    assume(units > 1)
    right = value([*start, *moves], prices=closes("BBB", quoted), sessions=6)
    for one, other in zip(found(left.portfolios), found(right.portfolios), strict=True):
        assert one == pytest.approx(other, abs=1e-7)


@framewise
@given(st.lists(st.decimals("1", "1000", places=2), min_size=2, max_size=10), st.integers(2, 9))
def test_the_size_of_the_money_does_not_matter(amounts: list[Any], factor: int) -> None:
    plain = worth(*(str(amount) for amount in amounts), flows={1: "0.5"})
    larger = worth(*(str(amount * factor) for amount in amounts), flows={1: str(D("0.5") * factor)})
    assert_frame_equal(daily_returns(plain), daily_returns(larger))
    assert_frame_equal(money_weighted_returns(plain), money_weighted_returns(larger))


@framewise
@given(st.lists(st.decimals("1", "1000", places=2), min_size=2, max_size=10), st.integers(1, 9))
def test_later_values_change_nothing_before(amounts: list[Any], length: int) -> None:
    values = worth(*(str(amount) for amount in amounts))
    whole, early = daily_returns(values), daily_returns(values.head(length))
    assert_frame_equal(whole.head(length), early)
    assert_frame_equal(daily_returns(values.sample(fraction=1, shuffle=True, seed=1)), whole)


def rate(values: pl.DataFrame) -> float | None:
    return money_weighted_returns(values)["money_weighted_return"].item()


def over(days: list[date], amounts: list[str], flows: list[str]) -> pl.DataFrame:
    rows: list[Row] = [
        {"level": "total", "subject": "total", "session": session, "value_base": D(amount),
         "flow_base": D(flow)}
        for session, amount, flow in zip(days, amounts, flows, strict=True)
    ]  # fmt: skip
    return table(PortfolioValues, rows)


def test_a_tenth_over_a_leap_year_is_a_little_less_per_year_of_365_days() -> None:
    values = over([date(2020, 1, 1), date(2021, 1, 1)], ["1000", "1100"], ["1000", "0"])
    assert rate(values) == pytest.approx(0.09971, abs=5e-6)
    assert rate(values) == pytest.approx(1.1 ** (365 / 366) - 1)


def test_irregular_flows_have_the_rate_of_the_library() -> None:
    days = [date(2020, 1, 1), date(2020, 2, 15), date(2020, 7, 1), date(2021, 3, 31)]
    values = over(days, ["100", "260", "190", "230"], ["100", "150", "-80", "0"])
    assert rate(values) == pytest.approx(xirr(days, [-100, -150, 80, 230]))


def test_a_span_in_the_middle_begins_by_investing_its_value() -> None:
    days = [date(2020, 1, 1), date(2020, 12, 31)]
    assert rate(over(days, ["100", "110"], ["7", "0"])) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "values",
    [
        worth("100"),
        worth("100", None),
        worth("0", "0"),
        worth("100", "120").with_columns(flow_base=pl.lit(None, pl.Decimal(38, 8))),
    ],
    ids=["one session", "unknown end", "nothing", "unknown flow"],
)
def test_no_rate_is_unknown_rather_than_zero(values: pl.DataFrame) -> None:
    assert rate(values) is None


TRADES = [
    on(1, 0, "EUR", "1000", kind="deposit"),
    *bought(2, 1, "BBB", "10", "-400"),
    *bought(4, 1, "BBB", "-10", "400"),
    on(6, 1, "EUR", "-1", kind="commission", concerns="BBB"),
]


def turned(rows: list[Row], **more: Any) -> Row:
    frame = turnover(value(rows, prices=closes("BBB", [40]), **more))
    Turnover.validate(frame)
    return frame.filter(level="total").row(0, named=True)


def test_turnover_is_half_of_all_trades_over_the_mean_value() -> None:
    row = turned(TRADES)
    assert row["traded_base"] == D(800)
    assert row["turnover"] == pytest.approx(400 / ((1000 + 4 * 999) / 5))
    assert row["status"] == "normal"


def test_turnover_is_judged() -> None:
    rows = [TRADES[0], *bought(2, 1, "BBB", "10", "-500"), *bought(4, 2, "BBB", "-10", "500")]
    assert turned(rows, sessions=3)["status"] == "warning"
    twice = [*rows, *bought(6, 2, "BBB", "30", "-1200")]
    assert turned(twice, sessions=3)["status"] == "critical"


def test_nothing_traded_is_a_turnover_of_zero() -> None:
    row = turned([TRADES[0]])
    assert (row["traded_base"], row["turnover"], row["status"]) == (D(0), 0.0, "normal")


def test_trades_of_more_than_a_year_ago_do_not_count() -> None:
    row = turned(TRADES, sessions=[0, 1, 366, 367])
    assert (row["traded_base"], row["turnover"]) == (D(0), 0.0)


def test_turnover_of_an_unknown_value_is_unknown() -> None:
    row = turned([*TRADES, on(9, 2, "AAA", "1", kind="transfer")])
    assert (row["turnover"], row["status"]) == (None, "unknown")


def test_every_table_keeps_its_contract_even_when_there_is_nothing() -> None:
    for rows in ([], TRADES):
        result = portfolio_performance(value(rows, prices=closes("BBB", [40])), windows=[2])
        for schema, frame in (
            (DailyReturns, result.returns),
            (Drawdowns, result.drawdowns),
            (DrawdownEpisodes, result.episodes),
            (PerformanceMeasures, result.measures),
            (RollingMeasures, result.rolling),
            (PeriodReturns, result.periods),
            (Turnover, result.turnover),
        ):
            schema.validate(frame)
