"""Gains and matches against beancount, rp2 and average cost in fractions, each written by somebody else."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest

from ballast.books.broker_events import Fill
from ballast.books.lots.book import match_postings, realised_gains
from ballast.books.postings import postings_of
from ballast.money import to_cents
from tests.ballast.books.lots import oracles
from tests.ballast.books.lots.histories import EXCHANGES, fill, total_gain
from tests.ballast.books.lots.oracles import Answer, Trade
from tests.ballast.builders import D

_NEVER_A_YEAR = range(364, 369)
_FIRST = date(2015, 1, 5)


def trades_of(seed: int, count: int, *, fees: bool, chosen: bool = False) -> list[Trade]:
    """Make purchases and sales of what is held, a day each and no two prices alike; some sales name a lot."""
    draw, trades = random.Random(seed), []
    lots: dict[date, Decimal] = {}
    prices = draw.sample(range(1_000, 30_000), count)
    for number in range(count):
        day = _FIRST + timedelta(days=37 * number)
        price = D(prices[number]) / 100
        held = sum(lots.values(), D(0))
        if held > 0 and draw.random() < 0.45:
            lot = draw.choice([day for day, units in lots.items() if units > 0])
            most = lots[lot] if chosen else held
            units = most if draw.random() < 0.1 else _part(most, draw)
            trades.append(Trade(day, -units, price, chosen=lot if chosen else None))
            _take(lots, units, lot if chosen else None)
        else:
            units = D(draw.randint(1, 4000)) / draw.choice([1, 100])
            fee = D(draw.randint(0, 500)) / 100 if fees else D(0)
            trades.append(Trade(day, units, price, fee))
            lots[day] = units
    return trades


def _part(most: Decimal, draw: random.Random) -> Decimal:
    return max(D("0.01"), (most * draw.randint(1, 60) / 100).quantize(D("0.01")))


def _take(lots: dict[date, Decimal], units: Decimal, lot: date | None) -> None:
    """Take units away; for what is still held it does not matter from which lots."""
    for day in [lot] if lot else list(lots):
        taken = min(units, lots[day])
        lots[day] -= taken
        units -= taken


def ours(trades: Sequence[Trade], method: str) -> Answer:
    fills: dict[date, Fill] = {}
    for number, trade in enumerate(trades):
        fills[trade.on] = fill(
            number, str(trade.quantity), str(trade.price), fee=trade.fee,
            proceeds=-trade.quantity * trade.price,
            filled_at=datetime.combine(trade.on, time(17), UTC),
        )  # fmt: skip
    postings = postings_of(fills.values(), source="test")
    by_day = {
        row["occurred_at"].date(): row["posting_id"]
        for row in postings.filter(pl.col("commodity") == "AAA").iter_rows(named=True)
    }
    wanted = {by_day[t.on]: by_day[t.chosen] for t in trades if t.chosen is not None}
    postings = postings.with_columns(
        chosen_lot=pl.col("posting_id").replace_strict(
            list(wanted), list(wanted.values()), default=None, return_dtype=pl.String
        )
    )
    found = realised_gains(match_postings(postings, EXCHANGES, {"a": method}).matches)  # type: ignore[dict-item]
    gains: dict[date, Decimal] = defaultdict(Decimal)
    matches: dict[tuple[date, date], Decimal] = defaultdict(Decimal)
    long = set()
    for row in found.iter_rows(named=True):
        days = row["closed_on"], row["acquired_on"]
        gains[days[0]] += row["gain"]
        matches[days] += row["quantity"]
        if row["term"] == "long":
            long.add(days)
    cents = {day: to_cents(gain) for day, gain in gains.items()}
    return Answer(cents, dict(matches), frozenset(long))


def compare(found: Answer, expected: Answer) -> None:
    assert found.matches == expected.matches
    assert found.gains.keys() == expected.gains.keys()
    for day, gain in found.gains.items():
        assert abs(gain - expected.gains[day]) <= D("0.01"), day
    assert sum(found.gains.values()) == pytest.approx(sum(expected.gains.values()), abs=D("0.02"))
    if expected.long is not None:
        # The oracle counts days, which a leap year makes wrong; apart from that the terms agree.
        clear = {m for m in found.matches if (m[0] - m[1]).days not in _NEVER_A_YEAR}
        assert found.long & clear == expected.long & clear


@pytest.mark.parametrize("method", oracles.BEANCOUNT_METHODS)
@pytest.mark.parametrize("seed", range(6))
def test_gains_and_matches_are_those_of_beancount(method: str, seed: int) -> None:
    trades = trades_of(seed, 60, fees=True)
    compare(ours(trades, method), oracles.beancount(trades, method))


@pytest.mark.parametrize("seed", range(6))
def test_chosen_lots_are_used_as_in_strict_booking(seed: int) -> None:
    trades = trades_of(seed, 60, fees=True, chosen=True)
    assert any(trade.chosen for trade in trades)
    compare(ours(trades, "fifo"), oracles.beancount(trades, "strict"))


@pytest.mark.parametrize("method", oracles.RP2_METHODS)
@pytest.mark.parametrize("seed", range(6))
def test_gains_matches_and_terms_are_those_of_rp2(method: str, seed: int) -> None:
    # Its highest is the highest price, ours the highest cost: without fees they are one.
    trades = trades_of(seed, 80, fees=method in ("fifo", "lifo"))
    expected = oracles.rp2(trades, method)
    assert expected.long
    compare(ours(trades, method), expected)


def average_cost(trades: Sequence[Trade]) -> dict[date, Fraction]:
    """Return gains at average cost: proceeds less units sold times (all that was paid ÷ all units)."""
    units, paid, gains = Fraction(0), Fraction(0), {}
    for trade in trades:
        quantity = Fraction(trade.quantity)
        worth = quantity * Fraction(trade.price)
        if quantity > 0:
            units, paid = units + quantity, paid + worth + Fraction(trade.fee)
        else:
            gains[trade.on] = -worth + paid * quantity / units
            units, paid = units + quantity, paid * (1 + quantity / units)
    return gains


@pytest.mark.parametrize("seed", range(20))
def test_gains_at_average_cost_are_those_of_fractions(seed: int) -> None:
    trades = trades_of(seed, 120, fees=True)
    found, expected = ours(trades, "average"), average_cost(trades)
    assert found.gains.keys() == expected.keys()
    for day, gain in found.gains.items():
        assert abs(Fraction(gain) - expected[day]) <= Fraction(51, 10_000), day


HAND = [(10, "100"), (10, "150"), (10, "120"), (-15, "200")]


@pytest.mark.parametrize(
    ("method", "gain"),
    [("fifo", 1250), ("lifo", 1050), ("hifo", 900), ("lofo", 1400), ("average", 1150)],
)
def test_the_case_computed_by_hand(method: str, gain: int) -> None:
    fills = [fill(n, quantity, price) for n, (quantity, price) in enumerate(HAND)]
    assert total_gain(fills, method) == gain


@pytest.mark.parametrize(
    ("oracle", "methods"),
    [(oracles.beancount, oracles.BEANCOUNT_METHODS), (oracles.rp2, oracles.RP2_METHODS)],
    ids=["beancount", "rp2"],
)
def test_the_oracles_answer_the_case_computed_by_hand(
    oracle: Callable[[Sequence[Trade], str], Answer], methods: tuple[str, ...]
) -> None:
    gains = {"fifo": 1250, "lifo": 1050, "hifo": 900, "lofo": 1400}
    trades = [
        Trade(_FIRST + timedelta(days=n), D(quantity), D(price))
        for n, (quantity, price) in enumerate(HAND)
    ]
    for method in methods:
        assert sum(oracle(trades, method).gains.values()) == gains[method]
