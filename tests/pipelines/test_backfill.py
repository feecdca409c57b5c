"""A backfill is a backtest: the crash of March 2020, session by session."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipelines.execution import Runner
from tests.demonstration import SESSION, Demonstration

FIRST, LAST = date(2020, 2, 20), date(2020, 4, 30)


def regime_of(demonstration: Demonstration, session: date) -> str:
    return demonstration.read("regime_detection", session).row(-1, named=True)["regime"]


def test_the_regime_turns_in_the_crash(tmp_path: Path) -> None:
    demonstration = Demonstration.create(tmp_path)
    # Today's session first: what it loads must not reach into the past.
    sessions = [SESSION, FIRST, date(2020, 3, 3), date(2020, 3, 16)]
    for session in sessions:
        assert demonstration.run(session).success
    regimes = [regime_of(demonstration, session) for session in sessions]
    assert regimes == ["bull", "bull", "bear", "bear"]
    assert set(demonstration.read("reconciliation_report", FIRST)["outcome"]) == {"matched"}


def test_the_reserve_follows_the_regime(tmp_path: Path) -> None:
    demonstration = Demonstration.create(tmp_path)
    shares = {}
    # On the days of the crash itself the guards stop planning.
    bear = date(2020, 4, 14)
    for session in (FIRST, bear):
        assert demonstration.run(session).success
        plan = demonstration.read("account_plans", session).row(0, named=True)
        shares[session] = float(plan["reserve"] / (plan["value_before"] - plan["fees"]))
    assert shares[FIRST] == pytest.approx(0.02)
    assert shares[bear] == pytest.approx(0.05)


@pytest.mark.slow
def test_a_backfill_of_the_crash_shows_the_regime_turning_and_back(tmp_path: Path) -> None:
    demonstration = Demonstration.create(tmp_path)
    sessions = Runner(demonstration.workspace).sessions(FIRST, LAST)
    assert len(sessions) == 50
    for session in sessions:
        assert demonstration.run(session).success, session
    regimes = [regime_of(demonstration, session) for session in sessions]
    turns = [regime for index, regime in enumerate(regimes) if regime != regimes[index - 1 : index]]
    assert regimes[0] == "bull"
    assert regimes.count("bear") > 25
    assert regimes.index("bear") < 15
    assert turns
    for session in sessions:
        assert set(demonstration.read("reconciliation_report", session)["outcome"]) == {"matched"}
