"""The history that paper accounts begin with, from a CSV: date, account_id, action, symbol, quantity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path

import polars as pl

from ballast.errors import ConfigurationError

_DEMONSTRATION = "demonstration"
_ACTIONS = ("deposit", "withdraw", "buy", "sell", "exchange")
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
        table = pl.read_csv(path, infer_schema=False, comment_prefix="#")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigurationError(
            f"cannot read the opening history: {error}",
            where=str(path),
            remedy="Correct paper.opening in the portfolio file.",
        ) from error
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise ConfigurationError(
            f"the opening history lacks the columns {missing}",
            where=str(path),
            remedy=f"Its columns are {', '.join(_COLUMNS)}.",
        )
    events = [
        _event(row, number, path) for number, row in enumerate(table.iter_rows(named=True), 2)
    ]
    return sorted(events, key=lambda event: event.session)


def _event(row: dict[str, str], number: int, path: Path) -> OpeningEvent:
    try:
        if row["action"] not in _ACTIONS:
            raise ValueError(f"action {row['action']!r} is none of {', '.join(_ACTIONS)}")
        return OpeningEvent(
            event_id=f"opening-{number:04d}",
            session=date.fromisoformat(row["date"]),
            account_id=row["account_id"],
            action=row["action"],
            symbol=row["symbol"],
            quantity=Decimal(row["quantity"]),
        )
    except (ValueError, ArithmeticError, TypeError) as error:
        raise ConfigurationError(
            f"line {number} of the opening history is not valid: {error}",
            where=str(path),
            remedy="Correct the line; nothing was booked.",
        ) from error
