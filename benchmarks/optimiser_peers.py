"""One generated problem of weights, and how each peer of the benchmark solves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ballast.planning.targets.covariance import shrunk_covariance
from ballast.planning.targets.hierarchical import hierarchical_risk_parity
from ballast.planning.targets.limits import GroupLimits, Limits
from ballast.planning.targets.mean_variance import Securities
from ballast.planning.targets.quadratic import Answer, Floor, Turnover, minimise

_OBSERVATIONS = 1_260
_GROUPS = 5
_PENALTY = 0.002


@dataclass(frozen=True)
class Problem:
    """One generated problem in the form of every peer."""

    n: int
    cap: float
    returns: np.ndarray
    securities: Securities
    limits: Limits
    floor: Floor
    frame: Any

    @classmethod
    def of(cls, n: int, cap: float) -> Problem:
        import pandas as pd

        random = np.random.default_rng(n)
        factors = random.normal(size=(_OBSERVATIONS, 5)) * 0.008
        own = random.normal(size=(_OBSERVATIONS, n)) * 0.012
        returns = factors @ (random.normal(size=(5, n)) * 0.5 + 0.4) + own + 0.0004
        covariance = shrunk_covariance(returns)[0] * 252
        start = np.minimum(random.dirichlet(np.ones(n)), cap)
        expected = random.normal(0.08, 0.04, n)
        membership = np.zeros((_GROUPS, n))
        membership[np.arange(n) % _GROUPS, np.arange(n)] = 1.0
        groups = GroupLimits(membership, np.full(_GROUPS, 0.12), np.full(_GROUPS, 0.30))
        limits = Limits(np.zeros(n), np.full(n, cap), 1.0, groups)
        frame = pd.DataFrame(returns, columns=[f"S{number:03d}" for number in range(n)])
        frame.index = pd.bdate_range("2015-01-01", periods=_OBSERVATIONS)
        return cls(
            n, cap, returns, Securities(expected, covariance, start), limits,
            Floor(expected, 0.09), frame,
        )  # fmt: skip

    def ours(self) -> np.ndarray:
        return _weights(
            minimise(
                self.securities.covariance, np.zeros(self.n), self.limits, floor=self.floor,
                turnover=Turnover(self.securities.start, _PENALTY),
            )
        )  # fmt: skip

    def raw_problem(self) -> tuple[Any, ...]:
        """Write the problem as anybody would, with one bound per side of the turnover."""
        import clarabel

        n, unit, nothing = self.n, np.identity(self.n), np.zeros((self.n, self.n))
        groups = self.limits.groups
        left = np.vstack(
            [
                np.hstack([np.ones((1, n)), np.zeros((1, n))]),
                np.hstack([-self.floor.coefficients[None, :], np.zeros((1, n))]),
                np.hstack([groups.membership, np.zeros((_GROUPS, n))]),
                np.hstack([-groups.membership, np.zeros((_GROUPS, n))]),
                np.hstack([unit, nothing]),
                np.hstack([-unit, nothing]),
                np.hstack([unit, -unit]),
                np.hstack([-unit, -unit]),
            ]
        )
        start = self.securities.start
        right = np.concatenate(
            [
                [1.0, -self.floor.least], groups.upper, -groups.lower, self.limits.upper,
                -self.limits.lower, start, -start,
            ]
        )  # fmt: skip
        quadratic = sparse.block_diag([2 * self.securities.covariance, sparse.csc_matrix((n, n))])
        settings = clarabel.DefaultSettings()
        settings.verbose, settings.max_threads = False, 1
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
        cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(len(left) - 1)]
        cost = np.concatenate([np.zeros(n), np.full(n, _PENALTY)])
        upper = sparse.triu(sparse.csc_matrix(quadratic), format="csc")
        return upper, cost, sparse.csc_matrix(left), right, cones, settings

    def raw(self, problem: tuple[Any, ...]) -> np.ndarray:
        import clarabel

        solution = clarabel.DefaultSolver(*problem).solve()
        return np.array(solution.x[: self.n])

    def by_cvxpy(self) -> np.ndarray:
        import cvxpy as cp

        weights, groups = cp.Variable(self.n), self.limits.groups
        moved = cp.norm1(weights - self.securities.start)
        problem = cp.Problem(
            cp.Minimize(
                cp.quad_form(weights, cp.psd_wrap(self.securities.covariance)) + _PENALTY * moved
            ),
            [
                cp.sum(weights) == 1,
                weights >= 0,
                weights <= self.cap,
                self.floor.coefficients @ weights >= self.floor.least,
                groups.membership @ weights >= groups.lower,
                groups.membership @ weights <= groups.upper,
            ],
        )
        problem.solve(solver=cp.CLARABEL)
        return np.asarray(weights.value)

    def by_pyportfolioopt(self) -> np.ndarray:
        from pypfopt import EfficientFrontier, objective_functions

        frontier = EfficientFrontier(
            self.floor.coefficients,
            self.securities.covariance,
            weight_bounds=(0, self.cap),
            solver="CLARABEL",
        )
        frontier.add_objective(
            objective_functions.transaction_cost, w_prev=self.securities.start, k=_PENALTY
        )
        groups = self.limits.groups
        frontier.add_constraint(lambda w: groups.membership @ w >= groups.lower)
        frontier.add_constraint(lambda w: groups.membership @ w <= groups.upper)
        return np.array(list(frontier.efficient_return(self.floor.least).values()))

    def ours_least(self) -> np.ndarray:
        covariance, _ = shrunk_covariance(self.returns)
        within = self.limits.without_groups()
        return _weights(minimise(covariance * 252, np.zeros(self.n), within))

    def least_by_skfolio(self) -> np.ndarray:
        from skfolio.moments import LedoitWolf
        from skfolio.optimization import MeanRisk
        from skfolio.prior import EmpiricalPrior

        prior = EmpiricalPrior(covariance_estimator=LedoitWolf())
        model = MeanRisk(prior_estimator=prior, max_weights=self.cap)
        return np.asarray(model.fit(self.frame).weights_)

    def hierarchical(self) -> np.ndarray:
        return hierarchical_risk_parity(np.cov(self.returns.T))

    def hierarchical_by_skfolio(self) -> np.ndarray:
        from skfolio.cluster import HierarchicalClustering, LinkageMethod
        from skfolio.optimization import HierarchicalRiskParity

        clustering = HierarchicalClustering(linkage_method=LinkageMethod.SINGLE)
        model = HierarchicalRiskParity(hierarchical_clustering_estimator=clustering)
        return np.asarray(model.fit(self.frame).weights_)

    def hierarchical_by_pyportfolioopt(self) -> np.ndarray:
        from pypfopt import HRPOpt

        weights: Mapping[str, float] = HRPOpt(self.frame).optimize()
        return np.array([weights[name] for name in self.frame.columns])

    def hierarchical_by_riskfolio(self) -> np.ndarray:
        from riskfolio import HCPortfolio

        found = HCPortfolio(returns=self.frame).optimization(
            model="HRP", codependence="pearson", rm="MV", linkage="single", leaf_order=False
        )
        return np.asarray(found["weights"])

    def objective(self, weights: np.ndarray) -> float:
        moved = float(np.abs(weights - self.securities.start).sum())
        return float(weights @ self.securities.covariance @ weights) + _PENALTY * moved

    def broken(self, weights: np.ndarray) -> float:
        short = self.floor.least - float(self.floor.coefficients @ weights)
        return max(self.limits.excess(weights), short)

    def exact(self) -> np.ndarray:
        """Solve the equations that hold at the optimum: which bounds, groups and sides of the turnover bind."""
        weights, near = self.ours(), 1e-7
        start, groups = self.securities.start, self.limits.groups
        sums = groups.membership @ weights
        fixed = {
            number: value
            for bound in (self.limits.lower, self.limits.upper, start)
            for number, value in enumerate(bound)
            if abs(weights[number] - value) < near
        }
        rows = [np.ones(self.n)]
        ends = [1.0]
        if abs(float(self.floor.coefficients @ weights) - self.floor.least) < near:
            rows.append(self.floor.coefficients)
            ends.append(self.floor.least)
        for limit in (groups.lower, groups.upper):
            for group in np.flatnonzero(np.abs(sums - limit) < near):
                rows.append(groups.membership[group])
                ends.append(float(limit[group]))
        unit = np.identity(self.n)
        rows += [unit[number] for number in fixed]
        ends += list(fixed.values())
        left, size = np.array(rows), len(rows)
        system = np.block(
            [[2 * self.securities.covariance, left.T], [left, np.zeros((size, size))]]
        )
        side = np.concatenate([-_PENALTY * np.sign(weights - start), ends])
        solved = np.linalg.lstsq(system, side, rcond=None)[0]
        for _ in range(3):
            solved += np.linalg.lstsq(system, side - system @ solved, rcond=None)[0]
        return np.asarray(solved[: self.n])


def _weights(answer: Answer) -> np.ndarray:
    if answer.weights is None:
        raise AssertionError(answer.reason)
    return answer.weights
