from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.planning.search import (
    AGGRESSIVE,
    BALANCED,
    CONSERVATIVE,
    Problem,
    ProblemError,
    Profile,
    search,
    search_deeper,
)
from ballast.planning.search.bounds import bounds_of
from ballast.planning.search.branching import Bounds
from ballast.planning.search.effects import effects_of
from ballast.planning.search.enumeration import all_sets
from ballast.planning.search.evaluation import evaluate
from ballast.planning.search.problem import I64, execution_order
from tests.ballast.planning.search.problems import random_problem

SEEDS = st.integers(0, 100_000)
PROFILES = st.sampled_from(
    [BALANCED, CONSERVATIVE, AGGRESSIVE, Profile(1, 0, 0, 0, 0), Profile(0, 1, 0, 0, 0)]
)
CASH = st.sampled_from([-0.05, 0.0, 0.05, 0.5])


def _ordered(problem: Problem) -> Problem:
    order = execution_order(problem)
    return problem.with_trades(order[problem.fits[order]])


def _bound(bounds: Bounds, visit: I64, trades: np.ndarray, is_buy: np.ndarray) -> float:
    """Return the bound of one set as a whole, without any further trade."""
    place = np.argsort(visit)[trades]
    with_buy = bool(is_buy[trades].any())
    return max(
        min(
            bounds.start[family, number] + bounds.gain[family, number, place].sum()
            for number in range(bounds.start.shape[1])
        )
        for family in range(len(bounds.sales_only))
        if not (bounds.sales_only[family] and with_buy)
    )


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS, groups=st.integers(0, 4), profile=PROFILES, cash=CASH, start=st.integers(1, 3),
    keep=st.integers(1, 8),
)  # fmt: skip
def test_the_optimum_is_never_cut_off(
    seed: int, groups: int, profile: Profile, cash: float, start: int, keep: int
) -> None:
    problem = random_problem(
        seed, trades=11, securities=9, held=5, groups=groups, profile=profile, cash_share=cash
    )
    every = search(problem, depth=8, keep=keep, engine="arrays")
    few = search(problem, depth=start, keep=keep, engine="arrays")
    found = search_deeper(problem, depth=8, start=few, engine="arrays")
    assert (found.proved, found.gap, found.sets) == (True, 0.0, every.sets)
    assert np.array_equal(found.sequences, every.sequences[: len(found.sequences)])
    assert np.array_equal(found.evaluation.score, every.evaluation.score[: len(found.sequences)])


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, groups=st.integers(0, 4), profile=PROFILES, cash=CASH)
def test_no_feasible_set_exceeds_its_bound(
    seed: int, groups: int, profile: Profile, cash: float
) -> None:
    problem = _ordered(
        random_problem(seed, trades=9, groups=groups, profile=profile, cash_share=cash)
    )
    reference = search(problem, depth=2, keep=1).evaluation.score[0]
    bounds, visit = bounds_of(effects_of(problem), problem.trade_security, 5, float(reference))
    sets = all_sets(problem.trade_security, 5)
    evaluation = evaluate(problem, sets, engine="arrays")
    for row in np.flatnonzero(evaluation.feasible):
        trades = sets[row][sets[row] >= 0]
        excess = (evaluation.score[row] - reference) * evaluation.total[row]
        bound = _bound(bounds, visit, trades, problem.is_buy)
        assert bound >= excess - 1e-11 * problem.total
        assert bounds.least_total <= evaluation.total[row] * (1 + 1e-12)
        assert bounds.most_total >= evaluation.total[row] * (1 - 1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, cash=CASH)
def test_the_compiled_loop_finds_the_same_bits(seed: int, cash: float) -> None:
    problem = random_problem(seed, securities=25, held=12, trades=25, groups=4, cash_share=cash)
    start = search(problem, depth=2, keep=6)
    plain = search_deeper(problem, depth=6, start=start, engine="arrays", limit=500)
    compiled = search_deeper(problem, depth=6, start=start, engine="compiled", limit=500)
    assert np.array_equal(plain.sequences, compiled.sequences)
    assert (plain.proved, plain.gap, plain.feasible) == (
        compiled.proved, compiled.gap, compiled.feasible,
    )  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, limit=st.integers(0, 60))
def test_the_gap_left_by_a_limit_covers_the_optimum(seed: int, limit: int) -> None:
    problem = random_problem(seed, trades=11, securities=14, held=8)
    every = search(problem, depth=8, keep=1, engine="arrays")
    start = search(problem, depth=1, keep=1)
    found = search_deeper(problem, depth=8, start=start, limit=limit, engine="arrays")
    missing = every.evaluation.score[0] - found.evaluation.score[0]
    assert -1e-12 <= missing <= found.gap + 1e-12
    assert found.proved == (found.gap == 0.0)


def test_twenty_trades_of_sixty_candidates_are_proved_to_be_the_best() -> None:
    problem = random_problem(5, securities=60, held=30, trades=60, groups=5, one_trade_each=True)
    start = search(problem, depth=2, keep=5)
    found = search_deeper(problem, depth=20, start=start)
    assert found.proved
    assert len(found.best) > 10
    assert found.evaluation.score[0] > start.evaluation.score[0]
    assert found.compared_depth == 2


def test_the_order_of_the_candidates_changes_nothing() -> None:
    problem = random_problem(6, securities=20, held=10, trades=20)
    mixed = np.random.default_rng(0).permutation(problem.trades)
    permuted = problem.with_trades(mixed)
    one = search_deeper(problem, depth=12, start=search(problem, depth=2, keep=3))
    other = search_deeper(permuted, depth=12, start=search(permuted, depth=2, keep=3))
    assert one.best == tuple(int(mixed[trade]) for trade in other.best)


def test_fees_that_could_use_up_the_account_are_no_trouble() -> None:
    problem = random_problem(7, trades=10, cash_share=0.3)
    dear = replace(problem, trade_cost=np.full(10, 0.2 * problem.total))
    every = search(dear, depth=8, keep=4)
    found = search_deeper(dear, depth=8, start=search(dear, depth=1, keep=4))
    assert found.proved
    assert np.array_equal(found.sequences, every.sequences[: len(found.sequences)])
    open_ended = search_deeper(dear, depth=8, start=search(dear, depth=1, keep=4), limit=0)
    assert open_ended.gap in (0.0, math.inf)


def test_a_start_of_another_problem_is_refused() -> None:
    start = search(random_problem(8, trades=9), depth=2)
    with pytest.raises(ProblemError, match="search to start from"):
        search_deeper(random_problem(8, trades=10), depth=4, start=start)
    with pytest.raises(ProblemError, match="search to start from"):
        search_deeper(random_problem(8, trades=9), depth=1, start=start)
