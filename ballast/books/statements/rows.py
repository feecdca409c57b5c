"""The grammar of an activity statement: each record names its section and its kind; a header re-keys what follows.

Invariant: every record of the file becomes exactly one row, the blank and the senseless ones too.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from ballast.books.statements.cells import RowRefusedError
from ballast.books.statements.statement_error import StatementError

LARGEST_FILE = 50 * 1024 * 1024
KINDS = frozenset({"Header", "Data", "SubTotal", "Total", "Notes"})


@dataclass(frozen=True)
class Row:
    """One record of the file.

    Parameters
    ----------
    columns : mapping of str to int or None
        Place of each cell by the name that the header above gives it; None where the section has had no header yet.
    """

    line: int
    section: str
    kind: str
    cells: tuple[str, ...]
    columns: Mapping[str, int] | None

    def cell(self, *names: str) -> str | None:
        """Return the cell under the first of these columns that the header has; None where it has none."""
        for name in names:
            if self.columns is not None and name in self.columns:
                index = self.columns[name]
                return self.cells[index] if index < len(self.cells) else None
        return None

    def required(self, *names: str) -> str:
        """Return a cell that has to be there and to hold something."""
        cell = self.cell(*names)
        if cell:
            return cell
        if self.columns is None:
            raise RowRefusedError("header_missing")
        if not any(name in self.columns for name in names):
            raise RowRefusedError("column_missing")
        raise RowRefusedError("row_too_short" if cell is None else "cell_empty")

    @property
    def text(self) -> str:
        """The record as one line."""
        return ",".join((self.section, self.kind, *self.cells))


def decoded(content: bytes, *, file_name: str) -> str:
    """Return the text of a file, which has to be UTF-8, not empty and not above the size limit."""
    if len(content) > LARGEST_FILE:
        raise StatementError(
            f"the file has {len(content)} bytes and the limit is {LARGEST_FILE}",
            where=file_name,
            remedy="Export a shorter period.",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StatementError(
            f"the file is not UTF-8: byte {error.start} cannot be read",
            where=file_name,
            remedy="Use the file as the broker wrote it; a spreadsheet may have saved it anew.",
        ) from None
    if "\0" in text:
        raise StatementError(
            "the file has characters that no text has",
            where=file_name,
            remedy="Download the statement again.",
        )
    if not text.strip():
        raise StatementError(
            "the file is empty", where=file_name, remedy="Download the statement again."
        )
    return text


def read_rows(content: bytes, *, file_name: str) -> list[Row]:
    """Return all records of an activity statement in order."""
    text = decoded(content, file_name=file_name)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    headers: dict[str, dict[str, int]] = {}
    rows = []
    try:
        for record in reader:
            row = _row(reader.line_num, record, headers)
            if row.kind == "Header":
                # Of two columns with one name the first counts.
                places = reversed(list(enumerate(row.cells)))
                headers[row.section] = {name: place for place, name in places}
            rows.append(row)
    except csv.Error as error:
        raise StatementError(
            f"the file is damaged or cut off: {error}",
            where=f"{file_name}, line {reader.line_num}",
            remedy="Download the statement again.",
        ) from None
    _refuse_cut_off(text, rows, file_name)
    return rows


def parts(rows: list[Row]) -> list[list[Row]]:
    """Split a file that holds several statements, one after another; headers do not reach across."""
    found: list[list[Row]] = [[]]
    is_past_its_head = False
    for row in rows:
        if is_past_its_head and row.section == "Statement" and row.kind == "Header":
            found.append([])
            is_past_its_head = False
        is_past_its_head |= row.section != "Statement"
        found[-1].append(row)
    return found


def _row(line: int, record: list[str], headers: dict[str, dict[str, int]]) -> Row:
    # Concatenated files carry a byte-order mark before each statement.
    cells = [cell.strip().removeprefix("\ufeff") for cell in record]
    section, kind, *values = (*cells, "", "")[: max(len(cells), 2)]
    if section == "Statement" and kind == "Header":
        headers.clear()
    return Row(line, section, kind, tuple(values), headers.get(section))


def _refuse_cut_off(text: str, rows: list[Row], file_name: str) -> None:
    last = rows[-1]
    if text.endswith(("\n", "\r")) or last.columns is None or last.kind == "Header":
        return
    if len(last.cells) <= max(last.columns.values(), default=-1):
        raise StatementError(
            f"the file ends in the middle of a row of section {last.section!r}",
            where=f"{file_name}, line {last.line}",
            remedy="Download the statement again.",
        )
