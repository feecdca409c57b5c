"""What all benchmarks share: peers alternate in one process; medians of a few rounds; one table of results."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

ROUNDS = 5
RESULTS = Path(__file__).parent / "results"
_LIBRARIES = ("polars", "duckdb", "dagster", "sqlalchemy", "dataframely")


@dataclass(frozen=True)
class Row:
    """One comparison: the ratio is ours / peer, so that less is better."""

    name: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    goal: float | None = None
    unit: str = "ms"

    @property
    def ratio(self) -> float | None:
        """Ours as a multiple of the peer."""
        return None if self.peer is None else self.ours / self.peer

    @property
    def met(self) -> bool | None:
        """Whether the ratio is within the goal; None where there is none."""
        if self.goal is None or self.ratio is None:
            return None
        return self.ratio <= self.goal


@dataclass
class Report:
    """The rows of one benchmark, and figures that explain them."""

    name: str
    rows: list[Row] = field(default_factory=list)
    # By title: a table of name -> column -> figure.
    details: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def write(self) -> None:
        """Write the results, rounded, with the versions of the libraries and nothing about the machine."""
        content = {
            "benchmark": self.name,
            "python": platform.python_version(),
            "libraries": {name: version(name) for name in _LIBRARIES},
            "rows": [
                {
                    **{key: _rounded(value) for key, value in asdict(row).items()},
                    "ratio": _rounded(row.ratio),
                    "met": row.met,
                }
                for row in self.rows
            ],
            "details": {
                title: {
                    name: {column: _rounded(value) for column, value in columns.items()}
                    for name, columns in table.items()
                }
                for title, table in self.details.items()
            },
        }
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{self.name}.json").write_text(json.dumps(content, indent=1) + "\n")

    def print_details(self) -> None:
        """Print the figures that explain the rows."""
        for title, table in self.details.items():
            columns = list(dict.fromkeys(column for row in table.values() for column in row))
            lines = [
                [name, *(_shown(row.get(column)) for column in columns)]
                for name, row in table.items()
            ]
            print(f"\n{title}\n{_table(['', *columns], lines)}")


def alternate(
    peers: Mapping[str, Callable[[int], object]], *, rounds: int = ROUNDS
) -> dict[str, float]:
    """Run every peer once per round, with the number of the round; returns the median milliseconds of each."""
    taken: dict[str, list[float]] = {name: [] for name in peers}
    for number in range(rounds):
        for name, work in peers.items():
            started = time.perf_counter()
            work(number)
            taken[name].append((time.perf_counter() - started) * 1e3)
    return {name: statistics.median(times) for name, times in taken.items()}


def print_rows(reports: Sequence[Report]) -> None:
    """Print one table of all benchmarks."""
    lines = [
        [
            f"{report.name}: {row.name}",
            f"{_shown(row.ours)} {row.unit}",
            "" if row.peer is None else f"{_shown(row.peer)} {row.unit} ({row.peer_name})",
            "" if row.ratio is None else f"{row.ratio:.2f}",
            "" if row.goal is None else f"<= {row.goal:g}",
            {True: "yes", False: "NO", None: ""}[row.met],
        ]
        for report in reports
        for row in report.rows
    ]
    print("\n" + _table(["name", "ours", "peer", "ratio", "goal", "met"], lines))


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[number]) for line in [header, *lines]) for number in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [header, ["-" * width for width in widths], *lines]
    )


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _rounded(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value
