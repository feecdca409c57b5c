"""When exchanges are open, by exchange_calendars: holidays, half days and lunch breaks included.

The library needs pandas, which takes a second to import, so it is loaded only where the hour matters.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from ballast.calendars import end_of_session
from ballast.trading.gate import Market


def market_at(exchange: str, moment: datetime) -> Market:
    """Return whether an exchange trades at a moment, opening and closing minutes included.

    Parameters
    ----------
    exchange : str
        Market identifier code.
    moment : datetime
        Aware; hours are written in the exchange's own time zone.
    """
    calendar = _calendar(exchange, moment.year)
    zone = ZoneInfo(str(calendar.tz))
    day = moment.astimezone(zone).date()
    if not calendar.is_session(day.isoformat()):
        return Market(exchange, False, f"no session on {day}; {_next(calendar, day, zone)}")
    row = calendar.schedule.loc[day.isoformat()]
    opens, closes = row["open"].to_pydatetime(), row["close"].to_pydatetime()
    words = f"{_hour(opens, zone)} to {_hour(closes, zone)} {zone.key}"
    pause = _pause(row)
    if pause is not None:
        words += f", closed from {_hour(pause[0], zone)} to {_hour(pause[1], zone)}"
    # The break begins with the last minute of the morning and ends with the first of the afternoon.
    is_paused = pause is not None and pause[0] < moment < pause[1]
    return Market(exchange, opens <= moment <= closes and not is_paused, words)


def first_close(exchanges: Iterable[str], day: date) -> datetime:
    """Return the moment at which the first of some exchanges closes on a day; where none trades, the end of the day."""
    calendars = [_calendar(exchange, day.year) for exchange in exchanges]
    closes = [
        each.schedule.loc[day.isoformat()]["close"].to_pydatetime()
        for each in calendars
        if each.is_session(day.isoformat())
    ]
    return min(closes, default=end_of_session(day))


@cache
def _calendar(exchange: str, year: int) -> Any:
    """Return the sessions of a year and some weeks around it, so that a process may run for years."""
    import exchange_calendars

    first, last = date(year - 1, 12, 1), date(year + 1, 1, 31)
    return exchange_calendars.get_calendar(exchange, start=first.isoformat(), end=last.isoformat())


def _pause(row: Any) -> tuple[datetime, datetime] | None:
    begins, ends = row["break_start"], row["break_end"]
    # pandas writes no time as NaT, which equals nothing, not even itself.
    if begins != begins or ends != ends:  # noqa: PLR0124
        return None
    return begins.to_pydatetime(), ends.to_pydatetime()


def _next(calendar: Any, day: date, zone: ZoneInfo) -> str:
    following = calendar.date_to_session(day.isoformat(), direction="next")
    opens = calendar.schedule.loc[following]["open"].to_pydatetime()
    return f"opens {opens.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"


def _hour(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%H:%M}"
