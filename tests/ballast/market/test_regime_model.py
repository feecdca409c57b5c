"""The fitted model: what it recognises, and what it does not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import linalg

from ballast.market.regime.markov import (
    Floats,
    Model,
    filtered,
    fit_model,
    long_run_shares,
    state_probabilities,
)
from ballast.market.regime.naming import BEAR, BULL, NAMES, SIDEWAYS, named_states
from tests.ballast.builders import arithmetic, framewise
from tests.ballast.market.market_states import HEAVY, THREE, TWO, WEAK, Market

SESSIONS = 2_520
HALF = SESSIONS // 2


def recognised(market: Market, returns: Floats) -> NDArray[np.int64]:
    """Return the states of the second half, by a model that was fitted to the first."""
    model = fit_model(returns[:HALF], len(market.means))
    assert model is not None
    by_shape, _ = filtered(model, returns[HALF:])
    _, corrected = state_probabilities(model, by_shape)
    return corrected.argmax(axis=1)


def balanced_accuracy(truth: NDArray[np.int64], found: NDArray[np.int64]) -> float:
    return float(np.mean([np.mean(found[truth == state] == state) for state in set(truth)]))


@pytest.mark.parametrize(
    ("market", "least"), [(TWO, 0.92), (HEAVY, 0.88), (WEAK, 0.79), (THREE, 0.82)]
)
def test_simulated_states_are_recognised_without_looking_ahead(
    market: Market, least: float
) -> None:
    scores = []
    for seed in range(8):
        returns, states = market.simulate(SESSIONS, seed)
        scores.append(balanced_accuracy(states[HALF:], recognised(market, returns)))
    assert np.mean(scores) > least
    assert min(scores) > 0.65


def test_heavy_tails_are_told_from_states_by_their_likelihood() -> None:
    heavy, normal = HEAVY.simulate(SESSIONS, 1)[0], TWO.simulate(SESSIONS, 1)[0]
    of_heavy, of_normal = fit_model(heavy, 2), fit_model(normal, 2)
    assert of_heavy is not None
    assert of_normal is not None
    assert of_heavy.weights[of_heavy.freedoms == 0.0].sum() < 1e-6
    assert of_normal.weights[of_normal.freedoms == 0.0].sum() > 0.9


@pytest.mark.parametrize("market", [HEAVY, THREE])
def test_a_fit_that_starts_from_one_of_last_month_reaches_the_same_top(market: Market) -> None:
    returns, _ = market.simulate(SESSIONS, 5)
    states = len(market.means)
    near = fit_model(returns[:HALF], states)
    anew = fit_model(returns[: HALF + 21], states)
    continued = fit_model(returns[: HALF + 21], states, near)
    assert near is not None
    assert anew is not None
    assert continued is not None
    # Both stop where a round gains next to nothing, which is near the top and not at it.
    np.testing.assert_allclose(continued.volatilities, anew.volatilities, rtol=0.03)
    np.testing.assert_allclose(continued.weights, anew.weights, atol=0.05)
    again = fit_model(returns[:HALF], states)
    assert again is not None
    np.testing.assert_array_equal(near.means, again.means)


@pytest.mark.parametrize("market", [TWO, THREE])
def test_the_parameters_come_near_the_true_ones(market: Market) -> None:
    returns, _ = market.simulate(12_600, 3)
    model = fit_model(returns, len(market.means))
    assert model is not None
    volatilities = model.weights @ model.volatilities
    np.testing.assert_allclose(volatilities, market.volatilities, rtol=0.08)
    assert model.sessions == len(returns)
    assert model.weights.sum() == pytest.approx(1.0)


def test_the_same_returns_give_the_same_model_to_the_bit() -> None:
    returns, _ = THREE.simulate(800, 2)
    first, second = fit_model(returns, 3), fit_model(returns.copy(), 3)
    assert first is not None
    assert second is not None
    for name in ("means", "scales", "moves", "weights", "known"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("market", [TWO, THREE])
@pytest.mark.parametrize("factor", [0.01, 0.5, 37.0])
def test_the_size_of_the_returns_is_irrelevant(market: Market, factor: float) -> None:
    returns, _ = market.simulate(SESSIONS, 4)
    np.testing.assert_array_equal(recognised(market, returns * factor), recognised(market, returns))


def test_what_does_not_vary_has_no_states() -> None:
    assert fit_model(np.zeros(600), 2) is None
    assert fit_model(np.full(600, np.nan), 3) is None
    assert fit_model(np.array([]), 3) is None


def test_returns_that_mostly_stand_still_have_states_of_some_width() -> None:
    returns = np.zeros(600)
    returns[::10] = np.where(np.arange(60) % 2, 0.01, -0.01)
    model = fit_model(returns, 3)
    assert model is not None
    assert np.isfinite(model.scales).all()
    assert (model.scales > 0).all()


@arithmetic
@given(st.integers(2, 4), st.integers(0, 10_000))
def test_long_run_shares_are_the_left_eigenvector(states: int, seed: int) -> None:
    moves = np.random.default_rng(seed).dirichlet(np.ones(states), states) + 1e-3
    moves /= moves.sum(axis=1, keepdims=True)
    values, vectors = linalg.eig(moves.T)
    vector = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    np.testing.assert_allclose(long_run_shares(moves), vector / vector.sum(), rtol=1e-8)


def known_model(
    means: list[float], volatilities: list[float], sessions: int = 2_000, seed: int = 0
) -> Model:
    """Return a model of one normal shape whose states are equally frequent."""
    states = len(means)
    moves = np.full((states, states), 0.02 / (states - 1))
    np.fill_diagonal(moves, 0.98)
    return Model(
        means=np.array([means]),
        scales=np.array([volatilities]),
        moves=moves[None],
        freedoms=np.array([0.0]),
        weights=np.array([1.0]),
        known=np.random.default_rng(seed).dirichlet(np.ones(states))[None],
        sessions=sessions,
    )


@pytest.mark.parametrize(
    ("means", "names"),
    [
        ([0.0005, 0.0, -0.002], [BULL, SIDEWAYS, BEAR]),
        ([0.0005, 0.003, -0.002], [BULL, BULL, BEAR]),
        ([0.0005, -0.003, -0.002], [BULL, BEAR, BEAR]),
        ([-0.003, 0.0, 0.0], [BEAR, SIDEWAYS, BEAR]),
        ([0.0, 0.0, 0.008], [BULL, SIDEWAYS, SIDEWAYS]),
        ([0.0005, 0.003], [BULL, SIDEWAYS]),
        ([0.0, -0.002], [BULL, BEAR]),
    ],
)
def test_states_are_named_by_volatility_and_by_a_mean_that_is_more_than_chance(
    means: list[float], names: list[int]
) -> None:
    assert len(set(NAMES)) == 3
    volatilities = [0.006, 0.01, 0.02] if len(means) == 3 else [0.006, 0.015]
    assert named_states(known_model(means, volatilities)).tolist() == names


def test_a_mean_within_chance_does_not_name_a_state() -> None:
    short, long = (
        known_model([0.0, 0.001, 0.0], [0.006, 0.01, 0.02], sessions) for sessions in (600, 6_000)
    )
    assert named_states(short).tolist() == [BULL, SIDEWAYS, BEAR]
    assert named_states(long).tolist() == [BULL, BULL, BEAR]


@framewise
@given(
    st.permutations(range(3)), st.integers(0, 100),
    st.lists(st.floats(-0.004, 0.004), min_size=3, max_size=3),
)  # fmt: skip
def test_other_numbers_of_the_states_give_the_same_named_regime(
    order: list[int], seed: int, means: list[float]
) -> None:
    model = known_model(means, [0.006, 0.011, 0.02], seed=seed)
    permuted = model.reordered(np.array(order))
    returns = np.random.default_rng(seed).standard_normal(30) * 0.012
    named = []
    for each in (model, permuted):
        by_shape, _ = filtered(each, returns)
        probabilities, corrected = state_probabilities(each, by_shape)
        names = named_states(each)
        shares = [probabilities[:, names == name].sum(axis=1) for name in range(3)]
        named.append((names[corrected.argmax(axis=1)], np.array(shares)))
    np.testing.assert_array_equal(named[0][0], named[1][0])
    np.testing.assert_allclose(named[0][1], named[1][1], atol=1e-12)


def test_a_rare_state_is_recognised_as_readily_as_a_common_one() -> None:
    moves = np.array([[0.99, 0.01], [0.09, 0.91]])
    model = known_model([0.0, 0.0], [0.006, 0.02])
    model = Model(**{**vars(model), "moves": moves[None], "known": np.array([[0.8, 0.2]])})
    by_shape, _ = filtered(model, np.array([np.nan]))
    probabilities, corrected = state_probabilities(model, by_shape)
    np.testing.assert_allclose(model.long_run, [[0.9, 0.1]])
    assert probabilities[0].argmax() == 0
    assert corrected[0].argmax() == 1
    np.testing.assert_allclose(corrected.sum(axis=1), 1.0)
