"""Matching of lots beside plain Python, beancount and rp2; and a day's trades appended to a long history."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from ballast.books.lots import compiled, kernel, matching
from ballast.books.lots.instruments import by_instrument, codes_of
from ballast.books.lots.matching import METHODS, NO_LOTS, Matched, match
from ballast.money import AMOUNT
from benchmarks import lots_peers
from benchmarks.lots_peers import Trades
from benchmarks.measure import ROUNDS, Report, Row, alternate

_SIZES = (10_000, 100_000, 1_000_000)
_SYMBOLS = 50
_DAY = 400
_DAYS = 15
_METHODS = ("fifo", "lifo", "hifo", "average")
# Slow peers match fewer trades; only trades per second are compared.
_SLOW = 2_000
_LOOP, _FRAMES = "ours, arrays to match table", "ours, frames to frames"
_FLOATS, _DECIMALS = "Python, floats", "Python, decimals"


def run() -> list[Report]:
    """Measure every size."""
    report = Report("lots")
    for size in _SIZES:
        history = History(size, seed=7)
        for method in _METHODS:
            _measure(report, history, method)
    for method in _METHODS:
        _append_days(report, method)
    return [report]


class History:
    """Trades of one account in fifty securities: 55 % purchases, whole units, prices in cents."""

    def __init__(self, count: int, seed: int, first: int = 0) -> None:
        draw = np.random.default_rng(seed)
        self.symbols = draw.integers(0, _SYMBOLS, count)
        self.quantities = draw.integers(1, 100, count) * np.where(draw.random(count) < 0.55, 1, -1)
        self.cents = draw.integers(1_000, 20_000, count)
        self.first = first

    @property
    def count(self) -> int:
        return len(self.symbols)

    def events(self) -> pl.DataFrame:
        """Return what `lot_events` makes of the trades, one a minute."""
        return pl.DataFrame(
            {
                "number": np.arange(self.first, self.first + self.count),
                "symbol": self.symbols,
                "quantity": self.quantities,
                "cents": np.abs(self.quantities) * self.cents,
            }
        ).select(
            posting_id=pl.format("p{}", pl.col("number") + 10**8),
            transaction_id=pl.format("t{}", "number"),
            account_id=pl.lit("account"),
            symbol=pl.format("S{}", pl.col("symbol") + 100),
            kind=pl.lit("trade"),
            operation=pl.lit(kernel.TRADE, dtype=pl.Int64),
            occurred_at=(pl.col("number") * 60_000_000).cast(pl.Datetime("us", "UTC")),
            traded_on=(pl.col("number") // 1440).cast(pl.Int32).cast(pl.Date),
            acquired_on=pl.lit(None, dtype=pl.Date),
            quantity=pl.col("quantity").cast(AMOUNT),
            amount=pl.col("cents").cast(pl.Decimal(38, 0)).cast(AMOUNT) / 100,
            currency=pl.lit("USD"),
            concerns=pl.lit(None, dtype=pl.String),
            basis_share=pl.lit(None, dtype=AMOUNT),
            chosen_lot=pl.lit(None, dtype=pl.String),
        ).cast({"amount": AMOUNT})  # fmt: skip

    def trades(self, count: int, *, covered: bool = False) -> Trades:
        """Return the first trades as tuples; covered ones leave out what would be sold short."""
        held: dict[int, int] = {}
        rows = []
        for symbol, quantity, cents in zip(
            self.symbols.tolist(), self.quantities.tolist(), self.cents.tolist(), strict=True
        ):
            if len(rows) == count:
                break
            held[symbol] = held.get(symbol, 0) + quantity
            if covered and held[symbol] < 0:
                held[symbol] -= quantity
                continue
            rows.append((symbol, quantity, cents))
        return rows


def _measure(report: Report, history: History, method: str) -> None:
    events = history.events()
    trades = history.trades(history.count)
    floats = [(symbol, quantity, cents / 100) for symbol, quantity, cents in trades]
    exact = [(symbol, quantity, Decimal(cents) / 100) for symbol, quantity, cents in trades]
    arrays = _arrays(events, method)
    ours: dict[str, Callable[[int], object]] = {
        _LOOP: lambda _: _loop(arrays),
        _FRAMES: lambda _: match(events, {"account": method}),  # type: ignore[dict-item]
    }
    peers: dict[str, Callable[[int], object]] = {}
    if method != "hifo":
        peers[_FLOATS] = lambda _: lots_peers.plain(floats, method, 0.0)
        peers[_DECIMALS] = lambda _: lots_peers.plain(exact, method, Decimal(0))
    _check(match(events, {"account": method}), exact, method)  # type: ignore[dict-item]
    taken = alternate(ours | peers, rounds=3 * ROUNDS if history.count < 10**6 else 3)
    speeds = {name: history.count / time / 1e3 for name, time in taken.items()}
    title = f"{method}, {history.count:,} trades"
    if history.count == _SIZES[0]:
        speeds |= _slow_peers(history, method)
    report.details.setdefault("million trades per second", {})[title] = speeds
    for peer, goal in ((_FLOATS, 20), (_DECIMALS, 40), ("rp2", 1_000), ("beancount", None)):
        if peer in speeds:
            # Microseconds per trade, so that the ratio is that of the times.
            row = Row(
                f"{title}, match table", 1 / speeds[_LOOP], 1 / speeds[peer], peer,
                None if goal is None else 1 / goal, unit="us a trade",
            )  # fmt: skip
            report.rows.append(row)
    report.rows.append(
        Row(
            f"{title}, frames", 1 / speeds[_FRAMES], 1 / speeds[_FLOATS], _FLOATS, unit="us a trade"
        )
        if _FLOATS in speeds
        else Row(f"{title}, frames", 1 / speeds[_FRAMES], unit="us a trade")
    )


def _slow_peers(history: History, method: str) -> dict[str, float]:
    """Return million trades per second of the peers that are too slow for more than a few."""
    covered = history.trades(_SLOW, covered=True)
    peers = {
        name: partial(peer, covered, method)
        for name, peer in (("rp2", lots_peers.rp2), ("beancount", lots_peers.beancount))
        if method in lots_peers.METHODS[name]
    }
    found = {}
    for name, peer in peers.items():
        found[name] = len(covered) / statistics.median(peer() for _ in range(3)) / 1e6
    return found


def _arrays(events: pl.DataFrame, method: str) -> kernel.Events:
    """Return the events as the compiled loop takes them."""
    rows = matching._rows(events, NO_LOTS)
    groups = by_instrument(rows)
    columns = (
        rows["operation"], rows["quantity"].to_physical(), rows["amount"].to_physical(),
        pl.repeat(1, rows.height, eager=True), pl.repeat(-1, rows.height, eager=True),
        pl.Series(codes_of(rows["currency"])), rows["acquired_on"].to_physical(),
    )  # fmt: skip
    given = [column.cast(pl.Int64).to_numpy()[groups.order] for column in columns]
    methods = np.full(len(groups.starts) - 1, METHODS[method])
    return kernel.Events(groups.starts, methods, *given)


def _loop(events: kernel.Events) -> int:
    count = len(events.operations)
    room = count + count // 8 + 1024
    integers: Any = partial(np.zeros, dtype=np.int64)
    lots = kernel.Lots._make([*(integers(count) for _ in range(7)), np.zeros(count)])
    matches = kernel.Matches._make(integers(room) for _ in range(6))
    return compiled.match(events, lots, matches, integers(kernel.STATE_SIZE))


def _check(found: Matched, exact: Trades, method: str) -> None:
    """Refuse to compare with peers that realise another gain."""
    if method == "hifo":
        return
    side = pl.when("is_short_sale").then(-1).otherwise(1)
    gain = found.matches.select(
        ((pl.col("closing_amount") - pl.col("lot_amount")) * side).sum()
    ).item()
    expected = lots_peers.plain(exact, method, Decimal(0))
    # Slices are rounded to eight decimals, and quotients of the peer to 28 digits.
    if abs(gain - expected) > Decimal("0.01"):
        raise AssertionError(f"{method}: {gain} is not {expected}")


def _append_days(report: Report, method: str) -> None:
    """Append days one after the other, each to the lots that the day before left open."""
    methods: Any = {"account": method}
    carried = match(History(_SIZES[-1], seed=7).events(), methods).lots
    opened, taken = carried.height, []
    for number in range(_DAYS):
        day = History(_DAY, seed=100 + number, first=_SIZES[-1] + number * _DAY).events()
        started = time.perf_counter()
        carried = match(day, methods, carried).lots
        taken.append((time.perf_counter() - started) * 1e3)
    report.rows.append(Row(f"a day of {_DAY} trades, {method}", statistics.median(taken)))
    report.details.setdefault("a day appended", {})[method] = {
        "open lots before": opened,
        "median ms": statistics.median(taken),
        "best ms": min(taken),
        "worst ms": max(taken),
    }
