"""Mean-variance: the documented order of objectives and levels, a target that is feasible, and costly turnover."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.planning.targets.limits import GroupLimits, Limits
from ballast.planning.targets.mean_variance import (
    OBJECTIVES,
    Securities,
    frontier_points,
    mean_variance,
)
from ballast.planning.targets.quadratic import Answer, minimise
from tests.ballast.builders import framewise
from tests.ballast.planning.targets.cases import (
    limits,
    problems,
    random_securities,
    settings,
    two_groups,
)


def risk(securities: Securities, weights: np.ndarray) -> float:
    return float(np.sqrt(weights @ securities.covariance @ weights))


def tried(found: Any) -> list[tuple[str | None, str | None, str]]:
    return [(attempt.level, attempt.objective, attempt.outcome) for attempt in found.attempts]


def test_the_target_return_is_reached_with_the_least_risk() -> None:
    securities, within = random_securities(8, 0), limits(8)
    found = mean_variance(securities, within, settings(target_return=0.10, turnover_penalty=0.0))
    assert found.weights is not None
    assert securities.expected_returns @ found.weights == pytest.approx(
        0.10 * within.budget, abs=1e-9
    )
    random = np.random.default_rng(5)
    for _ in range(200):
        other = np.clip(found.weights + random.normal(0, 0.02, 8), 0, 0.3)
        other *= within.budget / other.sum()
        if other.max() <= 0.3 and securities.expected_returns @ other >= 0.10 * within.budget:
            assert risk(securities, other) >= risk(securities, found.weights) - 1e-12


def test_a_target_above_the_feasible_is_lowered_to_it_and_said() -> None:
    securities, within = random_securities(8, 1), limits(8)
    found = mean_variance(securities, within, settings(target_return=0.30))
    assert found.weights is not None
    best = np.sort(securities.expected_returns)[::-1]
    most = 0.3 * best[:3].sum() + 0.05 * best[3]
    assert securities.expected_returns @ found.weights == pytest.approx(most, abs=2e-6)
    assert tried(found) == [("none", "efficient_return", "adjusted")]
    assert f"lowered to {most / within.budget:.2%}" in found.attempts[0].detail


def test_groups_that_cannot_be_met_are_halved_then_dropped() -> None:
    securities = random_securities(8, 2)
    halved = mean_variance(securities, limits(8, groups=two_groups(8, 0.6, 0.7)), settings())
    assert [(level, outcome) for level, _, outcome in tried(halved)] == [
        ("full", "failed"), ("halved", "adjusted"),
    ]  # fmt: skip
    assert halved.attempts[0].detail == "no weights meet all limits"
    dropped = mean_variance(securities, limits(8, groups=two_groups(8, 0.1, 0.2)), settings())
    assert [(level, outcome) for level, _, outcome in tried(dropped)] == [
        ("full", "failed"), ("halved", "failed"), ("none", "adjusted"),
    ]  # fmt: skip
    assert dropped.weights is not None


@pytest.mark.parametrize("failures", [1, 2, 3, 4])
def test_objectives_follow_each_other_in_the_documented_order(failures: int) -> None:
    """A solver that fails for the first objectives of the full level."""
    securities, within = random_securities(6, 3), limits(6, groups=two_groups(6, 0.2, 0.9))
    asked: list[int] = []

    def failing(*arguments: Any, **more: Any) -> Answer:
        asked.append(1)
        # The first question is for the greatest return; each objective then asks once before it gives up.
        if 1 < len(asked) <= 1 + failures:
            return Answer(None, f"failure {len(asked) - 1}")
        return minimise(*arguments, **more)

    found = mean_variance(securities, within, settings(risk_limit=1.0), failing)
    expected = [("full", objective, "failed") for objective in OBJECTIVES[:failures]]
    used = ("full", OBJECTIVES[failures]) if failures < 4 else ("halved", OBJECTIVES[0])
    assert tried(found) == [*expected, (*used, "adjusted")]
    assert [attempt.detail for attempt in found.attempts[:failures]] == [
        f"failure {number + 1}" for number in range(failures)
    ]


def test_the_configured_objective_comes_first_and_the_others_after_it() -> None:
    securities, within = random_securities(6, 4), limits(6)
    found = mean_variance(securities, within, settings(objective="efficient_risk", risk_limit=0.01))
    assert tried(found)[0] == ("none", "efficient_risk", "failed")
    assert "above 1.00%" in found.attempts[0].detail
    assert found.objective == "maximum_sharpe"


def test_efficient_risk_uses_up_the_risk_and_no_more() -> None:
    securities, within = random_securities(8, 5), limits(8)
    least = mean_variance(
        securities, within, settings(objective="minimum_volatility", turnover_penalty=0.0)
    )
    assert least.weights is not None
    limit = 1.1 * risk(securities, least.weights) / within.budget
    found = mean_variance(
        securities,
        within,
        settings(objective="efficient_risk", risk_limit=limit, turnover_penalty=0.0),
    )
    assert found.weights is not None
    assert risk(securities, found.weights) == pytest.approx(limit * within.budget, rel=1e-6)
    assert securities.expected_returns @ found.weights > securities.expected_returns @ least.weights


def test_no_point_of_the_frontier_has_a_better_ratio_than_the_one_of_maximum_sharpe() -> None:
    securities, within = random_securities(8, 6), limits(8)
    found = mean_variance(
        securities, within, settings(objective="maximum_sharpe", turnover_penalty=0.0)
    )
    assert found.weights is not None

    def ratio(weights: np.ndarray) -> float:
        return float(securities.expected_returns @ weights) / risk(securities, weights)

    best = max(ratio(weights) for weights in frontier_points(securities, within, 60))
    assert ratio(found.weights) >= best - 1e-9


def test_without_a_positive_expected_return_there_is_no_best_ratio() -> None:
    securities = random_securities(5, 7)
    losing = Securities(
        -np.abs(securities.expected_returns), securities.covariance, securities.start
    )
    found = mean_variance(losing, limits(5), settings(objective="maximum_sharpe"))
    assert found.attempts[0].detail == "no weights have a positive expected return"
    assert found.objective == "efficient_return"


@framewise
@given(problems())
def test_weights_keep_to_bounds_groups_and_budget(problem: tuple[Securities, Limits]) -> None:
    securities, within = problem
    found = mean_variance(securities, within, settings())
    assert found.weights is not None
    assert found.level == "full"
    assert within.excess(found.weights) < 1e-9


@framewise
@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_securities_does_not_matter(
    problem: tuple[Securities, Limits], random: Any
) -> None:
    securities, within = problem
    order = list(range(len(within.lower)))
    random.shuffle(order)
    moved = Securities(
        securities.expected_returns[order], securities.covariance[np.ix_(order, order)],
        securities.start[order],
    )  # fmt: skip
    groups = GroupLimits(
        within.groups.membership[:, order], within.groups.lower, within.groups.upper
    )
    shuffled = Limits(within.lower[order], within.upper[order], within.budget, groups)
    here = mean_variance(securities, within, settings())
    there = mean_variance(moved, shuffled, settings())
    assert here.weights is not None
    assert there.weights is not None
    np.testing.assert_allclose(there.weights, here.weights[order], atol=2e-6)


@framewise
@given(problems())
def test_costlier_turnover_never_moves_more(problem: tuple[Securities, Limits]) -> None:
    securities, within = problem
    moved = []
    for penalty in (0.0, 0.0005, 0.005, 0.05, 0.5):
        found = mean_variance(securities, within, settings(turnover_penalty=penalty))
        assert found.weights is not None
        moved.append(float(np.abs(found.weights - securities.start).sum()))
    assert all(later <= earlier + 1e-6 for earlier, later in pairwise(moved))


def test_the_frontier_rises_with_its_risk() -> None:
    securities, within = random_securities(8, 8), limits(8)
    points = frontier_points(securities, within, 12)
    risks = [risk(securities, weights) for weights in points]
    gains = [float(securities.expected_returns @ weights) for weights in points]
    assert len(points) == 12
    assert risks == sorted(risks)
    assert gains == sorted(gains)


def test_the_frontier_of_one_possible_portfolio_is_one_point() -> None:
    still = np.full(4, 0.2)
    points = frontier_points(
        random_securities(4, 9), Limits(still, still, 0.8, GroupLimits.none(4)), 12
    )
    assert [weights.tolist() for weights in points] == [still.tolist()]
