"""The price history beside other ways to keep it: load, append, correct, read one symbol, one day, everything."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import polars as pl

from benchmarks import synthetic
from benchmarks.history_stores import STORES, Ballast, HistoryStore
from benchmarks.measure import ROUNDS, Report, Row, alternate
from resources.history import BARS

_SYMBOLS = 500
_YEARS = {10: 2_520, 20: 5_040}
_LAST = date(2020, 8, 20)
_CORRECTED = 20
_READS_PER_ROUND = 5
_GOAL = 1.5
_LOADS_OF_LONG_HISTORIES = 3
# So that segments are as many as they may be before a merge.
_LONGEST_TAIL = 16
_BY_STORE = "milliseconds by store"

_OURS, _WITH_CATALOG = "ours", "ours and the catalog"


def run() -> list[Report]:
    """Measure both lengths."""
    return [_measure(years, sessions) for years, sessions in _YEARS.items()]


def _measure(years: int, sessions: int) -> Report:
    report = Report(f"history_{years}_years")
    with TemporaryDirectory(prefix="ballast-history-") as folder:
        workload = _Workload(Path(folder), sessions)
        rounds = ROUNDS if years == min(_YEARS) else _LOADS_OF_LONG_HISTORIES
        load = alternate({name: partial(workload.load, name) for name in STORES}, rounds=rounds)
        _add(report, "load", load, _OURS)
        append, correct = workload.writes()
        _add(report, "append a day", append, _OURS)
        _add(report, "append a day, with the catalog", append, _WITH_CATALOG)
        _add(report, "correct 20 bars", correct, _OURS)
        _add(report, "correct 20 bars, with the catalog", correct, _WITH_CATALOG)
        workload.check()
        for name, work in workload.reads().items():
            _add(report, name, alternate(work), _OURS)
        workload.lengthen_tail()
        for name, work in workload.reads().items():
            _add(report, f"{name}, longest tail", alternate(work), _OURS)
        report.rows.append(Row("merge of the tail", workload.merge(), unit="ms"))
        workload.check()
        _add_sizes(report, workload)
        _add_flushes(report, workload)
        workload.close()
    return report


class _Workload:
    """The same operations on every store, in the same order."""

    def __init__(self, folder: Path, sessions: int) -> None:
        self.folder = folder
        self.symbols = synthetic.symbols(_SYMBOLS)
        self.days = synthetic.sessions(sessions, _LAST, folder / "calendars")
        self.bars = synthetic.bars(self.symbols, self.days)
        self.stores: dict[str, HistoryStore] = {}
        self.random = random.Random(7)
        self.next_day = self.days[-1] + timedelta(days=1)

    @property
    def ours(self) -> Ballast:
        ours = self.stores[_OURS]
        assert isinstance(ours, Ballast)
        return ours

    def load(self, name: str, _number: int = 0) -> None:
        if name in self.stores:
            self.stores.pop(name).close()
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        self.stores[name] = STORES[name](folder)
        self.stores[name].load(self.bars)

    def writes(self) -> tuple[dict[str, float], dict[str, float]]:
        """Append a day and correct a past one, in turn; each is a run of its own session."""
        days = [self.day() for _ in range(ROUNDS)]
        corrections = [self._correction() for _ in range(ROUNDS)]
        append = alternate({n: partial(_append, store, days) for n, store in self.each()})
        correct = alternate({n: partial(_correct, store, corrections) for n, store in self.each()})
        return append, correct

    def lengthen_tail(self) -> None:
        while len(self.ours.history.lake.snapshot((BARS,)).entries) < _LONGEST_TAIL:
            day = self.day()
            for _, store in self.each():
                store.append(day)

    def merge(self) -> float:
        """Merge the tail of ours once; returns the milliseconds."""
        day = self.day()
        for _, store in self.each():
            store.append(day)
        return alternate({_OURS: lambda _number: self.ours.merge()}, rounds=1)[_OURS]

    def reads(self) -> dict[str, dict[str, Callable[[int], object]]]:
        """Return what to read, by name and store; every round reads other symbols and days."""
        count = ROUNDS * _READS_PER_ROUND
        symbols = self.random.sample(self.symbols, count)
        days = self.random.sample(self.days, count)
        return {
            "one symbol": {n: partial(_symbols, s, symbols) for n, s in self._read_by()},
            "one day": {n: partial(_days, s, days) for n, s in self._read_by()},
            "full read, sorted": {n: partial(_full, s, True) for n, s in self._read_by()},
            "full read, any order": {n: partial(_full, s, False) for n, s in self._read_by()},
        }

    def check(self) -> None:
        """Refuse to compare stores that do not give the same answers."""
        symbol, day = self.symbols[len(self.symbols) // 3], self.days[len(self.days) // 2]
        for name, store in self.each():
            for found, expected in (
                (store.one_symbol(symbol), self.ours.one_symbol(symbol)),
                (store.one_day(day), self.ours.one_day(day)),
                (store.everything(ordered=True), self.ours.everything(ordered=True)),
            ):
                if not found.equals(expected.select(found.columns)):
                    raise AssertionError(f"{name} gives another answer")

    def close(self) -> None:
        for _, store in self.each():
            store.close()

    def each(self) -> list[tuple[str, HistoryStore]]:
        return list(self.stores.items())

    def _read_by(self) -> list[tuple[str, HistoryStore]]:
        return [(name, store) for name, store in self.each() if name != _WITH_CATALOG]

    def day(self) -> pl.DataFrame:
        session, self.next_day = self.next_day, self.next_day + timedelta(days=1)
        past = self.bars.filter(pl.col("session") == self.random.choice(self.days))
        return past.with_columns(session=pl.lit(session), known_on=pl.lit(session))

    def _correction(self) -> pl.DataFrame:
        session, self.next_day = self.next_day, self.next_day + timedelta(days=1)
        past = self.bars.filter(pl.col("session") == self.random.choice(self.days))
        corrected = past.sample(_CORRECTED, seed=self.random.randrange(1_000)).sort("symbol")
        return corrected.with_columns(known_on=pl.lit(session), volume=pl.col("volume") + 1)


def _append(store: HistoryStore, days: list[pl.DataFrame], number: int) -> None:
    store.append(days[number])


def _correct(store: HistoryStore, corrections: list[pl.DataFrame], number: int) -> None:
    store.correct(corrections[number])


def _symbols(store: HistoryStore, symbols: list[str], number: int) -> None:
    for symbol in symbols[number :: len(symbols) // _READS_PER_ROUND]:
        store.one_symbol(symbol)


def _days(store: HistoryStore, days: list[date], number: int) -> None:
    for day in days[number :: len(days) // _READS_PER_ROUND]:
        store.one_day(day)


def _full(store: HistoryStore, ordered: bool, _number: int) -> None:
    store.everything(ordered=ordered)


def _add(report: Report, name: str, taken: dict[str, float], ours: str) -> None:
    """Compare ours with the best engine that is a peer and, for a write, as durable."""
    is_read = "read" in name or "one" in name
    if name.startswith("one"):
        taken = {store: total / _READS_PER_ROUND for store, total in taken.items()}
    peers = {
        store: time
        for store, time in taken.items()
        if STORES[store].is_peer and (is_read or STORES[store].is_durable)
    }
    best = min(peers, key=lambda store: peers[store])
    report.rows.append(Row(name, taken[ours], peers[best], best, _GOAL))
    for store, time in taken.items():
        report.details.setdefault(_BY_STORE, {}).setdefault(store, {})[name] = time


def _add_sizes(report: Report, workload: _Workload) -> None:
    """Compare sizes on disk after a checkpoint; files that a merge has replaced are not counted."""
    sizes = {}
    for name, store in workload.each():
        if isinstance(store, Ballast):
            snapshot = store.history.lake.snapshot()
            files = [snapshot.root / entry.path for entry in snapshot.entries.values()]
            sizes[name] = sum(path.stat().st_size for path in files) / 1e6
        else:
            store.checkpoint()
            sizes[name] = store.megabytes()
    peers = {name: size for name, size in sizes.items() if STORES[name].is_peer}
    best = min(peers, key=lambda name: peers[name])
    report.rows.append(Row("size on disk", sizes[_OURS], peers[best], best, _GOAL, unit="MB"))
    for name, size in sizes.items():
        report.details[_BY_STORE][name]["MB"] = size


def _add_flushes(report: Report, workload: _Workload) -> None:
    """Say how much of an append is waiting for the disk."""
    days = [workload.day() for _ in range(ROUNDS)]
    store = workload.stores[_OURS]
    with _counting_flushes() as count:
        alternate({_OURS: partial(_append, store, days)})
    flushes = count[0] / ROUNDS
    days = [workload.day() for _ in range(ROUNDS)]
    with patch("os.fsync"):
        without = alternate({_OURS: partial(_append, store, days)})[_OURS]
    probe = workload.folder / "probe"
    table = {
        "flushes of files and folders in an append": {"value": flushes},
        "milliseconds of one flush": {
            "value": alternate({"flush": partial(_flush, probe)})["flush"]
        },
        "milliseconds of an append without them": {"value": without},
    }
    report.details["what an append waits for"] = table


def _flush(path: Path, number: int) -> None:
    with path.open("wb") as file:
        file.write(bytes([number]) * 20_000)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _counting_flushes() -> Iterator[list[int]]:
    count = [0]
    flush = os.fsync

    def counting(file: int) -> None:
        count[0] += 1
        flush(file)

    with patch("os.fsync", counting):
        yield count
