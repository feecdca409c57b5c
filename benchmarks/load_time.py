"""How long a fresh process takes to load the code location, beside `import dagster` alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path

from benchmarks.cases import REPOSITORY
from benchmarks.measure import Report, Row, alternate

_DAGSTER = "import dagster"
_LOCATION = "from pipelines.definitions import definitions; definitions()"
_MODULES_SHOWN = 12
# -X importtime: self time in microseconds, cumulative time, indented name.
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
_GOAL = 1.5


def measure(portfolio: Path) -> Report:
    """Compare them, and say which packages the imports are."""
    report = Report("load")
    peers = {code: partial(_run, code, portfolio) for code in (_LOCATION, _DAGSTER)}
    # The first start writes bytecode and remembers the calendars.
    for start in peers.values():
        start(0)
    taken = alternate(peers)
    report.rows.append(
        Row("code location", taken[_LOCATION], taken[_DAGSTER], "import dagster", _GOAL)
    )
    report.details["imports of the code location, by package"] = _packages(portfolio)
    return report


def _run(code: str, portfolio: Path, _number: int, *options: str) -> str:
    environment = {**os.environ, "BALLAST_PORTFOLIO": str(portfolio)}
    finished = subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=REPOSITORY, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return finished.stderr


def _packages(portfolio: Path) -> dict[str, dict[str, float]]:
    alone = _self_times(_run(_DAGSTER, portfolio, 0, "-X", "importtime"))
    ours = _self_times(_run(_LOCATION, portfolio, 0, "-X", "importtime"))
    largest = sorted(ours, key=lambda name: -ours[name])[:_MODULES_SHOWN]
    return {
        name: {"milliseconds": ours[name], "with dagster alone": alone.get(name, 0.0)}
        for name in largest
    }


def _self_times(trace: str) -> dict[str, float]:
    spent: dict[str, float] = defaultdict(float)
    for microseconds, module in _LINE.findall(trace):
        spent[module.partition(".")[0]] += int(microseconds) / 1e3
    return dict(spent)
