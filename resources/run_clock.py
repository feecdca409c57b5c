"""The clock of a run: the real one for the newest session of a live portfolio, a simulated one for the past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ballast.calendars import end_of_session
from ballast.trading.gate import Market
from resources.clock import now
from resources.newest_session import newest_session
from resources.trading_hours import market_at
from resources.workspace import Workspace

# The simulated moment: the hour (UTC) at which paper orders of a session are filled, at its closes.
_AFTER_THE_CLOSES = timedelta(hours=4)


def simulated_moment(session: date) -> datetime:
    """Return the moment at which a session of the past is traded."""
    return end_of_session(session) - _AFTER_THE_CLOSES


@dataclass(frozen=True)
class RunClock:
    """What time it is for the orders of a session.

    Parameters
    ----------
    is_simulated : bool
        The session is history, so that its exchanges trade if they had a session, and time stands at its closes.
    """

    moment: datetime
    is_simulated: bool
    newest: date | None

    @classmethod
    def of(cls, workspace: Workspace, session: date) -> RunClock:
        """Return the clock of a run for a session."""
        newest = newest_session(workspace)
        is_simulated = workspace.portfolio.sessions.last is not None or session != newest
        moment = simulated_moment(session) if is_simulated else now()
        return cls(moment, is_simulated, newest)

    def market(self, workspace: Workspace, exchange: str, session: date) -> Market:
        """Return whether an exchange trades."""
        if not self.is_simulated:
            return market_at(exchange, self.moment)
        calendars = workspace.portfolio_calendars
        if calendars.is_session(exchange, session):
            return Market(exchange, True, f"simulated at the close of {session}")
        return Market(exchange, False, f"no session on {session}")
