"""Simulated markets whose states are known, and the oracle that knows the parameters too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ballast.market.regime.compiled import advance
from ballast.market.regime.markov import Floats, long_run_shares

SESSIONS = 2_520
HALF = SESSIONS // 2
# A state that was hardly there has no accuracy: series are drawn until each has 5 % of either half.
_LEAST_SHARE = 0.05
_TWO = ((0.995, 0.005), (0.02, 0.98))
_THREE = ((0.99, 0.008, 0.002), (0.01, 0.98, 0.01), (0.005, 0.02, 0.975))

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """Means, volatilities and moves of the states, and the degrees of freedom of the shocks (none: normal)."""

    means: tuple[float, ...]
    volatilities: tuple[float, ...]
    moves: tuple[tuple[float, ...], ...]
    freedom: int = 0

    @property
    def states(self) -> int:
        return len(self.means)

    def series(self, seed: int) -> tuple[Floats, Labels]:
        """Return simulated returns and the states behind them."""
        draw = np.random.default_rng([seed, self.states, self.freedom])
        moves = np.array(self.moves).cumsum(axis=1)
        start = long_run_shares(np.array(self.moves))
        while True:
            states = np.empty(SESSIONS, dtype=np.int64)
            states[0] = draw.choice(self.states, p=start)
            for at, chance in enumerate(draw.random(SESSIONS - 1), 1):
                states[at] = min(np.searchsorted(moves[states[at - 1]], chance), self.states - 1)
            halves = (states[:HALF], states[HALF:])
            least = min(np.bincount(half, minlength=self.states).min() for half in halves)
            if least >= _LEAST_SHARE * HALF:
                break
        if self.freedom:
            shocks = draw.standard_t(self.freedom, SESSIONS)
            shocks *= np.sqrt((self.freedom - 2) / self.freedom)
        else:
            shocks = draw.standard_normal(SESSIONS)
        return np.array(self.means)[states] + np.array(self.volatilities)[states] * shocks, states

    def oracle(self, returns: Floats) -> Floats:
        """Return filtered probabilities by the true parameters, corrected for the long-run shares."""
        moves = np.array(self.moves)
        # The oracle's odd degrees of freedom are no shape of the kernel's, so that its densities are SciPy's.
        probabilities = _filtered(self, returns, moves)
        return probabilities / long_run_shares(moves)


CASES = {
    "normal": Case((0.0006, -0.001), (0.007, 0.018), _TWO),
    "t(5)": Case((0.0006, -0.001), (0.007, 0.018), _TWO, freedom=5),
    "weak": Case((0.0006, -0.001), (0.009, 0.014), _TWO),
    "three states": Case((0.0008, 0.0002, -0.0015), (0.006, 0.011, 0.024), _THREE),
}


def filtered_by(means: Floats, scales: Floats, moves: Floats, returns: Floats) -> Floats:
    """Return filtered probabilities of a model with normal states, from its long-run shares on."""
    out = np.empty((len(returns), 1, len(means)))
    known = long_run_shares(moves)[None].copy()
    advance(returns, means[None], scales[None], moves[None], np.zeros(1), known, out)
    return out[:, 0]


def balanced_accuracy(truth: Labels, found: Labels) -> float:
    """Return the mean over the states of the share of their sessions that was recognised."""
    return float(np.mean([np.mean(found[truth == state] == state) for state in set(truth)]))


def seeds(count: int) -> Iterator[int]:
    """Return the seeds of the benchmark; priors and peers were tuned on others, from 1,000 on."""
    return iter(range(count))


def _filtered(case: Case, returns: Floats, moves: Floats) -> Floats:
    from scipy import stats

    means, volatilities = np.array(case.means), np.array(case.volatilities)
    if case.freedom:
        scales = volatilities * np.sqrt((case.freedom - 2) / case.freedom)
        densities = stats.t.pdf(returns[:, None], case.freedom, means, scales)
    else:
        densities = stats.norm.pdf(returns[:, None], means, volatilities)
    known, out = long_run_shares(moves), np.empty_like(densities)
    for at, density in enumerate(densities):
        known = (known @ moves) * density
        known /= known.sum()
        out[at] = known
    return out
