"""Yield, growth and cuts of dividends, and the score of their history, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from ballast.planning.scores.dividends import dividend_metrics, dividends_in_shares_of
from ballast.planning.scores.price_metrics import price_metrics
from tests.ballast.builders import actions, dividend, split
from tests.ballast.planning.scores.histories import SESSION, History, tables, weekdays

LONG = weekdays(2_600)


def measured(
    paid: Sequence[tuple[date, float]],
    days: Sequence[date] = LONG,
    price: float = 100.0,
    *,
    is_total_return: bool = False,
) -> dict[str, Any]:
    closes = [price] * len(days)
    history = History(
        "S", list(days), closes, list(closes), dividends=list(paid), is_total_return=is_total_return
    )
    bars, events, _ = tables([history])
    prices = price_metrics(bars, events, SESSION, window=252, risk_free=0.0, sessions_per_year=252)
    return dividend_metrics(prices, events, SESSION).row(0, named=True)


def yearly(*amounts: float, last: int = 2019) -> list[tuple[date, float]]:
    first = last - len(amounts) + 1
    return [(date(first + n, 6, 1), amount) for n, amount in enumerate(amounts) if amount]


@pytest.mark.parametrize(
    ("days_ago", "counts"), [(0, True), (364, True), (365, False), (-1, False)]
)
def test_the_yield_is_what_was_paid_in_the_last_365_days(days_ago: int, counts: bool) -> None:
    row = measured([(SESSION - timedelta(days=days_ago), 3.0)])
    assert row["dividend_yield"] == pytest.approx(0.03 if counts else 0.0)


@pytest.mark.parametrize(("days_known", "is_known"), [(364, False), (365, True)])
def test_the_yield_of_a_year_that_is_not_covered_is_unknown(
    days_known: int, is_known: bool
) -> None:
    first = SESSION - timedelta(days=days_known - 1)
    row = measured([(SESSION, 3.0)], [first, SESSION])
    assert row["dividend_yield"] == (pytest.approx(0.03) if is_known else None)


@pytest.mark.parametrize(
    ("last", "growth", "cut"),
    [
        (date(2018, 7, 26), 0.0, None),
        (date(2018, 12, 24), 0.0, None),
        (date(2018, 12, 25), -0.5, 1),
    ],
)
def test_the_years_end_with_the_last_bar(last: date, growth: float, cut: int | None) -> None:
    row = measured(yearly(2, 2, 1, last=2018), [day for day in LONG if day <= last])
    assert row["dividend_growth"] == pytest.approx(growth and 0.5**0.5 - 1)
    assert row["years_since_cut"] == cut


def test_closes_that_contain_dividends_have_no_yield() -> None:
    row = measured(yearly(3, 3, 3), is_total_return=True)
    assert set(row.values()) == {"S", None}


def test_a_security_that_never_paid_has_a_yield_of_zero_and_no_history() -> None:
    row = measured([])
    assert row["dividend_yield"] == row["five_year_average_yield"] == 0.0
    assert row["dividend_growth"] is row["years_since_cut"] is row["dividend_quality"] is None


def test_a_dividend_of_before_a_split_is_restated_and_one_of_its_day_is_not() -> None:
    events = actions(
        dividend("S", date(2020, 3, 2), "4"),
        split("S", date(2020, 6, 1), "2"),
        dividend("S", date(2020, 6, 1), "3"),
        split("S", date(2020, 7, 1), "2"),
        split("S", date(2020, 9, 1), "2"),
    )
    found = dividends_in_shares_of(events, SESSION)
    assert found["amount"].to_list() == [1.0, 1.5]


def test_growth_is_annual_from_the_first_year_that_paid() -> None:
    row = measured(yearly(0, 1.0, 1.1, 1.21))
    assert row["dividend_growth"] == pytest.approx(0.10)


@pytest.mark.parametrize(
    ("amounts", "years_since"),
    [
        ((5, 5, 5, 5, 5), None),
        ((5, 5, 5, 5, 4), None),  # A fifth less is no cut.
        ((5, 5, 5, 5, 3.99), 1),
        ((5, 5, 3.99, 4, 4), 3),
        ((9, 5, 5, 5, 3.99), 1),  # The last one counts.
        ((5, 0, 0, 5, 5), 4),
    ],
)
def test_a_cut_is_more_than_a_fifth_and_the_last_one_counts(
    amounts: tuple[float, ...], years_since: int | None
) -> None:
    assert measured(yearly(*amounts))["years_since_cut"] == years_since


def test_the_year_that_is_not_over_is_no_cut() -> None:
    assert measured([*yearly(4, 4, 4), (date(2020, 2, 3), 1.0)])["years_since_cut"] is None


@pytest.mark.parametrize(
    ("amounts", "quality"),
    [
        ((4, 4, 4, 4, 4), 0.5 + 0.15 + 0.10),
        ((0, 0, 4, 4, 4), 0.5 + 0.10 + 0.10),
        ((0, 0, 0, 4, 4), 0.5 + 0.10),
        ((0, 0, 0, 0, 4), 0.5),
        ((4.0, 4.1, 4.2, 4.3, 4.34), 0.5 + 0.15 + 0.20),
        ((4, 4.3, 4.6, 4.9, 5.2), 0.5 + 0.15 + 0.30),
        ((4, 4, 4, 4, 3), 0.5 - 0.40),
        ((4, 4, 4, 3, 3), 0.5 - 0.40),
        ((4, 4, 3, 3, 3), 0.5 - 0.25),
        ((4, 3, 3, 3, 3, 3, 3), 0.5 - 0.10),
        ((4, 3, 3, 3, 3, 3, 4.2), 0.5 - 0.10 + 0.10),
    ],
)  # fmt: skip
def test_the_quality_of_a_history(amounts: tuple[float, ...], quality: float) -> None:
    found = measured(yearly(*amounts))
    # Nothing was paid in the last 365 days, so that the yield adds nothing.
    assert found["dividend_yield"] == 0.0
    assert found["dividend_quality"] == pytest.approx(quality)


@pytest.mark.parametrize(
    ("now", "bonus"), [(0.5, 0.0), (2.0, 0.15), (9.0, 0.30)], ids=["poor", "usual", "generous"]
)
def test_a_yield_above_its_own_average_raises_the_quality(now: float, bonus: float) -> None:
    steady = yearly(2, 2, 2, 2, 2)
    without = measured(steady)["dividend_quality"]
    row = measured([*steady, (date(2020, 6, 1), now)])
    assert row["dividend_quality"] == pytest.approx(min(1.0, without + bonus))
