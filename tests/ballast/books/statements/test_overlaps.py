"""A statement that tells otherwise than an earlier one about the same days is refused."""

from __future__ import annotations

from datetime import date

import pytest

from ballast.books.statements import StatementError, contradictions, require_agreement
from tests.ballast.books.statements.edited_rows import edited
from tests.ballast.books.statements.fixture_statements import ABC, full_year, funded, one
from tests.ballast.books.statements.synthetic_book import Book
from tests.ballast.books.statements.synthetic_flex import flex
from tests.ballast.books.statements.synthetic_statement import StatementWriter, as_bytes

YEAR = one(full_year().content(), "year.csv")


def test_the_same_statement_again_agrees() -> None:
    require_agreement(one(full_year().content(), "again.csv"), [YEAR])


@pytest.mark.parametrize(
    ("column", "value"),
    [("T. Price", "60.0001"), ("Comm/Fee", "-1.50"), ("Date/Time", "2024-03-06, 12:00:01")],
)
def test_the_same_statement_with_one_row_changed_is_refused(column: str, value: str) -> None:
    where = {"DataDiscriminator": "Order", "Quantity": "-120"}
    changed = as_bytes(edited(full_year().rows(), "Trades", where, column, value))
    with pytest.raises(StatementError, match="2 rows are not the same") as caught:
        require_agreement(one(changed, "changed.csv"), [YEAR])
    assert "2024-03-06: -120 ABC at 60" in str(caught.value)


def test_statements_of_other_days_and_of_other_accounts_do_not_meet() -> None:
    next_year = StatementWriter(Book(), date(2025, 1, 1), date(2025, 12, 31))
    next_year.trade(ABC, "1", "10", "2025-02-01, 10:00:00")
    other = funded(account="U0000002").trade(ABC, "1", "10", "2024-03-06, 12:00:00")
    require_agreement(YEAR, [one(next_year.content()), one(other.content())])


def test_a_trade_of_the_last_evening_may_be_in_the_next_statement() -> None:
    evening = "2024-03-31, 20:30:00"
    month = StatementWriter(Book(), date(2024, 3, 1), date(2024, 3, 31))
    quarter = StatementWriter(Book(), date(2024, 3, 1), date(2024, 6, 30))
    quarter.trade(ABC, "1", "10", evening)
    assert contradictions(one(month.content()), one(quarter.content())) == []


def test_the_same_days_in_another_format_are_refused() -> None:
    with pytest.raises(StatementError, match="in another format"):
        require_agreement(one(flex(full_year()), "flex.xml"), [YEAR])
