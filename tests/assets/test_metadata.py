"""What a person sees beside an asset: tables, pictures, columns."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from assets.metadata import check, column_schema, markdown_table, plot
from ballast.tables import Positions


def test_unknown_is_shown_as_unknown_and_never_as_zero() -> None:
    frame = pl.DataFrame({"value": [None, Decimal("0")], "weight": [None, 0.25]})
    assert markdown_table(frame).splitlines()[2:] == [
        "| *unknown* | *unknown* |",
        "| 0.00 | 25.0% |",
    ]


def test_prices_keep_their_digits_and_values_are_shown_to_the_cent() -> None:
    frame = pl.DataFrame({"price": [Decimal("43.42500000")], "value": [Decimal("1234.56789")]})
    assert markdown_table(frame).splitlines()[2:] == ["| 43.425 | 1,234.57 |"]


def test_quantities_are_shown_without_trailing_zeros() -> None:
    frame = pl.DataFrame({"quantity": [Decimal("1234.50000000"), Decimal("-0.00000000")]})
    assert markdown_table(frame).splitlines()[2:] == ["| 1,234.5 |", "| 0 |"]


def test_dates_do_not_break_in_a_narrow_column() -> None:
    frame = pl.DataFrame({"session": [date(2020, 8, 20)]})
    assert markdown_table(frame).splitlines()[2] == "| 2020\u201108\u201120 |"


def test_a_check_says_what_it_found_and_for_which_session() -> None:
    result = check(
        "prices_are_fresh", "prices", passed=False, session=date(2020, 8, 20), found="2 stale"
    )
    assert result.description == "2020-08-20: 2 stale"


def test_an_empty_table_says_so() -> None:
    assert markdown_table(pl.DataFrame({"a": []})) == "*no rows*"


def test_a_pipe_in_a_text_does_not_break_the_table() -> None:
    assert "a\\|b" in markdown_table(pl.DataFrame({"text": ["a|b"]}))


def test_a_picture_too_large_for_the_event_log_is_refused() -> None:
    with pytest.raises(ValueError, match="the plot 'Regime' has 100001 bytes"):
        plot(b"x" * 100_001, "Regime")
    assert plot(b"x", "Regime").value == "![Regime](data:image/png;base64,eA==)"


def test_columns_carry_type_description_and_nullability() -> None:
    columns = {column.name: column for column in column_schema(Positions).columns}
    assert columns["value"].constraints.nullable
    assert not columns["quantity"].constraints.nullable
    assert columns["quantity"].type == "Decimal(precision=38, scale=8)"
    assert all(column.description for column in columns.values())
