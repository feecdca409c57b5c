"""Performance and risk of 500 securities over 20 years beside empyrical and pandas.

Every peer gets the form it likes best, prepared before the clock starts: a pandas frame with a column per security.
Ours starts from the long tables of the pipeline. Answers are compared before anything is measured. The valuation by
pandas is in floats and keeps only the total; ours keeps every holding, its price, rate and reason, in exact decimals.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import polars as pl

from ballast.books.attribution import contributions
from ballast.books.performance import portfolio_performance
from ballast.books.valuation import Valuation, value_portfolios
from ballast.market.daily_rates import daily_rates
from ballast.market.indicators import average_true_range, true_ranges
from ballast.market.measures import performance_measures, rolling_measures
from ballast.market.returns import security_returns
from ballast.market.risk import correlations, risk_metrics
from ballast.tables import (
    CorporateActions,
    Postings,
    ReferenceRates,
    Securities,
    polars_schema,
)
from benchmarks import synthetic
from benchmarks.measure import Report, Row, alternate

_SYMBOLS = 500
_SESSIONS = 5_040
_LAST = date(2020, 8, 20)
_WINDOW = 252
_TRADES_PER_SECURITY = 20
_PERIOD = 14
_GOAL = 1.0
# No goal where the peer answers a smaller question.
_MORE_THAN_PEER = ("valuation of one account",)


def run() -> list[Report]:
    """Measure everything on one generated history."""
    report = Report("performance")
    with TemporaryDirectory(prefix="ballast-performance-") as folder:
        case = _Case(Path(folder))
    case.check()
    pairs: dict[str, tuple[str, Callable[[], object], Callable[[], object]]] = {
        "measures of 500 securities": (
            "empyrical",
            lambda: performance_measures(case.returns),
            case.measures_by_empyrical,
        ),
        "rolling measures": (
            "pandas",
            lambda: rolling_measures(case.returns, [_WINDOW]),
            case.rolling_by_pandas,
        ),
        "valuation of one account": ("pandas", case.value, case.value_by_pandas),
        "correlations": ("pandas", lambda: correlations(case.returns), case.wide.corr),
        "beta and value at risk": (
            "empyrical",
            lambda: risk_metrics(case.returns, case.symbols[0]),
            case.risk_by_empyrical,
        ),
        "average true range": (
            "pandas",
            lambda: average_true_range(case.bars, period=_PERIOD),
            case.average_true_range_by_pandas,
        ),
    }
    for name, (peer, ours, theirs) in pairs.items():
        taken = alternate({"ours": _once(ours), peer: _once(theirs)})
        goal = None if name in _MORE_THAN_PEER else _GOAL
        report.rows.append(Row(name, taken["ours"], taken[peer], peer, goal))
    alone: dict[str, Callable[[], object]] = {
        "returns of securities": lambda: security_returns(case.bars, case.actions),
        "performance of the account, from its values": lambda: portfolio_performance(case.valued),
        "attribution of the account, by day": lambda: contributions(
            case.valued, case.securities, "account"
        ),
        "average true ranges as of a session, judged": lambda: true_ranges(
            case.bars, case.actions, _LAST
        ),
    }
    for name, work in alone.items():
        report.rows.append(Row(name, alternate({"ours": _once(work)})["ours"]))
    return [report]


def _once(work: Callable[[], object]) -> Callable[[int], object]:
    return lambda _number: work()


class _Case:
    """One generated history in the form of every peer."""

    def __init__(self, folder: Path) -> None:
        self.symbols = synthetic.symbols(_SYMBOLS)
        self.days = synthetic.sessions(_SESSIONS, _LAST, folder)
        self.bars = synthetic.bars(self.symbols, self.days)
        self.actions = CorporateActions.create_empty()
        self.returns = security_returns(self.bars, self.actions)
        self.closes = self._wide(self.bars.rename({"symbol": "subject"}), "close")
        self.high = self._wide(self.bars.rename({"symbol": "subject"}), "high")
        self.low = self._wide(self.bars.rename({"symbol": "subject"}), "low")
        self.wide = self._wide(self.returns, "daily_return").iloc[1:]
        self.securities = _securities(self.symbols)
        self.postings = _postings(self.symbols, self.days)
        self.per_euro = pd.Series(
            [round(1.1 + 0.1 * float(np.sin(n / 50)), 4) for n in range(len(self.days))],
            index=pd.DatetimeIndex(self.days),
        )
        reference = [
            {"rate_date": day, "currency": "USD", "per_euro": Decimal(str(rate))}
            for day, rate in zip(self.days, self.per_euro, strict=True)
        ]
        fixings = pl.DataFrame(reference, schema=polars_schema(ReferenceRates))
        self.rates = daily_rates(fixings, ["USD"], "EUR", self.days, age_limit=5)
        self.moves = pd.DataFrame(
            {
                "day": pd.to_datetime([at.date() for at in self.postings["occurred_at"]]),
                "commodity": self.postings["commodity"].to_list(),
                "quantity": self.postings["quantity"].cast(pl.Float64).to_list(),
            }
        )
        self.valued = self.value()

    def _wide(self, frame: pl.DataFrame, column: str) -> pd.DataFrame:
        pivoted = frame.pivot(index="session", on="subject", values=column).sort("session")
        values = np.asfortranarray(pivoted.drop("session").to_numpy())
        return pd.DataFrame(
            values,
            columns=pivoted.columns[1:],
            index=pd.DatetimeIndex(pivoted["session"].to_list()),
        )

    def value(self) -> Valuation:
        return value_portfolios(
            self.postings, self.securities, self.bars, self.actions, self.rates, self.days, "EUR"
        )

    def value_by_pandas(self) -> pd.Series[Any]:
        """Value the account in floats, without its accounts, buckets, reasons and flows."""
        held = (
            self.moves.pivot_table(
                index="day", columns="commodity", values="quantity", aggfunc="sum"
            )
            .reindex(self.closes.index)
            .fillna(0.0)
            .cumsum()
        )
        worth = (held[self.closes.columns] * self.closes.ffill()).sum(axis=1) + held["USD"]
        return worth / self.per_euro

    def measures_by_empyrical(self) -> list[tuple[float, ...]]:
        measures = (
            empyrical.cum_returns_final,
            empyrical.annual_return,
            empyrical.annual_volatility,
            empyrical.sharpe_ratio,
            empyrical.sortino_ratio,
            empyrical.calmar_ratio,
            empyrical.max_drawdown,
        )
        return [
            tuple(measure(self.wide[symbol]) for measure in measures) for symbol in self.symbols
        ]

    def rolling_by_pandas(self) -> tuple[pd.DataFrame, ...]:
        """Return the rolling measures but for the drawdown, which pandas has no fast way to roll."""
        year = float(np.sqrt(252))
        window = self.wide.rolling(_WINDOW)
        mean, deviation = window.mean(), window.std()
        downside = (self.wide.clip(upper=0.0) ** 2).rolling(_WINDOW).mean() ** 0.5
        growth = (1 + self.wide).cumprod()
        total = growth / growth.shift(_WINDOW, fill_value=1.0) - 1
        return total, deviation * year, mean / deviation * year, mean / downside * year

    def risk_by_empyrical(self) -> list[tuple[float, ...]]:
        market = self.wide[self.symbols[0]].to_numpy()
        return [
            (
                empyrical.beta_aligned(values, market),
                empyrical.value_at_risk(values),
                empyrical.conditional_value_at_risk(values),
                empyrical.annual_volatility(values),
                empyrical.max_drawdown(values),
            )
            for values in (self.wide[symbol].to_numpy() for symbol in self.symbols)
        ]

    def average_true_range_by_pandas(self) -> pd.DataFrame:
        before = self.closes.shift(1)
        true_range = (self.high - self.low).combine(
            (self.high - before).abs().combine((self.low - before).abs(), np.fmax), np.fmax
        )
        seeded = true_range.copy()
        seeded.iloc[_PERIOD - 1] = true_range.iloc[:_PERIOD].mean()
        return seeded.iloc[_PERIOD - 1 :].ewm(alpha=1 / _PERIOD, adjust=False).mean()

    def check(self) -> None:
        """Refuse to compare what does not give the same answers."""
        ours = performance_measures(self.returns)
        theirs = np.array(self.measures_by_empyrical())
        names = (
            "total_return", "annual_return", "volatility", "sharpe_ratio", "sortino_ratio",
            "calmar_ratio", "max_drawdown",
        )  # fmt: skip
        _same("measures", ours.select(names).to_numpy(), theirs)
        rolled = rolling_measures(self.returns, [_WINDOW])
        symbol = self.symbols[7]
        chosen = rolled.filter(subject=symbol)[_WINDOW:]
        columns = ("total_return", "volatility", "sharpe_ratio", "sortino_ratio")
        for name, frame in zip(columns, self.rolling_by_pandas(), strict=True):
            _same(name, chosen[name].to_numpy(), frame[symbol].to_numpy()[_WINDOW - 1 :])
        total = self.valued.portfolios.filter(level="total")["value_base"].cast(pl.Float64)
        _same("valuation", total.to_numpy(), self.value_by_pandas().to_numpy())
        matrix = correlations(self.returns)["correlation"].to_numpy().reshape(_SYMBOLS, _SYMBOLS)
        _same("correlations", matrix, self.wide.corr().to_numpy())
        risk = risk_metrics(self.returns, self.symbols[0]).select(
            "beta", "historical_value_at_risk", "historical_expected_shortfall", "volatility",
            "max_drawdown",
        )  # fmt: skip
        _same("risk", risk.to_numpy(), np.array(self.risk_by_empyrical()))
        found = average_true_range(self.bars, period=_PERIOD).filter(symbol=symbol)
        expected = self.average_true_range_by_pandas()[symbol].to_numpy()
        _same("ranges", found["average_true_range"].to_numpy()[_PERIOD - 1 :], expected)


def _same(name: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    if not np.allclose(ours, theirs, rtol=1e-7, atol=1e-9):
        raise AssertionError(f"{name}: peers give other answers")


def _securities(symbols: list[str]) -> pl.DataFrame:
    rows = [
        {
            "symbol": symbol, "name": symbol, "exchange": synthetic.EXCHANGE, "currency": "USD",
            "kind": "equity", "country": f"C{number % 20}", "industry": f"I{number % 12}",
            "lot_size": Decimal(1), "multiplier": Decimal(1), "allow_buy": True, "allow_sell": True,
        }
        for number, symbol in enumerate(symbols)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=polars_schema(Securities))


def _postings(symbols: list[str], days: list[date]) -> pl.DataFrame:
    """Return an account that buys every security on the first day and again now and then."""
    generator = random.Random(11)
    events = [(days[0], "deposit", "USD", Decimal(1_000_000_000), None)]
    for symbol in symbols:
        later = [generator.choice(days) for _ in range(_TRADES_PER_SECURITY - 1)]
        for day in (days[0], *later):
            events += [
                (day, "trade", symbol, Decimal(100), None),
                (day, "trade", "USD", Decimal(-5_000), symbol),
            ]
    rows = [
        {
            "posting_id": f"p{number}", "transaction_id": f"t{(number + 1) // 2}",
            "account_id": "main", "bucket_id": "core",
            "occurred_at": datetime.combine(day, time(15), tzinfo=UTC), "kind": kind,
            "commodity": commodity, "quantity": quantity, "concerns": concerns,
            "source": "synthetic", "external_id": f"x{number}",
        }
        for number, (day, kind, commodity, quantity, concerns) in enumerate(events)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=polars_schema(Postings))
