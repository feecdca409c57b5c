"""The model used as time passed: fitted anew each month to what was known before it, then one session at a time.

The label of a session depends on returns up to that session only, parameters included, so that it is the same
whichever later day asks. Each January the fit starts from nothing; in the other months it starts from the fit of the
month before, which is faster and keeps the states what they were. Fits and whole months are remembered in this process
by all that they depend on, because the next session, and every session of a backfill, needs all but the newest again.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ballast.market.regime.markov import Floats, Model, filtered, fit_model, state_probabilities
from ballast.market.regime.naming import NAMES, named_states

Days = NDArray[np.datetime64]
Found = TypeVar("Found")

UNKNOWN = -1
# The months of two dozen indices over 35 years; a fit or a month takes one or two kilobytes.
_REMEMBERED = 10_000
# January: a fit that starts from nothing.
_ANEW = 1


@dataclass(frozen=True)
class ModelHistory:
    """What the model said at the end of each session.

    Parameters
    ----------
    names : array
        Number of the regime in `NAMES`, `UNKNOWN` while there is too little history.
    probabilities : array
        Sessions × names: probability of each regime, none if no state has the name; NaN where it is unknown.
    volatilities : array
        Standard deviation of a session's return in the state that was recognised; NaN where it is unknown.
    fitted_to : array
        Returns that the model of the session was fitted to.
    """

    names: NDArray[np.int64]
    probabilities: Floats
    volatilities: Floats
    fitted_to: NDArray[np.int64]


class _Memory(Generic[Found]):
    """The results used last, by what they depend on."""

    def __init__(self) -> None:
        self._found: OrderedDict[bytes, Found] = OrderedDict()

    def get(self, key: bytes, make: Callable[[], Found]) -> Found:
        if key not in self._found:
            self._found[key] = make()
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        self._found.move_to_end(key)
        return self._found[key]


_fits: _Memory[Model | None] = _Memory()
_months: _Memory[ModelHistory] = _Memory()


def model_history(
    sessions: Days, returns: Floats, *, states: int, window: int, least: int, dwell: int = 0
) -> ModelHistory:
    """Label every session with what was known at its end.

    Parameters
    ----------
    sessions : array
        Days, ascending.
    returns : array
        Return of each session; NaN where none is known.
    states : int
        2 or 3.
    window : int
        Most sessions that a fit looks back.
    least : int
        Returns needed for a fit.
    dwell : int
        Sessions in a row that a new regime must be recognised before it counts.
    """
    months = sessions.astype("datetime64[M]")
    starts = [0, *(np.flatnonzero(months[1:] != months[:-1]) + 1).tolist()]
    past = hashlib.blake2b(f"{states} {window} {least}".encode(), digest_size=16)
    parts: list[ModelHistory] = []
    model: Model | None = None
    for start, end in zip(starts, [*starts[1:], len(sessions)], strict=True):
        before, month = returns[max(0, start - window) : start], returns[start:end]
        near = None if months[start].astype(object).month == _ANEW else model
        past.update(str(months[start]).encode())
        model = _fits.get(past.digest(), partial(_fitted, before, states, least, near))
        past.update(month.tobytes())
        labelled = partial(_labelled, model, month)
        # A month that has not ended is another one tomorrow.
        parts.append(_months.get(past.digest(), labelled) if end < len(sessions) else labelled())
    return ModelHistory(
        after_dwell(np.concatenate([part.names for part in parts]), dwell),
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.volatilities for part in parts]),
        np.concatenate([part.fitted_to for part in parts]),
    )


def after_dwell(names: NDArray[np.int64], dwell: int) -> NDArray[np.int64]:
    """Keep the regime before until a new one has been recognised so many sessions in a row."""
    if dwell <= 1:
        return names
    kept, current, last, run = [], UNKNOWN, UNKNOWN, 0
    for name in names.tolist():
        run = run + 1 if name == last else 1
        last = name
        if UNKNOWN in (current, name) or run >= dwell:
            current = name
        kept.append(current)
    return np.array(kept, dtype=np.int64)


def _fitted(returns: Floats, states: int, least: int, near: Model | None) -> Model | None:
    is_enough = np.count_nonzero(~np.isnan(returns)) >= least
    return fit_model(returns, states, near) if is_enough else None


def _labelled(model: Model | None, returns: Floats) -> ModelHistory:
    """Filter the sessions after the fit, and name what is most probable at the end of each."""
    if model is None:
        return _unknown(len(returns))
    by_shape, _ = filtered(model, returns)
    by_state, corrected = state_probabilities(model, by_shape)
    own, chosen = named_states(model), corrected.argmax(axis=1)
    return ModelHistory(
        own[chosen],
        np.stack([by_state[:, own == name].sum(axis=1) for name in range(len(NAMES))], axis=1),
        (model.weights @ model.volatilities)[chosen],
        np.full(len(returns), model.sessions),
    )


def _unknown(sessions: int) -> ModelHistory:
    return ModelHistory(
        np.full(sessions, UNKNOWN),
        np.full((sessions, len(NAMES)), np.nan),
        np.full(sessions, np.nan),
        np.zeros(sessions, dtype=np.int64),
    )
