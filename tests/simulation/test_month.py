"""A month of faults: every one is found, nearly every one is named right, and no clean day raises an alarm."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.simulation.month import Score, play
from tests.simulation.recipes import RECIPES


def test_every_fault_of_a_week_and_a_half_is_found_named_and_resolved(tmp_path: Path) -> None:
    score = play(tmp_path, accounts=9, sessions=7, seed=1)
    _print(score)
    assert score.injected.total() >= 20
    _require(score)


@pytest.mark.slow
def test_every_fault_of_a_month_over_fifty_accounts_is_found_named_and_resolved(
    tmp_path: Path,
) -> None:
    score = play(tmp_path, accounts=50, sessions=21, seed=2020)
    _print(score)
    assert set(score.injected) == set(RECIPES)
    assert min(score.injected.values()) >= 3
    _require(score)


def _require(score: Score) -> None:
    said = "\n".join(score.misses)
    assert score.alarms == []
    assert score.clean_days > 0
    assert score.found == score.injected, said
    assert score.share(score.named_right) >= 0.95, said
    assert score.resolved == score.injected, said
    assert score.repeated == [], "what was booked is proposed again"


def _print(score: Score) -> None:
    days = f"{score.clean_days} account-days without a fault, {len(score.alarms)} false alarms"
    sys.stdout.write("\n\n".join([score.by_kind(), score.by_cause(), days, *score.misses]))
