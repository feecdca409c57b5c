"""Histories of one or two accounts as brokers report them, and what is known of them without any lot."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import strategies as st

from ballast.books.broker_events import (
    BasisRestatement,
    BrokerEvent,
    CashMovement,
    ConversionEvent,
    Fill,
    SplitEvent,
    TransferEvent,
)
from ballast.books.lots.book import match_postings, realised_gains
from ballast.books.lots.matching import Matched
from ballast.books.postings import postings_of
from tests.ballast.builders import D, at, day

METHODS = ("fifo", "lifo", "hifo", "lofo", "average")
SYMBOLS = ("AAA", "BBB", "CCC")
EXCHANGES = dict.fromkeys((*SYMBOLS, "NEW", "KID"), "XNYS")


def fill(number: int, quantity: str | int, price: str | int, **more: Any) -> Fill:
    """Return a trade of the n-th day in AAA for dollars, without a fee unless one is given."""
    fields: dict[str, Any] = {
        "fill_id": f"f{number}", "account_id": "a", "symbol": "AAA", "quantity": D(quantity),
        "price": D(price), "currency": "USD", "fee": D(0), "fee_currency": "USD",
        "filled_at": at(number),
    }  # fmt: skip
    return Fill(**(fields | more))


def transfer(number: int, quantity: str | int, basis: str | None, **more: Any) -> TransferEvent:
    currency = None if basis is None else "USD"
    fields: dict[str, Any] = {
        "event_id": f"t{number}", "account_id": "a", "symbol": "AAA", "quantity": D(quantity),
        "occurred_at": at(number), "cost_basis": None if basis is None else D(basis),
        "currency": currency,
    }  # fmt: skip
    return TransferEvent(**(fields | more))


def split(number: int, added: str | int, **more: Any) -> SplitEvent:
    fields: dict[str, Any] = {
        "event_id": f"s{number}", "account_id": "a", "symbol": "AAA", "quantity": D(added),
        "occurred_at": at(number, 12),
    }  # fmt: skip
    return SplitEvent(**(fields | more))


def capital(number: int, amount: str | int, **more: Any) -> CashMovement:
    fields: dict[str, Any] = {
        "movement_id": f"c{number}", "account_id": "a", "kind": "return_of_capital",
        "currency": "USD", "amount": D(amount), "occurred_at": at(number), "symbol": "AAA",
    }  # fmt: skip
    return CashMovement(**(fields | more))


def restatement(number: int, amount: str | int, currency: str = "USD") -> BasisRestatement:
    return BasisRestatement(f"r{number}", "a", "AAA", D(amount), currency, at(number))


def conversion(number: int, kind: Any, leaves: str | int, comes: str | int, **more: Any) -> Any:
    """Return a conversion of AAA into NEW."""
    fields: dict[str, Any] = {
        "event_id": f"v{number}", "account_id": "a", "kind": kind, "from_symbol": "AAA",
        "from_quantity": D(leaves), "to_symbol": "NEW", "to_quantity": D(comes),
        "basis_share": D(1), "occurred_at": at(number),
    }  # fmt: skip
    return ConversionEvent(**(fields | more))


def book(
    events: Iterable[BrokerEvent], method: str = "fifo", exchanges: Mapping[str, str] = EXCHANGES
) -> Matched:
    """Match a history by one method for all accounts."""
    postings = postings_of(events, source="test")
    return match_postings(postings, exchanges, {"a": method, "b": method})  # type: ignore[dict-item]


def gains(events: Iterable[BrokerEvent], method: str = "fifo") -> pl.DataFrame:
    return realised_gains(book(events, method).matches)


def total_gain(events: Iterable[BrokerEvent], method: str = "fifo") -> Decimal:
    return Decimal(gains(events, method)["gain"].sum())


@dataclass
class _Holdings:
    quantities: dict[tuple[str, str], Decimal] = field(default_factory=dict)

    def of(self, account: str, symbol: str) -> Decimal:
        return self.quantities.get((account, symbol), D(0))

    def add(self, account: str, symbol: str, quantity: Decimal) -> None:
        self.quantities[account, symbol] = self.of(account, symbol) + quantity


_ALL = (
    "buy", "buy", "buy", "buy", "sell", "sell", "sell", "close", "flip", "split", "shrink",
    "capital", "restate", "receive", "receive_unknown", "send", "merge", "spin_off",
)  # fmt: skip
TRADES = ("buy", "buy", "buy", "sell", "sell")


def histories(
    kinds: tuple[str, ...] = _ALL, most: int = 25, fees: bool = True
) -> st.SearchStrategy[list[BrokerEvent]]:
    """Draw histories of what brokers report, one event a day."""
    return st.builds(
        lambda seed, count: history(seed, count, kinds, fees=fees),
        st.integers(0, 2**32), st.integers(1, most),
    )  # fmt: skip


def history(
    seed: int, count: int, kinds: tuple[str, ...] = _ALL, *, fees: bool = True
) -> list[BrokerEvent]:
    """Make a history of some events."""
    draw, held = random.Random(seed), _Holdings()
    events: list[BrokerEvent] = []
    while len(events) < count:
        kind = draw.choice(kinds)
        account, symbol = draw.choice("aab"), draw.choice(SYMBOLS)
        event = _event(kind, len(events), account, symbol, held, draw, fees)
        if event is not None:
            events.append(event)
    return events


def _event(
    kind: str, number: int, account: str, symbol: str, held: _Holdings, draw: random.Random,
    fees: bool,
) -> BrokerEvent | None:  # fmt: skip
    position = held.of(account, symbol)
    units = D(draw.choice([draw.randint(1, 30), draw.randint(1, 3000) / D(100)]))
    where = {"account_id": account, "symbol": symbol}
    quantity = {
        "buy": units, "receive": units, "receive_unknown": units, "close": -position,
        "flip": -position - units.copy_sign(position), "split": position * 2,
        "sell": -min(units, position), "send": -min(units, position),
        "shrink": -(position / 2).quantize(D("0.01")),
    }.get(kind, D(0))  # fmt: skip
    if kind in ("capital", "restate", "merge", "spin_off", "sell", "send") and position <= 0:
        return None
    if kind not in ("capital", "restate", "merge", "spin_off") and quantity == 0:
        return None
    if kind.startswith("receive") and position < 0:
        return None
    held.add(account, symbol, quantity)
    price, fee = D(draw.randint(100, 20_000)) / 100, D(draw.randint(0, 300)) / 100
    if kind in ("buy", "sell", "close", "flip"):
        return fill(number, quantity, price, fee=fee if fees else D(0), **where)
    if kind in ("split", "shrink"):
        return split(number, quantity, **where)
    if kind == "capital":
        return capital(number, D(draw.randint(1, 5000)) / 100, **where)
    if kind == "restate":
        return BasisRestatement(
            f"r{number}", account, symbol, D(draw.randint(1, 90000)) / 100, "USD", at(number)
        )
    if kind in ("receive", "send"):
        acquired = _earlier(number, draw) if draw.random() < 0.5 else None
        return transfer(number, quantity, str(price * 7), acquired_on=acquired, **where)
    if kind == "receive_unknown":
        return transfer(number, quantity, None, **where)
    leaves = -position if kind == "merge" else D(0)
    comes = (position / 3).quantize(D("0.01")) + 1
    new = "NEW" if kind == "merge" else "KID"
    held.add(account, symbol, leaves)
    share = D(1) if kind == "merge" else draw.choice([D("0.2"), D("0.3333"), None])
    return conversion(
        number, "merger" if kind == "merge" else "spin_off", leaves, comes, account_id=account,
        from_symbol=symbol, to_symbol=new, basis_share=share,
    )  # fmt: skip


def _earlier(number: int, draw: random.Random) -> date:
    return day(number) - timedelta(days=draw.randint(0, 900))
