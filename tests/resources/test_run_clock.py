"""The clock of a run: history is simulated at its closes, and only today's real orders see the real time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from resources import clock, run_clock
from resources.run_clock import RunClock
from resources.workspace import Workspace
from tests.demonstration import SESSION, Demonstration

LIVE = ("last = 2020-08-20 ", "# last = 2020-08-20 ")


@pytest.fixture
def recorded(tmp_path: Path) -> Workspace:
    return Demonstration.create(tmp_path).workspace


@pytest.fixture
def live(tmp_path: Path) -> Workspace:
    return Demonstration.create(tmp_path, LIVE).workspace


@pytest.mark.parametrize("session", [SESSION, date(2020, 8, 19), date(2019, 1, 2)])
def test_a_recorded_session_stands_at_its_closes_even_if_it_is_the_last(
    recorded: Workspace, session: date
) -> None:
    found = RunClock.of(recorded, session)
    assert found.is_simulated
    assert found.newest == SESSION
    assert found.moment == datetime.combine(session, time(20), tzinfo=UTC)


def test_in_the_past_an_exchange_is_open_if_it_had_a_session(recorded: Workspace) -> None:
    independence = date(2020, 7, 3)
    found = RunClock.of(recorded, independence)
    new_york = found.market(recorded, "XNYS", independence)
    amsterdam = found.market(recorded, "XAMS", independence)
    assert (new_york.is_open, new_york.hours) == (False, "no session on 2020-07-03")
    assert (amsterdam.is_open, amsterdam.hours) == (True, "simulated at the close of 2020-07-03")
    assert {new_york.exchange, amsterdam.exchange} == {"XNYS", "XAMS"}


def test_a_past_session_of_a_live_portfolio_is_simulated_like_a_recorded_one(
    live: Workspace,
) -> None:
    found = RunClock.of(live, SESSION)
    assert found.is_simulated
    assert found.newest is not None
    assert found.newest > SESSION
    assert found.moment == datetime.combine(SESSION, time(20), tzinfo=UTC)
    assert found.market(live, "XHKG", SESSION).is_open


@pytest.mark.parametrize(("hour", "is_open"), [(17, True), (3, False)])
def test_the_newest_session_of_a_live_portfolio_has_the_real_clock(
    live: Workspace, monkeypatch: pytest.MonkeyPatch, hour: int, is_open: bool
) -> None:
    # Seventeen hours UTC is within every session of New York, a half day's too, in summer and winter.
    trading_day = live.portfolio_calendars.sessions_between(
        "XNYS", clock.today() - timedelta(days=14), clock.today()
    )[-1]
    moment = datetime.combine(trading_day, time(hour), tzinfo=UTC)
    monkeypatch.setattr(run_clock, "now", lambda: moment)
    newest = RunClock.of(live, SESSION).newest
    assert newest is not None
    found = RunClock.of(live, newest)
    assert (found.is_simulated, found.moment, found.newest) == (False, moment, newest)
    market = found.market(live, "XNYS", newest)
    assert market.is_open is is_open
    # The hours are those of the real day, not of the session.
    assert market.hours.endswith("America/New_York")
    assert "simulated" not in market.hours


def test_the_real_clock_asks_the_real_hours_of_today_not_those_of_the_newest_session(
    live: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    saturday = clock.today()
    while saturday.weekday() != 5:
        saturday -= timedelta(days=1)
    noon = datetime.combine(saturday, time(17), tzinfo=UTC)
    monkeypatch.setattr(run_clock, "now", lambda: noon)
    newest = RunClock.of(live, SESSION).newest
    assert newest is not None
    market = RunClock.of(live, newest).market(live, "XNYS", newest)
    assert not market.is_open
    assert market.hours.startswith(f"no session on {saturday}; opens ")
