from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ballast.planning.search import ProblemError
from ballast.planning.search.scenarios import (
    bootstrapped,
    seed_of,
    shocks,
    simulated,
    worst_days,
)


def _covariance(size: int = 4) -> np.ndarray:
    factor = np.random.default_rng(1).normal(size=(size, size)) * 0.01
    return factor @ factor.T


def test_draws_have_the_covariance_of_their_horizon() -> None:
    covariance = _covariance()
    logs = np.log1p(simulated(covariance, sessions=10, paths=200_000).returns)
    assert np.cov(logs.T) == pytest.approx(10 * covariance, rel=0.05, abs=2e-6)
    assert logs.mean(axis=0) == pytest.approx(np.zeros(4), abs=3e-4)


def test_a_student_t_has_the_same_covariance_and_the_tails_of_scipy() -> None:
    covariance = _covariance()
    logs = np.log1p(
        simulated(covariance, sessions=5, paths=200_000, degrees_of_freedom=5.0).returns
    )
    assert np.cov(logs.T) == pytest.approx(5 * covariance, rel=0.08, abs=5e-6)
    unit = logs[:, 0] / np.sqrt(5 * covariance[0, 0] * 3 / 5)
    assert np.quantile(unit, 0.01) == pytest.approx(stats.t.ppf(0.01, 5), rel=0.03)


def test_a_drift_moves_the_middle() -> None:
    drawn = simulated(_covariance(), sessions=10, mean=np.full(4, 0.001), paths=50_000)
    assert np.log1p(drawn.returns).mean(axis=0) == pytest.approx(np.full(4, 0.01), abs=1e-3)


def test_the_same_inputs_draw_the_same_and_others_do_not() -> None:
    covariance = _covariance()
    one, other = simulated(covariance, sessions=5), simulated(covariance.copy(), sessions=5)
    assert np.array_equal(one.returns, other.returns)
    assert not np.array_equal(one.returns, simulated(covariance * 1.01, sessions=5).returns)
    assert seed_of(covariance, 1) == seed_of(covariance.copy(), 1) != seed_of(covariance, 2)


def test_securities_that_move_as_one_may_share_a_factor() -> None:
    covariance = np.full((3, 3), 0.0004)
    drawn = simulated(covariance, sessions=1, paths=100).returns
    assert drawn[:, 1:] == pytest.approx(drawn[:, [0, 0]], abs=1e-12)


def test_a_block_keeps_days_and_securities_together() -> None:
    history = np.arange(1.0, 41.0).reshape(20, 2) / 1000.0
    drawn = bootstrapped(history, sessions=2, block=2, paths=500).returns
    pairs = (1.0 + history[:-1]) * (1.0 + history[1:]) - 1.0
    for row in drawn:
        assert np.isclose(pairs, row, atol=1e-12).all(axis=1).any()
    assert np.array_equal(drawn, bootstrapped(history, sessions=2, block=2, paths=500).returns)


def test_a_horizon_may_end_within_a_block() -> None:
    history = np.full((10, 1), 0.01)
    drawn = bootstrapped(history, sessions=7, block=5, paths=3).returns
    assert drawn == pytest.approx(np.full((3, 1), 1.01**7 - 1.0))


def test_the_worst_days_are_those_of_the_index() -> None:
    history = np.array([[0.1, 0.2], [-0.5, 0.3], [-0.1, -0.4]])
    found = worst_days(history, np.array([0.0, -0.2, -0.1]), count=2, labels=["a", "b", "c"])
    assert found.returns.tolist() == [[-0.5, 0.3], [-0.1, -0.4]]
    assert found.labels == ("b", "c")


def test_shocks_hit_everything_alike() -> None:
    found = shocks(3)
    assert found.returns.tolist() == [[-0.1] * 3, [-0.2] * 3, [-0.3] * 3]
    assert found.labels == ("-10%", "-20%", "-30%")


def test_what_cannot_be_drawn_from_is_refused() -> None:
    unknown = np.array([[0.1, np.nan], [0.1, 0.2]])
    with pytest.raises(ProblemError, match=r"securities \[1\] are not all known"):
        bootstrapped(unknown, sessions=1, block=1)
    with pytest.raises(ProblemError, match="fewer than a block"):
        bootstrapped(np.zeros((2, 1)), sessions=1, block=5)
    with pytest.raises(ProblemError, match="semidefinite"):
        simulated(np.array([[1.0, 2.0], [2.0, 1.0]]), sessions=1)
    with pytest.raises(ProblemError, match="symmetric"):
        simulated(np.array([[1.0, 0.1], [0.2, 1.0]]), sessions=1)
    with pytest.raises(ProblemError, match="more than 2 degrees"):
        simulated(np.eye(2), sessions=1, degrees_of_freedom=2.0)
