from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.planning.search import Objective, by_objective, evaluate, pareto
from ballast.planning.search.enumeration import all_sets
from ballast.planning.search.objectives import ALL_OBJECTIVES, losses
from tests.ballast.planning.search.problems import random_problem


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100_000), count=st.integers(1, 5))
def test_the_front_is_what_no_other_row_beats(seed: int, count: int) -> None:
    problem = random_problem(seed, trades=8)
    found = evaluate(problem, all_sets(problem.trade_security, 3))
    objectives = ALL_OBJECTIVES[:count]
    front = pareto(found, objectives)
    loss = losses(found, objectives)
    feasible = np.flatnonzero(found.feasible)
    kept = set(front.tolist())
    for row in feasible:
        beaten = (loss[feasible] <= loss[row]).all(axis=1) & (loss[feasible] < loss[row]).any(
            axis=1
        )
        equal_before = (loss[feasible] == loss[row]).all(axis=1) & (feasible < row)
        assert (row in kept) == (not beaten.any() and not equal_before.any())
    assert (np.diff(found.score[front]) <= 1e-12).all()


def test_what_is_not_known_is_no_objective() -> None:
    problem = random_problem(1, trades=8)
    unknown = replace(problem, targets=np.full(problem.securities, np.nan))
    sets = all_sets(problem.trade_security, 2)
    found = evaluate(unknown, sets)
    assert np.isnan(found.tracking).all()
    assert np.array_equal(pareto(found), pareto(found, ALL_OBJECTIVES[:4]))


@pytest.mark.parametrize("objective", list(Objective))
def test_rows_are_ordered_by_one_objective(objective: Objective) -> None:
    problem = random_problem(2, trades=8, with_covariance=True)
    found = evaluate(problem, all_sets(problem.trade_security, 3))
    order = by_objective(found, objective)
    loss = losses(found, (objective,))[order, 0]
    assert (np.diff(loss) >= 0.0).all()
    assert sorted(order.tolist()) == np.flatnonzero(found.feasible).tolist()


def test_the_cheapest_is_to_do_nothing() -> None:
    problem = random_problem(3, trades=8)
    found = evaluate(problem, all_sets(problem.trade_security, 2))
    assert by_objective(found, Objective.COST)[0] == 0
    assert by_objective(found, Objective.TURNOVER)[0] == 0
