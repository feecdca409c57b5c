from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.planning.search import search
from ballast.planning.search.enumeration import all_sets
from ballast.planning.search.evaluation import evaluate
from ballast.planning.search.views import VIEWS, Category, best_per_view, count_trades
from tests.ballast.planning.search.problems import random_problem

PT, AD, RS, RB, OB = Category


@pytest.mark.parametrize(
    ("categories", "expected"),
    [
        ((AD, RB, OB), {"direct_buy", "opportunity_first"}),
        ((PT, AD, RB), {"profit_taking", "multi_sell", "mixed_strategy"}),
        (
            (RS, RB),
            {"rebalance", "multi_sell", "mixed_strategy", "deep_rebalance", "market_regime_sideways"},
        ),
        ((RS, RS, RS, RB), {"rebalance", "multi_sell"}),
        ((PT, AD), {"profit_taking", "averaging_down", "multi_sell", "mixed_strategy", "market_regime_bear"}),
        ((PT, OB, RB), {"multi_sell", "mixed_strategy", "market_regime_bull"}),
        ((PT, PT, PT), {"profit_taking", "multi_sell"}),
        ((), set()),
    ],
)  # fmt: skip
def test_a_set_belongs_to_the_patterns_that_would_have_built_it(
    categories: tuple[Category, ...], expected: set[str]
) -> None:
    problem = random_problem(1, trades=5, securities=12)
    sides = {PT: -1.0, RS: -1.0}
    count = len(categories)
    held = np.full(12, 1000.0)
    problem = replace(
        problem,
        holdings=held,
        trade_security=np.arange(5),
        trade_value=np.array([100.0 * sides.get(c, 1.0) for c in categories] + [1.0] * (5 - count)),
        trade_category=np.array([*categories, *[9] * (5 - count)], dtype=np.int64),
        trade_tax=np.zeros(5),
    )
    sequence = np.array([[*range(count), *[-1] * (5 - count)]], dtype=np.int32)
    counts = count_trades(problem, sequence, evaluate(problem, sequence), depth=5)
    belongs = {name for name, view in VIEWS.items() if view(counts)[0]}
    # These depend on amounts, not on categories.
    assert belongs - {"cash_generation", "cost_optimized", "adaptive", "single_best"} == expected


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_the_best_of_each_view_is_the_best_feasible_set_that_belongs_to_it(seed: int) -> None:
    problem = random_problem(seed, trades=10)
    found = best_per_view(problem, depth=4)
    sets = all_sets(problem.trade_security, 4)
    evaluation = evaluate(problem, sets)
    counts = count_trades(problem, sets, evaluation, depth=4)
    for name, view in VIEWS.items():
        own = view(counts) & evaluation.feasible
        assert (name in found.names) == own.any()
        if own.any():
            row = found.names.index(name)
            assert found.evaluation.score[row] == pytest.approx(
                evaluation.score[own].max(), rel=0, abs=1e-12
            )
            assert found.feasible[row] == own.sum()
    best = search(problem, depth=4, keep=1)
    assert found.evaluation.score.max() <= best.evaluation.score[0] + 1e-12


def test_there_is_a_view_for_each_of_the_thirteen_patterns() -> None:
    assert (
        len(
            {
                name.replace("_bull", "").replace("_bear", "").replace("_sideways", "")
                for name in VIEWS
            }
        )
        == 13
    )


def test_cash_generation_leaves_no_less_cash_and_adaptive_buys_what_is_missing() -> None:
    problem = random_problem(3, trades=14, cash_share=0.3)
    found = best_per_view(problem)
    rows = dict(zip(found.names, range(len(found.names)), strict=True))
    assert found.evaluation.cash[rows["cash_generation"]] >= problem.cash
    share = np.zeros(problem.groups)
    for security, value in enumerate(problem.holdings):
        if problem.group[security] >= 0:
            share[problem.group[security]] += value / problem.total
    for trade in found.sequences[rows["adaptive"]]:
        if trade >= 0:
            group = problem.group[problem.trade_security[trade]]
            assert share[group] < problem.group_targets[group] - 0.02
