"""What may happen to all securities together: drawn from a covariance, from days of the past, or prescribed.

A scenario is a return of every security over the horizon. Draws depend on nothing but their inputs: the seed is a hash
of them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ballast.planning.search.problem import F64, ProblemError

SHOCKS = (-0.10, -0.20, -0.30)
# A pivot below this share of the largest variance is rounding: the security is a mixture of those before it.
_NEGLIGIBLE = 1e-12
# A variance this far below 0, as a share of the largest, is no rounding any more.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Scenarios:
    """Joint returns under a name.

    Parameters
    ----------
    name : str
    returns : array of (scenarios, n)
        Simple returns over the horizon, of each security of the problem in its order; never below -1.
    labels : tuple of str
        What each scenario is, where that says something; else empty.
    """

    name: str
    returns: F64
    labels: tuple[str, ...] = ()


def seed_of(*inputs: object) -> int:
    """Return a seed that depends on all inputs: arrays by their bytes, all others by how they are written."""
    digest = hashlib.blake2b(digest_size=8)
    for value in inputs:
        if isinstance(value, np.ndarray):
            digest.update(f"{value.dtype.str}{value.shape}".encode())
            digest.update(np.ascontiguousarray(value).tobytes())
        else:
            digest.update(repr(value).encode())
        digest.update(b"|")
    return int.from_bytes(digest.digest(), "little")


def simulated(
    covariance: F64,
    *,
    sessions: int,
    paths: int = 1_000,
    mean: F64 | None = None,
    degrees_of_freedom: float | None = None,
    seed: int | None = None,
) -> Scenarios:
    """Draw joint returns of securities whose log returns have a covariance.

    Parameters
    ----------
    covariance : array of (n, n)
        Of log returns over one session; positive semidefinite.
    sessions : int
        Horizon; independent sessions, so that the covariance grows with them.
    mean : array of n, optional
        Mean log return over one session; 0 by default, because a horizon is too short to rely on it.
    degrees_of_freedom : float, optional
        Above 2: all securities share one chi-square draw per path (a multivariate Student-t), scaled so that the
        covariance remains what it is. Without it, returns are lognormal.
    seed : int, optional
        By default a hash of the inputs.

    Raises
    ------
    ProblemError
        If the degrees of freedom leave no variance, or the covariance is not symmetric and semidefinite.
    """
    if degrees_of_freedom is not None and not degrees_of_freedom > 2.0:
        _refuse("A Student-t needs more than 2 degrees of freedom", "degrees_of_freedom")
    inputs = ("simulated", covariance, sessions, paths, mean, degrees_of_freedom)
    draw = np.random.default_rng(seed_of(*inputs) if seed is None else seed)
    root = _root(covariance) * math.sqrt(sessions)
    normal = draw.standard_normal((len(covariance), paths))
    # Added up factor by factor, so that the bits do not depend on a library for matrices.
    logs = np.zeros((paths, len(covariance)))
    for factor, values in enumerate(normal):
        logs += values[:, None] * root[:, factor]
    if degrees_of_freedom is not None:
        spread = draw.chisquare(degrees_of_freedom, paths)
        logs *= np.sqrt((degrees_of_freedom - 2.0) / spread)[:, None]
    if mean is not None:
        logs += sessions * mean
    return Scenarios("simulated", np.expm1(logs))


def bootstrapped(
    history: F64, *, sessions: int, paths: int = 1_000, block: int = 5, seed: int | None = None
) -> Scenarios:
    """Draw blocks of consecutive days of the past, the same days for all securities, and compound them.

    Parameters
    ----------
    history : array of (days, n)
        Simple daily returns, oldest first, all known.
    sessions : int
        Horizon.
    block : int
        Days in a row that stay together, which keeps calm and stormy times together; the last block is cut.

    Raises
    ------
    ProblemError
        If a return is unknown, or there are fewer days than a block.
    """
    _check_history(history)
    if len(history) < block:
        _refuse(f"{len(history)} days are fewer than a block of {block}", "history")
    inputs = ("bootstrapped", history, sessions, paths, block)
    draw = np.random.default_rng(seed_of(*inputs) if seed is None else seed)
    blocks = -(-sessions // block)
    first = draw.integers(0, len(history) - block + 1, (blocks, paths))
    growth = np.ones((paths, history.shape[1]))
    for session in range(sessions):
        growth *= 1.0 + history[first[session // block] + session % block]
    return Scenarios("bootstrapped", growth - 1.0)


def worst_days(
    history: F64, index: F64, *, count: int = 10, labels: Sequence[str] = ()
) -> Scenarios:
    """Return what all securities did on the worst days of an index; of equal days the earlier.

    Parameters
    ----------
    history : array of (days, n)
        Simple daily returns, all known.
    index : array of days
        Daily returns of the index.
    labels : sequence of str, optional
        Name of each day, such as its date.
    """
    _check_history(history)
    days = np.argsort(index, kind="stable")[:count]
    named = tuple(labels[day] for day in days) if labels else ()
    return Scenarios("worst days", history[days], named)


def shocks(securities: int, sizes: Sequence[float] = SHOCKS) -> Scenarios:
    """Return scenarios in which every security moves by the same return."""
    returns = np.repeat(np.array(sizes, dtype=np.float64)[:, None], securities, axis=1)
    return Scenarios("shocks", returns, tuple(f"{size:+.0%}" for size in sizes))


def _root(covariance: F64) -> F64:
    """Return the lower triangle whose square is the covariance; semidefinite ones get empty columns."""
    size = len(covariance)
    if not np.allclose(covariance, covariance.T, rtol=1e-9, atol=0.0):
        _refuse("The covariance is not symmetric", "covariance")
    root, largest = np.zeros((size, size)), float(np.diag(covariance).max(initial=0.0))
    for column in range(size):
        known = root[column:, :column] * root[column, :column]
        rest = covariance[column:, column] - known.sum(axis=1)
        if rest[0] > _NEGLIGIBLE * largest:
            root[column:, column] = rest / math.sqrt(rest[0])
        elif rest[0] < -_ROUNDING * largest or np.abs(rest).max() > math.sqrt(_ROUNDING) * largest:
            _refuse("The covariance is not positive semidefinite", "covariance")
    return root


def _check_history(history: F64) -> None:
    unknown = np.flatnonzero(~np.isfinite(history).all(axis=0))
    if len(unknown):
        _refuse(f"The returns of securities {unknown.tolist()} are not all known", "history")


def _refuse(what: str, name: str) -> None:
    raise ProblemError(
        f"{what}.", where=f"Scenarios: {name}", remedy="Correct what the scenarios are drawn from."
    )
