"""The daily pipeline beside a bare script that does the same without Dagster, store or lake."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from unittest.mock import patch

import dagster as dg

from benchmarks import bare_pipeline, load_time
from benchmarks.bare_check import check_same
from benchmarks.cases import REPOSITORY, Case, demonstration, generated
from benchmarks.measure import Report, Row, alternate
from benchmarks.runs import empty_job, execute, persistent_instance, product_job
from benchmarks.stopwatch import Stopwatch

# Of the bare script and an empty run of the same graph together.
_WARM_GOAL, _COLD_GOAL = 1.15, 1.2
_PRODUCT, _EMPTY, _BARE = "product", "empty", "bare"
# A round takes half a minute.
_ROUNDS = 3


def run() -> list[Report]:
    """Measure both portfolios, warm and cold, and the load time of the code location."""
    with TemporaryDirectory(prefix="ballast-pipeline-") as folder:
        root = Path(folder)
        cases = [demonstration(root / "demonstration"), generated(root / "generated")]
        reports = [_measure(case) for case in cases]
        portfolio = cases[0].folder / "portfolio" / "portfolio.toml"
        return [*reports, load_time.measure(portfolio)]


def _measure(case: Case) -> Report:
    report = Report(f"pipeline_{case.name}")
    home = case.folder / "home"
    # The settings of the instance name it.
    with (
        patch.dict(os.environ, DAGSTER_HOME=str(home)),
        persistent_instance(home) as instance,
    ):
        _warm(report, case, instance)
    _cold(report, case)
    return report


def _warm(report: Report, case: Case, instance: dg.DagsterInstance) -> None:
    stopwatch = Stopwatch()
    warming, *counted = [_Round(case, number, instance, stopwatch) for number in range(_ROUNDS + 1)]
    with stopwatch.installed():
        # Not counted: modules, caches and the databases of Dagster come to life.
        for session in (case.first, case.second):
            for work in warming.peers(session).values():
                work()
        for label, session in (("first run", case.first), ("increment", case.second)):
            peers: dict[str, Callable[[int], object]] = {
                name: partial(_work, counted, name, session) for name in (_PRODUCT, _EMPTY, _BARE)
            }
            taken = alternate(peers, rounds=_ROUNDS)
            _add(report, f"warm {label}", taken, _WARM_GOAL)
            title = f"{case.name}: a warm {label}, by kind of work"
            report.details[title] = _shares(taken, [each.spent for each in counted])
    for each in counted:
        each.check(case.second)


class _Round:
    """One round: fresh folders for the product and for the bare script."""

    def __init__(
        self, case: Case, number: int, instance: dg.DagsterInstance, stopwatch: Stopwatch
    ) -> None:
        self.instance = instance
        self.stopwatch = stopwatch
        self.spent: dict[str, float] = {}
        self.ours = case.workspace(f"product{number}")
        self.bare = case.workspace(f"bare{number}")
        self.job = product_job(self.ours)
        self.empty = empty_job(self.ours)

    def peers(self, session: date) -> dict[str, Callable[[], object]]:
        return {
            _PRODUCT: lambda: self._run_product(session),
            _EMPTY: lambda: self._run_empty(session),
            _BARE: lambda: self._run_bare(session),
        }

    def _run_product(self, session: date) -> None:
        self.stopwatch.zero()
        execute(self.job, session, self.instance)
        self.spent = dict(self.stopwatch.spent)

    def _run_empty(self, session: date) -> None:
        self.stopwatch.zero()
        execute(self.empty, session, self.instance)
        # An empty run is a row of its own; a kind of work is what the product does beyond it.
        self.spent = {name: self.spent[name] - idle for name, idle in self.stopwatch.spent.items()}

    def _run_bare(self, session: date) -> None:
        bare_pipeline.run(self.bare, session, self.bare.folder / "bare.duckdb")

    def check(self, session: date) -> None:
        """Refuse to compare with a script that does something else."""
        check_same(self.ours, session, self.bare.folder / "bare.duckdb")


def _work(rounds: list[_Round], name: str, session: date, number: int) -> None:
    rounds[number].peers(session)[name]()


def _shares(taken: dict[str, float], spent: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    table = {"an empty run of the same graph": taken[_EMPTY]}
    for label in spent[0]:
        table[label] = median(each[label] for each in spent)
    table["everything else"] = taken[_PRODUCT] - sum(table.values())
    table["the whole run"] = taken[_PRODUCT]
    table["the bare script"] = taken[_BARE]
    return {
        name: {"milliseconds": value, "percent": 100 * value / taken[_PRODUCT]}
        for name, value in table.items()
    }


def _cold(report: Report, case: Case) -> None:
    taken: dict[str, dict[str, float]] = {}
    for number in range(_ROUNDS):
        folders = {
            name: case.workspace(f"cold-{name}{number}").folder
            for name in (_PRODUCT, _EMPTY, _BARE)
        }
        for label, session in (("first run", case.first), ("increment", case.second)):
            peers = {name: partial(_start, name, folders[name], session) for name in folders}
            for name, milliseconds in alternate(peers, rounds=1).items():
                taken.setdefault(label, {}).setdefault(f"{name}{number}", milliseconds)
    for label, times in taken.items():
        medians = {
            name: sorted(times[f"{name}{number}"] for number in range(_ROUNDS))[_ROUNDS // 2]
            for name in (_PRODUCT, _EMPTY, _BARE)
        }
        _add(report, f"new process, {label}", medians, _COLD_GOAL)


def _start(what: str, folder: Path, session: date, _number: int) -> None:
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(folder / "data" / "dagster"),
        "BALLAST_PORTFOLIO": str(folder / "portfolio.toml"),
    }
    command = ["-m", "benchmarks.cold", what, str(folder), session.isoformat()]
    if what == _PRODUCT and not (folder / "opening.csv").exists():
        command = ["-m", "pipelines.command_line", "run", "--session", session.isoformat()]
    subprocess.run(
        [sys.executable, *command],
        cwd=REPOSITORY, env=environment, check=True, capture_output=True,
    )  # fmt: skip


def _add(report: Report, label: str, taken: dict[str, float], goal: float) -> None:
    ours, empty, bare = (taken[name] / 1e3 for name in (_PRODUCT, _EMPTY, _BARE))
    report.rows += [
        Row(f"{label}, beside bare + empty graph", ours, bare + empty, "together", goal, "s"),
        Row(f"{label}, beside bare alone", ours, bare, "bare script", None, "s"),
        Row(f"{label}, less the empty graph", ours - empty, bare, "bare script", 1.5, "s"),
    ]
