"""A case as arrays: what is spoken for is part of the total, and no cash to the search."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ballast.planning.problem import problem_of
from tests.ballast.planning.accounts import account, candidate
from tests.ballast.planning.opportunities.cases import case_of


def test_what_is_owed_or_committed_is_the_last_holding_and_worth_no_score() -> None:
    facts = account(candidate("A", quantity=Decimal(10)), cash={"EUR": Decimal(5_000)})
    plain = problem_of(case_of(facts), [])
    spoken_for = replace(facts, owed=Decimal(700), committed=Decimal(300))
    problem = problem_of(case_of(spoken_for), [])
    assert (plain.cash, plain.holdings.tolist()) == (5_000.0, [1_000.0, 0.0])
    # What open orders will take has left the balances before; what is owed is still among them.
    assert problem.cash == 4_300.0
    assert problem.holdings.tolist() == [1_000.0, 1_000.0]
    assert problem.total == pytest.approx(plain.total + 300.0)
    assert problem.return_score[-1] == problem.quality[-1] == problem.dividend_yield[-1] == 0.0


def test_a_short_position_is_a_liability_that_is_kept_in_cash() -> None:
    facts = account(candidate("A", quantity=Decimal(-10)), cash={"EUR": Decimal(5_000)})
    problem = problem_of(case_of(facts), [])
    assert (problem.cash, problem.holdings.tolist()) == (4_000.0, [0.0, 0.0])
