"""A statement whose sums do not hold is refused as a whole, by name."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from ballast.books.statements import (
    Identity,
    StatementError,
    closing_quantities,
    identities,
    require_identities,
)
from tests.ballast.books.statements.edited_rows import edited
from tests.ballast.books.statements.fixture_statements import (
    ABC,
    full_year,
    funded,
    history,
    one,
)
from tests.ballast.books.statements.synthetic_book import D
from tests.ballast.books.statements.synthetic_statement import as_bytes

SUM_OF_STOCKS = {"kind": "Total", "Asset Category": "Stocks", "Currency": "USD"}
ABC_LOT = {"DataDiscriminator": "Lot", "Symbol": "ABC"}
ABC_POSITION = {"DataDiscriminator": "Summary", "Symbol": "ABC"}
FIRST_SALE = {"DataDiscriminator": "Order", "Quantity": "-120"}
DOLLARS = {"Currency": "USD"}
BASE = {"Currency": "Base Currency Summary"}


def by_name(results: list[Identity], name: str) -> list[Identity]:
    return [result for result in results if result.name == name]


def test_every_sum_of_a_whole_statement_holds() -> None:
    results = require_identities(one(full_year().content()), previous={})
    assert len({result.name for result in results}) == 9
    unchecked = {(result.subject, result.not_checkable) for result in results if not result.holds}
    assert unchecked == {("EUR.USD", "only stocks and options state what they realised")}


@pytest.mark.parametrize(
    ("name", "subject", "section", "where", "column", "value"),
    [
        ("change in NAV adds up", "EUR", "Change in NAV", {"Field Name": "Dividends"}, "Field Value", "add 0.02"),
        (
            "cash of all currencies is the base summary", "EUR", "Cash Report",
            BASE | {"Currency Summary": "Ending Cash"}, "Total", "add 5",
        ),
        (
            "positions, cash and accruals are the NAV", "EUR", "Net Asset Value",
            {"Asset Class": "Total"}, "Current Total", "add 5",
        ),
        (
            "totals are the sums of their rows", "Trades Stocks USD Proceeds", "Trades", SUM_OF_STOCKS,
            "Proceeds", "add -1",
        ),
        (
            "totals are the sums of their rows", "Dividends USD Amount", "Dividends",
            {"Currency": "USD", "Date": "2024-05-16"}, "Amount", "add 1",
        ),
        ("lots add up to their position", "ABC quantity", "Open Positions", ABC_LOT, "Quantity", "add 1"),
        ("lots add up to their position", "ABC basis", "Open Positions", ABC_LOT, "Cost Basis", "add 0.02"),
        ("closing quantity follows from movements", "ABC", "Open Positions", ABC_POSITION, "Quantity", "add 1"),
        (
            "proceeds, fee and basis are the realised gain", "ABC", "Trades", FIRST_SALE, "Realized P/L", "add 0.02",
        ),
        (
            "cash report adds up", "USD", "Cash Report",
            DOLLARS | {"Currency Summary": "Dividends"}, "Total", "add 0.02",
        ),
        (
            "cash follows from movements", "USD", "Withholding Tax",
            {"Amount": "-1.00"}, "Amount", "add -0.02",
        ),
    ],
)  # fmt: skip
def test_each_broken_sum_is_named_with_its_subject_and_difference(
    name: str, subject: str, section: str, where: Mapping[str, str], column: str, value: str
) -> None:
    rows = edited(full_year().rows(), section, where, column, value)
    statement = one(as_bytes(rows))
    broken = [each for each in identities(statement, previous={}) if each.holds is False]
    (result,) = [each for each in broken if (each.name, each.subject) == (name, subject)]
    assert abs(result.difference or 0) == abs(D(value.removeprefix("add ")))
    with pytest.raises(
        StatementError, match=r"does not hold for .*, a difference of -?\d"
    ) as caught:
        require_identities(statement, previous={})
    assert "U0000001" not in str(caught.value)


def test_a_cent_is_no_difference_and_two_are() -> None:
    where = {"Field Name": "Dividends"}
    rows = full_year().rows()
    a_cent = one(as_bytes(edited(rows, "Change in NAV", where, "Field Value", "add 0.01")))
    assert by_name(identities(a_cent), "change in NAV adds up")[0].holds


def test_what_cannot_be_checked_says_why_and_does_not_hold() -> None:
    rows = [row for row in full_year().rows() if row[0] in {"Statement", "Account Information"}]
    results = identities(one(as_bytes(rows)))
    assert {result.holds for result in results} == {None}
    assert all(result.not_checkable for result in results)


def test_without_a_rate_the_sums_in_base_currency_are_open() -> None:
    rows = [row for row in full_year().rows() if row[0] != "Forex Balances"]
    results = identities(one(as_bytes(rows)))
    for name in (
        "cash of all currencies is the base summary",
        "positions, cash and accruals are the NAV",
    ):
        (result,) = by_name(results, name)
        assert result.not_checkable == "the statement gives no exchange rate for USD"


def test_a_wash_sale_leaves_the_realised_gain_open() -> None:
    rows = edited(full_year().rows(), "Trades", FIRST_SALE, "Realized P/L", "add 50")
    rows = edited(rows, "Trades", FIRST_SALE, "Code", "C;LD")
    results = identities(one(as_bytes(rows)))
    broken = [each for each in results if each.holds is False]
    assert {each.name for each in broken} == {"totals are the sums of their rows"}


def test_a_closing_quantity_follows_from_the_year_before() -> None:
    previous: dict[str, Decimal] | None = {}
    for content in history():
        statement = one(content)
        require_identities(statement, previous)
        previous = closing_quantities(statement)
    assert previous == {"XYZ": D(20)}


def test_a_missing_year_is_noticed() -> None:
    first, _, third = (one(content) for content in history())
    with pytest.raises(StatementError, match="closing quantity follows from movements"):
        require_identities(third, closing_quantities(first))


def test_a_trade_that_is_not_booked_leaves_cash_open_instead_of_wrong() -> None:
    writer = funded().trade(ABC, "1", "10", "2024-02-01, 10:00:00")
    rows = [["Futures" if cell == "Stocks" else cell for cell in row] for row in writer.rows()]
    statement = one(as_bytes(rows))
    assert [row.rule for row in statement.quarantined] == ["asset_category_not_booked"]
    (result,) = by_name(identities(statement), "cash follows from movements")
    assert result.not_checkable == "the statement has trades that are not booked"
