"""Holding terms: long is more than one year by dates, with every edge that a calendar has."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.books.lots.terms import term
from tests.ballast.books.lots.histories import fill, gains


def term_of(acquired: date, closed: date) -> str:
    frame = pl.DataFrame({"acquired": [acquired], "closed": [closed]})
    return str(frame.select(term("acquired", "closed")).item())


@pytest.mark.parametrize(
    ("acquired", "last_short"),
    [
        ("2021-06-15", "2022-06-15"),
        ("2021-01-31", "2022-01-31"),
        ("2021-04-30", "2022-04-30"),
        ("2021-12-31", "2022-12-31"),
        ("2021-01-01", "2022-01-01"),
        # Of a common year into a common year, and into a leap year, whose February ends a day later.
        ("2021-02-27", "2022-02-27"),
        ("2021-02-28", "2022-02-28"),
        ("2019-02-27", "2020-02-27"),
        ("2019-02-28", "2020-02-29"),
        ("2019-03-01", "2020-03-01"),
        # Of a leap year into a common year: the period begins on the leap day, or after it.
        ("2020-02-27", "2021-02-27"),
        ("2020-02-28", "2021-02-28"),
        ("2020-02-29", "2021-02-28"),
        ("2020-03-01", "2021-03-01"),
        # No leap year, though divisible by four; and one, though divisible by a hundred.
        ("1899-02-28", "1900-02-28"),
        ("1999-02-28", "2000-02-29"),
    ],
)
def test_the_last_day_of_a_year_is_short_and_the_next_is_long(
    acquired: str, last_short: str
) -> None:
    bought, last = date.fromisoformat(acquired), date.fromisoformat(last_short)
    assert term_of(bought, last) == "short"
    assert term_of(bought, last + timedelta(days=1)) == "long"


def test_what_is_sold_on_the_day_of_its_purchase_is_short() -> None:
    assert term_of(date(2020, 2, 29), date(2020, 2, 29)) == "short"


@settings(max_examples=200, deadline=None)
@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 800))
def test_a_term_is_long_from_the_anniversary_of_the_first_day_held(
    acquired: date, held: int
) -> None:
    first = acquired + timedelta(days=1)
    try:
        long_from = first.replace(year=first.year + 1)
    except ValueError:
        long_from = date(first.year + 1, 3, 1)
    closed = acquired + timedelta(days=held)
    assert term_of(acquired, closed) == ("long" if closed >= long_from else "short")


@settings(max_examples=100, deadline=None)
@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_365_days_are_never_long_and_367_always(acquired: date) -> None:
    assert term_of(acquired, acquired + timedelta(days=365)) == "short"
    assert term_of(acquired, acquired + timedelta(days=367)) == "long"


NEW_YEAR = [
    (datetime(2021, 1, 1, 4, 59, 59, tzinfo=UTC), 2020),
    (datetime(2021, 1, 1, 5, 0, tzinfo=UTC), 2021),
]


@pytest.mark.parametrize(("moment", "year"), NEW_YEAR, ids=["before", "after"])
def test_the_tax_year_ends_at_midnight_of_the_exchange(moment: datetime, year: int) -> None:
    [sale] = gains([fill(0, 10, 100), fill(1, -10, 120, filled_at=moment)]).iter_rows(named=True)
    assert sale["tax_year"] == year
