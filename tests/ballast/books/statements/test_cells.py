"""Cells are read exactly or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ballast.books.statements.cells import (
    RowRefusedError,
    asset_category,
    codes,
    moment,
    number,
    optional_number,
    period,
)
from tests.ballast.books.statements.fixture_statements import ABC, funded, one
from tests.ballast.books.statements.synthetic_book import D
from tests.ballast.books.statements.synthetic_statement import as_bytes


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("0", "0"), ("-1", "-1"), ("+2.50", "2.5"), ("1,234,567.89", "1234567.89"), (".5", "0.5"), ("3.", "3"),
        ("1.2E-5", "0.000012"), ("-0.000000001", "-0.000000001"),
    ],
)  # fmt: skip
def test_numbers_are_exact(cell: str, value: str) -> None:
    assert number(cell) == D(value)


@pytest.mark.parametrize(
    "cell",
    ["", "-", ".", "1,23", "1.234,56", "12,34,567", "1 000", "NaN", "Infinity", "0x1", "٣", "1e999", "1" * 61],
)  # fmt: skip
def test_what_is_no_number_is_refused(cell: str) -> None:
    with pytest.raises(RowRefusedError):
        number(cell)


@pytest.mark.parametrize("cell", [None, "", "-", "--", "N/A"])
def test_a_blank_is_unknown_and_not_zero(cell: str | None) -> None:
    assert optional_number(cell) is None


@pytest.mark.parametrize(
    ("cell", "at"),
    [
        ("2024-01-31", datetime(2024, 1, 31, 5, 0, tzinfo=UTC)),
        ("2024-07-31, 16:00:00", datetime(2024, 7, 31, 20, 0, tzinfo=UTC)),
        ("2024-07-31;16:00:00", datetime(2024, 7, 31, 20, 0, tzinfo=UTC)),
        ("2024-07-31, 16:00:00 EDT", datetime(2024, 7, 31, 20, 0, tzinfo=UTC)),
        # The hour that occurs twice is taken as its first, the one that does not occur by the offset before it.
        ("2024-11-03, 01:30:00", datetime(2024, 11, 3, 5, 30, tzinfo=UTC)),
        ("2024-03-10, 02:30:00", datetime(2024, 3, 10, 7, 30, tzinfo=UTC)),
    ],
)
def test_moments_are_new_york_time(cell: str, at: datetime) -> None:
    assert moment(cell) == at


@pytest.mark.parametrize(
    "cell", ["", "31.01.2024", "2024-13-01", "2024-02-30", "0001-01-01", "2024-01-01, 25:00:00"]
)
def test_what_is_no_moment_is_refused(cell: str) -> None:
    with pytest.raises(RowRefusedError):
        moment(cell)


def test_a_period_has_a_first_and_a_last_day() -> None:
    year = date(2023, 1, 1), date(2023, 12, 31)
    assert period("January 1, 2023 - December 31, 2023") == year
    assert period("February 29, 2024") == (date(2024, 2, 29), date(2024, 2, 29))
    with pytest.raises(RowRefusedError, match="period_ends_before_it_starts"):
        period("December 31, 2023 - January 1, 2023")
    with pytest.raises(RowRefusedError, match="period_not_readable"):
        period("1. Januar 2023 - 31. Dezember 2023")


def test_codes_and_categories_are_split_from_what_follows() -> None:
    assert codes("C;P; LD") == ("C", "P", "LD")
    assert codes("") == codes(None) == ()
    assert asset_category("Stocks - Held with an Entity") == "Stocks"


def test_a_statement_of_base_currency_only_has_one_balance() -> None:
    writer = funded().trade(ABC, "1", "10", "2024-05-01, 10:00:00")
    rows = [row for row in writer.rows() if row[0] != "Cash Report" or row[3] not in {"EUR", "USD"}]
    statement = one(as_bytes(rows))
    assert [each.currency for each in statement.cash or ()] == ["EUR"]
