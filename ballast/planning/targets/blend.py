"""From two answers to one proposal: blended, brought within the limits, without crumbs, and approached in steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ballast.planning.targets.attempts import Attempt, Outcome
from ballast.planning.targets.limits import Limits, Vector
from ballast.planning.targets.quadratic import Answer, minimise
from ballast.settings.optimiser import OptimiserSettings

_CRUMB_ROUNDS = 5
_WITHIN = 1e-10
# A smaller difference is the solver's, and not worth a word.
_TOLD = 1e-6


@dataclass(frozen=True)
class Answers:
    """What each method says: weights of shape (n,) that add up to the budget, or None."""

    mean_variance: Vector | None
    hierarchical: Vector | None


def fitted(weights: Vector, limits: Limits) -> Vector:
    """Scale non-negative weights by one factor, each kept within its bounds, so that they add up to the budget.

    A weight of zero grows only once all others are at their upper bound; groups are not looked at.
    """
    safe = np.maximum(weights, 1e-300)
    factors = np.unique(np.concatenate([limits.lower / safe, limits.upper / safe]))
    factors = factors[np.isfinite(factors)]
    # The sum grows with the factor, and along a straight line between two of these.
    sums = np.clip(np.outer(factors, safe), limits.lower, limits.upper).sum(axis=1)
    if limits.budget <= sums[0]:
        return limits.lower.copy()
    if limits.budget >= sums[-1]:
        return limits.upper.copy()
    factor = float(np.interp(limits.budget, sums, factors))
    return np.clip(factor * safe, limits.lower, limits.upper)


def nearest(weights: Vector, limits: Limits) -> Answer:
    """Return the weights within the limits that are nearest, by the sum of squares."""
    if limits.excess(weights) <= _WITHIN:
        return Answer(weights)
    return minimise(np.identity(len(weights)), -2.0 * weights, limits)


def blended(
    answers: Answers,
    limits: Sequence[tuple[str, Limits]],
    settings: OptimiserSettings,
) -> tuple[Vector | None, Limits, list[Attempt]]:
    """Blend both answers and bring them within the limits of the first level that can be met.

    Parameters
    ----------
    answers : Answers
        Where one is missing, the other counts alone.
    limits : sequence of (str, Limits)
        Levels to try in turn.

    Returns
    -------
    weights : array of shape (n,), or None
        None when both are missing.
    limits : Limits
        Those that they keep to.
    attempts : list of Attempt
    """
    mean_variance, hierarchical = answers.mean_variance, answers.hierarchical
    attempts: list[Attempt] = []
    outcome: Outcome = "adjusted"
    if mean_variance is not None and hierarchical is not None:
        outcome = "used"
        whole = settings.blend * hierarchical + (1 - settings.blend) * mean_variance
        detail = f"{settings.blend:.0%} hierarchical, {1 - settings.blend:.0%} mean-variance"
    elif mean_variance is not None:
        whole, detail = mean_variance, "mean-variance alone, because the other is missing"
    elif hierarchical is not None:
        whole, detail = hierarchical, "hierarchical alone, because the other is missing"
    else:
        reason = "mean-variance and hierarchical risk parity both failed"
        return None, limits[-1][1], [Attempt("blend", "failed", reason)]
    for level, kept_to in limits:
        found = nearest(whole, kept_to)
        if found.weights is not None:
            attempts.append(Attempt("blend", outcome, detail, level))
            return found.weights, kept_to, attempts
        attempts.append(Attempt("blend", "failed", found.reason or "no weights", level))
    return None, limits[-1][1], attempts


def without_crumbs(weights: Vector, limits: Limits, cutoff: float) -> tuple[Vector, list[Attempt]]:
    """Give up weights below the cutoff that need not be held, and spread them over the others."""
    best, narrowed = weights, limits
    attempts: list[Attempt] = []
    for _ in range(_CRUMB_ROUNDS):
        is_crumb = (best < cutoff) & (best > 0) & (narrowed.lower <= 0)
        if not is_crumb.any():
            break
        narrowed = replace(
            narrowed,
            lower=np.where(is_crumb, 0.0, narrowed.lower),
            upper=np.where(is_crumb, 0.0, narrowed.upper),
        )
        found = nearest(np.where(is_crumb, 0.0, best), narrowed)
        count = int(is_crumb.sum())
        if found.weights is None:
            detail = f"{count} weights below {cutoff:.2%} are needed to stay within the limits"
            return best, [*attempts, Attempt("cutoff", "failed", detail)]
        detail = f"{count} weights below {cutoff:.2%} were given up"
        attempts.append(Attempt("cutoff", "used", detail))
        best = found.weights
    return best, attempts


def in_steps(
    weights: Vector, current: Vector, limits: Limits, settings: OptimiserSettings
) -> tuple[Vector, list[Attempt]]:
    """Go only a part of the way when a weight is to change by much.

    The budget is kept. A bound that what is held breaks is given up for the step, as otherwise this weight would go all
    of the way at once; groups come within their limits later as well.
    """
    largest = float(np.abs(weights - current).max(initial=0.0))
    if largest <= settings.gradual_limit:
        return weights, []
    part = current + settings.gradual_step * (weights - current)
    step = replace(
        limits.without_groups(),
        lower=np.minimum(limits.lower, part),
        upper=np.maximum(limits.upper, part),
    )
    found = nearest(part, step)
    detail = f"a weight is to change by {largest:.1%}, so that all go {settings.gradual_step:.0%} of the way"
    if found.weights is None:
        return weights, [Attempt("in_steps", "failed", found.reason or detail)]
    missing = limits.budget - float(part.sum())
    if abs(missing) > _TOLD:
        more = "more" if missing > 0 else "less"
        detail += f"; {abs(missing):.2%} {more} are then spread, so that they add up to {limits.budget:.2%}"
    beyond = (found.weights > limits.upper + _TOLD) | (found.weights < limits.lower - _TOLD)
    if beyond.any():
        detail += f"; {int(beyond.sum())} still beyond the bounds"
    return found.weights, [Attempt("in_steps", "used", detail)]
