"""The scores of 5,000 securities over ten years, beside three seconds, and beside plain Python on a sample.

Plain Python measures the prices and dividends of a sample one security at a time; that is extrapolated to all of them
in proportion, and leaves out the fundamentals and the scores themselves, which ours contains. Its answers are compared
before anything is measured.
"""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from ballast.planning.scores.fundamentals import METRICS, fundamentals_as_of
from ballast.planning.scores.groups import with_group_scores
from ballast.planning.scores.price_metrics import price_metrics
from ballast.planning.scores.security import security_scores
from ballast.settings import PerformanceSettings, ScoreSettings
from ballast.tables import CorporateActions, Fundamentals, polars_schema
from benchmarks import synthetic
from benchmarks.measure import Report, Row, alternate
from benchmarks.scores_peers import metrics

_SYMBOLS = 5_000
_SESSIONS = 2_520
_LAST = date(2020, 8, 20)
_SAMPLE = 50
_GOAL_MILLISECONDS = 3_000.0
_SETTINGS, _PERFORMANCE = ScoreSettings(), PerformanceSettings()


def run() -> list[Report]:
    """Measure everything on one generated history."""
    report = Report("scores")
    with TemporaryDirectory(prefix="ballast-scores-") as folder:
        case = _Case(Path(folder))
    case.check()
    taken = alternate(
        {"ours": lambda _: case.score(), "plain": lambda _: case.sample_by_loops()}, rounds=5
    )
    everything = f"{_SYMBOLS:,} securities over {_SESSIONS:,} sessions"
    extrapolated = taken["plain"] * _SYMBOLS / _SAMPLE
    report.rows += [
        Row(everything, taken["ours"], _GOAL_MILLISECONDS, "3 s", 1.0),
        Row(
            f"{everything}, prices only in the peer",
            taken["ours"],
            extrapolated,
            f"plain Python, extrapolated from {_SAMPLE}",
        ),
    ]
    parts = alternate(
        {
            "metrics of prices": lambda _: case.measure(),
            "fundamentals": lambda _: case.newest_figures(),
            "scores of metrics": lambda _: with_group_scores(case.known, _SETTINGS),
        },
        rounds=3,
    )
    report.rows += [Row(name, figure) for name, figure in parts.items()]
    return [report]


class _Case:
    """One generated history; a tenth of the securities were split once, half of them pay every quarter."""

    def __init__(self, folder: Path) -> None:
        self.symbols = synthetic.symbols(_SYMBOLS)
        self.days = synthetic.sessions(_SESSIONS, _LAST, folder)
        self.actions = _actions(self.symbols, self.days)
        self.bars = _as_traded(synthetic.bars(self.symbols, self.days), self.actions)
        self.fundamentals = _fundamentals(self.symbols)
        self.sample = self.symbols[:: _SYMBOLS // _SAMPLE]
        self.lists = {symbol: self._lists(symbol) for symbol in self.sample}
        self.known = self.score()

    def score(self) -> pl.DataFrame:
        return security_scores(
            self.symbols, self.bars, self.actions, self.fundamentals, _LAST, _SETTINGS, _PERFORMANCE
        )

    def measure(self) -> pl.DataFrame:
        return price_metrics(
            self.bars, self.actions, _LAST, window=252, risk_free=0.0, sessions_per_year=252
        )

    def newest_figures(self) -> pl.DataFrame:
        return fundamentals_as_of(self.fundamentals, self.actions, _LAST, oldest_days=120)

    def sample_by_loops(self) -> dict[str, dict[str, float]]:
        return {
            symbol: metrics(self.days, *of_security) for symbol, of_security in self.lists.items()
        }

    def check(self) -> None:
        """Compare the answers."""
        ours = {row["symbol"]: row for row in self.known.iter_rows(named=True)}
        for symbol, theirs in self.sample_by_loops().items():
            for name, figure in theirs.items():
                found = ours[symbol][name]
                if not math.isclose(found, figure, rel_tol=1e-9, abs_tol=1e-9):
                    raise AssertionError(f"{symbol} {name}: {found} is not {figure}")

    def _lists(
        self, symbol: str
    ) -> tuple[list[float], list[float], list[tuple[date, float]], list[tuple[date, float]]]:
        own = self.bars.filter(pl.col("symbol") == symbol)
        events = self.actions.filter(pl.col("symbol") == symbol)
        splits, paid = (
            [
                (day, float(size))
                for day, size in events.filter(kind=kind).select("ex_date", column).iter_rows()
            ]
            for kind, column in (("split", "ratio"), ("dividend", "amount"))
        )
        return own["close"].to_list(), own["high"].to_list(), splits, paid


def _actions(symbols: list[str], days: list[date]) -> pl.DataFrame:
    generator = random.Random(20_200_820)
    rows: list[dict[str, object]] = []
    for number, symbol in enumerate(symbols):
        if number % 10 == 0:
            ex_date = days[generator.randrange(300, len(days) - 300)]
            rows.append(
                {"symbol": symbol, "ex_date": ex_date, "kind": "split", "ratio": Decimal(2)}
            )
        if number % 2 == 0:
            amount = Decimal(generator.randrange(10, 100)) / 100
            rows += [
                {"symbol": symbol, "ex_date": day, "kind": "dividend", "amount": amount}
                for day in days[generator.randrange(60) :: 63]
            ]
    frame = pl.DataFrame(rows, schema=polars_schema(CorporateActions) | {"source": pl.String})
    return frame.with_columns(source=pl.lit("synthetic"))


def _as_traded(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Double the prices of before each split."""
    splits = actions.filter(pl.col("kind") == "split").select("symbol", "ex_date")
    before = (pl.col("session") < pl.col("ex_date")).fill_null(False)
    factor = pl.when(before).then(2.0).otherwise(1.0)
    return (
        bars.join(splits, on="symbol", how="left", maintain_order="left")
        .with_columns(pl.col("open", "high", "low", "close") * factor)
        .drop("ex_date")
    )


def _fundamentals(symbols: list[str]) -> pl.DataFrame:
    generator = random.Random(5)
    rows = [
        (symbol, metric, _LAST - timedelta(days=age), Decimal(generator.randrange(10, 300)) / 100)
        for symbol in symbols
        for metric in METRICS
        for age in (10, 100)
    ]
    return pl.DataFrame(rows, schema=polars_schema(Fundamentals), orient="row")
