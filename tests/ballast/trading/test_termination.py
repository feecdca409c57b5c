"""Emergencies end: by a variant that falls, on thousands of random portfolios at a broker that hinders them."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.ballast.trading.episodes import carry_out
from tests.ballast.trading.portfolios import portfolio
from tests.ballast.trading.solvency import expected_outcome


def _repair_all(seeds: range) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for seed in seeds:
        broker, policy = portfolio(seed)
        expected = expected_outcome(broker, policy)
        episode = carry_out(broker, policy)
        last = episode.last
        said = f"portfolio {seed} ended after {episode.days} days: {last.outcome}, {last.why}"
        assert last.outcome in {"repaired", "halted", "cannot_pay"}, said
        assert (last.outcome == "repaired") == (broker.shortfall() == 0), said
        assert expected in {None, last.outcome}, f"{said}, not {expected}"
        assert bool(last.held_back) == (last.outcome == "halted"), said
        outcomes[f"{last.outcome}, expected {expected}"] += 1
    return outcomes


def test_emergencies_end_and_pay_whenever_they_can() -> None:
    outcomes = _repair_all(range(300))
    # The portfolios are worth trying: both ends are certain for many of them.
    assert outcomes["repaired, expected repaired"] > 50
    assert outcomes["cannot_pay, expected cannot_pay"] > 30


@pytest.mark.slow
def test_ten_thousand_emergencies_end_and_pay_whenever_they_can() -> None:
    _repair_all(range(300, 10_300))
