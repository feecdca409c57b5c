from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.planning.search import (
    AGGRESSIVE,
    BALANCED,
    CONSERVATIVE,
    Evaluation,
    Problem,
    ProblemError,
    evaluate,
)
from ballast.planning.search.ranking import best_first
from tests.ballast.planning.search.problems import (
    end_state_score,
    outcome,
    random_problem,
    random_sequences,
)

FIGURES = ("score", "improvement", "components", "cash", "total", "cost", "tax", "turnover")


def _agrees(problem: Problem, sequences: np.ndarray, found: Evaluation) -> None:
    nothing = outcome(problem, ())
    for row, sequence in enumerate(sequences):
        trades = [int(trade) for trade in sequence if trade >= 0]
        expected = outcome(problem, trades)
        assert bool(found.feasible[row]) == expected.feasible
        assert found.score[row] == pytest.approx(expected.score, rel=0, abs=1e-12)
        assert found.improvement[row] == pytest.approx(
            expected.score - nothing.score, rel=0, abs=1e-12
        )
        for name in ("cash", "total", "cost", "tax", "turnover"):
            scale = 1.0 if name == "turnover" else problem.total
            assert abs(getattr(found, name)[row] - getattr(expected, name)) <= 1e-12 * scale
        if len({int(problem.trade_security[trade]) for trade in trades}) == len(trades):
            assert found.tracking[row] == pytest.approx(expected.tracking, rel=0, abs=1e-12)


def test_all_engines_agree_with_the_long_way_on_ten_thousand_sequences() -> None:
    problem = random_problem(1, securities=60, held=30, trades=50, groups=5)
    sequences = random_sequences(problem, 2, count=10_000)
    arrays = evaluate(problem, sequences, engine="arrays")
    compiled = evaluate(problem, sequences, engine="compiled")
    for name in (*FIGURES, "feasible", "tracking"):
        assert np.array_equal(getattr(arrays, name), getattr(compiled, name)), name
    _agrees(problem, sequences, arrays)
    assert 0.2 < arrays.feasible.mean() < 0.9
    by_hand = np.array([outcome(problem, row[row >= 0]).score for row in sequences])
    total = arrays.total
    assert np.array_equal(
        best_first(np.round(by_hand, 11), total, sequences),
        best_first(np.round(compiled.score, 11), total, sequences),
    )


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 100_000),
    groups=st.integers(0, 4),
    profile=st.sampled_from([BALANCED, CONSERVATIVE, AGGRESSIVE]),
    cash_share=st.sampled_from([-0.03, 0.0, 0.05, 0.4]),
    with_covariance=st.booleans(),
)
def test_any_problem_is_evaluated_as_the_formulas_say(
    seed: int, groups: int, profile: object, cash_share: float, with_covariance: bool
) -> None:
    problem = random_problem(
        seed, groups=groups, profile=profile, cash_share=cash_share, with_covariance=with_covariance
    )  # type: ignore[arg-type]
    sequences = random_sequences(problem, seed, count=30)
    arrays = evaluate(problem, sequences, engine="arrays")
    _agrees(problem, sequences, arrays)
    compiled = evaluate(problem, sequences, engine="compiled")
    assert all(np.array_equal(getattr(arrays, n), getattr(compiled, n)) for n in FIGURES)
    assert np.array_equal(arrays.feasible, compiled.feasible)


def test_doing_nothing_improves_nothing_and_pays_nothing() -> None:
    problem = random_problem(3)
    found = evaluate(problem, np.full((1, 5), -1, dtype=np.int32))
    weight = {s: float(v) / problem.total for s, v in enumerate(problem.holdings)}
    assert found.feasible[0]
    assert found.improvement[0] == 0.0
    assert found.score[0] == pytest.approx(end_state_score(problem, weight), abs=1e-14)
    assert (found.cost[0], found.tax[0], found.turnover[0]) == (0.0, 0.0, 0.0)


def test_the_place_of_the_padding_changes_nothing() -> None:
    problem = random_problem(4)
    one, other = np.array([[-1, 2, -1, 7]]), np.array([[2, 7, -1, -1]])
    first, second = evaluate(problem, one), evaluate(problem, other)
    assert all(np.array_equal(getattr(first, n), getattr(second, n)) for n in FIGURES)


def test_costs_and_taxes_are_taken_from_cash_and_from_the_total() -> None:
    problem = random_problem(5, trades=1, cash_share=0.5)
    problem = replace(
        problem, trade_value=np.array([100.0]), trade_cost=np.array([3.0]), trade_tax=np.zeros(1)
    )
    found = evaluate(problem, np.array([[0]]))
    assert found.cash[0] == pytest.approx(problem.cash - 103.0)
    assert found.total[0] == pytest.approx(problem.total - 3.0)


def test_a_purchase_must_leave_the_reserve_and_a_sale_alone_need_not() -> None:
    problem = random_problem(6, trades=2, cash_share=0.0)
    held = int(np.flatnonzero(problem.holdings)[0])
    free = int(np.flatnonzero(problem.holdings == 0)[0])
    problem = replace(
        problem,
        cash=-50.0,
        trade_security=np.array([held, free]),
        trade_value=np.array([-100.0, 20.0]),
        trade_cost=np.zeros(2),
        trade_tax=np.zeros(2),
        reserve_share=0.0,
        reserve_floor=30.0,
    )
    assert evaluate(problem, np.array([[0, -1], [0, 1], [1, -1]])).feasible.tolist() == [1, 1, 0]
    stricter = replace(problem, reserve_floor=30.1)
    assert evaluate(stricter, np.array([[0, -1], [0, 1]])).feasible.tolist() == [True, False]


def test_more_than_is_held_cannot_be_sold() -> None:
    problem = random_problem(7, trades=1)
    held = int(np.flatnonzero(problem.holdings)[0])
    sale = replace(
        problem,
        trade_security=np.array([held]),
        trade_value=np.array([-1.001 * problem.holdings[held]]),
    )
    assert not evaluate(sale, np.array([[0]])).feasible[0]


def test_weights_are_shares_of_everything_so_that_cash_dilutes_all() -> None:
    problem = random_problem(8)
    richer = replace(problem, cash=problem.cash + problem.total)
    nothing = np.full((1, 1), -1)
    one, other = evaluate(problem, nothing), evaluate(richer, nothing)
    assert other.components[0, 0] == pytest.approx(one.components[0, 0] / 2)


@pytest.mark.parametrize("trade", [-2, 14])
def test_a_trade_that_there_is_not_is_refused(trade: int) -> None:
    with pytest.raises(ProblemError, match="names a trade that there is not"):
        evaluate(random_problem(9), np.array([[trade]]))


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, ballast.planning.search, ballast.planning.search.views,"
        " ballast.planning.search.selection, ballast.planning.search.outlook\n"
        "print([m for m in ('numba', 'scipy', 'pandas') if m in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"
