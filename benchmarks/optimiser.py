"""Mean-variance and hierarchical risk parity beside a raw solver call and the packages that people use for it.

Every peer solves the same problem: the least variance plus the price of turnover, long only, with a cap, a return to
reach, and limits of five groups. Answers are compared before anything is measured; what is timed begins with arrays of
expected returns and covariance, for the peers as well.

- raw Clarabel: the matrices are made before the clock starts; only the solver is made and run.
- exact optimum: the active set of our answer, solved as one system of equations in extended precision by refinement.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.measure import Report, Row, alternate
from benchmarks.optimiser_peers import Problem

_SIZES = {20: 0.20, 100: 0.05, 500: 0.02}
_RAW_GOAL, _CVXPY_GOAL, _HIERARCHICAL_GOAL = 1.3, 0.5, 0.05
_ROUNDS = {20: 201, 100: 31, 500: 7}
_TOLERANCE = 1e-9


def run() -> list[Report]:
    """Measure both methods at every size."""
    warnings.filterwarnings("ignore")
    report = Report("optimiser")
    accuracy: dict[str, dict[str, float]] = {}
    # One thread each, so that the work is measured and not the waiting of threads for each other.
    with threadpool_limits(1):
        for n, cap in _SIZES.items():
            case = Problem.of(n, cap)
            accuracy[f"n = {n}"] = _accuracy(case)
            _mean_variance(report, case)
            _hierarchical(report, case)
    report.details[
        "in 1e-12: relative excess of the objective over the exact optimum, and the worst broken limit"
    ] = accuracy
    return [report]


def _mean_variance(report: Report, case: Problem) -> None:
    n = case.n
    raw = case.raw_problem()
    ours = {"ours": _once(case.ours)}
    # By themselves, because what runs between them empties the caches that a call of a quarter millisecond lives in.
    pair = alternate(ours | {"raw Clarabel": lambda _: case.raw(raw)}, rounds=_ROUNDS[n])
    taken = alternate(
        ours
        | {
            "cvxpy, built each time": _once(case.by_cvxpy),
            "PyPortfolioOpt": _once(case.by_pyportfolioopt),
        },
        rounds=min(_ROUNDS[n], 15),
    )
    # Above a hundred securities nearly all the time is the solver's, whoever calls it.
    goals = {"raw Clarabel": _RAW_GOAL, "cvxpy, built each time": _CVXPY_GOAL if n <= 100 else None}
    for found in (pair, taken):
        for peer in [name for name in found if name != "ours"]:
            row = Row(f"mean-variance of {n}", found["ours"], found[peer], peer, goals.get(peer))
            report.rows.append(row)
    least = alternate(
        {"ours": _once(case.ours_least), "skfolio": _once(case.least_by_skfolio)},
        rounds=min(_ROUNDS[n], 5),
    )
    row = Row(f"least variance from returns of {n}", least["ours"], least["skfolio"], "skfolio")
    report.rows.append(row)


def _hierarchical(report: Report, case: Problem) -> None:
    peers: dict[str, Callable[[], object]] = {
        "ours": case.hierarchical,
        "skfolio": case.hierarchical_by_skfolio,
        "PyPortfolioOpt": case.hierarchical_by_pyportfolioopt,
        "Riskfolio-Lib": case.hierarchical_by_riskfolio,
    }
    running = {name: work for name, work in peers.items() if _runs(work)}
    taken = alternate(
        {name: _once(work) for name, work in running.items()}, rounds=min(_ROUNDS[case.n], 9)
    )
    best = min((name for name in running if name != "ours"), key=lambda name: taken[name])
    for name in running:
        if name != "ours":
            goal = _HIERARCHICAL_GOAL if name == best else None
            row = Row(
                f"hierarchical risk parity of {case.n}", taken["ours"], taken[name], name, goal
            )
            report.rows.append(row)


def _runs(work: Callable[[], object]) -> bool:
    try:
        work()
    except AttributeError:
        # One of them reads a private name of SciPy that newer versions no longer have.
        return False
    return True


def _once(work: Callable[[], object]) -> Callable[[int], object]:
    return lambda _number: work()


def _accuracy(case: Problem) -> dict[str, float]:
    """Compare every answer with the exact optimum, and hierarchical risk parity with its peers."""
    best = case.objective(case.exact())
    answers = {
        "ours": case.ours(),
        "raw Clarabel": case.raw(case.raw_problem()),
        "cvxpy": case.by_cvxpy(),
        "PyPortfolioOpt": case.by_pyportfolioopt(),
    }
    found = {name: case.objective(weights) / best - 1 for name, weights in answers.items()}
    if abs(found["ours"]) > _TOLERANCE or case.broken(answers["ours"]) > _TOLERANCE:
        raise AssertionError(f"not the optimum of {case.n}: {found}")
    apart = float(np.abs(case.hierarchical() - case.hierarchical_by_riskfolio()).max())
    if apart > _TOLERANCE:
        raise AssertionError(f"not the weights of Riskfolio-Lib for {case.n}: {apart}")
    broken = {f"{name}, broken": case.broken(weights) for name, weights in answers.items()}
    figures = found | broken | {"hierarchical, against Riskfolio-Lib": apart}
    return {name: figure * 1e12 for name, figure in figures.items()}
