"""The loops of the hidden Markov model: densities, one-sided filter, expectation and maximisation.

Written in the part of Python that Numba compiles, so that one text serves twice: compiled in the product, and as it is
in the tests. A session without a return is NaN: it moves the states and says nothing about them.

Rabiner (1989) for the scaled recursions; Peel and McLachlan (2000) for the weights of Student-t densities. The prior
is conjugate, so that a round never lowers the posterior: Dirichlet on each row of the moves, normal and inverse gamma
on mean and scale of each state.

All of it is in one file, because the compiler keeps its work as long as this file does not change.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

# Degrees of freedom that stand for the normal distribution; all others are even.
NORMAL = 0
# A density below this says nothing anymore, and must not make all states impossible.
_LEAST_DENSITY = 1e-200

# NumPy arrays of float64.
Floats = Any


class Prior(NamedTuple):
    """What is assumed before the data.

    Parameters
    ----------
    moves : floats
        Moves from state to state that count as seen, one row per state.
    mean, mean_weight : float
        Mean of the returns, and how many sessions that is worth in each state.
    scales : floats
        Scale of each state.
    scale_weight : float
        How many sessions that is worth in each state.
    """

    moves: Floats
    mean: float
    mean_weight: float
    scales: Floats
    scale_weight: float


class Room(NamedTuple):
    """Arrays to work in: sessions × states, and `totals` with one figure per session."""

    densities: Floats
    filtered: Floats
    smoothed: Floats
    totals: Floats


def density_factor(freedom: int) -> float:
    """Return the factor of a density of scale one: normal, or Student-t of so many degrees of freedom."""
    if freedom == NORMAL:
        return 1.0 / math.sqrt(2.0 * math.pi)
    half = 0.5 * freedom
    return math.exp(math.lgamma(half + 0.5) - math.lgamma(half)) / math.sqrt(freedom * math.pi)


def density(distance: float, freedom: int, factor: float) -> float:
    """Return the density at so many scales from the mean; an even freedom needs no logarithm."""
    if freedom == NORMAL:
        return factor * math.exp(-0.5 * distance * distance) + _LEAST_DENSITY
    base = 1.0 + distance * distance / freedom
    power = math.sqrt(base)
    for _ in range(freedom // 2):
        power *= base
    return factor / power + _LEAST_DENSITY


def fill_densities(
    returns: Floats, means: Floats, scales: Floats, freedom: int, out: Floats
) -> None:
    """Write the density of every return in every state; one where there is no return."""
    factor = density_factor(freedom)
    for state in range(len(means)):
        inverse = 1.0 / scales[state]
        for at in range(len(returns)):
            value = returns[at]
            if math.isnan(value):
                out[at, state] = 1.0
            else:
                distance = (value - means[state]) * inverse
                out[at, state] = density(distance, freedom, factor) * inverse


def filter_forward(first: Floats, moves: Floats, densities: Floats, room: Room) -> float:
    """Fill filtered probabilities and totals, given those of the first session; returns the log-likelihood."""
    sessions, states = densities.shape
    likelihood = 0.0
    for at in range(sessions):
        total = 0.0
        for state in range(states):
            before = 0.0
            if at == 0:
                before = first[state]
            else:
                for origin in range(states):
                    before += room.filtered[at - 1, origin] * moves[origin, state]
            joint = before * densities[at, state]
            room.filtered[at, state] = joint
            total += joint
        for state in range(states):
            room.filtered[at, state] /= total
        room.totals[at] = total
        likelihood += math.log(total)
    return likelihood


def smooth_backward(moves: Floats, room: Room, seen: Floats) -> None:
    """Fill the probabilities given all sessions, and the expected number of moves seen from state to state."""
    sessions, states = room.densities.shape
    seen[:] = 0.0
    # `smoothed` holds first what the later sessions say, as a ratio to what was said before them.
    for state in range(states):
        room.smoothed[sessions - 1, state] = 1.0
    for at in range(sessions - 2, -1, -1):
        for origin in range(states):
            says = 0.0
            for state in range(states):
                part = moves[origin, state] * room.densities[at + 1, state]
                part *= room.smoothed[at + 1, state] / room.totals[at + 1]
                seen[origin, state] += room.filtered[at, origin] * part
                says += part
            room.smoothed[at, origin] = says
    for at in range(sessions):
        for state in range(states):
            room.smoothed[at, state] *= room.filtered[at, state]


def maximise(
    returns: Floats, means: Floats, scales: Floats, freedom: int, prior: Prior, room: Room
) -> None:
    """Set mean and scale of every state to the most probable ones, given the probabilities of the states."""
    for state in range(len(means)):
        square = scales[state] * scales[state]
        weights = 0.0
        weighted = 0.0
        share = 0.0
        for at in range(len(returns)):
            if math.isnan(returns[at]):
                continue
            share += room.smoothed[at, state]
            weight = room.smoothed[at, state]
            if freedom != NORMAL:
                # Far returns count less: they are the tail's, not the scale's.
                distance = returns[at] - means[state]
                weight *= (freedom + 1.0) / (freedom + distance * distance / square)
            # The density of this session is not needed anymore, its place is.
            room.densities[at, state] = weight
            weights += weight
            weighted += weight * returns[at]
        mean = (weighted + prior.mean_weight * prior.mean) / (weights + prior.mean_weight)
        spread = prior.mean_weight * (mean - prior.mean) ** 2
        spread += prior.scale_weight * prior.scales[state] ** 2
        for at in range(len(returns)):
            if not math.isnan(returns[at]):
                spread += room.densities[at, state] * (returns[at] - mean) ** 2
        means[state] = mean
        scales[state] = math.sqrt(spread / (share + prior.scale_weight))


def log_prior(means: Floats, scales: Floats, moves: Floats, prior: Prior) -> float:
    """Return the logarithm of the prior, up to a constant."""
    states = len(means)
    total = 0.0
    for state in range(states):
        square = scales[state] * scales[state]
        off = prior.mean_weight * (means[state] - prior.mean) ** 2
        off += prior.scale_weight * prior.scales[state] ** 2
        total -= 0.5 * (prior.scale_weight * math.log(square) + off / square)
        for target in range(states):
            total += prior.moves[state, target] * math.log(moves[state, target])
    return total


def climb(
    returns: Floats, first: Floats, means: Floats, scales: Floats, moves: Floats, freedom: int,
    prior: Prior, room: Room, seen: Floats, rounds: int, tolerance: float,
) -> tuple[float, float]:  # fmt: skip
    """Improve means, scales and moves in place by expectation and maximisation.

    Parameters
    ----------
    first : floats
        Probabilities of the states at the first session; they stay as they are.
    seen : floats
        Room for the moves seen, states × states.
    rounds, tolerance
        Most rounds; it ends earlier when a round gains less than the tolerance.

    Returns
    -------
    tuple of float
        Logarithms of likelihood × prior, and of the likelihood alone, of what the parameters are in the end.
    """
    states = len(means)
    last = -math.inf
    for number in range(rounds + 1):
        fill_densities(returns, means, scales, freedom, room.densities)
        likelihood = filter_forward(first, moves, room.densities, room)
        posterior = likelihood + log_prior(means, scales, moves, prior)
        if number == rounds or posterior - last < tolerance:
            return posterior, likelihood
        last = posterior
        smooth_backward(moves, room, seen)
        for origin in range(states):
            total = 0.0
            for target in range(states):
                total += seen[origin, target] + prior.moves[origin, target]
            for target in range(states):
                moves[origin, target] = (seen[origin, target] + prior.moves[origin, target]) / total
        maximise(returns, means, scales, freedom, prior, room)
    return last, last


def advance(
    returns: Floats, means: Floats, scales: Floats, moves: Floats, freedoms: Floats,
    known: Floats, out: Floats,
) -> None:  # fmt: skip
    """Filter some more sessions with several models at once, from what each knew of the states before them.

    Parameters
    ----------
    returns : floats
        The sessions to add.
    means, scales, moves, freedoms : floats
        Parameters, the first axis is the model.
    known : floats
        Models × states: probabilities after the last session so far; replaced by those after the last one added.
    out : floats
        Sessions × models × states: filtered probabilities.
    """
    models, states = means.shape
    for model in range(models):
        freedom = int(freedoms[model])
        factor = density_factor(freedom)
        for at in range(len(returns)):
            total = 0.0
            for state in range(states):
                joint = 0.0
                for origin in range(states):
                    joint += known[model, origin] * moves[model, origin, state]
                if not math.isnan(returns[at]):
                    scale = scales[model, state]
                    distance = (returns[at] - means[model, state]) / scale
                    joint *= density(distance, freedom, factor) / scale
                out[at, model, state] = joint
                total += joint
            for state in range(states):
                out[at, model, state] /= total
                known[model, state] = out[at, model, state]
