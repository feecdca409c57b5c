"""The morning after the demonstration's session, for a portfolio that has no last session."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

# A portfolio that goes on: all its newest session's orders are for this morning.
LIVE = (
    ('mode = "research"', 'mode = "live"'),
    ("last = 2020-08-20 ", "# last = 2020-08-20 "),
)
# Amsterdam trades, New York does not yet.
MORNING = datetime(2020, 8, 21, 9, tzinfo=UTC)


def wake_up(monkeypatch: pytest.MonkeyPatch, moment: datetime = MORNING) -> None:
    """Set the clocks by which Ballast knows what is today."""

    def today() -> date:
        return moment.date()

    monkeypatch.setattr("resources.newest_session.today", today)
    monkeypatch.setattr("resources.run_clock.now", lambda: moment)
