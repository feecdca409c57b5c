"""A market that takes its time: nobody waits for the store meanwhile, and what changed meanwhile is not forgotten."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from resources.brokers.paper import PaperBroker
from resources.brokers.protocol import OrderStatus
from resources.market_data.recorded import RecordedMarketData, RecordedReferenceRates
from resources.store import Store
from tests.resources.brokers.papers import APPLES, NewStore, book_of, held, market, order, paper

LAST = date(2020, 8, 20)
SPLIT = date(2020, 8, 31)


@dataclass
class _Watched:
    """The recorded market; `before` is called with the name of each question."""

    before: Callable[[str], None]
    symbols: set[str] = field(default_factory=set)

    def bars(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        self.before("bars")
        return RecordedMarketData().bars(symbols, first, last)

    def corporate_actions(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        self.before("corporate_actions")
        self.symbols |= set(symbols)
        return RecordedMarketData().corporate_actions(symbols, first, last)

    def reference_rates(self, currencies: Sequence[str], first: date, last: date) -> pl.DataFrame:
        self.before("reference_rates")
        return RecordedReferenceRates().reference_rates(currencies, first, last)


def _watched(broker: PaperBroker, before: Callable[[str], None]) -> PaperBroker:
    """The same broker on a market that has looked up nothing yet."""
    source = _Watched(before)
    fresh = replace(market(), source=source, reference=source, _rates={}, _closes={})
    return replace(broker, market=fresh)


def test_the_store_is_free_whenever_the_market_is_asked(new_store: NewStore) -> None:
    store = new_store()
    asked = []

    def take_the_lock(question: str) -> None:
        # Fails at once if the broker, or anybody, holds it.
        with closing(sqlite3.connect(str(store.engine.url.database), timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.rollback()
        asked.append(question)

    broker = _watched(paper(store), take_the_lock)
    for number, (side, symbol, quantity) in enumerate(
        [("buy", "AAPL", "1"), ("sell", "SPY", "5"), ("exchange", "USD/EUR", "100")]
    ):
        session = LAST + timedelta(days=number)
        assert broker.submit(order(str(number), side, symbol, quantity, session)).state == "filled"
    broker.move_cash("america", "EUR", Decimal(5), SPLIT, "gift")
    assert broker.equity("america", SPLIT) is not None
    assert set(asked) == {"bars", "corporate_actions", "reference_rates"}


def _at_once(store: Store, *identifiers: str) -> list[OrderStatus]:
    """Sell 30 of 40 shares under each id; all have decided before the first of them books."""
    paper(store, APPLES).positions("america", LAST)
    together = threading.Barrier(len(identifiers))

    def wait_for_all(question: str) -> None:
        if question == "bars":
            together.wait(timeout=30)

    def sell(identifier: str) -> OrderStatus:
        broker = _watched(paper(store, APPLES), wait_for_all)
        return broker.submit(order(identifier, "sell", "AAPL", "30", LAST))

    with ThreadPoolExecutor(len(identifiers)) as pool:
        return list(pool.map(sell, identifiers))


def test_an_order_that_is_sent_twice_at_once_is_filled_once(new_store: NewStore) -> None:
    store = new_store()
    first, second = _at_once(store, "same", "same")
    assert first == second
    assert first.state == "filled"
    broker = paper(store, APPLES)
    assert held(broker, LAST) == {"AAPL": 10}
    fills = [fill.fill_id for fill in broker.fills_since("america", None, LAST)]
    assert fills.count("america.same:1") == 1
    assert len(book_of(store)["paper_orders"]) == 1


def test_two_orders_at_once_do_not_sell_the_same_shares(new_store: NewStore) -> None:
    store = new_store()
    statuses = _at_once(store, "one", "two")
    assert sorted(status.state for status in statuses) == ["filled", "rejected"]
    (reason,) = [status.detail for status in statuses if status.detail is not None]
    assert reason.startswith("only 10")
    assert held(paper(store, APPLES), LAST) == {"AAPL": 10}


def test_what_is_sold_while_the_days_are_asked_for_is_not_split(new_store: NewStore) -> None:
    store = new_store()
    broker = paper(store, APPLES)
    broker.positions("america", LAST)

    def sell_meanwhile(question: str) -> None:
        assert broker.submit(order("1", "sell", "AAPL", "30", LAST)).state == "filled"

    assert held(_watched(broker, sell_meanwhile), SPLIT) == {"AAPL": 40}


def test_days_that_another_process_has_booked_meanwhile_are_not_booked_again(
    new_store: NewStore,
) -> None:
    store, alone = new_store(), new_store()
    broker = paper(store, APPLES)

    def advance_meanwhile(question: str) -> None:
        broker.positions("america", SPLIT)

    for session in (LAST, SPLIT):
        assert held(_watched(broker, advance_meanwhile), session)
    paper(alone, APPLES).positions("america", SPLIT)
    assert book_of(store) == book_of(alone)


def test_an_order_that_arrived_is_known_also_while_the_market_is_not(new_store: NewStore) -> None:
    broker = paper(new_store(), APPLES)
    sent = order("1", "sell", "AAPL", "30", LAST)
    status = broker.submit(sent)

    def fail(question: str) -> None:
        raise AssertionError(f"asked for {question}")

    assert _watched(broker, fail).submit(sent) == status


def test_only_securities_that_the_account_ever_holds_are_asked_about(new_store: NewStore) -> None:
    broker = _watched(paper(new_store(), APPLES), lambda _question: None)
    assert held(broker, LAST)
    assert held(broker, SPLIT)
    source = broker.market.source
    assert isinstance(source, _Watched)
    assert source.symbols == {"AAPL"}
