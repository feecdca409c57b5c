"""Run every benchmark, or those named: `python -m benchmarks [history] [lots] ...`."""

from __future__ import annotations

import argparse

from benchmarks import (
    history,
    lots,
    optimiser,
    performance,
    pipeline,
    planner,
    reconciliation,
    regime,
    scores,
    statements,
)
from benchmarks.measure import print_rows

_BENCHMARKS = {
    "history": history.run,
    "lots": lots.run,
    "optimiser": optimiser.run,
    "performance": performance.run,
    "pipeline": pipeline.run,
    "planner": planner.run,
    "reconciliation": reconciliation.run,
    "regime": regime.run,
    "scores": scores.run,
    "statements": statements.run,
}


def main() -> None:
    """Run, print one table, write the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", choices=[[], *_BENCHMARKS], help="default: all")
    names = parser.parse_args().names or list(_BENCHMARKS)
    reports = [report for name in names for report in _BENCHMARKS[name]()]
    for report in reports:
        report.print_details()
        report.write()
    print_rows(reports)


if __name__ == "__main__":
    main()
