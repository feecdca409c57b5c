"""Importing statements: whole or not at all, once, and never against what is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from ballast.books.statements import closing_quantities
from ballast.books.statements.model import Statement
from resources import statements as importing
from resources.ledger import Ledger
from resources.statements import StatementBook, statement_files
from resources.store import Store
from resources.store.schema import instruments, postings, statement_imports, statement_periods
from tests.ballast.books.statements.fixture_statements import (
    ACCOUNTS,
    consolidated,
    full_year,
    funded,
    history,
)
from tests.ballast.books.statements.synthetic_flex import flex

END = date(2024, 12, 31)
YEARS = ("2022.csv", "2023.csv", "2024.csv")


@pytest.fixture
def book(store: Store, tmp_path: Path) -> StatementBook:
    with store.write() as connection:
        for table in (postings, statement_imports, statement_periods, instruments):
            connection.execute(sa.delete(table))
    return StatementBook(store, tmp_path / "archive", ACCOUNTS)


def dropped(folder: Path, **files: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_csv", ".csv").lstrip("y")).write_bytes(content)
    return folder


def inbox_of(folder: Path, contents: Sequence[bytes] | None = None) -> Path:
    years = history() if contents is None else contents
    return dropped(
        folder, **{f"y{name.replace('.', '_')}": c for name, c in zip(YEARS, years, strict=False)}
    )


def booked(book: StatementBook, account: str = "main") -> dict[str, Decimal]:
    """Sum the postings per commodity."""
    ledger = Ledger(book.store).read(END).filter(pl.col("account_id") == account)
    sums = ledger.group_by("commodity").agg(pl.col("quantity").sum())
    return {commodity: total for commodity, total in sums.iter_rows() if total != 0}


def stated(statement: Statement | None) -> dict[str, Decimal]:
    """Return what a statement says was there at its end."""
    assert statement is not None
    held = closing_quantities(statement) or {}
    cash = {each.currency: each.ending for each in statement.cash or ()}
    return {name: amount for name, amount in (held | cash).items() if amount != 0}


def rows(book: StatementBook) -> list[tuple[object, ...]]:
    columns = [column for column in postings.columns if column.name != "recorded_at"]
    with book.store.read() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(*columns))]


def test_the_books_are_what_the_newest_statement_says(book: StatementBook, tmp_path: Path) -> None:
    assert set(book.import_folder(inbox_of(tmp_path / "inbox")).values()) == {"imported"}
    assert booked(book) == stated(book.newest("main", END))


def test_a_year_in_which_everything_happens_is_booked_to_the_cent(
    book: StatementBook, tmp_path: Path
) -> None:
    folder = dropped(tmp_path / "inbox", y2024_csv=full_year().content())
    assert book.import_folder(folder) == {"2024.csv": "imported"}
    assert booked(book) == stated(book.newest("main", END))


def test_the_same_content_is_imported_once_whatever_its_name(
    book: StatementBook, tmp_path: Path
) -> None:
    inbox = inbox_of(tmp_path / "inbox")
    book.import_folder(inbox)
    before = rows(book)
    (inbox / "again.csv").write_bytes((inbox / "2023.csv").read_bytes())
    assert set(book.import_folder(inbox).values()) == {"known"}
    assert rows(book) == before
    assert len(book.table()) == 3


def test_an_account_may_begin_with_a_later_statement(book: StatementBook, tmp_path: Path) -> None:
    folder = dropped(tmp_path / "inbox", y2023_csv=history()[1])
    book.import_folder(folder)
    assert booked(book) == stated(book.newest("main", END))
    opening = Ledger(book.store).read(END).filter(pl.col("external_id").str.contains(":opening:"))
    unknown = opening.filter(pl.col("kind") == "transfer", pl.col("counter_value").is_null())
    assert set(unknown["commodity"]) == {"ABC", "XYZ"}


def test_an_earlier_statement_that_comes_later_replaces_the_opening(
    book: StatementBook, tmp_path: Path
) -> None:
    first, second, third = history()
    book.import_folder(dropped(tmp_path / "inbox", y2023_csv=second))
    book.import_folder(dropped(tmp_path / "inbox", y2022_csv=first))
    book.import_folder(dropped(tmp_path / "inbox", y2024_csv=third))
    assert {row["status"] for row in book.table()} == {"imported"}
    assert booked(book) == stated(book.newest("main", END))


def test_a_missing_year_is_noticed(book: StatementBook, tmp_path: Path) -> None:
    first, _, third = history()
    folder = dropped(tmp_path / "inbox", y2022_csv=first, y2024_csv=third)
    assert book.import_folder(folder) == {"2022.csv": "imported", "2024.csv": "refused"}
    assert booked(book) == stated(book.newest("main", END))
    newest = next(row for row in book.table() if row["file_name"] == "2024.csv")
    assert (
        "missing" in newest["detail"]["refused"] or "does not hold" in newest["detail"]["refused"]
    )


def test_a_refused_file_is_looked_at_again_and_imported_once_its_gap_is_filled(
    book: StatementBook, tmp_path: Path
) -> None:
    first, second, third = history()
    folder = dropped(tmp_path / "inbox", y2022_csv=first, y2024_csv=third)
    book.import_folder(folder)
    dropped(folder, y2023_csv=second)
    assert book.import_folder(folder)["2024.csv"] == "imported"
    assert booked(book) == stated(book.newest("main", END))


def test_a_statement_whose_sums_do_not_hold_changes_nothing(
    book: StatementBook, tmp_path: Path
) -> None:
    first, second, _ = history()
    book.import_folder(dropped(tmp_path / "inbox", y2022_csv=first))
    before = rows(book)
    broken = second.replace(b"-3.75", b"-3.70", 1)
    assert broken != second
    assert (
        book.import_folder(dropped(tmp_path / "inbox", y2023_csv=broken))["2023.csv"] == "refused"
    )
    assert rows(book) == before
    (refused,) = [row for row in book.table() if row["status"] == "refused"]
    assert "does not hold" in refused["detail"]["refused"]
    assert any(each["holds"] is False for each in refused["detail"]["identities"])


def test_a_second_statement_of_the_same_days_with_another_row_is_refused(
    book: StatementBook, tmp_path: Path
) -> None:
    def year(fee: str) -> bytes:
        writer = funded()
        writer.money("Fees", "USD", "2024-06-05", "Market Data Subscription", fee)
        return writer.content()

    folder = dropped(tmp_path / "inbox", y2024_csv=year("-10.00"))
    book.import_folder(folder)
    before = rows(book)
    assert book.import_folder(dropped(folder, y2024b_csv=year("-11.00")))["2024b.csv"] == "refused"
    assert rows(book) == before
    (refused,) = [row for row in book.table() if row["status"] == "refused"]
    assert "not the same in 2024.csv" in refused["detail"]["refused"]


def test_a_statement_downloaded_again_for_a_longer_period_adds_only_what_is_new(
    book: StatementBook, tmp_path: Path
) -> None:
    first, second, third = history()
    folder = dropped(tmp_path / "inbox", y2022_csv=first, y2023_csv=second, y2024_csv=third)
    book.import_folder(folder)
    before = rows(book)
    renewed = first.replace(b"WhenGenerated,", b"WhenGenerated, ")
    again = renewed if renewed != first else first + b"\r\n"
    statuses = book.import_folder(dropped(folder, y2022b_csv=again))
    assert statuses["2022b.csv"] == "imported"
    assert rows(book) == before


def test_a_file_of_two_accounts_books_both_or_neither(book: StatementBook, tmp_path: Path) -> None:
    both = consolidated(full_year(), funded(account="U0000002"))
    content = both.replace(b"U0000002", b"U0000009")
    folder = dropped(tmp_path / "inbox", y2024_csv=content)
    assert book.import_folder(folder) == {"2024.csv": "refused"}
    assert rows(book) == []
    (row,) = book.table()
    assert "U0000009" not in row["detail"]["refused"]
    assert "009" in row["detail"]["refused"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00broken",
        b"Statement,Data,Title",
        history()[0][:900],
        b"<FlexQueryResponse>",
    ],
    ids=["empty", "encoding", "no-header", "truncated", "xml"],
)
def test_what_is_no_statement_is_refused_with_a_reason(
    book: StatementBook, tmp_path: Path, content: bytes
) -> None:
    folder = dropped(tmp_path / "inbox", y2024_csv=content)
    assert book.import_folder(folder) == {"2024.csv": "refused"}
    (row,) = book.table()
    assert row["detail"]["refused"]
    assert rows(book) == []


def test_a_file_that_is_too_large_is_refused(
    book: StatementBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "LARGEST_FILE", 100)
    folder = dropped(tmp_path / "inbox", y2024_csv=full_year().content())
    assert book.import_folder(folder) == {"2024.csv": "refused"}


def test_a_crash_before_the_commit_leaves_nothing_and_the_next_import_finishes(
    book: StatementBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    folder = inbox_of(tmp_path / "inbox")
    with monkeypatch.context() as patched:
        patched.setattr(importing, "registry_row", crash)
        with pytest.raises(KeyboardInterrupt):
            book.import_folder(folder)
    assert rows(book) == []
    book.import_folder(folder)
    assert booked(book) == stated(book.newest("main", END))


def test_counts_of_an_imported_file_add_up_to_its_rows(book: StatementBook, tmp_path: Path) -> None:
    book.import_folder(dropped(tmp_path / "inbox", y2024_csv=full_year().content()))
    (row,) = book.table()
    parts = row["rows_imported"] + row["rows_skipped"] + row["rows_quarantined"]
    assert row["rows_read"] == parts > 0


def test_only_statement_files_are_looked_at(tmp_path: Path) -> None:
    for name in ("a.csv", "B.XML", "notes.txt", ".DS_Store"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in statement_files(tmp_path)] == ["B.XML", "a.csv"]
    assert statement_files(tmp_path / "missing") == []


def test_the_numbers_of_accounts_appear_nowhere_in_the_store(
    book: StatementBook, tmp_path: Path
) -> None:
    book.import_folder(inbox_of(tmp_path / "inbox"))
    with book.store.read() as connection:
        for table in (postings, statement_imports, statement_periods, instruments):
            # A row of the database shortens its own text.
            found = [tuple(row) for row in connection.execute(sa.select(table))]
            assert "U0000001" not in str(found)


def test_a_flex_file_books_the_same_as_the_statement_and_never_both(
    book: StatementBook, tmp_path: Path
) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "2024.xml").write_bytes(flex(full_year()))
    assert book.import_folder(folder) == {"2024.xml": "imported"}
    assert booked(book) == stated(book.newest("main", END))
    before = rows(book)
    (folder / "2024.csv").write_bytes(full_year().content())
    assert book.import_folder(folder)["2024.csv"] == "refused"
    assert rows(book) == before
    (refused,) = [row for row in book.table() if row["status"] == "refused"]
    assert "another format" in refused["detail"]["refused"]
