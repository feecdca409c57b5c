"""Open orders of a person: cancelled for good, and found out about when no answer came."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ballast.errors import BrokerUnavailableError
from ballast.trading.orders import OrderIntent
from tests.assets.desks import order
from tests.demonstration import Demonstration
from tests.pipelines.order_runs import (
    AFTER,
    BEFORE,
    NAME,
    cancel,
    clear,
    held,
    opened_on,
    orders,
    place,
)


@pytest.fixture
def opened(researched: Path, tmp_path: Path) -> Callable[..., Demonstration]:
    return partial(opened_on, tmp_path / "copy", researched)


def lose(demonstration: Demonstration, intent: OrderIntent) -> None:
    """Send an order to which no answer comes."""
    broker = demonstration.workspace.broker("europe")
    with pytest.raises(BrokerUnavailableError):
        demonstration.workspace.orders.place(intent, broker)


def test_an_open_order_is_cancelled_at_the_broker_for_good(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened(("order_delayed", AFTER))
    before = held(demonstration)
    assert place(demonstration).state == "accepted"
    broker = demonstration.workspace.broker("europe")
    assert [each.client_order_id for each in broker.open_orders("europe")] == [NAME]
    cancelled = cancel(demonstration)
    assert (cancelled.success, cancelled.state) == (True, "cancelled")
    assert broker.open_orders("europe") == []
    (row,) = orders(demonstration)
    assert row["state"] == "cancelled"
    assert cancel(demonstration).state == "cancelled"
    assert demonstration.workspace.paper.positions("europe", AFTER)
    assert held(demonstration) == before


def test_a_cancellation_of_a_filled_order_says_that_it_is_filled(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened()
    place(demonstration)
    before = held(demonstration)
    told = cancel(demonstration)
    assert (told.success, told.state) == (True, "filled")
    assert orders(demonstration)[0]["state"] == "filled"
    assert held(demonstration) == before


def test_a_cancellation_names_an_order_that_exists_and_a_reason(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened(("order_delayed", AFTER))
    place(demonstration)
    unknown = cancel(demonstration, "europe.person-nothing.1")
    assert not unknown.success
    assert "there is no order 'europe.person-nothing.1'" in unknown.failure
    silent = cancel(demonstration, reason=" ")
    assert not silent.success
    assert "without a reason" in silent.failure
    assert orders(demonstration)[0]["state"] == "accepted"


def test_an_order_whose_answer_was_lost_is_found_out_about(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened(("order_answer_lost", None))
    before = held(demonstration)
    placed = place(demonstration)
    assert placed.state == "unknown"
    cleared = clear(demonstration)
    assert cleared.success
    assert (cleared.metadata["open_before"], cleared.metadata["in_doubt"]) == (1, 0)
    assert NAME in cleared.metadata["orders"]
    assert "filled" in cleared.metadata["orders"]
    assert orders(demonstration)[0]["state"] == "filled"
    assert held(demonstration) == before - 2
    nothing = clear(demonstration)
    assert (nothing.success, nothing.metadata["open_before"]) == (True, 0)


def test_an_order_of_an_earlier_session_that_never_arrived_ends(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened(("order_request_lost", None), session=BEFORE)
    before = held(demonstration)
    lose(demonstration, order("lost", "sell", "ASML.AS", "2", session=BEFORE))
    assert [row["state"] for row in orders(demonstration)] == ["unknown"]
    cleared = clear(demonstration)
    assert cleared.success
    assert (cleared.metadata["open_before"], cleared.metadata["in_doubt"]) == (1, 0)
    assert [row["state"] for row in orders(demonstration)] == ["expired"]
    assert held(demonstration) == before
    # What stood in the way of other orders of the security is gone.
    assert place(demonstration).state == "filled"


def test_an_order_of_the_newest_session_that_never_arrived_may_still_be_sent(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened(("order_request_lost", None))
    before = held(demonstration)
    assert place(demonstration).state == "unknown"
    assert clear(demonstration).success
    assert [row["state"] for row in orders(demonstration)] == ["unknown"]
    assert place(demonstration).state == "filled"
    assert held(demonstration) == before - 2
