"""Telling where book and broker differ, beside bare joins, datacompy and the predecessor's loop; and whole books."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from ballast.money import AMOUNT
from ballast.reconciliation.compare import compare
from ballast.settings import ReconciliationSettings
from ballast.tables import (
    BrokerAccounts,
    BrokerBalances,
    BrokerPositions,
    InFlight,
    Positions,
    polars_schema,
)
from benchmarks import reconciliation_peers as peers
from benchmarks.measure import ROUNDS, Report, Row, alternate

_TOGETHER = (100_000, 1_000_000)
_APART = 10_000_000
_ROUNDS_APART = 2
_BOOKS = (30, 1_000, 100_000)
_SESSION = date(2024, 5, 31)
_ROOT = Path(__file__).parents[1]
# Its own environment, beside the product's and as little part of the repository.
_ENVIRONMENT = _ROOT / ".venv.datacompy"
_DATACOMPY = "datacompy==1.1.0"


def run() -> list[Report]:
    """Measure every size."""
    report = Report("reconciliation")
    datacompy = _datacompy()
    for count in _TOGETHER:
        _measure(report, count, datacompy, together=True)
    _measure(report, _APART, datacompy, together=False)
    _measure_books(report)
    return [report]


def _measure(report: Report, count: int, datacompy: Path | None, *, together: bool) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, count)
        apart = _apart(folder, datacompy)
        # In one process where memory allows, else one after the other.
        taken, peaks = (_together if together else _one_by_one)(folder, count, apart)
    title = f"{count:,} rows"
    report.details.setdefault("million rows per second", {})[title] = {
        engine: count / time / 1e3 for engine, time in taken.items()
    }
    report.details.setdefault("peak memory, MB", {})[title] = peaks
    joins = {engine: ms for engine, ms in taken.items() if " full join" in engine}
    bare = [engine for engine in joins if "interned" not in engine]
    better = min(bare, key=lambda engine: joins[engine])
    goals = [(better, 1.0), (peers.DATACOMPY, 1 / 4), (peers.LOOP, 1 / 10), (peers.PANDAS, None)]
    for peer, goal in goals:
        if peer in taken:
            report.rows.append(Row(title, taken[peers.OURS], taken[peer], peer, goal))
    interned = taken[peers.OURS_INTERNED]
    report.rows.append(Row(f"{title}, interned ids", interned, taken[better], better, 1 / 2))
    on_ids = min(
        (engine for engine in joins if "interned" in engine), key=lambda engine: joins[engine]
    )
    report.rows.append(Row(f"{title}, interned ids", interned, taken[on_ids], on_ids))
    # Of a smaller input most of the memory is the libraries.
    for peer in (peers.DATACOMPY, peers.LOOP) if count >= 10**6 else ():
        if peer in peaks:
            report.rows.append(
                Row(f"{title}, peak memory", peaks[peers.OURS], peaks[peer], peer, 1.0, unit="MB")
            )


def _write(folder: Path, count: int) -> None:
    for name, side in zip(("local", "broker"), peers.sides(count), strict=True):
        side.write_parquet(folder / f"{name}_ids.parquet")
        peers.with_texts(side).write_parquet(folder / f"{name}_texts.parquet")


Apart = dict[str, Callable[[int], dict[str, Any]]]


def _apart(folder: Path, datacompy: Path | None) -> Apart:
    """Return every engine as a process of its own, to be given the number of rounds."""

    def output(command: list[str], rounds: int) -> dict[str, Any]:
        done = subprocess.run(
            [*command, str(folder), str(rounds)], check=True, capture_output=True, cwd=_ROOT
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    module = [sys.executable, "-m", "benchmarks.reconciliation_peers"]
    engines: Apart = {
        engine: partial(output, [*module, engine]) for engine in peers.ON_TEXTS | peers.ON_IDS
    }
    if datacompy is not None:
        script = str(_ROOT / "benchmarks" / "reconciliation_datacompy.py")
        engines[peers.DATACOMPY] = partial(output, [str(datacompy), script])
    return engines


def _together(folder: Path, count: int, apart: Apart) -> tuple[dict[str, float], dict[str, float]]:
    works: dict[str, peers.Work] = {}
    for kind, engines in (("texts", peers.ON_TEXTS), ("ids", peers.ON_IDS)):
        both = peers.read(folder, kind)
        works |= {engine: prepare(*both) for engine, prepare in engines.items()}
    for engine, work in works.items():
        _agrees(engine, work(), count)
    elsewhere: list[float] = []

    def other(_: int) -> None:
        answer = apart[peers.DATACOMPY](1)
        _agrees(peers.DATACOMPY, answer["found"], count)
        elsewhere.extend(answer["ms"])

    alternating: dict[str, Callable[[int], object]] = {
        engine: lambda _, work=work: work()  # type: ignore[misc]
        for engine, work in works.items()
    }
    if peers.DATACOMPY in apart:
        alternating[peers.DATACOMPY] = other
    taken = alternate(alternating)
    if elsewhere:
        # What it timed itself, without starting and reading.
        taken[peers.DATACOMPY] = statistics.median(elsewhere)
    return taken, {engine: float(ask(1)["peak_mb"]) for engine, ask in apart.items()}


def _one_by_one(_: Path, count: int, apart: Apart) -> tuple[dict[str, float], dict[str, float]]:
    taken: dict[str, list[float]] = {engine: [] for engine in apart}
    peaks = dict.fromkeys(apart, 0.0)
    for _round in range(_ROUNDS_APART):
        for engine, ask in apart.items():
            answer = ask(1)
            _agrees(engine, answer["found"], count)
            taken[engine] += answer["ms"]
            peaks[engine] = max(peaks[engine], answer["peak_mb"])
    return {engine: statistics.median(times) for engine, times in taken.items()}, peaks


def _agrees(engine: str, found: int, count: int) -> None:
    if found != peers.faults_in(count):
        raise AssertionError(f"{engine} found {found} of {peers.faults_in(count)} differences")


def _datacompy() -> Path | None:
    """Return the Python of an environment with datacompy in it, which is made where there is none."""
    python = _ENVIRONMENT / "bin" / "python"
    steps = [
        [sys.executable, "-m", "venv", str(_ENVIRONMENT)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", _DATACOMPY],
    ]
    try:
        if not python.exists():
            for step in steps:
                subprocess.run(step, check=True, capture_output=True)
        subprocess.run([str(python), "-c", "import datacompy"], check=True, capture_output=True)
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"datacompy is left out: its environment cannot be made ({error})")
        return None
    return python


def _measure_books(report: Report) -> None:
    """Compare whole books: positions, cash and account values, agreements reported too."""
    for count in _BOOKS:
        work = _books(count)
        times = []
        for _ in range(3 * ROUNDS if count <= 1_000 else 3):
            started = time.perf_counter()
            work()
            times.append((time.perf_counter() - started) * 1e3)
        goal = 1.0 if count <= 1_000 else None
        report.rows.append(
            Row(f"whole comparison of {count:,} positions", statistics.median(times), 5.0, "5 ms", goal)
        )  # fmt: skip


def _books(count: int) -> Callable[[], pl.DataFrame]:
    held = min(count, 100)
    numbers = pl.DataFrame({"n": range(count)}).with_columns(
        account_id=pl.format("account_{}", pl.col("n") // held),
        symbol=pl.format("SYM{}", pl.col("n") % held),
        quantity=(pl.col("n") % 97 + 1).cast(AMOUNT),
    )
    price, usd = pl.lit(Decimal(50)).cast(AMOUNT), pl.lit("USD")
    accounts = numbers.select("account_id").unique()
    kept = _table(
        Positions,
        numbers.select(
            "account_id", "quantity", commodity="symbol", is_cash=False, currency=usd,
            average_cost=price, cost_basis=pl.col("quantity") * 50, is_price_stale=False,
            base_currency=pl.lit("EUR"), value_base=pl.col("quantity") * 40,
        ),
    )  # fmt: skip
    cash = _table(
        Positions,
        accounts.select(
            "account_id", quantity=price, commodity=pl.lit("EUR"), is_cash=True,
            currency=pl.lit("EUR"), is_price_stale=False, base_currency=pl.lit("EUR"), value=price,
            value_base=price,
        ),
    )  # fmt: skip
    holdings = _table(
        BrokerPositions,
        numbers.select(
            "account_id", "symbol", currency=usd, average_price=price,
            cost_basis=pl.col("quantity") * 50,
            quantity=pl.when(pl.col("n") % 1_000 == 7).then(1).otherwise("quantity"),
        ),
    )  # fmt: skip
    balances = _table(
        BrokerBalances, accounts.select("account_id", currency=pl.lit("EUR"), balance=price)
    )
    answers = _table(
        BrokerAccounts,
        accounts.select(
            "account_id", broker=pl.lit("paper"), is_available=True, asked_as_of=pl.lit(_SESSION),
            reports_lots=False, asked_at=pl.lit(_SESSION),
        ),
    )  # fmt: skip
    settings = {name: ReconciliationSettings() for name in accounts["account_id"]}
    books = pl.concat([kept, cash])
    in_flight = pl.DataFrame(schema=polars_schema(InFlight))
    return lambda: compare(books, holdings, balances, answers, in_flight, settings, _SESSION)


def _table(schema: type[Any], frame: pl.DataFrame) -> pl.DataFrame:
    empty = pl.DataFrame(schema=polars_schema(schema))
    return pl.concat(
        [empty, frame.cast({n: empty.schema[n] for n in frame.columns})], how="diagonal"
    )
