"""Trading calendars as plain data: which days are sessions of which exchange.

The sessions themselves come from `resources.calendars`; nothing here computes holidays.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from ballast.errors import ConfigurationError

# Exchanges that trade, or report trades, on both sides of midnight UTC; a day of all others lies within one.
_ZONES = {
    **dict.fromkeys(["XNYS", "XNAS", "XASE", "XBOG", "XCBO", "XLIM"], "America/New_York"),
    "XTSE": "America/Toronto", "XCBF": "America/Chicago", "XMEX": "America/Mexico_City",
    "XSGO": "America/Santiago", "XBUE": "America/Argentina/Buenos_Aires",
    "XBSP": "America/Sao_Paulo", "XASX": "Australia/Sydney", "XNZE": "Pacific/Auckland",
}  # fmt: skip


def end_of_session(session: date) -> datetime:
    """Return the moment at which everything of a session is known: midnight UTC after it.

    Every exchange in use closes before that; an event at this moment belongs to the next day.
    """
    return datetime.combine(session + timedelta(days=1), time(0), tzinfo=UTC)


def local_dates(moment: str, exchange: str) -> pl.Expr:
    """Return the dates of a column of moments on the exchanges in another column."""
    local = pl.col(moment).dt.convert_time_zone("UTC").dt.date()
    for zone in sorted(set(_ZONES.values())):
        there = [name for name, its_zone in _ZONES.items() if its_zone == zone]
        local = (
            pl.when(pl.col(exchange).is_in(there))
            .then(pl.col(moment).dt.convert_time_zone(zone).dt.date())
            .otherwise(local)
        )
    return local


@dataclass(frozen=True)
class TradingCalendars:
    """Sorted sessions per exchange (MIC)."""

    sessions_by_exchange: Mapping[str, tuple[date, ...]]

    def sessions(self, exchange: str) -> tuple[date, ...]:
        """Return all known sessions of an exchange."""
        try:
            return self.sessions_by_exchange[exchange]
        except KeyError:
            raise ConfigurationError(
                f"exchange {exchange!r} has no calendar",
                where="securities.exchange",
                remedy=f"Use one of {sorted(self.sessions_by_exchange)}.",
            ) from None

    def is_session(self, exchange: str, day: date) -> bool:
        """Say whether the exchange trades on a day."""
        sessions = self.sessions(exchange)
        at = bisect.bisect_left(sessions, day)
        return at < len(sessions) and sessions[at] == day

    def sessions_between(self, exchange: str, first: date, last: date) -> tuple[date, ...]:
        """Return the sessions from first to last, both included."""
        sessions = self.sessions(exchange)
        return sessions[bisect.bisect_left(sessions, first) : bisect.bisect_right(sessions, last)]

    def sessions_of_any(self, exchanges: Iterable[str], first: date, last: date) -> list[date]:
        """Return the days from first to last, both included, on which at least one of the exchanges trades."""
        days = {d for exchange in exchanges for d in self.sessions_between(exchange, first, last)}
        return sorted(days)

    def sessions_since(self, exchange: str, observed: date, as_of: date) -> int:
        """Count the sessions after `observed` up to and including `as_of`."""
        return len(self.sessions_between(exchange, observed + timedelta(days=1), as_of))

    def any_session(self, exchanges: Iterable[str], day: date) -> bool:
        """Say whether at least one of the exchanges trades on a day."""
        return any(self.is_session(exchange, day) for exchange in exchanges)
