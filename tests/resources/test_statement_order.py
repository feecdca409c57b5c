"""Statements in any order, several in a file, and from two processes: the books are the same and have no hole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from resources.statement_archive import StatementArchive
from resources.statements import StatementBook
from resources.store import Store
from resources.store.schema import instruments, postings, statement_imports, statement_periods
from tests.ballast.books.statements.fixture_statements import ABC, ACCOUNTS, funded, history
from tests.ballast.books.statements.synthetic_book import Book
from tests.ballast.books.statements.synthetic_statement import StatementWriter, as_bytes
from tests.resources.test_statements import END, booked, rows, stated

Deed = Callable[[StatementWriter], object]


def bought(writer: StatementWriter) -> None:
    writer.trade(ABC, "10", "50", "2024-01-10, 10:00:00")


def paid_in(writer: StatementWriter) -> None:
    writer.money("Deposits & Withdrawals", "USD", "2024-02-05", "Fund Transfer", "700")


def sold(writer: StatementWriter) -> None:
    writer.trade(ABC, "-4", "60", "2024-03-05, 10:00:00", code="C")


def sold_again(writer: StatementWriter) -> None:
    writer.trade(ABC, "-1", "61", "2024-03-20, 10:00:00", code="C")


@pytest.fixture
def book(store: Store, tmp_path: Path) -> StatementBook:
    with store.write() as connection:
        for table in (postings, statement_imports, statement_periods, instruments):
            connection.execute(sa.delete(table))
    return StatementBook(store, tmp_path / "archive", ACCOUNTS)


def imported(book: StatementBook, folder: Path, *contents: bytes) -> list[str]:
    """Import one file after another."""
    statuses = []
    for content in contents:
        path = folder / f"{len(list(folder.glob('*.csv')))}.csv"
        path.write_bytes(content)
        statuses.append(book.import_file(path))
    return statuses


def period(before: Sequence[Deed], within: Sequence[Deed], first: date, last: date) -> bytes:
    """Return the statement of a period, which begins with what was done before."""
    own = Book()
    earlier = StatementWriter(own, date(2024, 1, 1), date(2024, 1, 1))
    earlier.money("Deposits & Withdrawals", "USD", "2024-01-01", "Opening", "5000")
    for deed in before:
        deed(earlier)
    writer = StatementWriter(own, first, last)
    for deed in within:
        deed(writer)
    return writer.content()


@pytest.mark.parametrize("order", [(2, 0), (0, 2)], ids=["later first", "earlier first"])
def test_a_missing_year_is_noticed_in_either_order(
    book: StatementBook, tmp_path: Path, order: Sequence[int]
) -> None:
    years = history()
    statuses = imported(book, tmp_path, *(years[each] for each in order))
    assert statuses == ["imported", "refused"]
    assert booked(book) == stated(book.newest("main", END))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_years_in_any_order_lead_to_the_same_books(
    book: StatementBook, tmp_path: Path, order: Sequence[int]
) -> None:
    years = history()
    imported(book, tmp_path, *(years[each] for each in order))
    assert "refused" not in book.import_folder(tmp_path).values()
    assert booked(book) == stated(book.newest("main", END))


def test_a_gap_that_one_of_the_folder_fills_is_no_gap(book: StatementBook, tmp_path: Path) -> None:
    first, second, third = history()
    assert imported(book, tmp_path, third, first) == ["imported", "refused"]
    (tmp_path / "9.csv").write_bytes(second)
    statuses = book.import_folder(tmp_path)
    assert statuses == {"0.csv": "known", "1.csv": "imported", "9.csv": "imported"}


@pytest.mark.parametrize("order", [(1, 2), (2, 1)], ids=["in order", "newest first"])
def test_a_file_of_two_periods_is_two_statements(
    book: StatementBook, tmp_path: Path, order: Sequence[int]
) -> None:
    years = history()
    both = b"".join(years[each] for each in order)
    assert imported(book, tmp_path, both, years[0]) == ["imported", "imported"]
    assert booked(book) == stated(book.newest("main", END))


def test_a_file_with_a_gap_between_its_periods_is_refused(
    book: StatementBook, tmp_path: Path
) -> None:
    first, _, third = history()
    assert imported(book, tmp_path, first + third) == ["refused"]
    assert rows(book) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_month_whose_start_a_longer_statement_covers_needs_no_month_before_it(
    book: StatementBook, tmp_path: Path, order: Sequence[int]
) -> None:
    files = [
        period([], [bought], date(2024, 1, 2), date(2024, 1, 31)),
        period([], [bought, paid_in, sold], date(2024, 1, 2), date(2024, 3, 15)),
        period([bought, paid_in], [sold, sold_again], date(2024, 3, 1), date(2024, 3, 31)),
    ]
    imported(book, tmp_path, *(files[each] for each in order))
    assert "refused" not in book.import_folder(tmp_path).values()
    assert booked(book) == stated(book.newest("main", END))


def test_what_another_process_imports_meanwhile_stays_imported(
    book: StatementBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = history()[0]
    other = replace(book)
    is_first = True

    def beaten(*arguments: Any) -> Any:
        nonlocal is_first
        if is_first:
            is_first = False
            assert other.import_file(tmp_path / "0.csv") == "imported"
        return read(*arguments)

    read = StatementArchive.keep
    monkeypatch.setattr(StatementArchive, "keep", beaten)
    assert imported(book, tmp_path, content) == ["known"]
    (row,) = book.table()
    assert (row["status"], row["postings"] > 0) == ("imported", True)


def test_a_folder_that_is_named_like_a_statement_is_left_alone(
    book: StatementBook, tmp_path: Path
) -> None:
    (tmp_path / "old.csv").mkdir()
    (tmp_path / "2022.csv").write_bytes(history()[0])
    assert book.import_folder(tmp_path) == {"2022.csv": "imported"}


def test_numbers_in_names_and_rows_of_files_stay_out_of_the_store(
    book: StatementBook, tmp_path: Path
) -> None:
    writer = StatementWriter(Book(), date(2024, 1, 1), date(2024, 12, 31))
    writer.money(
        "Deposits & Withdrawals", "EUR", "2024-01-02", "Transfer from U0000001 and U7654321", "100"
    )
    writer.transfer(ABC, "5", "2024-05-05")
    rows = [[cell.replace("OTHER BROKER", "U0000001") for cell in row] for row in writer.rows()]
    misread = [[cell.replace("In", "Sideways") for cell in row] for row in rows if "ACATS" in row]
    path = tmp_path / "U0000001_20240101.csv"
    path.write_bytes(as_bytes([*rows, *misread]))
    assert book.import_file(path) == "imported"
    refused = tmp_path / "U7654321.csv"
    refused.write_bytes(b"Statement,Data,U7654321")
    assert book.import_file(refused) == "refused"
    with book.store.read() as connection:
        # A row of the database shortens its own text.
        told = [
            str([tuple(row) for row in connection.execute(sa.select(table))])
            for table in (postings, statement_imports)
        ]
    assert "*****001_20240101.csv" in told[1]
    assert "direction_not_known" in told[1]
    assert not any(number in text for text in told for number in ("U0000001", "U7654321"))


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("ABC INVENTED", "X" * 400, "imported"),
        ("US0000000001", "U" * 50, "imported"),
        ("Electronic", "El\0ctronic", "refused"),
        ("ABC", "A" * 100, "refused"),
    ],
    ids=["long name", "long identifier", "no text", "long symbol"],
)
def test_text_that_a_database_would_not_take_never_stops_an_import(
    book: StatementBook, tmp_path: Path, old: str, new: str, status: str
) -> None:
    content = funded().trade(ABC, "10", "5", "2024-02-01, 10:00:00").content()
    changed = content.replace(old.encode(), new.encode())
    assert changed != content
    assert imported(book, tmp_path, changed) == [status]
    (row,) = book.table()
    assert row["status"] == status


def test_the_opening_is_taken_back_as_the_statement_told_it_that_brought_it(
    book: StatementBook, tmp_path: Path
) -> None:
    before = funded(2023)
    before.trade(ABC, "10", "50", "2023-02-01, 10:00:00")
    earlier = before.content()
    first_month = StatementWriter(before.book, date(2024, 1, 1), date(2024, 1, 31)).rows()
    without_positions = as_bytes([row for row in first_month if row[0] != "Open Positions"])
    year = StatementWriter(before.book, date(2024, 1, 1), date(2024, 12, 31))
    year.trade(ABC, "-5", "60", "2024-03-05, 10:00:00", code="C")
    files = year.content(), without_positions, earlier
    assert imported(book, tmp_path, *files) == ["imported"] * 3
    assert booked(book) == stated(book.newest("main", END))
