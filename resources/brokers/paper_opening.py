"""The history that paper accounts begin with, from a CSV: date, account_id, action, symbol, quantity."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path

from ballast.errors import ConfigurationError
from ballast.money import ZERO, to_amount

_DEMONSTRATION = "demonstration"
_TOO_MUCH = Decimal("1e15")
# What the symbol of each action looks like.
_SYMBOLS = {
    "deposit": "[A-Z]{3}",
    "withdraw": "[A-Z]{3}",
    "exchange": "[A-Z]{3}/[A-Z]{3}",
    "buy": ".+",
    "sell": ".+",
}
_COLUMNS = ("date", "account_id", "action", "symbol", "quantity")


@dataclass(frozen=True)
class OpeningEvent:
    """One line of the opening history."""

    event_id: str
    session: date
    account_id: str
    action: str
    symbol: str
    quantity: Decimal


def read_opening(opening: str, base: Path) -> list[OpeningEvent]:
    """Read the opening history, in order.

    Parameters
    ----------
    opening : str
        `demonstration`, or a path relative to `base`.

    Raises
    ------
    ConfigurationError
        Naming the line that cannot be read; nothing is accepted in part.
    """
    if opening == _DEMONSTRATION:
        with as_file(files("ballast") / "recorded" / "demonstration_opening.csv") as path:
            return _parse(path)
    return _parse(base / opening)


def _parse(path: Path) -> list[OpeningEvent]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"cannot read the opening history: {error}",
            where=str(path),
            remedy="Correct paper.opening in the portfolio file.",
        ) from error
    # Comments and blank lines count, so that a line is found where an editor shows it.
    lines = [
        (number, next(csv.reader([line])))
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]
    columns = lines[0][1] if lines else []
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise ConfigurationError(
            f"the opening history lacks the columns {missing}",
            where=str(path),
            remedy=f"Its columns are {', '.join(_COLUMNS)}.",
        )
    events = [_event(columns, fields, number, path) for number, fields in lines[1:]]
    return sorted(events, key=lambda event: event.session)


def _event(columns: list[str], fields: list[str], number: int, path: Path) -> OpeningEvent:
    try:
        row = dict(zip(columns, fields, strict=True))
        if not row["account_id"]:
            raise ValueError("account_id is empty")
        return OpeningEvent(
            event_id=f"opening-{number:04d}",
            session=date.fromisoformat(row["date"]),
            account_id=row["account_id"],
            action=row["action"],
            symbol=_symbol(row["action"], row["symbol"]),
            quantity=_quantity(row["quantity"]),
        )
    except ValueError as error:
        raise ConfigurationError(
            f"line {number} of the opening history is not valid: {error}",
            where=str(path),
            remedy="Correct the line; nothing was booked.",
        ) from error


def _symbol(action: str, symbol: str) -> str:
    if action not in _SYMBOLS:
        raise ValueError(f"action {action!r} is none of {', '.join(_SYMBOLS)}")
    if not re.fullmatch(_SYMBOLS[action], symbol):
        raise ValueError(f"symbol {symbol!r} does not suit the action {action!r}")
    return symbol


def _quantity(text: str) -> Decimal:
    try:
        quantity = Decimal(text)
        if not ZERO < quantity < _TOO_MUCH or to_amount(quantity) != quantity:
            raise ValueError(f"quantity {text!r} is not positive, too large or of over 8 decimals")
    except ArithmeticError:
        raise ValueError(f"quantity {text!r} is not a number") from None
    return quantity
