"""Mean-variance weights: the least risk for a return, within limits; and what is done when there is no such thing.

Levels of group limits: full, then with every least share halved, then none. Within each level the objectives in turn:

    efficient_return    least variance of all weights that reach the target return
    minimum_volatility  least variance
    efficient_risk      greatest return of all weights within the risk limit
    maximum_sharpe      greatest return per risk (risk-free rate zero)

Variance includes the penalty on turnover. A target return above what is feasible is lowered to it first. The last two
look along the efficient frontier for the return at which the risk limit, or the best ratio, is met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt

import numpy as np

from ballast.planning.targets.attempts import Attempt, Outcome
from ballast.planning.targets.limits import Limits, Matrix, Vector
from ballast.planning.targets.quadratic import Answer, Floor, Turnover, minimise
from ballast.settings.optimiser import OptimiserSettings

LEVELS = ("full", "halved", "none")
OBJECTIVES = ("efficient_return", "minimum_volatility", "efficient_risk", "maximum_sharpe")
# Room that the solver needs below the greatest feasible return.
_MARGIN = 1e-6
_GOLDEN = (sqrt(5.0) - 1) / 2
_BISECTIONS = 40
Solver = Callable[..., Answer]


@dataclass(frozen=True)
class Securities:
    """What is known of the securities of a problem: arrays in one order.

    Parameters
    ----------
    expected_returns : array of shape (n,)
        Per year.
    covariance : array of shape (n, n)
        Per year.
    start : array of shape (n,)
        Weights that turnover is measured from.
    """

    expected_returns: Vector
    covariance: Matrix
    start: Vector


@dataclass(frozen=True)
class MeanVariance:
    """The weights, or None; the limits that they keep to; and everything that was tried."""

    weights: Vector | None
    limits: Limits
    level: str | None
    objective: str | None
    attempts: tuple[Attempt, ...]


@dataclass
class _Frontier:
    """Solves for one level of limits, and knows the range of returns that is feasible there."""

    securities: Securities
    limits: Limits
    penalty: float
    solve: Solver
    highest: float = field(default=0.0)

    def greatest_return(self) -> Answer:
        """Return the weights of the greatest return."""
        n = len(self.securities.start)
        found = self.solve(np.zeros((n, n)), -self.securities.expected_returns, self.limits)
        if found.weights is not None:
            self.highest = self.expected(found.weights)
        return found

    def at(self, least: float | None) -> Answer:
        """Return the least variance, of all weights with at least some return."""
        # Asked for exactly the greatest, the solver would look for a point without room around it.
        floor = None
        if least is not None:
            reachable = min(least, self.highest - _MARGIN * max(1.0, abs(self.highest)))
            floor = Floor(self.securities.expected_returns, reachable)
        return self.solve(
            self.securities.covariance,
            np.zeros(len(self.securities.start)),
            self.limits,
            floor=floor,
            turnover=Turnover(self.securities.start, self.penalty),
        )

    def expected(self, weights: Vector) -> float:
        """Return the expected return of weights."""
        return float(self.securities.expected_returns @ weights)

    def risk(self, weights: Vector) -> float:
        """Return the volatility of weights."""
        return sqrt(max(float(weights @ self.securities.covariance @ weights), 0.0))

    def ratio(self, answer: Answer) -> float:
        """Return the expected return per risk, the lowest of all where there are no weights."""
        if answer.weights is None:
            return -np.inf
        return self.expected(answer.weights) / max(self.risk(answer.weights), 1e-12)


def mean_variance(
    securities: Securities,
    limits: Limits,
    settings: OptimiserSettings,
    solve: Solver = minimise,
) -> MeanVariance:
    """Return the weights of the first objective and level that has any.

    Parameters
    ----------
    limits : Limits
        Target return and risk limit are per unit of its budget.
    solve : callable
        In place of `minimise`.
    """
    wanted = OBJECTIVES.index(settings.objective)
    order = (*OBJECTIVES[wanted:], *OBJECTIVES[:wanted])
    levels = {"full": limits, "halved": limits.halved(), "none": limits.without_groups()}
    attempts: list[Attempt] = []
    first_level = LEVELS[0] if len(limits.groups.lower) else LEVELS[-1]
    for level in LEVELS[LEVELS.index(first_level) :]:
        frontier = _Frontier(securities, levels[level], settings.turnover_penalty, solve)
        feasible = frontier.greatest_return()
        if feasible.weights is None:
            reason = feasible.reason or "no weights"
            attempts.append(Attempt("mean_variance", "failed", reason, level))
            continue
        for objective in order:
            found = _SOLVERS[objective](frontier, settings)
            is_first = level == first_level and objective == order[0]
            outcome = found.outcome if is_first or found.weights is None else "adjusted"
            attempts.append(Attempt("mean_variance", outcome, found.detail, level, objective))
            if found.weights is not None:
                return MeanVariance(found.weights, levels[level], level, objective, tuple(attempts))
    return MeanVariance(None, levels["none"], None, None, tuple(attempts))


def frontier_points(securities: Securities, limits: Limits, points: int) -> list[Vector]:
    """Return weights along the efficient frontier, from the least risk to the greatest return.

    Parameters
    ----------
    points : int
        How many, at equal steps of return; fewer where the solver finds none. Turnover costs nothing here.
    """
    frontier = _Frontier(securities, limits, 0.0, minimise)
    greatest, least = frontier.greatest_return(), frontier.at(None)
    if greatest.weights is None or least.weights is None:
        return []
    start = frontier.expected(least.weights)
    if frontier.highest - start <= _MARGIN:
        return [least.weights]
    steps = np.linspace(start, frontier.highest, points)[1:]
    found = [frontier.at(float(step)).weights for step in steps]
    return [least.weights, *(weights for weights in found if weights is not None)]


@dataclass(frozen=True)
class _Found:
    """Weights of an objective, or None, and what is to be told of it."""

    weights: Vector | None
    detail: str
    outcome: Outcome = "used"

    @classmethod
    def of(cls, answer: Answer, detail: str, outcome: Outcome = "used") -> _Found:
        if answer.weights is None:
            return cls.failed(answer.reason or "no weights")
        return cls(answer.weights, detail, outcome)

    @classmethod
    def failed(cls, reason: str) -> _Found:
        return cls(None, reason, "failed")


def _efficient_return(frontier: _Frontier, settings: OptimiserSettings) -> _Found:
    target = settings.target_return * frontier.limits.budget
    detail = f"return {settings.target_return:.2%} asked for"
    if target <= frontier.highest:
        return _Found.of(frontier.at(target), detail)
    feasible = frontier.highest / frontier.limits.budget
    detail += f", lowered to {feasible:.2%}, which is the most that is feasible"
    return _Found.of(frontier.at(target), detail, "adjusted")


def _minimum_volatility(frontier: _Frontier, _settings: OptimiserSettings) -> _Found:
    return _Found.of(frontier.at(None), "least risk, whatever the return")


def _efficient_risk(frontier: _Frontier, settings: OptimiserSettings) -> _Found:
    limit = settings.risk_limit * frontier.limits.budget
    best = frontier.at(None)
    if best.weights is None:
        return _Found.of(best, "")
    if frontier.risk(best.weights) > limit:
        risk = frontier.risk(best.weights) / frontier.limits.budget
        return _Found.failed(f"the least risk of {risk:.2%} is above {settings.risk_limit:.2%}")
    low, high = frontier.expected(best.weights), frontier.highest
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        found = frontier.at(middle)
        if found.weights is not None and frontier.risk(found.weights) <= limit:
            best, low = found, middle
        else:
            high = middle
    return _Found.of(best, f"greatest return within a risk of {settings.risk_limit:.2%}")


def _maximum_sharpe(frontier: _Frontier, _settings: OptimiserSettings) -> _Found:
    if frontier.highest <= 0:
        return _Found.failed("no weights have a positive expected return")
    best = frontier.at(None)
    if best.weights is None:
        return _Found.of(best, "")
    # The ratio has one peak along the frontier, because risk is convex in the return.
    low, high = frontier.expected(best.weights), frontier.highest
    for _ in range(_BISECTIONS):
        width = _GOLDEN * (high - low)
        left, right = frontier.at(high - width), frontier.at(low + width)
        best = max(best, left, right, key=frontier.ratio)
        if frontier.ratio(left) >= frontier.ratio(right):
            high = low + width
        else:
            low = high - width
    return _Found.of(best, "greatest return per risk")


_SOLVERS: Mapping[str, Callable[[_Frontier, OptimiserSettings], _Found]] = {
    "efficient_return": _efficient_return,
    "minimum_volatility": _minimum_volatility,
    "efficient_risk": _efficient_risk,
    "maximum_sharpe": _maximum_sharpe,
}
