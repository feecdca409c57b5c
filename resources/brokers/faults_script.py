"""Read a script of faults that a person wrote, as CSV or TOML.

A CSV has a heading with the names of the columns in any order, of which it needs `fault_id`, `account_id`, `session`
and `kind`; an empty cell is a value that is not given, and a line that begins with # a remark. In TOML each fault is a
table `[[faults]]` with the same names. `FAULT_KINDS` says what each kind needs; several questions are separated by
blanks.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ballast.errors import ConfigurationError
from ballast.money import to_amount
from resources.brokers.faults import Fault

COLUMNS = tuple(field.name for field in fields(Fault))
_NEEDED = ("fault_id", "account_id", "session", "kind")


def read_script(path: Path) -> tuple[Fault, ...]:
    """Read a script by the ending of its name, `.toml` or CSV.

    Returns
    -------
    tuple of Fault
        In the order in which they are written.

    Raises
    ------
    ConfigurationError
        Naming the fault that cannot be read; nothing is accepted in part.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = _toml(text) if path.suffix == ".toml" else _csv(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValueError) as error:
        raise ConfigurationError(
            f"the script of faults cannot be read: {error}",
            where=str(path),
            remedy=f"Its columns are {', '.join(COLUMNS)}.",
        ) from error
    return tuple(_fault(where, row, path) for where, row in rows)


def _csv(text: str) -> list[tuple[str, Mapping[str, Any]]]:
    # Remarks and blank lines count, so that a line is found where an editor shows it.
    lines = [
        (number, [cell.strip() for cell in next(csv.reader([line]))])
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]
    columns = lines[0][1] if lines else []
    if missing := [name for name in _NEEDED if name not in columns]:
        raise ValueError(f"the columns {missing} are missing")
    if unknown := [name for name in columns if name not in COLUMNS]:
        raise ValueError(f"the columns {unknown} are unknown")
    rows: list[tuple[str, Mapping[str, Any]]] = []
    for number, cells in lines[1:]:
        if len(cells) != len(columns):
            raise ValueError(f"line {number} has {len(cells)} cells under {len(columns)} columns")
        given = {name: cell for name, cell in zip(columns, cells, strict=True) if cell}
        rows.append((f"line {number}", given))
    return rows


def _toml(text: str) -> list[tuple[str, Mapping[str, Any]]]:
    document = tomllib.loads(text, parse_float=Decimal)
    faults = document.get("faults", [])
    if set(document) - {"faults"} or not isinstance(faults, list):
        raise ValueError("it consists of tables [[faults]]")
    if not all(isinstance(row, dict) for row in faults):
        raise ValueError("each of the faults is a table")
    return [(f"fault {number}", row) for number, row in enumerate(faults, 1)]


def _fault(where: str, row: Mapping[str, Any], path: Path) -> Fault:
    try:
        if missing := [name for name in _NEEDED if not row.get(name)]:
            raise ValueError(f"{', '.join(missing)} is missing")
        if unknown := [name for name in row if name not in COLUMNS]:
            raise ValueError(f"{', '.join(unknown)} is unknown")
        return Fault(**{name: _VALUES.get(name, str)(value) for name, value in row.items()})
    except ValueError as error:
        raise ConfigurationError(
            f"{where} of the script of faults is not valid: {error}",
            where=str(path),
            remedy="Correct it; nothing was played.",
        ) from error


def _number(value: object) -> Decimal:
    try:
        number = Decimal(str(value))
        if not number.is_finite() or to_amount(number) != number:
            raise ValueError(f"{value!r} is not a number of at most eight decimals")
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    return number


def _day(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _several(value: object) -> tuple[str, ...]:
    return (
        tuple(str(each) for each in value) if isinstance(value, list) else tuple(str(value).split())
    )


_NUMBERS = ("quantity", "price", "amount", "other_amount", "factor", "basis_share")
_VALUES: Mapping[str, Callable[[object], Any]] = {
    **dict.fromkeys(_NUMBERS, _number),
    "session": _day,
    "until": _day,
    "questions": _several,
}
