"""Changes one cell of an invented statement, named by its section, its column and what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.ballast.books.statements.synthetic_book import D
from tests.ballast.books.statements.synthetic_statement import Line


def edited(
    rows: list[Line], section: str, where: Mapping[str, str], column: str, value: str
) -> list[Line]:
    """Return the rows with one cell replaced, or raised by a number where the value begins with "add"."""
    changed = [list(row) for row in rows]
    header: Line = []
    for row in changed:
        if row[0] != section:
            continue
        if row[1] == "Header":
            header = row
            continue
        cells = dict(zip(header[2:], row[2:], strict=False)) | {"kind": row[1]}
        if column in header and all(cells.get(name) == text for name, text in where.items()):
            at = header.index(column)
            raised_by = value.removeprefix("add ")
            is_raised = raised_by != value
            row[at] = str(D(row[at].replace(",", "")) + D(raised_by)) if is_raised else value
            return changed
    raise AssertionError(f"no row of {section} has {dict(where)} and {column}")
