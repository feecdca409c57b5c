"""A hidden Markov model of daily returns: fitted to the past, then filtered forward one session at a time.

Each state has a mean, a scale and its own moves to the others; the returns are normal or Student-t. The shapes are
fitted separately and averaged, weighted by likelihood. Several starts that depend on nothing but the data, the same
prior for every series, states ordered by volatility: the same returns give the same model, bit for bit.

Hamilton (1989) for the model; Peel and McLachlan (2000) for Student-t components.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ballast.market.regime.kernel import NORMAL, Prior, Room

Floats = NDArray[np.float64]
# Means, scales and moves of one shape.
Start = tuple[Floats, Floats, Floats]

# Degrees of freedom that are tried.
SHAPES = (NORMAL, 10, 6, 4)
# States are assumed to last a quarter, which counts as much as half a year seen in each of them.
_QUARTER, _MOVES_SESSIONS = 63, 126.0
# Worth of the overall mean in each state: daily means are hardly known, and a model must not be split by them.
_MEAN_SESSIONS = 200.0
# Scales of the states as multiples of that of all returns, and what that is worth: states that hardly differ are none.
_SCALE_SESSIONS = 20.0
_SCALES = {2: (0.75, 1.5), 3: (0.6, 0.9, 1.8)}
# No state starts narrower than this share of the spread of all returns.
_NARROWEST = 0.25
_SMOOTHING = 21
_FIRST_ROUNDS, _ROUNDS, _TOLERANCE = 12, 200, 1e-3
# Where the smoothed size of the returns is cut into first states, as shares of all sessions.
_CUTS = {
    2: ((0.5,), (0.7,), (0.85,)),
    3: ((0.33, 0.67), (0.4, 0.9), (0.5, 0.8), (0.6, 0.9)),
}


@dataclass(frozen=True)
class Model:
    """Fitted parameters, and what they say of the states after the last session they were fitted to.

    Parameters
    ----------
    means, scales : array
        Shapes × states, per session.
    moves : array
        Shapes × states × states: probability to be in the second state one session after the first.
    freedoms : array
        Degrees of freedom per shape; zero is the normal distribution.
    weights : array
        Share of each shape in the likelihood; they add up to one.
    known : array
        Shapes × states: filtered probabilities at the end of the fit.
    sessions : int
        Returns that it was fitted to.
    """

    means: Floats
    scales: Floats
    moves: Floats
    freedoms: Floats
    weights: Floats
    known: Floats
    sessions: int

    @property
    def volatilities(self) -> Floats:
        """Standard deviation of a session's return, shapes × states."""
        heavy = np.maximum(self.freedoms, 2.5)
        spread = np.where(self.freedoms == NORMAL, 1.0, np.sqrt(heavy / (heavy - 2.0)))
        volatilities: Floats = self.scales * spread[:, None]
        return volatilities

    @property
    def long_run(self) -> Floats:
        """Share of the sessions that each state has in the long run, shapes × states."""
        return np.array([long_run_shares(moves) for moves in self.moves])

    def shape(self, at: int) -> Start:
        """Return a copy of the parameters of one shape."""
        return self.means[at].copy(), self.scales[at].copy(), self.moves[at].copy()

    def reordered(self, order: NDArray[np.intp]) -> Model:
        """Return the same model with its states in another order."""
        return replace(
            self,
            means=self.means[:, order],
            scales=self.scales[:, order],
            moves=self.moves[:, order][:, :, order],
            known=self.known[:, order],
        )


def long_run_shares(moves: Floats) -> Floats:
    """Return the stationary distribution of a Markov chain whose moves are all possible."""
    states = len(moves)
    equations = np.vstack([(moves.T - np.eye(states))[:-1], np.ones(states)])
    shares: Floats = np.linalg.solve(equations, np.eye(states)[-1])
    return shares


def fit_model(returns: Floats, states: int, near: Model | None = None) -> Model | None:
    """Fit the model to returns, oldest first.

    Parameters
    ----------
    returns : array
        Returns per session; NaN where none is known, which the states pass through unseen.
    states : int
        2 or 3.
    near : Model, optional
        A model of almost the same returns: its parameters are the only start, which is several times as fast.

    Returns
    -------
    Model or None
        States ordered by volatility; None if the returns do not vary.
    """
    known = returns[~np.isnan(returns)]
    spread = float(known.std()) if len(known) else 0.0
    if not spread > 0.0:
        return None
    mean = float(known.mean())
    fits = [
        _fit_shape(returns, states, freedom, mean, spread, None if near is None else near.shape(at))
        for at, freedom in enumerate(SHAPES)
    ]
    likelihoods = np.array([fit.likelihood for fit in fits])
    weights = np.exp(likelihoods - likelihoods.max())
    return Model(
        means=np.array([fit.means for fit in fits]),
        scales=np.array([fit.scales for fit in fits]),
        moves=np.array([fit.moves for fit in fits]),
        freedoms=np.array(SHAPES, dtype=np.float64),
        weights=weights / weights.sum(),
        known=np.array([fit.known for fit in fits]),
        sessions=len(known),
    )


def filtered(model: Model, returns: Floats) -> tuple[Floats, Model]:
    """Return what is known of the states at the end of each of some more sessions.

    Parameters
    ----------
    returns : array
        The sessions after those that the model knows.

    Returns
    -------
    probabilities : array
        Sessions × shapes × states.
    model : Model
        The same parameters, aware of the new sessions.
    """
    from ballast.market.regime.compiled import advance

    out = np.empty((len(returns), *model.means.shape))
    known = model.known.copy()
    advance(returns, model.means, model.scales, model.moves, model.freedoms, known, out)
    return out, replace(model, known=known)


def state_probabilities(model: Model, by_shape: Floats) -> tuple[Floats, Floats]:
    """Average over the shapes: probabilities of the states, and the same corrected for their long-run shares.

    Returns
    -------
    probabilities, corrected : array
        Sessions × states. Corrected: divided by the long-run share and scaled to one, as if all states were equally
        frequent, so that a rare state is recognised as readily as a common one.
    """
    probabilities: Floats = np.einsum("tms,m->ts", by_shape, model.weights)
    weighted = np.einsum("tms,ms->ts", by_shape, model.weights[:, None] / model.long_run)
    corrected: Floats = weighted / weighted.sum(axis=1, keepdims=True)
    return probabilities, corrected


@dataclass
class _Fit:
    """Parameters of one shape on their way; arrays are changed in place."""

    means: Floats
    scales: Floats
    moves: Floats
    posterior: float = -np.inf
    likelihood: float = -np.inf
    known: Any = None


def _fit_shape(
    returns: Floats, states: int, freedom: int, mean: float, spread: float, near: Start | None
) -> _Fit:
    """Climb a little from every start, then from the best to the top."""
    from ballast.market.regime.compiled import climb

    prior, room = prior_of(states, freedom, mean, spread), room_for(len(returns), states)
    seen, first = np.empty((states, states)), np.full(states, 1.0 / states)

    def improve(fit: _Fit, rounds: int) -> _Fit:
        fit.posterior, fit.likelihood = climb(
            returns, first, fit.means, fit.scales, fit.moves, freedom, prior, room, seen, rounds,
            _TOLERANCE,
        )  # fmt: skip
        return fit

    if near is None:
        begun = [_Fit(*start) for start in starts(returns, states, freedom, mean, spread)]
        best = max((improve(fit, _FIRST_ROUNDS) for fit in begun), key=lambda fit: fit.posterior)
    else:
        best = _Fit(*near)
    best = improve(best, _ROUNDS)
    best.known = room.filtered[-1].copy()
    order = np.lexsort((best.means, best.scales))
    best.means, best.scales, best.known = best.means[order], best.scales[order], best.known[order]
    best.moves = best.moves[order][:, order]
    return best


def prior_of(states: int, freedom: int, mean: float, spread: float) -> Prior:
    """Return what is assumed before the data, of returns with this mean and standard deviation."""
    scales = np.array(_SCALES[states]) * spread * tail_factor(freedom)
    moves = np.full((states, states), 1.0 / (_QUARTER * (states - 1)))
    np.fill_diagonal(moves, 1.0 - 1.0 / _QUARTER)
    moves *= _MOVES_SESSIONS
    return Prior(moves, mean, _MEAN_SESSIONS, scales, _SCALE_SESSIONS)


def tail_factor(freedom: int) -> float:
    """Return the scale of a distribution with a standard deviation of one."""
    return 1.0 if freedom == NORMAL else float(np.sqrt((freedom - 2.0) / freedom))


def room_for(sessions: int, states: int) -> Room:
    """Return arrays for the kernel to work in."""
    shape = (sessions, states)
    return Room(np.empty(shape), np.empty(shape), np.empty(shape), np.empty(sessions))


def starts(
    returns: Floats, states: int, freedom: int, mean: float, spread: float
) -> Iterator[Start]:
    """Cut the sessions by the smoothed size of their returns, at several shares, and measure each part."""
    is_known = ~np.isnan(returns)
    centred = np.where(is_known, returns - mean, 0.0)
    window = np.ones(min(_SMOOTHING, len(returns)))
    count = np.convolve(is_known.astype(float), window, "same")
    size = np.convolve(np.abs(centred), window, "same") / np.maximum(count, 1.0)
    tail = tail_factor(freedom)
    for cuts in _CUTS[states]:
        part = np.searchsorted(np.quantile(size[is_known], cuts), size, side="right")
        means, scales = np.full(states, mean), np.full(states, spread * tail)
        for state in range(states):
            own = returns[(part == state) & is_known]
            if len(own) > 1:
                means[state] = own.mean()
                scales[state] = max(float(own.std()), _NARROWEST * spread) * tail
        moves = np.full((states, states), 1.0 / (_QUARTER * (states - 1)))
        np.fill_diagonal(moves, 1.0 - 1.0 / _QUARTER)
        yield means, scales, moves
