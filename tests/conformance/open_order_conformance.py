"""What an adapter must do about orders that stay open, for venues that can be made to leave one open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import pytest

from ballast.trading.orders import OrderIntent
from resources.brokers.protocol import OrderStatus
from tests.conformance.bench import Bench


@dataclass(frozen=True)
class OpenBench:
    """A bench, and the means by which its venue fills nothing of an order before a later session."""

    bench: Bench
    leave_open: Callable[[OrderIntent, date], OrderStatus]

    def order(self) -> OrderIntent:
        """A purchase that is paid for, accepted, and filled in the last session."""
        bench = self.bench
        bench.fund(bench.security.currency, bench.security.price * 20)
        intent = bench.intent("buy", bench.security.symbol, 7)
        status = self.leave_open(intent, bench.sessions[-1])
        assert (status.client_order_id, status.state) == (intent.client_order_id, "accepted")
        return intent

    def listed(self) -> list[str]:
        """Ids of the orders that are told to be open."""
        return [
            each.client_order_id for each in self.bench.broker.open_orders(self.bench.account_id)
        ]


class OpenOrderConformance:
    """The suite; an adapter's own tests provide the fixture `venue`."""

    @pytest.fixture
    def venue(self) -> OpenBench:
        pytest.fail("the tests of the adapter provide the fixture `venue`")

    def test_an_open_order_is_listed_and_books_nothing(self, venue: OpenBench) -> None:
        bench = venue.bench
        fills = bench.fills()
        intent = venue.order()
        (told,) = bench.broker.open_orders(bench.account_id)
        assert (told.client_order_id, told.symbol) == (intent.client_order_id, intent.symbol)
        assert (told.quantity, told.side) == (intent.quantity, intent.side)
        assert bench.fills() == fills

    def test_an_open_order_submitted_again_stays_one(self, venue: OpenBench) -> None:
        bench = venue.bench
        intent = venue.order()
        assert bench.broker.submit(intent).state == "accepted"
        assert venue.listed() == [intent.client_order_id]
        known = bench.broker.status(bench.account_id, intent.client_order_id)
        assert known is not None
        assert known.state == "accepted"

    def test_an_open_order_is_filled_once_and_is_open_no_longer(self, venue: OpenBench) -> None:
        bench = venue.bench
        intent = venue.order()
        last = bench.sessions[-1]
        own = [f for f in bench.fills(last) if f.client_order_id == intent.client_order_id]
        assert [getattr(fill, "quantity", None) for fill in own] == [intent.quantity]
        assert venue.listed() == []
        known = bench.broker.status(bench.account_id, intent.client_order_id)
        assert known is not None
        assert (known.state, [fill.fill_id for fill in known.fills]) == (
            "filled",
            [fill.fill_id for fill in own],
        )

    def test_a_cancelled_order_is_never_filled(self, venue: OpenBench) -> None:
        bench = venue.bench
        intent = venue.order()
        before = bench.state()
        cancelled = bench.broker.cancel(bench.account_id, intent.client_order_id)
        assert (cancelled.client_order_id, cancelled.state) == (
            intent.client_order_id,
            "cancelled",
        )
        assert venue.listed() == []
        assert bench.broker.cancel(bench.account_id, intent.client_order_id).state == "cancelled"
        assert bench.state() == before
        names = {fill.client_order_id for fill in bench.fills(bench.sessions[-1])}
        assert intent.client_order_id not in names
        known = bench.broker.status(bench.account_id, intent.client_order_id)
        assert known is not None
        assert known.state == "cancelled"
