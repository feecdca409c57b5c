"""The path of an order: written before it is sent, sent once, and asked about whenever the answer is missing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballast.books.broker_events import Fill
from ballast.errors import BrokerUnavailableError, OrderRefusedError
from ballast.trading.orders import FINAL_STATES, OrderIntent, client_order_id
from resources.brokers.protocol import OrderStatus
from resources.orders import OrderBook, OrderBookMovedError
from resources.store import Store
from resources.store.trading_schema import order_events

SESSION = date(2020, 8, 20)


def _intent(step: int = 1, **facts: object) -> OrderIntent:
    usual = {
        "client_order_id": client_order_id("a", "plan", step),
        "account_id": "a",
        "origin": "plan",
        "origin_id": "plan",
        "session": SESSION,
        "side": "buy",
        "symbol": "A",
        "quantity": Decimal("1.5"),
    }
    return OrderIntent.model_validate(usual | facts)


def _fill(fill_id: str, quantity: str) -> Fill:
    return Fill(
        fill_id, "a", "A", Decimal(quantity), Decimal(10), "EUR", Decimal(1), "EUR",
        datetime(2020, 8, 20, 20, tzinfo=UTC), _intent().client_order_id,
    )  # fmt: skip


def _timeout() -> BrokerUnavailableError:
    return BrokerUnavailableError("no answer in 10 s", where="broker", remedy="Ask again.")


@dataclass
class Venue:
    """A broker that fills everything it sees, and does first what a test tells it to.

    `on_submit` and `on_status` are called once each: `before` the broker sees the request, or `after`.
    """

    answer: OrderStatus | None = None
    before_submit: Callable[[], None] | None = None
    after_submit: Callable[[], None] | None = None
    before_status: Callable[[], None] | None = None
    seen: dict[str, OrderStatus] = field(default_factory=dict)
    fills: list[OrderIntent] = field(default_factory=list)
    questions: int = 0

    def submit(self, intent: OrderIntent) -> OrderStatus:
        self._do("before_submit")
        if intent.client_order_id not in self.seen:
            status = self.answer or OrderStatus(intent.client_order_id, "filled")
            self.seen[intent.client_order_id] = status
            self.fills.append(intent)
        self._do("after_submit")
        return self.seen[intent.client_order_id]

    def status(self, account_id: str, client_order_id: str) -> OrderStatus | None:
        self.questions += 1
        self._do("before_status")
        return self.seen.get(client_order_id)

    def cancel(self, account_id: str, client_order_id: str) -> OrderStatus:
        return self.seen[client_order_id]

    def _do(self, moment: str) -> None:
        action = getattr(self, moment)
        setattr(self, moment, None)
        if action is not None:
            action()


def _raise(error: BaseException) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


@pytest.fixture
def book(store: Store) -> OrderBook:
    return OrderBook(store)


def _history(book: OrderBook, intent: OrderIntent) -> list[str]:
    query = (
        sa.select(order_events.c.state)
        .where(order_events.c.client_order_id == intent.client_order_id)
        .order_by(order_events.c.sequence)
    )
    with book.store.read() as connection:
        return list(connection.scalars(query))


def test_the_intent_is_committed_before_the_broker_sees_the_order(book: OrderBook) -> None:
    committed: list[str] = []

    def look() -> None:
        with closing(Store(_url(book))) as another:
            committed.extend(_history(OrderBook(another), _intent()))

    book.place(_intent(), Venue(before_submit=look))
    assert committed == ["intent", "submitted"]
    assert _history(book, _intent()) == ["intent", "submitted", "filled"]


def test_a_filled_order_placed_again_is_neither_sent_nor_asked_about(book: OrderBook) -> None:
    venue = Venue()
    first = book.place(_intent(), venue)
    # A broker forgets orders of earlier days; we do not.
    venue.seen.clear()
    assert book.place(_intent(), venue) == first == OrderStatus(_intent().client_order_id, "filled")
    assert (len(venue.fills), venue.questions) == (1, 0)


def test_a_rejected_order_keeps_the_reason_of_the_broker(book: OrderBook) -> None:
    refused = OrderStatus(_intent().client_order_id, "rejected", "no cash")
    venue = Venue(answer=refused)
    assert book.place(_intent(), venue) == refused
    assert book.place(_intent(), venue) == refused
    assert book.table()["detail"].to_list() == ["no cash"]
    assert len(venue.fills) == 1


def test_a_timeout_after_the_order_arrived_is_unknown_and_not_sent_twice(book: OrderBook) -> None:
    venue = Venue(after_submit=_raise(_timeout()))
    with pytest.raises(BrokerUnavailableError):
        book.place(_intent(), venue)
    assert book.table().select("state", "detail").rows() == [("unknown", "no answer in 10 s")]
    assert book.place(_intent(), venue).state == "filled"
    assert (len(venue.fills), venue.questions) == (1, 1)
    assert _history(book, _intent()) == ["intent", "submitted", "unknown", "filled"]


def test_a_timeout_before_the_order_arrived_is_unknown_and_sent_by_the_next_call(
    book: OrderBook,
) -> None:
    venue = Venue(before_submit=_raise(_timeout()))
    with pytest.raises(BrokerUnavailableError):
        book.place(_intent(), venue)
    assert venue.fills == []
    assert book.place(_intent(), venue).state == "filled"
    assert (venue.fills, venue.questions) == ([_intent()], 1)


def test_nothing_is_sent_while_the_broker_cannot_be_asked_about_it(book: OrderBook) -> None:
    venue = Venue(before_submit=_raise(_timeout()))
    with pytest.raises(BrokerUnavailableError):
        book.place(_intent(), venue)
    venue.before_status = _raise(_timeout())
    with pytest.raises(BrokerUnavailableError):
        book.place(_intent(), venue)
    assert venue.fills == []
    assert _history(book, _intent()) == ["intent", "submitted", "unknown"]


@pytest.mark.parametrize("moment", ["before_submit", "after_submit"])
@pytest.mark.parametrize("crash", [SystemExit(), KeyboardInterrupt()], ids=["exit", "interrupt"])
def test_a_crash_around_the_sending_is_finished_by_the_next_call(
    book: OrderBook, moment: str, crash: BaseException
) -> None:
    venue = Venue(**{moment: _raise(crash)})  # type: ignore[arg-type]
    with pytest.raises(type(crash)):
        book.place(_intent(), venue)
    assert [intent.client_order_id for intent in book.unresolved("a")] == ["a.plan.1"]
    (left,) = book.unresolved("a")
    assert book.place(left, venue).state == "filled"
    assert venue.fills == [_intent()]
    assert book.unresolved("a") == []


def test_a_submitted_order_is_asked_about_until_it_is_filled(book: OrderBook) -> None:
    order_id = _intent().client_order_id
    venue = Venue(answer=OrderStatus(order_id, "submitted"))
    assert book.place(_intent(), venue).state == "submitted"
    assert book.place(_intent(), venue).state == "submitted"
    venue.seen[order_id] = OrderStatus(order_id, "filled")
    assert book.place(_intent(), venue).state == "filled"
    assert len(venue.fills) == 1
    assert _history(book, _intent()) == ["intent", "submitted", "filled"]


def test_an_answer_about_an_order_that_was_never_written_is_refused(book: OrderBook) -> None:
    venue = Venue(answer=OrderStatus("another", "filled"))
    with pytest.raises(OrderRefusedError, match="another"):
        book.place(_intent(), venue)
    assert _history(book, _intent()) == ["intent", "submitted"]


def test_a_broker_that_contradicts_itself_is_refused(book: OrderBook) -> None:
    order_id = _intent().client_order_id
    venue = Venue(answer=OrderStatus(order_id, "partially_filled", None, (_fill("f1", "0.5"),)))
    assert book.place(_intent(), venue).state == "partially_filled"
    venue.seen[order_id] = OrderStatus(order_id, "rejected")
    with pytest.raises(OrderRefusedError, match=r"partially_filled.* cannot be rejected"):
        book.place(_intent(), venue)
    assert _history(book, _intent()) == ["intent", "submitted", "partially_filled"]


@pytest.mark.parametrize("state", ["accepted", "filled"])
def test_an_order_that_another_process_carries_meanwhile_is_not_sent_again(
    book: OrderBook, state: str
) -> None:
    order_id = _intent().client_order_id
    fills = (_fill("f1", "1.5"),) if state == "filled" else ()
    venue = Venue(answer=OrderStatus(order_id, state, None, fills))  # type: ignore[arg-type]
    late = OrderBook(book.store)
    # This one has written the order, and is about to send it when the other does.
    assert late.write(_intent()).state == "intent"
    assert book.place(_intent(), venue).state == state
    assert late._send(_intent(), venue).state == state
    assert len(venue.fills) == 1


def test_a_fill_stays_whatever_the_broker_says_beside_it(book: OrderBook) -> None:
    order_id = _intent().client_order_id
    venue = Venue(answer=OrderStatus(order_id, "rejected", None, (_fill("f1", "1.5"),)))
    with pytest.raises(OrderRefusedError, match="cannot be rejected"):
        book.place(_intent(), venue)
    assert book.table().select("state", "filled").row(0) == ("filled", Decimal("1.5"))


def test_an_order_that_the_broker_does_not_know_yet_is_not_called_cancelled(
    book: OrderBook,
) -> None:
    venue = Venue(before_submit=_raise(_timeout()))
    with pytest.raises(BrokerUnavailableError):
        book.place(_intent(), venue)
    assert book.cancel(_intent(), venue, "no longer wanted").state == "submitted"
    progress = book.progress(_intent().client_order_id)
    assert progress is not None
    assert (progress.state, progress.is_cancel_requested) == ("unknown", True)


def test_only_what_was_surely_not_sent_is_given_up(book: OrderBook) -> None:
    book.write(_intent(1))
    with pytest.raises(BrokerUnavailableError):
        book.place(_intent(2), Venue(before_submit=_raise(_timeout())))
    assert book.give_up(_intent(1).client_order_id, "no longer wanted")
    assert not book.give_up(_intent(2).client_order_id, "no longer wanted")
    assert book.table()["state"].to_list() == ["cancelled", "unknown"]


def test_fills_of_a_later_session_are_told_with_it_and_with_their_order(book: OrderBook) -> None:
    order_id = _intent().client_order_id
    later = datetime(2020, 8, 24, 20, tzinfo=UTC)
    venue = Venue(answer=OrderStatus(order_id, "accepted"))
    book.place(_intent(), venue)
    other_day = later.date()
    assert book.concerning(other_day)["client_order_id"].to_list() == [order_id]
    book.apply_fills([replace(_fill("f1", "1.5"), filled_at=later)])
    assert book.concerning(other_day)["state"].to_list() == ["filled"]
    assert book.executions(other_day).height == book.executions(SESSION).height == 1
    assert book.concerning(date(2020, 8, 25)).is_empty()
    book.apply_fills([replace(_fill("f2", "1"), filled_at=later)])
    assert book.remarked(date(2020, 8, 30))["fill_id"].to_list() == ["f2"]
    assert book.remarked(date(2020, 8, 31)).is_empty()


def test_fills_count_once_however_they_become_known(book: OrderBook) -> None:
    order_id = _intent().client_order_id
    first, second = _fill("f1", "0.5"), _fill("f2", "1")
    venue = Venue(answer=OrderStatus(order_id, "partially_filled", None, (first, first)))
    book.place(_intent(), venue)
    assert book.apply_fills([first, second, second]) == 1
    assert book.apply_fills([second, first]) == 0
    venue.seen[order_id] = OrderStatus(order_id, "filled", None, (second, first))
    assert book.place(_intent(), venue).state == "filled"
    assert book.table()["filled"].to_list() == [Decimal("1.5")]
    assert book.executions().select("fill_id", "quantity", "remark").rows() == [
        ("f1", Decimal("0.5"), None),
        ("f2", Decimal(1), None),
    ]


def test_a_fill_of_an_order_that_is_not_ours_is_left_to_the_ledger(book: OrderBook) -> None:
    book.place(_intent(), Venue())
    by_hand = replace(_fill("f9", "5"), client_order_id=None)
    of_another_system = replace(_fill("f8", "5"), client_order_id="theirs")
    assert book.apply_fills([by_hand, of_another_system]) == 0
    assert book.executions().is_empty()


def test_a_late_fill_and_one_too_many_are_recorded_and_marked(book: OrderBook) -> None:
    order_id = _intent().client_order_id
    book.place(_intent(), Venue(answer=OrderStatus(order_id, "cancelled")))
    book.apply_fills([_fill("f1", "1")])
    assert book.table().select("state", "filled").row(0) == ("cancelled", Decimal(1))
    book.apply_fills([_fill("f2", "1")])
    assert book.table().select("state", "filled").row(0) == ("filled", Decimal(2))
    assert book.executions()["remark"].to_list() == ["late", "over-filled"]


def test_an_order_that_was_not_sent_is_cancelled_without_asking(book: OrderBook) -> None:
    book.write(_intent())
    venue = Venue()
    assert book.cancel(_intent(), venue, "no longer wanted").state == "cancelled"
    assert book.place(_intent(), venue).state == "cancelled"
    assert (venue.fills, venue.questions) == ([], 0)


def test_when_a_cancellation_and_the_last_fill_cross_the_fill_counts(book: OrderBook) -> None:
    order_id = _intent().client_order_id
    venue = Venue(answer=OrderStatus(order_id, "accepted"))
    book.place(_intent(), venue)
    venue.seen[order_id] = OrderStatus(order_id, "filled", None, (_fill("f1", "1.5"),))
    assert book.cancel(_intent(), venue, "no longer wanted").state == "filled"
    assert book.table()["state"].to_list() == ["filled"]


def test_an_order_decided_on_what_has_changed_since_is_not_written(book: OrderBook) -> None:
    seen = book.revision("a")
    book.place(_intent(1), Venue())
    with pytest.raises(OrderBookMovedError):
        book.place(_intent(2), Venue(), expecting=seen)
    assert book.place(_intent(2), Venue(), expecting=book.revision("a")).state == "filled"
    # Orders of another account move nothing.
    seen = book.revision("a")
    book.place(_intent(3, account_id="b"), Venue())
    assert book.revision("a") == seen


@pytest.mark.parametrize(
    "other", [{"quantity": Decimal(2)}, {"side": "sell"}, {"symbol": "B"}, {"account_id": "b"}]
)
def test_a_different_order_under_the_same_id_is_refused_and_not_sent(
    book: OrderBook, other: dict[str, object]
) -> None:
    venue = Venue(before_submit=_raise(_timeout()))
    with pytest.raises(BrokerUnavailableError):
        book.place(_intent(), venue)
    with pytest.raises(OrderRefusedError, match="another order"):
        book.place(_intent(**other), venue)
    assert venue.fills == []


def test_the_table_shows_the_newest_state_of_every_order_of_an_account(book: OrderBook) -> None:
    book.place(_intent(2), Venue())
    with pytest.raises(BrokerUnavailableError):
        book.place(_intent(1), Venue(after_submit=_raise(_timeout())))
    book.place(_intent(3, account_id="b"), Venue())
    table = book.table("a")
    assert table.select("client_order_id", "state", "quantity").rows() == [
        ("a.plan.1", "unknown", Decimal("1.5")),
        ("a.plan.2", "filled", Decimal("1.5")),
    ]
    assert book.table().height == 3
    assert [intent.client_order_id for intent in book.unresolved("a")] == ["a.plan.1"]
    assert book.unresolved("b") == []


def test_orders_survive_a_new_start(book: OrderBook) -> None:
    book.place(_intent(), Venue())
    with closing(Store(_url(book))) as another:
        assert OrderBook(another).table().equals(book.table())


_TROUBLE = st.sampled_from(["", "lost", "late", "silent", "crash before", "crash after"])


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(_TROUBLE, min_size=1, max_size=6))
def test_whatever_happens_on_the_way_an_order_is_filled_at_most_once(
    book: OrderBook, troubles: list[str]
) -> None:
    intent = _intent(client_order_id=f"order-{book.table().height}")
    venue = Venue()
    for trouble in troubles:
        venue.before_submit = venue.after_submit = venue.before_status = None
        match trouble:
            case "lost":
                venue.before_submit = _raise(_timeout())
            case "late":
                venue.after_submit = _raise(_timeout())
            case "silent":
                venue.before_status = _raise(_timeout())
            case "crash before":
                venue.before_submit = _raise(KeyboardInterrupt())
            case "crash after":
                venue.after_submit = _raise(KeyboardInterrupt())
        try:
            status = book.place(intent, venue)
        except (BrokerUnavailableError, KeyboardInterrupt):
            assert len(venue.fills) <= 1
        else:
            assert status.state == "filled"
            assert len(venue.fills) == 1
    history = _history(book, intent)
    assert history[0] == "intent"
    assert "filled" not in history[:-1]
    venue.before_submit = venue.after_submit = venue.before_status = None
    assert book.place(intent, venue).state in FINAL_STATES
    assert len(venue.fills) == 1


def _url(book: OrderBook) -> str:
    return book.store.engine.url.render_as_string(hide_password=False)
