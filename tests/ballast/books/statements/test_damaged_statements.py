"""Whatever is in a file: it is read or refused in our own words, and no row of it vanishes."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.books.postings import postings_of
from ballast.books.statements import (
    StatementError,
    identities,
    read_statements,
    require_identities,
)
from tests.ballast.books.statements.fixture_statements import (
    ACCOUNTS,
    consolidated,
    full_year,
    funded,
)
from tests.ballast.books.statements.synthetic_statement import Line, as_bytes

ROWS = full_year().rows()
TWO_ACCOUNTS = consolidated(full_year(), funded(account="U0000002")).decode("utf-8-sig")
CONSOLIDATED = list(csv.reader(io.StringIO(TWO_ACCOUNTS, newline="")))
CELLS = st.one_of(
    st.sampled_from(
        [
            "", "-", "--", "0", "-0", "1e15", "1E-99", "-1", "1,000", "1.000,50", "NaN", "Infinity", "٣",
            "Header", "Data", "Total", "SubTotal", "Notes", "Order", "Trade", "ClosedLot", "Lot", "Summary",
            "Trades", "Statement", "Cash Report", "Stocks", "Forex", "EUR", "USD", "EUR.USD", "Ca", "A;C",
            "2024-02-29", "2024-03-10, 02:30:00", "0001-01-01", "9999-12-31, 23:59:59", "U0000002",
            "U0000777", "January 1, 2024 - December 31, 2024", "ABC(US0000000001) Split 2 for 1 (ABC, A, B)",
        ]
    ),
    st.text(max_size=12),
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, whole: list[Line]) -> list[Line]:
    """Drop, repeat, move, shorten and overwrite rows and cells of a whole statement."""
    rows = [list(row) for row in whole]
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(rows) - 1))
        other = draw(st.integers(0, len(rows) - 1))
        match draw(st.sampled_from(["drop", "repeat", "move", "cell", "cell", "cell", "shorten"])):
            case "drop" if len(rows) > 1:
                del rows[at]
            case "repeat":
                rows.insert(other, list(rows[at]))
            case "move":
                rows.insert(other, rows.pop(at))
            case "shorten":
                del rows[at][draw(st.integers(0, len(rows[at]))) :]
            case _:
                cell = draw(st.integers(0, max(len(rows[at]) - 1, 0)))
                rows[at][cell : cell + 1] = [draw(CELLS)]
    return rows


def check(content: bytes) -> None:
    try:
        statements = read_statements(content, "damaged.csv", ACCOUNTS)
    except StatementError:
        return
    text = content.decode("utf-8-sig")
    records = list(csv.reader(io.StringIO(text, newline="")))
    assert sum(each.counts.read for each in statements) == len(records)
    for statement in statements:
        assert statement.counts.adds_up
        assert statement.counts.quarantined == len(statement.quarantined)
        identities(statement, {"ABC": 1})
        postings_of(statement.events, source="broker")
        try:
            require_identities(statement)
        except StatementError:
            continue


@settings(deadline=None, max_examples=150)
@given(damaged(ROWS))
def test_a_damaged_statement_is_read_or_refused_and_keeps_its_rows(rows: list[Line]) -> None:
    check(as_bytes(rows))


@settings(deadline=None, max_examples=75)
@given(damaged(CONSOLIDATED))
def test_a_damaged_statement_of_several_accounts_keeps_its_rows(rows: list[Line]) -> None:
    check(as_bytes(rows))


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    check(content)


@settings(deadline=None, max_examples=75)
@given(st.binary(min_size=1, max_size=4), st.data())
def test_flipped_bytes_are_read_or_refused(garbage: bytes, data: st.DataObject) -> None:
    content = as_bytes(ROWS)
    at = data.draw(st.integers(0, len(content)))
    check(content[:at] + garbage + content[at + len(garbage) :])
