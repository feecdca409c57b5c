"""The only place that reads the wall clock."""

from __future__ import annotations

from datetime import UTC, date, datetime


def now() -> datetime:
    """Return the current moment, UTC."""
    return datetime.now(UTC)


def today() -> date:
    """Return the current day, UTC."""
    return now().date()
