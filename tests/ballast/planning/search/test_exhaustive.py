from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.planning.search import (
    Found,
    Problem,
    ProblemError,
    evaluate,
    search,
    search_deeper,
)
from ballast.planning.search.problem import execution_order
from tests.ballast.planning.search.problems import outcome, random_problem

SEEDS = st.integers(0, 100_000)


def _brute(problem: Problem, depth: int) -> tuple[dict[frozenset[int], float], int]:
    """Return the score of every feasible set, and how many sets there are."""
    scores, count = {frozenset[int](): outcome(problem, ()).score}, 0
    for size in range(1, depth + 1):
        for trades in itertools.combinations(range(problem.trades), size):
            if len({int(problem.trade_security[trade]) for trade in trades}) < size:
                continue
            count += 1
            found = outcome(problem, trades)
            if found.feasible:
                scores[frozenset(trades)] = found.score
    return scores, count


def _same(one: Found, other: Found) -> bool:
    pairs = ((one, other), (one.containing, other.containing), (one.without, other.without))
    return (
        one.feasible == other.feasible
        and all(np.array_equal(a.sequences, b.sequences) for a, b in pairs)
        and all(np.array_equal(a.evaluation.score, b.evaluation.score) for a, b in pairs)
        and np.array_equal(one.containing.exists, other.containing.exists)
    )


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, depth=st.integers(1, 4), cash=st.sampled_from([-0.02, 0.01, 0.05, 0.5]))
def test_nothing_that_brute_force_finds_is_missed(seed: int, depth: int, cash: float) -> None:
    problem = random_problem(seed, trades=8, securities=9, held=5, cash_share=cash)
    scores, count = _brute(problem, depth)
    found = search(problem, depth=depth, keep=12, engine="arrays")
    assert (found.sets, found.feasible) == (count, len(scores) - 1)
    ranked = sorted(scores.values(), reverse=True)[: len(found.sequences)]
    assert found.evaluation.score == pytest.approx(ranked, rel=0, abs=1e-12)
    assert found.evaluation.feasible.all()
    for trade in range(problem.trades):
        with_it = [score for trades, score in scores.items() if trade in trades]
        without = [score for trades, score in scores.items() if trade not in trades]
        assert found.containing.exists[trade] == bool(with_it)
        if with_it:
            assert trade in found.containing.sequences[trade]
            assert abs(found.containing.evaluation.score[trade] - max(with_it)) < 1e-12
        assert trade not in found.without.sequences[trade]
        assert abs(found.without.evaluation.score[trade] - max(without)) < 1e-12


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, depth=st.integers(1, 5), groups=st.integers(0, 4), keep=st.integers(1, 30))
def test_every_engine_and_any_number_of_threads_find_the_same_bits(
    seed: int, depth: int, groups: int, keep: int
) -> None:
    problem = random_problem(seed, trades=12, groups=groups)
    arrays = search(problem, depth=depth, keep=keep, engine="arrays")
    for threads in (1, 2, 3):
        assert _same(
            arrays, search(problem, depth=depth, keep=keep, engine="compiled", threads=threads)
        )


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_the_order_of_the_candidates_changes_nothing(seed: int) -> None:
    problem = random_problem(seed)
    mixed = np.random.default_rng(seed).permutation(problem.trades)
    one = search(problem, depth=4, engine="arrays")
    other = search(problem.with_trades(mixed), depth=4, engine="arrays")
    assert one.best == tuple(int(mixed[trade]) for trade in other.best)
    assert np.array_equal(one.evaluation.score, other.evaluation.score)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_a_further_candidate_never_lowers_the_best_score(seed: int) -> None:
    problem = random_problem(seed)
    best = [
        search(problem.with_trades(np.arange(count)), depth=3, keep=1).evaluation.score[0]
        for count in range(1, problem.trades + 1)
    ]
    assert (np.diff(best) >= -1e-12).all()


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, power=st.integers(-8, 8))
def test_an_account_of_another_size_makes_the_same_choice(seed: int, power: int) -> None:
    problem, factor = random_problem(seed), 2.0**power
    scaled = replace(
        problem,
        cash=problem.cash * factor,
        reserve_floor=problem.reserve_floor * factor,
        **{
            name: getattr(problem, name) * factor
            for name in ("holdings", "trade_value", "trade_cost", "trade_tax")
        },
    )
    one, other = search(problem, depth=4), search(scaled, depth=4)
    assert np.array_equal(one.sequences, other.sequences)
    assert one.evaluation.score == pytest.approx(other.evaluation.score, rel=0, abs=1e-14)


def _indifferent(values: list[float], costs: list[float]) -> Problem:
    """Return a problem in which every security is worth the same to the score."""
    problem = random_problem(1, securities=6, held=1, trades=len(values), groups=0)
    constant = np.full(6, 0.5)
    return replace(
        problem,
        holdings=np.zeros(6),
        cash=10_000.0,
        trade_security=np.arange(len(values)),
        trade_value=np.array(values),
        trade_cost=np.array(costs),
        trade_tax=np.zeros(len(values)),
        return_score=constant,
        promise_score=constant,
        stability_score=constant,
        quality=constant,
        dividend_yield=np.zeros(6),
    )


def test_of_equal_scores_the_set_of_fewer_trades_is_better() -> None:
    # One purchase of 400, or two of 200: the end state is worth the same.
    problem = _indifferent([200.0, 200.0, 400.0], [0.0, 0.0, 0.0])
    for engine in ("arrays", "compiled"):
        found = search(problem, depth=2, keep=30, engine=engine)  # type: ignore[arg-type]
        order = [tuple(int(t) for t in row if t >= 0) for row in found.sequences]
        assert order.index((2,)) < order.index((0, 1))
        assert order[0] == (0, 2)


def test_of_equal_sets_the_one_of_the_earlier_security_is_better() -> None:
    problem = _indifferent([300.0, 300.0, 300.0], [1.0, 1.0, 1.0])
    for engine in ("arrays", "compiled"):
        assert search(problem, depth=1, engine=engine).best == (0,)  # type: ignore[arg-type]


def test_of_equal_scores_the_cheaper_set_is_better() -> None:
    problem = replace(_indifferent([300.0, 300.0], [1.0, 1.0]), reserve_floor=0.0)
    # Nothing is scored, so only the costs differ.
    worthless = replace(
        problem, return_score=np.zeros(6), promise_score=np.zeros(6), stability_score=np.zeros(6),
        quality=np.zeros(6), trade_cost=np.array([2.0, 1.0]), cost_penalty=0.0,
    )  # fmt: skip
    found = search(worthless, depth=1, keep=3)
    assert found.sequences[:, 0].tolist() == [-1, 1, 0]


def test_a_trade_that_improves_nothing_is_not_made() -> None:
    problem = _indifferent([300.0], [10.0])
    worse = replace(problem, return_score=np.zeros(6), promise_score=np.zeros(6),
                    stability_score=np.zeros(6), quality=np.zeros(6))  # fmt: skip
    found = search(worse)
    assert found.best == ()
    assert found.evaluation.improvement[0] == 0.0
    assert found.without.sequences[0].tolist() == [-1] * 5


def test_sales_are_listed_before_what_they_pay_for() -> None:
    problem = random_problem(11)
    for row in search(problem, keep=50).sequences:
        buys = problem.is_buy[row[row >= 0]]
        assert not (buys[:-1] & ~buys[1:]).any()


def test_without_candidates_nothing_is_done() -> None:
    problem = random_problem(12).with_trades(np.zeros(0, dtype=np.int64))
    for engine in ("arrays", "compiled"):
        found = search(problem, engine=engine)  # type: ignore[arg-type]
        assert (found.best, found.sets, found.feasible) == ((), 0, 0)


def test_a_sale_of_more_than_is_held_is_in_no_set() -> None:
    problem = random_problem(13)
    sale = int(np.flatnonzero(~problem.is_buy)[0])
    value = problem.trade_value.copy()
    value[sale] = -2.0 * problem.holdings[problem.trade_security[sale]]
    found = search(replace(problem, trade_value=value), depth=3)
    assert not found.containing.exists[sale]
    assert np.array_equal(found.without.sequences[sale], found.sequences[0])


def test_the_scores_of_a_search_are_those_of_an_evaluation() -> None:
    problem = random_problem(14)
    found = search(problem, depth=4, keep=20, engine="compiled")
    again = evaluate(problem, found.sequences)
    assert np.array_equal(again.score, found.evaluation.score)
    assert len(execution_order(problem)) == problem.trades


@pytest.mark.parametrize(("depth", "keep"), [(0, 1), (9, 1), (1, 0)])
def test_a_depth_or_number_out_of_range_is_refused(depth: int, keep: int) -> None:
    with pytest.raises(ProblemError, match="depth is"):
        search(random_problem(1), depth=depth, keep=keep)


def test_a_depth_of_too_many_sets_is_lowered_and_the_deeper_search_makes_up_for_it() -> None:
    problem = random_problem(15)
    lowered = search(problem, depth=4, keep=5, most_sets=200)
    assert (lowered.depth, lowered.sequences.shape[1]) == (2, 2)
    assert np.array_equal(
        lowered.evaluation.score, search(problem, depth=2, keep=5).evaluation.score
    )
    deeper = search_deeper(problem, depth=4, start=lowered)
    assert np.array_equal(deeper.sequences, search(problem, depth=4, keep=5).sequences)
