"""A file that is no whole statement of a known account is refused; a senseless row is set aside by name."""

from __future__ import annotations

import pytest

from ballast.books.statements import StatementError, identities, read_statements
from ballast.books.statements.rows import LARGEST_FILE
from tests.ballast.books.statements.edited_rows import edited
from tests.ballast.books.statements.fixture_statements import (
    ABC,
    ACCOUNTS,
    full_year,
    funded,
    one,
)
from tests.ballast.books.statements.synthetic_statement import as_bytes

SALE = {"DataDiscriminator": "Order", "Quantity": "-120"}


def refusal(content: bytes) -> str:
    with pytest.raises(StatementError) as caught:
        read_statements(content, "statement.csv", ACCOUNTS)
    return str(caught.value)


def test_a_file_that_is_cut_off_in_a_row_is_refused() -> None:
    rows = full_year().rows()
    content = as_bytes(rows[:60])
    assert "ends in the middle of a row" in refusal(content[: content.rindex(b",")])


def test_a_file_that_is_cut_off_in_a_quoted_cell_is_refused() -> None:
    content = full_year().content()
    within_quotes = content.index(b'"2024-03-06, ') + 5
    assert "cut off" in refusal(content[:within_quotes])


def test_a_file_that_is_cut_off_between_rows_breaks_its_sums() -> None:
    rows = full_year().rows()
    at = next(i for i, row in enumerate(rows) if row[0] == "Trades" and row[1] == "SubTotal")
    broken = [each for each in identities(one(as_bytes(rows[:at])), {}) if each.holds is False]
    assert "cash follows from movements" in {each.name for each in broken}


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_another_encoding_is_refused(encoding: str) -> None:
    text = full_year().content().decode("utf-8-sig").replace("Nobody", "Zoë Nobody")
    assert "not UTF-8" in refusal(text.encode(encoding))


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b" \r\n\n"])
def test_an_empty_file_is_refused(content: bytes) -> None:
    assert "empty" in refusal(content)


def test_a_file_above_the_limit_is_refused_before_it_is_read() -> None:
    assert "limit" in refusal(b"," * (LARGEST_FILE + 1))


def test_another_account_is_refused_with_its_number_masked() -> None:
    text = refusal(funded(account="U0000777").content())
    assert "*****777" in text
    assert "U0000777" not in text


def test_one_unknown_account_refuses_the_whole_file() -> None:
    content = funded().content() + funded(account="U0000777").content()
    assert "*****777" in refusal(content)


def test_a_statement_in_another_language_is_refused_with_its_sections() -> None:
    rows = funded().rows()
    translated = [
        ["Informations sur le compte" if cell == "Account Information" else cell for cell in row]
        for row in rows
    ]
    text = refusal(as_bytes(translated))
    assert "Informations sur le compte" in text
    assert "in English" in text


@pytest.mark.parametrize("field", ["Period", "Base Currency"])
def test_a_head_that_cannot_be_read_is_refused(field: str) -> None:
    rows = [
        ["nonsense" if row[2] == field and i == 3 else cell for i, cell in enumerate(row)]
        for row in funded().rows()
    ]
    assert "the head of the statement" in refusal(as_bytes(rows))


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("T. Price", "-60", "price_is_negative"),
        ("T. Price", "61", "proceeds_differ_from_quantity_times_price"),
        ("T. Price", "60,5", "number_not_readable"),
        ("T. Price", "1e99", "number_too_large"),
        ("Quantity", "120", "proceeds_contradict_quantity"),
        ("Quantity", "0", "quantity_is_zero"),
        ("Quantity", "", "cell_empty"),
        ("Date/Time", "06/03/2024", "date_not_readable"),
        ("Date/Time", "2024-02-30, 10:00:00", "date_not_readable"),
        ("Date/Time", "2019-03-06, 10:00:00", "date_outside_period"),
        ("Currency", "Dollar", "currency_not_readable"),
        ("DataDiscriminator", "Bestellung", "discriminator_not_known"),
    ],
)
def test_a_senseless_trade_is_quarantined_with_its_line_and_rule(
    column: str, value: str, rule: str
) -> None:
    rows = edited(full_year().rows(), "Trades", SALE, column, value)
    line = 1 + next(i for i, row in enumerate(rows) if row not in full_year().rows())
    statement = one(as_bytes(rows))
    (row,) = statement.quarantined
    assert (row.line, row.section, row.rule) == (line, "Trades", rule)
    assert row.text.startswith("Trades,Data,")
    assert statement.counts.adds_up
    assert any(each.holds is False for each in identities(statement, {}))


def test_a_short_row_and_an_unknown_kind_are_quarantined() -> None:
    writer = funded().trade(ABC, "1", "10", "2024-02-01, 10:00:00")
    rows = writer.rows()
    at = next(i for i, row in enumerate(rows) if row[:3] == ["Trades", "Data", "Order"])
    rows[at:at] = [["Trades", "Data", "Order", "Stocks"], ["Trades", "Daten"], ["", "x"], []]
    statement = one(as_bytes(rows))
    assert [row.rule for row in statement.quarantined] == [
        "row_too_short", "kind_not_known", "section_missing",
    ]  # fmt: skip
    assert statement.counts.adds_up
