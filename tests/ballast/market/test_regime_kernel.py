"""The loops of the hidden Markov model: against the textbook, against hmmlearn, and against themselves uncompiled."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hmmlearn.hmm import GaussianHMM
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ballast.market.regime import compiled, kernel
from ballast.market.regime.markov import SHAPES, Floats, Model, filtered, prior_of, room_for
from tests.ballast.builders import arithmetic, framewise

NOTHING = 0.0


def returns_of(count: int, seed: int) -> Floats:
    chance = np.random.default_rng(seed)
    turbulent = chance.random(count) < 0.3
    returns: Floats = chance.standard_normal(count) * np.where(turbulent, 0.02, 0.007)
    return returns


def parameters(states: int, seed: int) -> tuple[Floats, Floats, Floats]:
    chance = np.random.default_rng(seed)
    moves = chance.random((states, states)) + 5.0 * np.eye(states)
    return (
        chance.normal(0.0, 0.001, states),
        chance.uniform(0.004, 0.03, states),
        moves / moves.sum(axis=1, keepdims=True),
    )


@arithmetic
@given(st.floats(-30.0, 30.0), st.sampled_from(SHAPES))
def test_the_density_is_that_of_scipy(distance: float, freedom: int) -> None:
    expected = stats.norm.pdf(distance) if freedom == 0 else stats.t.pdf(distance, freedom)
    found = kernel.density(distance, freedom, kernel.density_factor(freedom))
    assert found == pytest.approx(expected, rel=1e-10, abs=1e-199)


@framewise
@given(st.sampled_from([2, 3]), st.integers(0, 1000), st.integers(2, 60))
def test_the_filter_is_hmmlearn_on_what_is_known_so_far(states: int, seed: int, count: int) -> None:
    means, scales, moves = parameters(states, seed)
    returns = returns_of(count, seed)
    peer = GaussianHMM(states, covariance_type="diag", init_params="", params="")
    peer.startprob_, peer.transmat_ = np.full(states, 1 / states), moves
    peer.means_, peer.covars_ = means[:, None], scales[:, None] ** 2
    room = room_for(count, states)
    kernel.fill_densities(returns, means, scales, kernel.NORMAL, room.densities)
    first = np.full(states, 1 / states)
    likelihood = kernel.filter_forward(first, moves, room.densities, room)
    assert likelihood == pytest.approx(peer.score(returns[:, None]), rel=1e-9)
    # Smoothing has nothing to add at the end of what is known.
    for end in {1, count // 2, count} - {0}:
        expected = peer.predict_proba(returns[:end, None])[-1]
        np.testing.assert_allclose(room.filtered[end - 1], expected, atol=1e-9)


@pytest.mark.parametrize("states", [2, 3])
def test_smoothed_probabilities_are_sums_over_all_paths(states: int) -> None:
    means, scales, moves = parameters(states, 5)
    returns = returns_of(6, 1)
    room, seen = room_for(6, states), np.empty((states, states))
    kernel.fill_densities(returns, means, scales, 4, room.densities)
    densities = room.densities.copy()
    kernel.filter_forward(np.full(states, 1 / states), moves, room.densities, room)
    kernel.smooth_backward(moves, room, seen)
    smoothed, moved, total = np.zeros((6, states)), np.zeros((states, states)), 0.0
    for path in itertools.product(range(states), repeat=6):
        weight = math.prod(densities[at, state] for at, state in enumerate(path)) / states
        weight *= math.prod(moves[pair] for pair in itertools.pairwise(path))
        total += weight
        for at, state in enumerate(path):
            smoothed[at, state] += weight
        for pair in itertools.pairwise(path):
            moved[pair] += weight
    np.testing.assert_allclose(room.smoothed, smoothed / total, rtol=1e-10)
    np.testing.assert_allclose(seen, moved / total, rtol=1e-10)


@framewise
@given(
    st.sampled_from([2, 3]), st.integers(0, 1000), st.sampled_from(SHAPES), st.integers(30, 150),
    st.booleans(),
)  # fmt: skip
def test_a_round_never_lowers_the_posterior(
    states: int, seed: int, freedom: int, count: int, has_gaps: bool
) -> None:
    returns = returns_of(count, seed)
    if has_gaps:
        returns[:: 1 + seed % 7 + 1] = np.nan
    known = returns[~np.isnan(returns)]
    prior = prior_of(states, freedom, float(known.mean()), float(known.std()))
    means, scales, moves = parameters(states, seed)
    room, seen, first = (
        room_for(count, states),
        np.empty((states, states)),
        np.full(states, 1 / states),
    )
    last = -math.inf
    for _ in range(25):
        now, likelihood = compiled.climb(
            returns, first, means, scales, moves, freedom, prior, room, seen, 1, NOTHING
        )
        assert now >= last - 1e-9 * abs(now)
        assert math.isfinite(likelihood)
        last = now
    np.testing.assert_allclose(moves.sum(axis=1), 1.0, rtol=1e-12)


@framewise
@given(st.sampled_from([2, 3]), st.integers(0, 1000), st.sampled_from(SHAPES))
def test_the_compiled_loops_do_what_the_text_says(states: int, seed: int, freedom: int) -> None:
    returns = returns_of(40, seed)
    returns[seed % 40] = np.nan
    prior = prior_of(states, freedom, 0.0, 0.01)
    results = []
    for climb in (kernel.climb, compiled.climb):
        means, scales, moves = parameters(states, seed)
        room, seen = room_for(40, states), np.empty((states, states))
        first = np.full(states, 1 / states)
        reached = climb(
            returns, first, means, scales, moves, freedom, prior, room, seen, 5, NOTHING
        )
        results.append((np.array(reached), means, scales, moves, room.filtered))
    for plain, fast in zip(*results, strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-9)


def model(states: int, seed: int) -> Model:
    shapes = [parameters(states, seed + number) for number in range(2)]
    return Model(
        means=np.array([shape[0] for shape in shapes]),
        scales=np.array([shape[1] for shape in shapes]),
        moves=np.array([shape[2] for shape in shapes]),
        freedoms=np.array([0.0, 4.0]),
        weights=np.array([0.75, 0.25]),
        known=np.full((2, states), 1 / states),
        sessions=500,
    )


@framewise
@given(st.sampled_from([2, 3]), st.integers(0, 1000), st.integers(1, 39))
def test_sessions_may_be_added_one_by_one_or_all_at_once(states: int, seed: int, cut: int) -> None:
    returns = returns_of(40, seed)
    returns[(seed * 7) % 40] = np.nan
    at_once, after = filtered(model(states, seed), returns)
    first, between = filtered(model(states, seed), returns[:cut])
    second, last = filtered(between, returns[cut:])
    np.testing.assert_array_equal(np.concatenate([first, second]), at_once)
    np.testing.assert_array_equal(last.known, after.known)


@framewise
@given(st.sampled_from([2, 3]), st.integers(0, 1000))
def test_a_session_without_a_return_only_moves_the_states(states: int, seed: int) -> None:
    start = model(states, seed)
    out, _ = filtered(start, np.array([np.nan]))
    expected = np.einsum("ms,mst->mt", start.known, start.moves)
    np.testing.assert_allclose(out[0], expected, rtol=1e-12)
