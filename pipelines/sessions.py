"""Partitions: one per session date, which is a day on which at least one of the portfolio's exchanges trades."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import dagster as dg

from ballast.calendars import TradingCalendars
from ballast.configuration import Portfolio


def closed_days(
    calendars: TradingCalendars, exchanges: tuple[str, ...], first: date, last: date
) -> list[date]:
    """Return the days between first and last on which no exchange trades."""
    days = (last - first).days + 1
    every = (first + timedelta(days=number) for number in range(days))
    return [day for day in every if not calendars.any_session(exchanges, day)]


def session_partitions(
    portfolio: Portfolio, calendars: TradingCalendars
) -> dg.DailyPartitionsDefinition:
    """Return the sessions of a portfolio as daily partitions in UTC.

    A session's partition ends at midnight UTC, when every exchange in use has closed, so that no end offset is needed.
    """
    first = portfolio.sessions.first
    horizon = min(sessions[-1] for sessions in calendars.sessions_by_exchange.values())
    last = portfolio.sessions.last or horizon
    closed = closed_days(calendars, portfolio.exchanges, first, last)
    end = None
    if portfolio.sessions.last is not None:
        end = (portfolio.sessions.last + timedelta(days=1)).isoformat()
    return dg.DailyPartitionsDefinition(
        start_date=first.isoformat(),
        end_date=end,
        timezone="UTC",
        exclusions=[datetime.combine(day, time(0), tzinfo=UTC) for day in closed],
    )
