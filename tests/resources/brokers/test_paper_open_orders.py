"""Orders that the paper broker leaves open: filled in their session, at its close, among its dividends and splits."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.books.broker_events import CashMovement, ExchangeFill, Fill, SplitEvent
from ballast.errors import BrokerUnavailableError
from resources.brokers.paper import PaperBroker
from resources.brokers.paper_orders import FillTerms
from resources.brokers.protocol import OpenOrder, OrderStatus
from resources.store import Store, sqlite_url
from tests.conformance.bench import State
from tests.resources.brokers.papers import NewStore, book_of, event, held, market, order, paper

D = Decimal
DAY, BETWEEN, EX_DATE, SPLIT = (
    date(2020, 8, 5), date(2020, 8, 6), date(2020, 8, 7), date(2020, 8, 31),
)  # fmt: skip
OPENING = [
    event(2, date(2020, 8, 3), "deposit", "USD", "50000"),
    event(3, date(2020, 8, 3), "deposit", "EUR", "9000"),
    event(4, date(2020, 8, 3), "deposit", "HKD", "900000"),
    event(5, date(2020, 8, 4), "buy", "AAPL", "40"),
]


@pytest.fixture
def broker(new_store: NewStore) -> PaperBroker:
    return paper(new_store(), OPENING)


def known(broker: PaperBroker, name: str = "america.1") -> OrderStatus:
    status = broker.status("america", name)
    assert status is not None
    return status


def state(broker: PaperBroker, session: date) -> State:
    cash = {c: a for c, a in broker.balances("america", session).items() if a}
    return State(held(broker, session), cash)


def explained(broker: PaperBroker, session: date) -> State:
    """The account by its events alone."""
    return State().after(*broker.activity("america", session))  # type: ignore[arg-type]


def test_a_partial_order_is_filled_twice_each_time_at_the_close_of_its_session(
    broker: PaperBroker,
) -> None:
    submitted = broker.submit(order("1", "buy", "AAPL", "10", DAY), FillTerms(D("0.4"), EX_DATE))
    assert (submitted.state, [f.fill_id for f in submitted.fills]) == (
        "partially_filled",
        ["america.1:1"],
    )
    assert broker.open_orders("america") == [OpenOrder("america.1", "AAPL", D(6), "buy")]
    assert [held(broker, day)["AAPL"] for day in (DAY, BETWEEN)] == [44, 44]
    assert known(broker) == submitted

    assert held(broker, EX_DATE)["AAPL"] == 50
    assert broker.open_orders("america") == []
    status = known(broker)
    assert (status.state, status.detail) == ("filled", None)
    fills = [fill for fill in status.fills if isinstance(fill, Fill)]
    assert [(f.fill_id, f.quantity, f.filled_at.date(), f.filled_at.hour) for f in fills] == [
        ("america.1:1", D(4), DAY, 20),
        ("america.1:2", D(6), EX_DATE, 20),
    ]
    assert [f.price for f in fills] == [market().close("AAPL", day) for day in (DAY, EX_DATE)]
    assert {f.client_order_id for f in fills} == {"america.1"}
    for day in (DAY, BETWEEN, EX_DATE):
        assert explained(broker, day) == state(broker, day)


def test_a_delayed_order_is_accepted_and_its_only_fill_is_the_first(broker: PaperBroker) -> None:
    before = state(broker, DAY)
    submitted = broker.submit(order("1", "buy", "AAPL", "10", DAY), FillTerms(D(0), EX_DATE))
    assert (submitted.state, submitted.fills) == ("accepted", ())
    assert broker.open_orders("america") == [OpenOrder("america.1", "AAPL", D(10), "buy")]
    assert state(broker, DAY) == before
    assert state(broker, BETWEEN) == before
    assert held(broker, EX_DATE)["AAPL"] == 50
    assert [fill.fill_id for fill in known(broker).fills] == ["america.1:1"]
    assert known(broker).state == "filled"


def test_a_share_that_makes_no_whole_lot_is_an_order_without_a_first_fill(
    broker: PaperBroker,
) -> None:
    small = broker.submit(order("1", "buy", "0700.HK", "100", DAY), FillTerms(D("0.9"), EX_DATE))
    assert (small.state, small.fills) == ("accepted", ())
    large = broker.submit(order("2", "buy", "0700.HK", "300", DAY), FillTerms(D("0.5"), EX_DATE))
    assert [fill.quantity for fill in large.fills if isinstance(fill, Fill)] == [100]
    assert held(broker, EX_DATE)["0700.HK"] == 400
    assert [fill.fill_id for fill in known(broker).fills] == ["america.1:1"]
    assert [fill.fill_id for fill in known(broker, "america.2").fills] == [
        "america.2:1",
        "america.2:2",
    ]


def test_an_exchange_is_filled_in_parts_to_the_cent(broker: PaperBroker) -> None:
    terms = FillTerms(D("0.333"), BETWEEN)
    first = broker.submit(order("1", "exchange", "EUR/USD", "1000.01", DAY), terms)
    assert first.state == "partially_filled"
    broker.balances("america", BETWEEN)
    fills = [fill for fill in known(broker).fills if isinstance(fill, ExchangeFill)]
    assert [fill.from_amount for fill in fills] == [D("333.00"), D("667.01")]
    assert explained(broker, BETWEEN) == state(broker, BETWEEN)


def test_a_dividend_goes_to_what_was_held_before_and_a_split_comes_before_the_rest(
    broker: PaperBroker,
) -> None:
    broker.submit(order("1", "buy", "AAPL", "10", DAY), FillTerms(D("0.4"), EX_DATE))
    broker.submit(order("2", "buy", "AAPL", "5", DAY), FillTerms(D(0), SPLIT))
    # 0.82 dollars a share on the 44 that were held, not on the six that came that evening.
    assert held(broker, SPLIT)["AAPL"] == 50 * 4 + 5
    events = broker.activity("america", SPLIT)
    told = [
        (e.kind, e.amount) if isinstance(e, CashMovement) else (e.symbol, e.quantity)
        for e in events
        if (isinstance(e, CashMovement) and e.kind == "dividend")
        or (isinstance(e, Fill | SplitEvent) and e.symbol == "AAPL")
    ]
    assert told == [
        ("AAPL", 40), ("AAPL", 4), ("dividend", D("36.08")), ("AAPL", 6), ("AAPL", 150),
        ("AAPL", 5),
    ]  # fmt: skip
    (late,) = known(broker, "america.2").fills
    assert isinstance(late, Fill)
    assert late.price == market().close("AAPL", SPLIT)


def test_asking_day_by_day_or_once_leads_to_the_same_book(new_store: NewStore) -> None:
    books = []
    for days in ([SPLIT], [DAY + timedelta(days=n) for n in range(27)]):
        store = new_store()
        broker = paper(store, OPENING)
        broker.submit(order("1", "buy", "AAPL", "10", DAY), FillTerms(D("0.4"), EX_DATE))
        broker.submit(order("2", "sell", "AAPL", "20", DAY), FillTerms(D("0.5"), SPLIT))
        broker.submit(order("3", "exchange", "EUR/USD", "100", DAY), FillTerms(D(0), BETWEEN))
        for day in days:
            broker.positions("america", day)
        books.append(book_of(store))
    assert books[0] == books[1]


@pytest.mark.parametrize("share", ["0", "0.4"])
def test_a_cancellation_in_between_cancels_the_rest_for_good(
    broker: PaperBroker, share: str
) -> None:
    submitted = broker.submit(order("1", "buy", "AAPL", "10", DAY), FillTerms(D(share), EX_DATE))
    cancelled = broker.cancel("america", "america.1")
    assert (cancelled.state, cancelled.fills) == ("cancelled", submitted.fills)
    assert broker.open_orders("america") == []
    assert held(broker, EX_DATE)["AAPL"] == 40 + 10 * D(share)
    assert known(broker) == cancelled
    assert broker.cancel("america", "america.1") == cancelled
    assert broker.submit(order("1", "buy", "AAPL", "10", DAY)) == cancelled


def test_a_cancellation_that_comes_too_late_says_filled(broker: PaperBroker) -> None:
    broker.submit(order("1", "buy", "AAPL", "10", DAY), FillTerms(D(0), BETWEEN))
    broker.positions("america", BETWEEN)
    answer = broker.cancel("america", "america.1")
    assert (answer.state, len(answer.fills)) == ("filled", 1)
    assert held(broker, BETWEEN)["AAPL"] == 50


def test_no_account_cancels_the_order_of_another(broker: PaperBroker) -> None:
    broker.submit(order("1", "buy", "AAPL", "10", DAY), FillTerms(D(0), EX_DATE))
    answer = broker.cancel("europe", "america.1")
    assert (answer.state, answer.detail) == ("rejected", "the broker never saw this order")
    assert [each.client_order_id for each in broker.open_orders("america")] == ["america.1"]
    assert held(broker, EX_DATE)["AAPL"] == 50


@pytest.mark.parametrize("share", ["0", "0.5"])
def test_a_rest_that_cannot_be_paid_any_more_is_cancelled_with_its_reason(
    broker: PaperBroker, share: str
) -> None:
    broker.submit(order("1", "buy", "AAPL", "10", DAY), FillTerms(D(share), EX_DATE))
    there = broker.balances("america", DAY)["USD"]
    broker.move_cash("america", "USD", D(1) - there, BETWEEN, "withdrawal")
    assert held(broker, EX_DATE)["AAPL"] == 40 + 10 * D(share)
    status = known(broker)
    assert status.state == "cancelled"
    assert "USD are needed" in str(status.detail)
    assert len(status.fills) == (1 if D(share) else 0)
    assert broker.open_orders("america") == []
    assert explained(broker, EX_DATE) == state(broker, EX_DATE)


def test_a_rest_of_what_was_sold_meanwhile_is_cancelled_with_its_reason(
    broker: PaperBroker,
) -> None:
    broker.submit(order("1", "sell", "AAPL", "40", DAY), FillTerms(D("0.25"), EX_DATE))
    assert broker.submit(order("2", "sell", "AAPL", "25", BETWEEN)).state == "filled"
    assert held(broker, EX_DATE)["AAPL"] == 5
    status = known(broker)
    assert status.state == "cancelled"
    assert str(status.detail).startswith("only 5")
    assert "AAPL are held" in str(status.detail)


def test_rests_of_a_session_are_filled_before_its_own_orders_and_in_the_order_of_their_ids(
    broker: PaperBroker,
) -> None:
    for name in ("b", "a"):
        broker.submit(order(name, "sell", "AAPL", "30", DAY), FillTerms(D(0), BETWEEN))
    own = broker.submit(order("0", "sell", "AAPL", "10", BETWEEN))
    assert (known(broker, "america.a").state, own.state) == ("filled", "filled")
    second = known(broker, "america.b")
    assert second.state == "cancelled"
    assert str(second.detail).startswith("only 10")


def test_what_could_never_be_filled_whole_is_not_left_open(broker: PaperBroker) -> None:
    for name, quantity in (("1", "100000"), ("2", "10.5"), ("3", "0")):
        intent = order(name, "buy", "AAPL", quantity, DAY)
        assert broker.submit(intent, FillTerms(D("0.1"), EX_DATE)).state == "rejected"
    assert broker.open_orders("america") == []


def test_open_orders_of_one_account_are_not_those_of_another(broker: PaperBroker) -> None:
    broker.submit(order("1", "buy", "AAPL", "10", DAY), FillTerms(D(0), EX_DATE))
    assert broker.open_orders("europe") == []
    broker.positions("europe", EX_DATE)
    assert [each.quantity for each in broker.open_orders("america")] == [10]
    with pytest.raises(BrokerUnavailableError):
        broker.positions("nobody", EX_DATE)


_orders = st.tuples(
    st.sampled_from([("buy", "AAPL"), ("sell", "AAPL"), ("exchange", "EUR/USD"), ("buy", "0700.HK")]),
    st.integers(1, 60),
    st.sampled_from(["0", "0.1", "0.5", "0.99", "1"]),
    st.sampled_from([None, BETWEEN, EX_DATE, SPLIT]),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(_orders, max_size=5), st.sets(st.integers(0, 4), max_size=2))
def test_whatever_is_ordered_parts_never_exceed_the_whole_and_events_explain_the_account(
    tmp_path_factory: pytest.TempPathFactory,
    wanted: list[tuple[tuple[str, str], int, str, date | None]],
    cancelled: set[int],
) -> None:
    folder: Path = tmp_path_factory.mktemp("orders")
    store = Store(sqlite_url(folder / "paper.db"))
    broker = paper(store, OPENING)
    intents = []
    for number, ((side, symbol), units, share, later) in enumerate(wanted):
        lot = market().lot_size(symbol) if side != "exchange" else D("10.01")
        intent = order(str(number), side, symbol, str(units * lot), DAY)
        broker.submit(intent, FillTerms(D(share), later))
        intents.append(intent)
    for number in cancelled & set(range(len(intents))):
        broker.cancel("america", intents[number].client_order_id)
    for day in (DAY, BETWEEN, EX_DATE, SPLIT):
        assert explained(broker, day) == state(broker, day)
        assert min(broker.balances("america", day).values()) >= 0
    for intent in intents:
        status = known(broker, intent.client_order_id)
        done = sum(
            fill.from_amount if isinstance(fill, ExchangeFill) else abs(fill.quantity)
            for fill in status.fills
        )
        assert status.state in {"filled", "cancelled", "rejected"}
        assert (done == intent.quantity) == (status.state == "filled")
        assert done <= intent.quantity
        assert status.state != "rejected" or done == 0
        assert status.state == "filled" or status.detail
    assert broker.open_orders("america") == []
    store.close()
