"""The planner's search beside straightforward Python of the same formulas, one sequence at a time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ballast.planning.search import Problem, evaluate, search, search_deeper
from ballast.planning.search.outlook import outlook
from ballast.planning.search.problem import execution_order
from ballast.planning.search.scenarios import simulated
from benchmarks.measure import Report, Row, alternate
from benchmarks.planner_peers import Plain

_BATCH = 10_000
_MANY = 200_000
# The slow peer evaluates fewer sequences; only the time per sequence is compared.
_FEW = 1_000
_PLAIN = "Python, one at a time"


def run() -> list[Report]:
    """Measure evaluation, search and scenarios."""
    report = Report("planner")
    problem = generated(seed=7, securities=60, held=30, trades=50, groups=5)
    _measure_evaluation(report, problem)
    _measure_searches(report)
    _measure_scenarios(report, problem)
    return [report]


def generated(seed: int, *, securities: int, held: int, trades: int, groups: int) -> Problem:
    """Return an account with 5 % cash, and one candidate for each of some securities, half of them sales."""
    draw = np.random.default_rng(seed)
    holdings = np.zeros(securities)
    holdings[draw.permutation(securities)[:held]] = draw.uniform(500.0, 5_000.0, held)
    security = np.sort(draw.permutation(securities)[:trades])
    is_sale = (holdings[security] > 0.0) & (np.arange(trades) % 2 == 0)
    share = draw.choice([0.25, 0.5, 1.0], trades)
    bought = np.round(draw.uniform(200.0, 1_500.0, trades))
    value = np.where(is_sale, -share * holdings[security], bought)
    factor = draw.normal(size=(securities, securities)) * 0.002
    problem = Problem(
        holdings=holdings,
        cash=float(holdings.sum()) * 0.05,
        reserve_share=0.01,
        reserve_floor=100.0,
        trade_security=security.astype(np.int64),
        trade_value=value,
        trade_cost=2.0 + 0.002 * np.abs(value),
        trade_tax=np.where(is_sale, draw.uniform(0.0, 0.05, trades) * np.abs(value), 0.0),
        trade_priority=draw.random(trades),
        trade_category=np.where(is_sale, 2, 3).astype(np.int64),
        return_score=draw.random(securities),
        promise_score=draw.random(securities),
        stability_score=draw.random(securities),
        dividend_yield=draw.uniform(0.0, 0.06, securities),
        quality=draw.random(securities),
        group=draw.integers(-1, groups, securities),
        group_targets=draw.dirichlet(np.ones(groups)),
        targets=np.full(securities, np.nan),
        covariance=factor @ factor.T + 1e-4 * np.eye(securities),
    )
    return problem.with_trades(execution_order(problem))


def _sequences(problem: Problem, count: int, seed: int = 1) -> NDArray[np.int32]:
    """Return sets of one to five trades, sales first."""
    draw = np.random.default_rng(seed)
    chosen = np.sort(draw.random((count, problem.trades)).argpartition(5, axis=1)[:, :5], axis=1)
    chosen[np.arange(5)[None, :] >= draw.integers(1, 6, count)[:, None]] = -1
    return chosen.astype(np.int32)


def _lists(sequences: NDArray[np.int32]) -> list[list[int]]:
    return [row[row >= 0].tolist() for row in sequences]


def _measure_evaluation(report: Report, problem: Problem) -> None:
    """Evaluate the same sequences in each way, after all have been found to agree."""
    batch, many = _sequences(problem, _BATCH), _sequences(problem, _MANY)
    plain, few = Plain.of(problem), _lists(batch[:_FEW])
    untaxed = replace(problem, trade_tax=np.zeros(problem.trades))
    _check(plain.all(_lists(batch)), problem, batch)
    ways: dict[str, Callable[[int], object]] = {
        _PLAIN: lambda _: plain.all(few),
        "NumPy": lambda _: evaluate(problem, batch, engine="arrays"),
        "compiled": lambda _: evaluate(problem, batch, engine="compiled"),
        "compiled, no taxes": lambda _: evaluate(untaxed, batch, engine="compiled"),
        "compiled, many": lambda _: evaluate(problem, many, engine="compiled"),
        "two threads, many": lambda _: evaluate(problem, many, engine="compiled", threads=2),
    }
    taken = alternate(ways, rounds=9)
    slow = taken[_PLAIN] * _BATCH / _FEW
    row = partial(Row, peer=slow, peer_name=_PLAIN)
    report.rows += [
        row("10,000 sequences, compiled, one thread", taken["compiled"], goal=1 / 200),
        row("10,000 sequences, NumPy", taken["NumPy"], goal=1 / 35),
        Row("the same with taxes", taken["compiled"], taken["compiled, no taxes"], "no taxes", 2.0),
        Row(
            "200,000 sequences, two threads", taken["two threads, many"], taken["compiled, many"],
            "one thread", 0.6,
        ),
    ]  # fmt: skip
    report.details["Processor time of two threads, as a multiple of one"] = {
        "200,000 sequences": {
            "times": _work(lambda: evaluate(problem, many, engine="compiled", threads=2))
            / _work(lambda: evaluate(problem, many, engine="compiled"))
        }
    }
    floor = _copy_time(problem, _MANY)
    speed = {
        _PLAIN: _BATCH / slow,
        "NumPy": _BATCH / taken["NumPy"],
        "compiled": _BATCH / taken["compiled"],
        "compiled, many": _MANY / taken["compiled, many"],
        "two threads, many": _MANY / taken["two threads, many"],
        "a copy of the same bytes": _MANY / floor,
    }
    report.details["Sequences per second, millions"] = {
        name: {"M/s": value / 1e3, "times plain": value / speed[_PLAIN]}
        for name, value in speed.items()
    }


def _check(
    expected: Sequence[tuple[bool, float, float, float]], problem: Problem, batch: NDArray[np.int32]
) -> None:
    """Refuse to measure what does not agree."""
    for engine in ("arrays", "compiled"):
        found = evaluate(problem, batch, engine=engine)  # type: ignore[arg-type]
        feasible, score, cash, spent = (np.array(column) for column in zip(*expected, strict=True))
        if not (
            np.array_equal(found.feasible, feasible)
            and np.abs(found.score - score).max() < 1e-12
            and np.abs(found.cash - cash).max() < 1e-8
            and np.abs(found.cost + found.tax - spent).max() < 1e-8
        ):
            raise RuntimeError(f"{engine} disagrees with the straightforward loop.")


def _copy_time(problem: Problem, count: int) -> float:
    """Return the milliseconds that a copy takes which reads and writes as many bytes as an evaluation."""
    found = evaluate(problem, _sequences(problem, 1))
    columns = (
        found.sequences,
        found.feasible,
        found.score,
        found.cash,
        found.total,
        found.cost,
        found.tax,
    )
    data = np.zeros(count * sum(column.nbytes for column in columns) // 2, dtype=np.uint8)
    target = np.empty_like(data)
    return alternate({"copy": lambda _: np.copyto(target, data)}, rounds=9)["copy"]


def _work(call: Callable[[], object]) -> float:
    """Return the least seconds of processor time of a call: what other processes take does not count."""
    taken = []
    for _ in range(9):
        started = time.process_time()
        call()
        taken.append(time.process_time() - started)
    return min(taken)


def _measure_searches(report: Report) -> None:
    """Look at all sets of 25 and of 60 candidates, and beyond."""
    small = generated(seed=3, securities=60, held=30, trades=25, groups=5)
    large = generated(seed=4, securities=60, held=30, trades=60, groups=5)
    plain = Plain.of(small)
    sets = [
        sequence
        for size in range(1, 6)
        for sequence in itertools.islice(itertools.combinations(range(25), size), 2_000)
    ]
    started = search(large, depth=3, keep=1, engine="compiled")
    ways: dict[str, Callable[[int], object]] = {
        "small": lambda _: search(small, engine="compiled"),
        "small, NumPy": lambda _: search(small, engine="arrays"),
        "large": lambda _: search(large, engine="compiled"),
        "large, two": lambda _: search(large, engine="compiled", threads=2),
        "deep": lambda _: search_deeper(large, depth=20, start=started, engine="compiled"),
        _PLAIN: lambda _: plain.all(sets),
    }
    for way in ways.values():
        way(0)
    taken = alternate(ways)
    found = search(small)
    slow = taken[_PLAIN] * found.sets / len(sets)
    deep = search_deeper(large, depth=20, start=started)
    report.details["Processor time of two threads, as a multiple of one"]["5,985,197 sets"] = {
        "times": _work(lambda: ways["large, two"](0)) / _work(lambda: ways["large"](0))
    }
    report.rows += [
        Row("68,405 sets of 25 candidates", taken["small"], 50.0, "50 ms", 1.0),
        Row("68,405 sets of 25 candidates", taken["small"], slow, _PLAIN),
        Row("68,405 sets of 25 candidates, NumPy", taken["small, NumPy"], slow, _PLAIN),
        Row("5,985,197 sets of 60 candidates", taken["large"], 3_000.0, "3 s", 1.0),
        Row("5,985,197 sets, two threads", taken["large, two"], taken["large"], "one thread", 0.6),
        Row("best 20 of 60 candidates, proved" if deep.proved else "best 20 of 60, not proved", taken["deep"]),
    ]  # fmt: skip


def _measure_scenarios(report: Report, problem: Problem) -> None:
    """Revalue the portfolio after 1,000 sequences on 1,000 paths."""
    sequences, covariance = _sequences(problem, 1_000), problem.covariance
    if covariance is None:
        raise RuntimeError("The generated problem has a covariance.")

    def work(number: int) -> None:
        drawn = simulated(covariance, sessions=20, paths=1_000, degrees_of_freedom=5.0, seed=number)
        outlook(problem, sequences, drawn)

    taken = alternate({"ours": work})["ours"]
    report.rows.append(Row("1,000 sequences on 1,000 paths", taken, 1_000.0, "1 s", 1.0))


if __name__ == "__main__":
    from benchmarks.measure import print_rows

    started_at = time.perf_counter()
    reports = run()
    print_rows(reports)
    for one in reports:
        one.print_details()
        one.write()
    print(f"{time.perf_counter() - started_at:.1f} s")
