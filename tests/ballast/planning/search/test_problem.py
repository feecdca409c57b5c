from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ballast.planning.search import BALANCED, ProblemError
from ballast.planning.search.problem import execution_order
from tests.ballast.planning.search.problems import random_problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("holdings", np.full(12, -1.0)),
        ("return_score", np.zeros(11)),
        ("cash", -1e9),
        ("cash", float("nan")),
        ("reserve_share", 1.5),
        ("trade_security", np.full(14, 12)),
        ("trade_value", np.zeros(14)),
        ("trade_cost", np.full(14, -1.0)),
        ("trade_tax", np.ones(14)),
        ("quality", np.full(12, np.nan)),
        ("group", np.full(12, 3)),
        ("targets", np.full(12, -0.1)),
        ("covariance", np.zeros((2, 2))),
        ("cost_penalty", -0.1),
        ("profile", replace(BALANCED, stability=-0.1)),
    ],
)
def test_what_cannot_be_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ProblemError) as refusal:
        replace(random_problem(1), **{name: value})
    assert refusal.value.where == f"Problem.{name}"


def test_sales_come_first_then_the_order_of_the_securities() -> None:
    problem = random_problem(2)
    order = execution_order(problem)
    buys = problem.is_buy[order]
    assert not (buys[:-1] & ~buys[1:]).any()
    for side in (True, False):
        assert (np.diff(problem.trade_security[order][buys == side]) >= 0).all()


def test_the_order_of_the_candidates_does_not_change_the_order_of_execution() -> None:
    problem = random_problem(3)
    mixed = np.random.default_rng(0).permutation(problem.trades)
    one = problem.with_trades(execution_order(problem))
    permuted = problem.with_trades(mixed)
    other = permuted.with_trades(execution_order(permuted))
    assert np.array_equal(one.trade_value, other.trade_value)
    assert np.array_equal(one.trade_security, other.trade_security)
