"""The newest session of a portfolio by the clock: what is not of it is history."""

from __future__ import annotations

from datetime import date, timedelta

from resources.clock import today
from resources.workspace import Workspace

_LONGEST_HOLIDAY = 14


def newest_session(workspace: Workspace) -> date | None:
    """Return the newest session that has ended, or the last one of a portfolio that is not live; None before the first.

    A session ends at midnight UTC, when every exchange in use has closed.
    """
    sessions, exchanges = workspace.portfolio.sessions, workspace.portfolio.exchanges
    day = today() - timedelta(days=1)
    if sessions.last is not None:
        day = min(day, sessions.last)
    calendars = workspace.portfolio_calendars
    for _ in range(_LONGEST_HOLIDAY):
        if day < sessions.first:
            return None
        if calendars.any_session(exchanges, day):
            return day
        day -= timedelta(days=1)
    return None
