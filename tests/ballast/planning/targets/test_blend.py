"""Blending, crumbs and steps keep bounds and budget."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.planning.targets.blend import (
    Answers,
    blended,
    fitted,
    in_steps,
    nearest,
    without_crumbs,
)
from ballast.planning.targets.limits import GroupLimits, Limits
from ballast.planning.targets.mean_variance import Securities
from tests.ballast.builders import framewise
from tests.ballast.planning.targets.cases import limits, problems, settings, two_groups


@framewise
@given(problems(), st.data())
def test_scaled_weights_keep_bounds_and_budget(
    problem: tuple[Securities, Limits], data: st.DataObject
) -> None:
    within = problem[1].without_groups()
    n = len(within.lower)
    shares = np.array(data.draw(st.lists(st.floats(0, 1), min_size=n, max_size=n)))
    assert within.excess(fitted(shares, within)) < 1e-9


def test_weights_within_bounds_are_scaled_alike() -> None:
    weights = fitted(np.array([0.5, 0.3, 0.2]), limits(3, cap=1.0, budget=0.9))
    assert weights.tolist() == pytest.approx([0.45, 0.27, 0.18])


def test_a_bound_passes_the_rest_to_the_others() -> None:
    weights = fitted(np.array([0.8, 0.1, 0.1]), limits(3, cap=0.5, budget=0.9))
    assert weights.tolist() == pytest.approx([0.5, 0.2, 0.2])


def test_the_nearest_is_no_further_than_any_other_that_is_allowed() -> None:
    within = limits(4, cap=0.4, budget=1.0, groups=two_groups(4, 0.4, 0.6))
    wanted = np.array([0.4, 0.0, 0.4, 0.2])
    found = nearest(wanted, within).weights
    assert found is not None
    assert found.tolist() == pytest.approx([0.3, 0.1, 0.3, 0.3], abs=1e-6)


def test_what_is_allowed_stays_as_it_is() -> None:
    within = limits(3, budget=0.6)
    weights = np.array([0.3, 0.2, 0.1])
    assert nearest(weights, within).weights is weights


def test_a_missing_answer_leaves_the_other_alone_and_says_so() -> None:
    within, alone = limits(3, cap=0.5, budget=1.0), np.array([0.5, 0.3, 0.2])
    for answers, name in (
        (Answers(alone, None), "mean-variance"),
        (Answers(None, alone), "hierarchical"),
    ):
        weights, _, attempts = blended(answers, [("none", within)], settings())
        assert weights is not None
        assert weights.tolist() == alone.tolist()
        assert attempts[-1].outcome == "adjusted"
        assert attempts[-1].detail == f"{name} alone, because the other is missing"


def test_without_any_answer_there_is_no_blend() -> None:
    weights, _, attempts = blended(Answers(None, None), [("none", limits(3))], settings())
    assert weights is None
    assert attempts[-1].detail == "mean-variance and hierarchical risk parity both failed"


@pytest.mark.parametrize(("share", "first"), [(0.0, 0.5), (1.0, 0.1), (0.25, 0.4)])
def test_both_answers_are_mixed(share: float, first: float) -> None:
    answers = Answers(np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.4, 0.5]))
    weights, _, _ = blended(
        answers, [("none", limits(3, cap=0.6, budget=1.0))], settings(blend=share)
    )
    assert weights is not None
    assert weights[0] == pytest.approx(first)


def test_crumbs_are_given_up_and_the_rest_takes_their_place() -> None:
    within = limits(4, cap=0.6, budget=1.0)
    weights, attempts = without_crumbs(np.array([0.5, 0.493, 0.004, 0.003]), within, 0.005)
    assert weights.tolist() == pytest.approx([0.5035, 0.4965, 0.0, 0.0])
    assert attempts[0].detail == "2 weights below 0.50% were given up"


def test_a_crumb_that_must_be_held_stays() -> None:
    within = Limits(np.array([0.0, 0.002]), np.array([1.0, 1.0]), 1.0, GroupLimits.none(2))
    weights, attempts = without_crumbs(np.array([0.998, 0.002]), within, 0.005)
    assert weights.tolist() == [0.998, 0.002]
    assert attempts == []


def test_crumbs_stay_where_the_limits_need_them() -> None:
    within = limits(3, cap=0.4985, budget=1.0)
    weights, attempts = without_crumbs(np.array([0.4985, 0.4985, 0.003]), within, 0.005)
    assert weights[2] == 0.003
    assert attempts[-1].outcome == "failed"


def test_a_large_change_goes_half_way_for_every_security() -> None:
    within = limits(3, cap=0.9, budget=0.9)
    current, wanted = np.array([0.6, 0.2, 0.1]), np.array([0.1, 0.2, 0.6])
    weights, attempts = in_steps(wanted, current, within, settings())
    assert weights.tolist() == pytest.approx([0.35, 0.2, 0.35])
    assert "50.0%" in attempts[0].detail
    unchanged, silent = in_steps(wanted, current, within, settings(gradual_limit=0.5))
    assert unchanged is wanted
    assert silent == []


def test_a_large_change_goes_half_way_across_a_bound_as_well() -> None:
    within = limits(5, cap=0.25, budget=0.97)
    current = np.array([0.97, 0.0, 0.0, 0.0, 0.0])
    wanted = np.array([0.25, 0.18, 0.18, 0.18, 0.18])
    weights, (attempt,) = in_steps(wanted, current, within, settings())
    assert weights.tolist() == pytest.approx([0.61, 0.09, 0.09, 0.09, 0.09])
    assert "1 still beyond the bounds" in attempt.detail


def test_a_bound_that_the_weight_has_left_behind_below_is_approached_in_steps() -> None:
    within = Limits(np.array([0.4, 0.0]), np.ones(2), 1.0, GroupLimits.none(2))
    weights, (attempt,) = in_steps(np.array([0.4, 0.6]), np.array([0.0, 1.0]), within, settings())
    assert weights.tolist() == pytest.approx([0.2, 0.8])
    assert "1 still beyond the bounds" in attempt.detail


@framewise
@given(problems(), st.integers(0, 1000))
def test_a_step_is_never_further_from_the_bounds_than_what_is_held(
    problem: tuple[Securities, Limits], seed: int
) -> None:
    within = problem[1].without_groups()
    n = len(within.lower)
    current = np.random.default_rng(seed).dirichlet(np.ones(n)) * 0.9
    wanted = fitted(problem[0].start, within)
    weights, _ = in_steps(wanted, current, within, settings(gradual_limit=0.05))
    assert weights.sum() == pytest.approx(within.budget, abs=1e-8)
    assert (weights >= np.minimum(within.lower, current) - 1e-9).all()
    assert (weights <= np.maximum(within.upper, current) + 1e-9).all()


def test_half_way_still_adds_up_to_the_budget() -> None:
    within = limits(3, cap=0.9, budget=0.9)
    weights, (attempt,) = in_steps(np.array([0.5, 0.2, 0.2]), np.zeros(3), within, settings())
    assert weights.sum() == pytest.approx(0.9, abs=1e-12)
    assert "45.00% more are then spread, so that they add up to 90.00%" in attempt.detail
