"""Exchange sessions from exchange_calendars, remembered in a file.

The library needs pandas, which takes a second to import; every process of the UI would pay it. The file holds plain
dates and is rebuilt when the library's version changes or its horizon comes near.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ballast.calendars import TradingCalendars
from ballast.errors import ConfigurationError
from resources.clock import today

_FIRST = date(2000, 1, 1)
_LEAST_HORIZON = timedelta(days=90)


def trading_calendars(exchanges: Sequence[str], remembered_in: Path) -> TradingCalendars:
    """Return the sessions of exchanges since 2000, up to about a year ahead.

    Parameters
    ----------
    exchanges : sequence of str
        Market identifier codes.
    remembered_in : Path
        Folder of the remembered sessions; where it cannot be written they are computed each time.

    Raises
    ------
    ConfigurationError
        If there is no calendar for an exchange.
    """
    release = version("exchange-calendars")
    return TradingCalendars(
        {exchange: _sessions(exchange, remembered_in, release) for exchange in exchanges}
    )


@cache
def _sessions(exchange: str, folder: Path, release: str) -> tuple[date, ...]:
    path = folder / f"sessions-{exchange}-{release}.json"
    remembered = _remembered(path)
    if remembered and remembered[-1] >= today() + _LEAST_HORIZON:
        return remembered
    computed = _computed(exchange)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps([day.isoformat() for day in computed]))
        partial.replace(path)
    except OSError:
        return computed
    return computed


def _remembered(path: Path) -> tuple[date, ...]:
    try:
        return tuple(date.fromisoformat(day) for day in json.loads(path.read_text()))
    except (OSError, ValueError):
        return ()


def _computed(exchange: str) -> tuple[date, ...]:
    import exchange_calendars

    try:
        calendar = exchange_calendars.get_calendar(exchange, start=_FIRST.isoformat())
    except exchange_calendars.errors.InvalidCalendarName as error:
        raise ConfigurationError(
            f"there is no trading calendar for exchange {exchange!r}",
            where="securities.exchange",
            remedy="Use a market identifier code such as XNYS, XAMS, XHKG.",
        ) from error
    return tuple(session.date() for session in calendar.sessions)
