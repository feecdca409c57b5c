"""Each fault of orders does what its meaning says, once, to the order that it has taken, restarts included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ballast.errors import BrokerUnavailableError
from ballast.trading.orders import OrderIntent
from resources.brokers.fault_claims import FaultClaims
from resources.brokers.faults import ORDER_FAULTS, Fault
from resources.brokers.faults_broker import FaultyBroker
from resources.store import Store, sqlite_url
from tests.resources.brokers.faulty import everything, fault, market_with_option
from tests.resources.brokers.papers import book_of, event, held, order, paper, portfolio

D = Decimal
DAY, LATER = date(2020, 8, 5), date(2020, 8, 7)
OPENING = [
    event(2, date(2020, 8, 3), "deposit", "USD", "50000"),
    event(3, date(2020, 8, 3), "deposit", "EUR", "9000"),
    event(4, date(2020, 8, 3), "deposit", "HKD", "900000"),
    event(5, date(2020, 8, 4), "buy", "AAPL", "40"),
    event(6, date(2020, 8, 3), "deposit", "EUR", "9000", account="europe"),
]
NEEDS: dict[str, dict[str, Any]] = {
    "order_partial": {"factor": "0.4", "until": LATER},
    "order_cut": {"factor": "0.4"},
    "order_delayed": {"until": LATER},
    "rate_limited": {"quantity": "2"},
}
Open = Callable[..., FaultyBroker]


@pytest.fixture
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(sqlite_url(tmp_path_factory.mktemp("kept") / "paper.db"))
    yield store
    store.close()


def restarted(store: Store, script: Sequence[Fault], claims: FaultClaims | None) -> FaultyBroker:
    return FaultyBroker(
        paper(store, OPENING),
        script,
        market_with_option(),
        portfolio().base_currencies,
        claims=claims,
    )


@pytest.fixture
def opened(kept: Store) -> Open:
    """Opens a broker on the same store each time, as a restarted process does."""

    def open_broker(*script: Fault) -> FaultyBroker:
        return restarted(kept, script, FaultClaims(kept))

    return open_broker


def buy(
    name: str = "1", symbol: str = "AAPL", quantity: str = "10", day: date = DAY
) -> OrderIntent:
    return order(name, "buy", symbol, quantity, day)


def apples(broker: FaultyBroker, session: date = DAY) -> Decimal:
    return held(broker.broker, session)["AAPL"]  # type: ignore[arg-type]


def test_a_request_that_is_lost_never_arrives_and_sent_again_is_filled_once(
    opened: Open, kept: Store
) -> None:
    broker = opened(fault("order_request_lost", DAY))
    before = everything(broker, "america", DAY)
    with pytest.raises(BrokerUnavailableError, match="no answer in time"):
        broker.submit(buy())
    assert broker.status("america", "america.1") is None
    assert everything(broker, "america", DAY) == before
    assert book_of(kept)["paper_orders"] == []
    assert broker.submit(buy()).state == "filled"
    assert broker.submit(buy()).state == "filled"
    assert apples(broker) == 50


def test_an_answer_that_is_lost_leaves_a_filled_order_that_is_known_when_asked(
    opened: Open,
) -> None:
    broker = opened(fault("order_answer_lost", DAY))
    with pytest.raises(BrokerUnavailableError, match="no answer in time"):
        broker.submit(buy())
    assert apples(broker) == 50
    known = broker.status("america", "america.1")
    assert known is not None
    assert known.state == "filled"
    assert [fill.fill_id for fill in known.fills] == ["america.1:1"]
    assert broker.submit(buy()) == known
    assert apples(broker) == 50


def test_an_order_is_rejected_with_a_reason_and_books_nothing(opened: Open) -> None:
    broker = opened(fault("order_rejected", DAY, fault_id="no"))
    before = everything(broker, "america", DAY)
    status = broker.submit(buy())
    assert (status.state, status.fills) == ("rejected", ())
    assert "no" in str(status.detail)
    assert broker.status("america", "america.1") == status
    assert broker.submit(buy()) == status
    assert everything(broker, "america", DAY) == before
    assert broker.submit(buy("2")).state == "filled"


def test_what_is_cut_is_cancelled_and_its_part_is_kept(opened: Open) -> None:
    broker = opened(fault("order_cut", DAY, factor="0.45"))
    status = broker.submit(buy())
    # Whole shares: four, not four and a half.
    assert (status.state, [fill.quantity for fill in status.fills]) == ("cancelled", [4])  # type: ignore[union-attr]
    assert status.detail == "the rest of 6 was cancelled"
    assert broker.open_orders("america") == []
    assert {apples(broker), apples(broker, LATER)} == {D(44)}


def test_a_fill_that_is_told_twice_has_one_id_and_is_booked_once(opened: Open) -> None:
    broker = opened(fault("repeated_fill", DAY))
    for told in (broker.submit(buy()), broker.status("america", "america.1")):
        assert told is not None
        assert told.state == "filled"
        assert [fill.fill_id for fill in told.fills] == ["america.1:1"] * 2
    assert apples(broker) == 50
    came = [fill.fill_id for fill in broker.fills_since("america", None, DAY)]
    assert came.count("america.1:1") == 1


def test_an_expired_session_refuses_one_call_and_sends_nothing(opened: Open, kept: Store) -> None:
    broker = opened(fault("session_expired", DAY))
    with pytest.raises(BrokerUnavailableError, match="the session has expired") as raised:
        broker.submit(buy())
    assert raised.value.remedy.startswith("Nothing was sent")
    assert book_of(kept)["paper_orders"] == []
    assert broker.status("america", "america.1") is None
    assert broker.submit(buy()).state == "filled"


def test_too_many_requests_refuse_questions_about_orders_as_well(opened: Open) -> None:
    broker = opened(fault("rate_limited", DAY, quantity="3"))
    # Before the first order of the session nobody is refused.
    assert broker.status("america", "america.1") is None
    with pytest.raises(BrokerUnavailableError, match="too many requests"):
        broker.submit(buy())
    with pytest.raises(BrokerUnavailableError, match="too many requests"):
        broker.status("america", "america.1")
    with pytest.raises(BrokerUnavailableError, match="too many requests"):
        broker.submit(buy())
    assert broker.status("america", "america.1") is None
    assert broker.submit(buy()).state == "filled"


def test_a_refused_connection_and_a_fault_of_the_order_strike_one_after_the_other(
    opened: Open,
) -> None:
    broker = opened(fault("session_expired", DAY), fault("order_answer_lost", DAY))
    with pytest.raises(BrokerUnavailableError, match="expired"):
        broker.submit(buy())
    with pytest.raises(BrokerUnavailableError, match="no answer"):
        broker.submit(buy())
    assert broker.submit(buy()).state == "filled"
    assert apples(broker) == 50


@pytest.mark.parametrize("kind", ORDER_FAULTS)
def test_a_fault_of_another_account_or_session_does_nothing(opened: Open, kind: str) -> None:
    facts = NEEDS.get(kind, {})
    tomorrow = facts | ({"until": date(2020, 8, 10)} if "until" in facts else {})
    broker = opened(
        fault(kind, DAY, "europe", **facts),  # type: ignore[arg-type]
        fault(kind, date(2020, 8, 6), **tomorrow),  # type: ignore[arg-type]
    )
    status = broker.submit(buy())
    assert (status.state, len(status.fills)) == ("filled", 1)


@pytest.mark.parametrize("kind", ORDER_FAULTS)
def test_without_a_memory_of_claims_no_order_is_struck(kept: Store, kind: str) -> None:
    script = [fault(kind, DAY, **NEEDS.get(kind, {}))]  # type: ignore[arg-type]
    broker = restarted(kept, script, None)
    status = broker.submit(buy())
    assert (status.state, len(status.fills)) == ("filled", 1)


def test_each_fault_takes_one_order_and_each_order_one_fault(opened: Open) -> None:
    broker = opened(
        fault("order_rejected", DAY, fault_id="first"),
        fault("order_rejected", DAY, fault_id="second"),
    )
    details = [broker.submit(buy(name)).detail for name in ("1", "2", "3")]
    assert ["first" in str(detail) for detail in details] == [True, False, False]
    assert ["second" in str(detail) for detail in details] == [False, True, False]
    assert broker.submit(buy("4")).state == "filled"


def test_a_fault_that_names_a_security_waits_for_its_order(opened: Open) -> None:
    broker = opened(
        fault("order_rejected", DAY, fault_id="shares", symbol="MSFT"),
        fault("order_rejected", DAY, fault_id="pair", symbol="EUR/USD"),
    )
    assert broker.submit(buy("1")).state == "filled"
    assert "shares" in str(broker.submit(buy("2", "MSFT", "1")).detail)
    assert "pair" in str(broker.submit(order("3", "exchange", "EUR/USD", "100", DAY)).detail)
    assert broker.submit(buy("4", "MSFT", "1")).state == "filled"


@pytest.mark.parametrize("kind", ["order_request_lost", "order_answer_lost", "session_expired"])
def test_what_has_struck_once_does_not_strike_again_after_a_restart(
    opened: Open, kind: str
) -> None:
    script = fault(kind, DAY)  # type: ignore[arg-type]
    with pytest.raises(BrokerUnavailableError):
        opened(script).submit(buy())
    again = opened(script)
    assert again.submit(buy()).state == "filled"
    assert again.submit(buy("2")).state == "filled"
    assert apples(again) == 60


def test_too_many_requests_are_counted_across_restarts(opened: Open) -> None:
    script = fault("rate_limited", DAY, quantity="2")
    for _ in range(2):
        with pytest.raises(BrokerUnavailableError, match="too many"):
            opened(script).submit(buy())
    assert opened(script).submit(buy()).state == "filled"


def test_an_order_keeps_its_fault_and_its_terms_after_a_restart(opened: Open) -> None:
    script = (
        fault("repeated_fill", DAY, symbol="AAPL"),
        fault("order_partial", DAY, factor="0.5", until=LATER, symbol="MSFT"),
    )
    opened(*script).submit(buy())
    opened(*script).submit(buy("2", "MSFT", "2"))
    again = opened(*script)
    told = again.status("america", "america.1")
    assert told is not None
    assert len(told.fills) == 2
    (waiting,) = again.open_orders("america")
    assert (waiting.client_order_id, waiting.quantity) == ("america.2", D(1))
    # Both faults have their order; later ones go on as usual.
    assert len(again.submit(buy("3")).fills) == 1
    assert again.submit(buy("4", "MSFT", "2")).state == "filled"


def test_a_lost_request_is_claimed_by_its_order_although_it_never_arrived(opened: Open) -> None:
    script = fault("order_request_lost", DAY)
    with pytest.raises(BrokerUnavailableError):
        opened(script).submit(buy())
    # Another order in between is not the one that was lost, nor is the same one lost again.
    assert opened(script).submit(buy("2")).state == "filled"
    assert opened(script).submit(buy()).state == "filled"


def test_a_claim_is_made_once_and_strikes_are_counted(store: Store) -> None:
    claims = FaultClaims(store)
    assert claims.claim("a", []) is None
    assert claims.claim("a", ["x", "y"]) == "x"
    assert claims.claim("a", ["y"]) == "x"
    assert claims.claim("b", ["x", "y"]) == "y"
    assert claims.claim("c", ["x", "y"]) is None
    assert claims.claim("a", ()) == "x"
    assert (claims.calls("x"), claims.calls("never")) == (0, 0)
    assert [claims.strike("x") for _ in range(3)] == [1, 2, 3]
    assert claims.strike("new") == 1
    # What strikes connections takes no order.
    assert claims.claim("new order", ["new"]) is None
    assert FaultClaims(store).calls("x") == 3
    assert FaultClaims(store).claim("b", ()) == "y"
