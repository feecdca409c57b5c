"""Cells of a statement as numbers, days and moments; what cannot be read breaks a named rule.

The broker writes times without a zone and means New York.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

BROKER_ZONE = ZoneInfo("America/New_York")
# Far beyond any account, and inside what the decimal columns of the books hold.
LARGEST = Decimal(10) ** 15

_LONGEST = 60
_NUMBER = re.compile(
    r"[-+]?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?"
)
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[,;T ] ?([0-9]{2}:[0-9]{2}:[0-9]{2}))?(?: [A-Z]{3,4})?"
)
_LONG_DAY = re.compile(r"([A-Z][a-z]+) ([0-9]{1,2}), ([0-9]{4})")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_CURRENCY = re.compile(r"[A-Z]{3}")


class RowRefusedError(Exception):
    """A row breaks a rule and goes to quarantine; never leaves this package."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def number(cell: str) -> Decimal:
    """Read a number with or without thousands commas; a decimal comma is no number."""
    if len(cell) > _LONGEST or not _NUMBER.fullmatch(cell):
        raise RowRefusedError("number_not_readable")
    try:
        value = Decimal(cell.replace(",", ""))
    except ArithmeticError:
        raise RowRefusedError("number_not_readable") from None
    if abs(value) >= LARGEST:
        raise RowRefusedError("number_too_large")
    return value


def optional_number(cell: str | None) -> Decimal | None:
    """Read a number where the broker may leave the cell blank or write dashes."""
    return None if cell in {None, "", "-", "--", "N/A"} else number(str(cell))


def currency_code(cell: str) -> str:
    """Read the code of a currency."""
    if not _CURRENCY.fullmatch(cell):
        raise RowRefusedError("currency_not_readable")
    return cell


def asset_category(cell: str) -> str:
    """Read an asset category without the legal entity that holds the assets."""
    return cell.partition(" - ")[0]


def moment(cell: str) -> datetime:
    """Read a day with or without a time as the broker's local moment, in UTC; a bare day is its first instant."""
    match = _MOMENT.fullmatch(cell)
    try:
        if match is None:
            raise ValueError(cell)
        day = _in_range(date.fromisoformat(match[1]))
        clock = time.fromisoformat(match[2]) if match[2] else time()
    except ValueError:
        raise RowRefusedError("date_not_readable") from None
    return datetime.combine(day, clock, BROKER_ZONE).astimezone(UTC)


def local_day(at: datetime) -> date:
    """Return the broker's calendar day of a moment."""
    return at.astimezone(BROKER_ZONE).date()


def period(text: str) -> tuple[date, date]:
    """Read the first and last day of a period, which may be a single day."""
    first, _, last = text.partition(" - ")
    days = _long_day(first), _long_day(last or first)
    if days[0] > days[1]:
        raise RowRefusedError("period_ends_before_it_starts")
    return days


def codes(cell: str | None) -> tuple[str, ...]:
    """Split a cell of several codes."""
    return tuple(code.strip() for code in (cell or "").split(";") if code.strip())


def _long_day(text: str) -> date:
    match = _LONG_DAY.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError(text)
        return _in_range(date(int(match[3]), _MONTHS.index(match[1]) + 1, int(match[2])))
    except ValueError:
        raise RowRefusedError("period_not_readable") from None


def _in_range(day: date) -> date:
    if not 1970 <= day.year <= 2200:
        raise ValueError(day)
    return day
