"""The one problem that everything is solved as: a convex quadratic objective under linear limits, by Clarabel.

    minimise  wᵀQw + cᵀw + k Σ|w − w₀|   within bounds, group limits, Σw = budget, and mᵀw >= floor

The turnover has one auxiliary variable per security: b >= w − w₀, b >= 0, because Σ|w − w₀| = 2 Σb − Σ(w − w₀), of
which the last sum is a constant. Which entries of the matrices are not zero depends on the numbers of securities and
on the groups alone; that is kept, the solver is not: what it remembers of one problem would show in the last digits
of the next.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import clarabel  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
from scipy import sparse  # type: ignore[import-untyped]

from ballast.planning.targets.limits import Limits, Matrix, Vector

_ENOUGH = 1e-8
# Relative tolerance, and regularisation of the solver's equations. Where limits leave almost no room, its usual
# tolerance is enough, but its usual regularisation is more than the room.
_TRIES = ((1e-11, 1e-8), (_ENOUGH, 1e-10))
# What may be between the bounds of a security that is not moved.
_LOCKED = 1e-9
# How far the sum of what cannot be moved may be from the budget.
_SUM = 1e-9


@dataclass(frozen=True)
class Floor:
    """Least sum of the weights times coefficients, for instance of the expected return."""

    coefficients: Vector
    least: float


@dataclass(frozen=True)
class Turnover:
    """Weights to start from, and the price of each unit of weight that is moved."""

    start: Vector
    penalty: float


@dataclass(frozen=True)
class Answer:
    """The best weights, or why there are none."""

    weights: Vector | None
    reason: str | None = None


def minimise(
    quadratic: Matrix,
    linear: Vector,
    limits: Limits,
    *,
    floor: Floor | None = None,
    turnover: Turnover | None = None,
) -> Answer:
    """Return the weights that minimise a convex quadratic objective.

    Parameters
    ----------
    quadratic : array of shape (n, n)
        Symmetric and positive semidefinite.
    linear : array of shape (n,)
        Coefficients of the linear part.
    floor : Floor, optional
        A sum that must be reached.
    turnover : Turnover, optional
        Only with a positive penalty.

    Returns
    -------
    Answer
        Weights within the bounds exactly, or the reason why the solver found none.
    """
    free = limits.upper - limits.lower > _LOCKED
    if not free.all():
        return _reduced(quadratic, linear, limits, free, floor, turnover)
    if turnover is not None and turnover.penalty <= 0:
        turnover = None
    groups = limits.groups
    n, moved = len(linear), turnover is not None
    shape = _shape(n, groups.membership.tobytes(), len(groups.lower), floor is not None, moved)
    right = [np.array([limits.budget]), groups.upper, -groups.lower, limits.upper, -limits.lower]
    if floor is not None:
        right.insert(1, np.array([-floor.least]))
    cost = linear
    if turnover is not None:
        right += [turnover.start, np.zeros(n)]
        cost = np.concatenate([linear, np.full(n, 2.0 * turnover.penalty)])
    problem = (
        shape.objective(quadratic),
        cost,
        shape.left(None if floor is None else floor.coefficients),
        np.concatenate(right),
        shape.cones,
    )
    status = ""
    for tolerance, regularisation in _TRIES:
        settings = _settings(tolerance, regularisation)
        solution = clarabel.DefaultSolver(*problem, settings).solve()
        status = str(solution.status)
        if status in _SOLVED:
            weights = np.array(solution.x[:n])
            return Answer(_settled(np.clip(weights, limits.lower, limits.upper), limits))
        if status in _REASONS:
            break
    return Answer(None, _REASONS.get(status, f"solver: {status}"))


_SOLVED = ("Solved", "AlmostSolved")
_REASONS = {
    "PrimalInfeasible": "no weights meet all limits",
    "AlmostPrimalInfeasible": "no weights meet all limits",
    "DualInfeasible": "the objective has no bound",
}


def _settled(weights: Vector, limits: Limits) -> Vector:
    """Spread what the solver's tolerance leaves of the budget over the weights that have room for it."""
    missing = limits.budget - float(weights.sum())
    room = limits.upper - weights if missing > 0 else weights - limits.lower
    total = float(room.sum())
    if total <= abs(missing):
        return weights
    return np.clip(weights + missing * room / total, limits.lower, limits.upper)


def _reduced(
    quadratic: Matrix,
    linear: Vector,
    limits: Limits,
    free: npt.NDArray[np.bool_],
    floor: Floor | None,
    turnover: Turnover | None,
) -> Answer:
    """Solve for the securities that can move; an equation hidden in two inequalities would cost digits."""
    weights = np.where(free, 0.0, limits.lower)
    groups = limits.groups
    held = groups.membership @ weights
    budget = limits.budget - float(weights.sum())
    if floor is not None:
        least = floor.least - float(floor.coefficients @ weights)
        floor = Floor(floor.coefficients[free], least)
    if not free.any():
        meets = abs(budget) <= _SUM and limits.excess(weights) <= _SUM
        meets = meets and (floor is None or floor.least <= _SUM)
        return Answer(weights) if meets else Answer(None, "no weights meet all limits")
    inner = Limits(
        limits.lower[free],
        limits.upper[free],
        budget,
        type(groups)(groups.membership[:, free], groups.lower - held, groups.upper - held),
    )
    found = minimise(
        np.ascontiguousarray(quadratic[np.ix_(free, free)]),
        (linear + 2.0 * quadratic @ weights)[free],
        inner,
        floor=floor,
        turnover=None if turnover is None else Turnover(turnover.start[free], turnover.penalty),
    )
    if found.weights is None:
        return found
    weights[free] = found.weights
    return Answer(weights)


@dataclass(frozen=True)
class _Shape:
    """Where the entries of the matrices are."""

    triangle: npt.NDArray[np.intp]
    pattern: Any
    constraints: Any
    floor_at: npt.NDArray[np.intp]
    cones: list[Any]

    def objective(self, quadratic: Matrix) -> Any:
        """Return the upper triangle of twice the quadratic part; Clarabel halves it."""
        return _filled(self.pattern, 2.0 * quadratic.ravel()[self.triangle])

    def left(self, coefficients: Vector | None) -> Any:
        """Return the matrix of the constraints, with the coefficients of the floor in their places."""
        if coefficients is None:
            return self.constraints
        values = self.constraints.data.copy()
        values[self.floor_at] = -coefficients
        return _filled(self.constraints, values)


def _filled(pattern: Any, values: Vector) -> Any:
    """Return a matrix of the same pattern; made anew it would be checked, which takes as long as to fill it."""
    matrix = copy(pattern)
    matrix.data = values
    return matrix


@lru_cache(maxsize=64)
def _shape(n: int, membership: bytes, groups: int, has_floor: bool, moved: bool) -> _Shape:
    """Lay out the matrices for a number of securities and their groups."""
    variables = 2 * n if moved else n
    # Row by row, a lower triangle is the upper one column by column.
    rows, columns = np.tril_indices(n)
    counts = np.concatenate([np.arange(1, n + 1), np.zeros(variables - n, int)])
    starts = np.concatenate([[0], np.cumsum(counts)])
    inside = np.frombuffer(membership).reshape(groups, n)
    one, unit, nothing = np.ones((1, n)), np.identity(n), np.zeros((n, n))
    blocks = [one, *([np.full((1, n), np.nan)] if has_floor else []), inside, -inside, unit, -unit]
    left = np.vstack(blocks)
    if moved:
        auxiliary = np.zeros((len(left), n))
        left = np.block([[left, auxiliary], [unit, -unit], [nothing, -unit]])
    constraints = sparse.csc_matrix(left)
    constraints.data.setflags(write=False)
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(len(left) - 1)]
    entries = (np.zeros(len(columns)), columns.astype(np.int32), starts.astype(np.int32))
    return _Shape(
        rows * n + columns,
        sparse.csc_matrix(entries, (variables, variables)),
        constraints,
        np.flatnonzero(np.isnan(constraints.data)),
        cones,
    )


@lru_cache(maxsize=4)
def _settings(tolerance: float, regularisation: float) -> Any:
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    # One thread, so that the sums have one order on every machine.
    settings.max_threads = 1
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
    settings.static_regularization_constant = regularisation
    # An answer that is called almost solved is one that the second try would accept.
    settings.reduced_tol_gap_abs = settings.reduced_tol_gap_rel = _ENOUGH
    settings.reduced_tol_feas = _ENOUGH
    return settings
