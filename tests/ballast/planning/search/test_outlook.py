from __future__ import annotations

import numpy as np
import pytest

from ballast.planning.search import evaluate
from ballast.planning.search.outlook import outlook
from ballast.planning.search.scenarios import Scenarios, shocks, simulated
from tests.ballast.planning.search.problems import (
    end_state_score,
    random_problem,
    random_sequences,
)


def test_the_whole_portfolio_is_revalued_not_only_what_is_traded() -> None:
    problem = random_problem(1, with_covariance=True)
    sequences = random_sequences(problem, 2, count=20)
    assert problem.covariance is not None
    scenarios = simulated(problem.covariance, sessions=20, paths=30)
    found = outlook(problem, sequences, scenarios, keep_all=True)
    assert found.changes is not None
    assert found.scores is not None
    for row, sequence in enumerate(sequences):
        trades = sequence[sequence >= 0]
        held = problem.holdings.copy()
        np.add.at(held, problem.trade_security[trades], problem.trade_value[trades])
        spent = (problem.trade_cost[trades] + problem.trade_tax[trades]).sum()
        cash = problem.cash - problem.trade_value[trades].sum() - spent
        for number, returns in enumerate(scenarios.returns):
            grown = held * (1.0 + returns)
            total = grown.sum() + cash
            weight = {s: float(v) / total for s, v in enumerate(grown)}
            score = end_state_score(problem, weight) - problem.cost_penalty * spent / total
            assert found.changes[row, number] == pytest.approx(total / problem.total - 1, abs=1e-12)
            assert found.scores[row, number] == pytest.approx(score, abs=1e-12)


def test_without_a_move_the_outlook_is_the_evaluation() -> None:
    problem = random_problem(2)
    sequences = random_sequences(problem, 3, count=50)
    found, expected = outlook(problem, sequences, shocks(12, (0.0,))), evaluate(problem, sequences)
    assert found.score_mean == pytest.approx(expected.score, abs=1e-13)
    assert found.robust_score == pytest.approx(expected.score, abs=1e-13)
    assert found.mean == pytest.approx(expected.total / problem.total - 1.0, abs=1e-13)


def test_percentiles_are_values_that_occur() -> None:
    problem = random_problem(3)
    returns = np.repeat(np.linspace(-0.5, 0.495, 200)[:, None], 12, axis=1)
    nothing = np.full((1, 1), -1, dtype=np.int32)
    found = outlook(problem, nothing, Scenarios("ladder", returns), keep_all=True)
    invested = problem.holdings.sum() / problem.total
    assert found.percentile_5[0] == pytest.approx(invested * -0.45)
    assert found.percentile_1[0] == pytest.approx(invested * -0.49)
    assert found.worst[0] == pytest.approx(invested * -0.5)
    assert found.expected_shortfall[0] == pytest.approx(invested * -0.4775)
    assert found.loss_probability[0] == pytest.approx(0.5)
    assert found.scores is not None
    ranked = np.sort(found.scores[0])
    expected = 0.4 * ranked[0] + 0.3 * ranked[20] + 0.3 * ranked.mean()
    assert found.robust_score[0] == pytest.approx(expected, abs=1e-14)


def test_cash_is_not_shocked() -> None:
    problem = random_problem(4, cash_share=1.0)
    found = outlook(problem, np.full((1, 1), -1, dtype=np.int32), shocks(12, (-0.30,)))
    assert found.worst[0] == pytest.approx(-0.15)


def test_where_nothing_is_left_nothing_is_scored() -> None:
    problem = random_problem(5, cash_share=-0.5)
    found = outlook(problem, np.full((1, 1), -1, dtype=np.int32), shocks(12, (-0.99,)))
    assert found.score_least[0] == 0.0
    assert found.worst[0] < -1.0
