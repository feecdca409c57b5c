"""The solver: optimal by the conditions of Karush, Kuhn and Tucker, within every limit, and honest about failure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from ballast.planning.targets.limits import GroupLimits, Limits
from ballast.planning.targets.mean_variance import Securities
from ballast.planning.targets.quadratic import Floor, Turnover, minimise
from tests.ballast.builders import framewise
from tests.ballast.planning.targets.cases import (
    limits,
    problems,
    random_covariance,
    random_securities,
    two_groups,
)


def objective(weights: np.ndarray, securities: Securities, penalty: float) -> float:
    turnover = float(np.abs(weights - securities.start).sum())
    return float(weights @ securities.covariance @ weights) + penalty * turnover


@framewise
@given(problems(), st.sampled_from([0.0, 0.001, 0.05]))
def test_no_direction_that_the_limits_allow_is_better(
    problem: tuple[Securities, Limits], penalty: float
) -> None:
    securities, within = problem
    found = minimise(
        securities.covariance, np.zeros(len(within.lower)), within,
        turnover=Turnover(securities.start, penalty),
    )  # fmt: skip
    assert found.weights is not None, found.reason
    assert within.excess(found.weights) < 1e-9
    best = objective(found.weights, securities, penalty)
    # The objective is convex: were another feasible point better, so would be the way towards it. The best point for
    # the slope at the answer, with the turnover of the answer's sides, is found by another solver.
    slope = 2 * securities.covariance @ found.weights
    n = len(slope)
    cost = np.concatenate([slope, np.full(n, penalty)])
    identity = np.identity(n)
    groups = np.hstack([within.groups.membership, np.zeros((2, n))])
    other = linprog(
        cost,
        A_ub=np.vstack([groups, -groups, np.hstack([identity, -identity]), np.hstack([-identity, -identity])]),
        b_ub=np.concatenate([within.groups.upper, -within.groups.lower, securities.start, -securities.start]),
        A_eq=np.concatenate([np.ones(n), np.zeros(n)])[None, :],
        b_eq=[within.budget],
        bounds=[*zip(within.lower, within.upper, strict=True), *[(0, None)] * n],
    )  # fmt: skip
    assert other.status == 0
    reached = float(slope @ found.weights) + penalty * float(
        np.abs(found.weights - securities.start).sum()
    )
    assert reached - other.fun <= 1e-8 * max(abs(best), 1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_the_optimum_is_that_of_a_general_solver(seed: int) -> None:
    securities = random_securities(8, seed)
    within = limits(8, groups=two_groups(8, 0.3, 0.65))
    goal = 0.9 * float(np.sort(securities.expected_returns)[-4:].mean()) * within.budget
    found = minimise(
        securities.covariance, np.zeros(8), within, floor=Floor(securities.expected_returns, goal)
    )
    assert found.weights is not None
    rows = np.vstack(
        [within.groups.membership, -within.groups.membership, -securities.expected_returns]
    )
    ends = np.concatenate([within.groups.upper, -within.groups.lower, [-goal]])
    other = minimize(
        lambda w: w @ securities.covariance @ w,
        np.full(8, within.budget / 8),
        jac=lambda w: 2 * securities.covariance @ w,
        bounds=[(0, 0.3)] * 8,
        constraints=[
            {"type": "eq", "fun": lambda w: w.sum() - within.budget, "jac": lambda w: np.ones(8)},
            {"type": "ineq", "fun": lambda w: ends - rows @ w, "jac": lambda w: -rows},
        ],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert objective(found.weights, securities, 0.0) == pytest.approx(other.fun, rel=1e-8)
    assert found.weights @ securities.expected_returns >= goal - 1e-10


@framewise
@given(problems(), st.sampled_from([0.0, 1e-9, 1e-7, 1e-6, 1e-4]), st.sampled_from([1e-6, 1e-2]))
def test_limits_that_leave_almost_no_room_are_still_met(
    problem: tuple[Securities, Limits], room: float, below_the_best: float
) -> None:
    securities, within = problem
    n = len(within.lower)
    best = minimise(np.zeros((n, n)), -securities.expected_returns, within)
    assert best.weights is not None
    membership = within.groups.membership
    sums = membership @ best.weights
    narrow = Limits(
        within.lower, within.upper, within.budget,
        GroupLimits(membership, np.maximum(sums - room, 0.0), sums + room),
    )  # fmt: skip
    least = float(securities.expected_returns @ best.weights) - below_the_best
    found = minimise(
        securities.covariance, np.zeros(n), narrow, floor=Floor(securities.expected_returns, least)
    )
    assert found.weights is not None, found.reason
    assert narrow.excess(found.weights) < 1e-7


def test_what_cannot_move_stays_exactly() -> None:
    covariance = random_covariance(4, 1)
    fixed = Limits(
        np.array([0.1, 0.0, 0.0, 0.25]), np.array([0.1, 0.6, 0.6, 0.25]), 0.9, GroupLimits.none(4)
    )
    found = minimise(covariance, np.zeros(4), fixed)
    assert found.weights is not None
    assert found.weights[[0, 3]].tolist() == [0.1, 0.25]
    assert found.weights.sum() == pytest.approx(0.9, abs=1e-12)


def test_when_nothing_can_move_the_answer_is_what_is_there_or_why_not() -> None:
    covariance, still = random_covariance(2, 1), np.array([0.4, 0.5])
    there = minimise(covariance, np.zeros(2), Limits(still, still, 0.9, GroupLimits.none(2)))
    assert there.weights is not None
    assert there.weights.tolist() == [0.4, 0.5]
    short = minimise(covariance, np.zeros(2), Limits(still, still, 0.8, GroupLimits.none(2)))
    assert short.weights is None
    assert short.reason == "no weights meet all limits"


def test_limits_that_nothing_meets_are_said_to_be_so() -> None:
    within = limits(6, groups=two_groups(6, 0.7, 0.8))
    found = minimise(random_covariance(6, 2), np.zeros(6), within)
    assert found.weights is None
    assert found.reason == "no weights meet all limits"


def test_an_answer_does_not_depend_on_what_was_solved_before() -> None:
    covariance, other = random_covariance(7, 3), random_covariance(7, 4) * 1000

    def solve(matrix: np.ndarray) -> bytes:
        found = minimise(matrix, np.zeros(7), limits(7))
        assert found.weights is not None
        return found.weights.tobytes()

    first = solve(covariance)
    solve(other)
    assert solve(covariance) == first
