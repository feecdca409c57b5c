"""The paper broker's own book: deterministic, moving forward only, and the same however it got there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import count

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.books.broker_events import ExchangeFill, Fill
from resources.brokers.paper import PaperBroker
from resources.store import Store, sqlite_url
from resources.store.schema import paper_orders
from tests.resources.brokers.papers import (
    APPLES,
    NewStore,
    book_of,
    held,
    market,
    order,
    paper,
)

FIRST, LAST = date(2019, 1, 7), date(2020, 8, 20)
SPLIT = date(2020, 8, 31)


def test_two_fresh_stores_end_with_identical_books(new_store: NewStore) -> None:
    books = []
    for _ in range(2):
        store = new_store()
        broker = paper(store)
        for account in ("america", "europe"):
            broker.positions(account, LAST)
        broker.submit(order("1", "sell", "AIG", "5", LAST))
        broker.move_cash("europe", "EUR", Decimal("12.34"), LAST, "gift")
        books.append(book_of(store))
    assert books[0] == books[1]
    assert all(books[0].values())


def test_the_same_orders_lead_to_the_same_book_on_postgres_and_sqlite(
    store: Store, new_store: NewStore
) -> None:
    books = []
    for opened in (store, new_store()):
        broker = paper(opened, APPLES)
        broker.submit(order("1", "sell", "AAPL", "7", date(2020, 8, 5)))
        broker.positions("america", SPLIT)
        books.append(book_of(opened))
    assert books[0] == books[1]


def test_advancing_day_by_day_leads_to_the_same_book_as_in_one_go(new_store: NewStore) -> None:
    at_once, daily = new_store(), new_store()
    paper(at_once).positions("america", LAST)
    broker = paper(daily)
    for day in range(120, -1, -1):
        broker.positions("america", LAST - timedelta(days=day))
    assert book_of(daily) == book_of(at_once)


@settings(max_examples=8, deadline=None)
@given(st.sets(st.dates(FIRST - timedelta(days=9), LAST), max_size=12))
def test_any_stops_on_the_way_lead_to_the_same_book(
    tmp_path_factory: pytest.TempPathFactory, stops: set[date]
) -> None:
    folder = tmp_path_factory.mktemp("stops")
    books = []
    for name, days in (("at once", []), ("stopping", sorted(stops))):
        store = Store(sqlite_url(folder / f"{name}.db"))
        broker = paper(store)
        for day in (*days, LAST):
            broker.balances("europe", day)
        books.append(book_of(store))
        store.close()
    assert books[0] == books[1]


def test_asking_about_a_past_session_again_changes_nothing(new_store: NewStore) -> None:
    store = new_store()
    broker = paper(store)
    then = broker.positions("america", date(2019, 12, 31))
    broker.positions("america", LAST)
    book = book_of(store)
    assert broker.positions("america", date(2019, 12, 31)) == then
    assert book_of(store) == book


def test_fills_are_at_the_last_close_with_the_configured_fee(new_store: NewStore) -> None:
    broker = paper(new_store(), APPLES)
    broker.submit(order("1", "sell", "AAPL", "10", LAST))
    fill = broker.fills_since("america", None, LAST)[-1]
    assert isinstance(fill, Fill)
    # 473.10 at the close; 2 EUR at 1.1850 dollars and 0.2 % of 4 731 dollars.
    assert (fill.price, fill.fee, fill.fee_currency) == (
        Decimal("473.10"),
        Decimal("11.83"),
        "USD",
    )


def test_an_exchange_yields_the_reference_rate_down_to_the_cent(new_store: NewStore) -> None:
    broker = paper(new_store(), APPLES)
    broker.move_cash("america", "EUR", Decimal(1000), LAST, "euros")
    broker.submit(order("1", "exchange", "EUR/USD", "33.33", LAST))
    fill = broker.fills_since("america", None, LAST)[-1]
    assert isinstance(fill, ExchangeFill)
    # 33.33 × 1.1850 = 39.49605; 0.05 % of 33.33 is less than two cents.
    assert (fill.to_amount, fill.fee, fill.fee_currency) == (
        Decimal("39.49"),
        Decimal("0.02"),
        "EUR",
    )


def test_an_order_for_the_past_is_refused_and_changes_nothing(new_store: NewStore) -> None:
    store = new_store()
    broker = paper(store, APPLES)
    broker.positions("america", LAST)
    book = book_of(store)["paper_movements"]
    status = broker.submit(order("1", "sell", "AAPL", "1", LAST - timedelta(days=1)))
    assert status.state == "rejected"
    assert "moved beyond 2020-08-19" in str(status.detail)
    assert book_of(store)["paper_movements"] == book


def test_an_order_without_a_known_price_is_refused(new_store: NewStore) -> None:
    broker = paper(new_store(), APPLES)
    status = broker.submit(order("1", "sell", "AAPL", "1", date(2023, 6, 1)))
    assert status.state == "rejected"
    assert "no price of AAPL" in str(status.detail)


def test_an_order_of_an_unknown_account_is_refused(new_store: NewStore) -> None:
    broker = paper(new_store(), APPLES)
    assert broker.submit(order("1", "buy", "AAPL", "1", LAST, "nobody")).state == "rejected"


def test_equity_is_unknown_where_a_price_or_a_rate_is(new_store: NewStore) -> None:
    broker = paper(new_store(), APPLES)
    assert broker.equity("america", LAST) is not None
    assert broker.equity("america", date(2023, 6, 1)) is None


def test_two_orders_of_one_day_happen_one_after_the_other(new_store: NewStore) -> None:
    broker = paper(new_store(), APPLES)
    for number in range(3):
        broker.submit(order(str(number), "sell", "AAPL", "1", LAST))
    moments = [fill.filled_at for fill in broker.fills_since("america", None, LAST)]
    assert len(set(moments)) == len(moments) == 4
    ids = [fill.client_order_id for fill in broker.fills_since("america", None, LAST)]
    assert ids[1:] == ["america.0", "america.1", "america.2"]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["buy", "sell"]), st.sampled_from([1, 7, 60]), st.integers(0, 3)),
        max_size=8,
    )
)
def test_cash_and_shares_never_go_below_zero_by_an_order(
    shared_broker: PaperBroker, orders: list[tuple[str, int, int]]
) -> None:
    for side, quantity, days in orders:
        newest = _newest_session(shared_broker)
        session = min(newest + timedelta(days=days), LAST)
        shared_broker.submit(order(str(next(_numbers)), side, "AAPL", str(quantity), session))
        assert all(amount >= 0 for amount in shared_broker.balances("america", session).values())
        assert all(held > 0 for held in held(shared_broker, session).values())


_numbers = count()


@pytest.fixture(scope="module")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperBroker]:
    store = Store(sqlite_url(tmp_path_factory.mktemp("shared") / "paper.db"))
    yield paper(store, APPLES)
    store.close()


def _newest_session(broker: PaperBroker) -> date:
    with broker.store.read() as connection:
        newest = connection.scalar(sa.select(sa.func.max(paper_orders.c.session)))
    return newest or APPLES[-1].session


def test_accounts_do_not_see_each_other(new_store: NewStore) -> None:
    broker = paper(new_store())
    alone = paper(new_store(), [e for e in paper(new_store()).opening if e.account_id == "europe"])
    broker.submit(order("1", "sell", "MSFT", "80", LAST))
    assert broker.positions("europe", LAST) == alone.positions("europe", LAST)
    assert market().is_security("MSFT")
