"""What a person sees beside an asset: tables, pictures, columns."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from assets.metadata import column_schema, data_version, markdown_table, plot
from ballast.tables import Positions


def test_unknown_is_shown_as_unknown_and_never_as_zero() -> None:
    frame = pl.DataFrame({"value": [None, Decimal("0")], "weight": [None, 0.25]})
    assert markdown_table(frame).splitlines()[2:] == ["| *unknown* | *unknown* |", "| 0 | 0.2500 |"]


def test_amounts_are_shown_without_trailing_zeros_and_without_losing_digits() -> None:
    frame = pl.DataFrame({"amount": [Decimal("1234.50000000"), Decimal("-0.00000000")]})
    assert markdown_table(frame).splitlines()[2:] == ["| 1,234.5 |", "| 0 |"]


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


def test_the_data_version_changes_with_the_rows_only() -> None:
    frame = pl.DataFrame({"a": [1, 2]})
    assert data_version(frame) == data_version(frame.clone())
    assert data_version(frame) != data_version(frame.reverse())
