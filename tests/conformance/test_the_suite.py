"""The conformance suite notices adapters that do it wrong: one fault each, and the test that must fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import count
from pathlib import Path

import pytest

from ballast.books.broker_events import BrokerEvent, ExchangeFill, Fill
from ballast.trading.orders import OrderIntent
from resources.brokers.protocol import Broker, BrokerLot, BrokerPosition, OpenOrder, OrderStatus
from resources.store import Store, sqlite_url
from tests.conformance.bench import Bench
from tests.conformance.broker_conformance import BrokerConformance
from tests.conformance.test_paper import paper_bench


@dataclass(frozen=True)
class _Adapter:
    """Passes everything on to an adapter that does it right."""

    right: Broker

    @property
    def name(self) -> str:
        return self.right.name

    def positions(self, account_id: str, session: date) -> list[BrokerPosition]:
        return self.right.positions(account_id, session)

    def balances(self, account_id: str, session: date) -> dict[str, Decimal]:
        return self.right.balances(account_id, session)

    def lots(self, account_id: str, session: date) -> list[BrokerLot] | None:
        return self.right.lots(account_id, session)

    def equity(self, account_id: str, session: date) -> Decimal | None:
        return self.right.equity(account_id, session)

    def open_orders(self, account_id: str) -> list[OpenOrder]:
        return self.right.open_orders(account_id)

    def fills_since(
        self, account_id: str, since: datetime | None, session: date
    ) -> list[Fill | ExchangeFill]:
        return self.right.fills_since(account_id, since, session)

    def cash_movements_since(
        self, account_id: str, since: datetime | None, session: date
    ) -> list[BrokerEvent]:
        return self.right.cash_movements_since(account_id, since, session)

    def activity(self, account_id: str, session: date) -> list[BrokerEvent]:
        return self.right.activity(account_id, session)

    def submit(self, intent: OrderIntent) -> OrderStatus:
        return self.right.submit(intent)

    def cancel(self, account_id: str, client_order_id: str) -> OrderStatus:
        return self.right.cancel(account_id, client_order_id)

    def status(self, account_id: str, client_order_id: str) -> OrderStatus | None:
        return self.right.status(account_id, client_order_id)


class _SendsEverythingTwice(_Adapter):
    def submit(self, intent: OrderIntent) -> OrderStatus:
        first = self.right.status(intent.account_id, intent.client_order_id)
        if first is not None:
            again = f"{intent.client_order_id}.again"
            self.right.submit(intent.model_copy(update={"client_order_id": again}))
        return first or self.right.submit(intent)


class _LeavesOutTheMoment(_Adapter):
    def fills_since(
        self, account_id: str, since: datetime | None, session: date
    ) -> list[Fill | ExchangeFill]:
        after = None if since is None else since + timedelta(microseconds=1)
        return self.right.fills_since(account_id, after, session)


class _HidesTheFee(_Adapter):
    def fills_since(
        self, account_id: str, since: datetime | None, session: date
    ) -> list[Fill | ExchangeFill]:
        fills = self.right.fills_since(account_id, since, session)
        return [replace(fill, fee=Decimal(0)) for fill in fills]


class _ReportsSalesUnsigned(_Adapter):
    def fills_since(
        self, account_id: str, since: datetime | None, session: date
    ) -> list[Fill | ExchangeFill]:
        fills = self.right.fills_since(account_id, since, session)
        return [replace(f, quantity=abs(f.quantity)) if isinstance(f, Fill) else f for f in fills]


class _NumbersFillsAnew(_Adapter):
    _numbers = count()

    def fills_since(
        self, account_id: str, since: datetime | None, session: date
    ) -> list[Fill | ExchangeFill]:
        fills = self.right.fills_since(account_id, since, session)
        return [replace(fill, fill_id=str(next(self._numbers))) for fill in fills]


class _IgnoresTheSession(_Adapter):
    def submit(self, intent: OrderIntent) -> OrderStatus:
        self._newest.append(intent.session)
        return self.right.submit(intent)

    def balances(self, account_id: str, session: date) -> dict[str, Decimal]:
        return self.right.balances(account_id, max([session, *self._newest]))

    @cached_property
    def _newest(self) -> list[date]:
        return []


class _TakesRefusalsForFills(_Adapter):
    def submit(self, intent: OrderIntent) -> OrderStatus:
        return replace(self.right.submit(intent), state="filled")


class _AnswersForTheDead(_Adapter):
    def status(self, account_id: str, client_order_id: str) -> OrderStatus | None:
        known = self.right.status(account_id, client_order_id)
        return known or OrderStatus(client_order_id, "rejected", "not found")


class _CancelsWhatIsFilled(_Adapter):
    def cancel(self, account_id: str, client_order_id: str) -> OrderStatus:
        return OrderStatus(client_order_id, "rejected", "cancelled")


class _TakesUnknownForFlat(_Adapter):
    def positions(self, account_id: str, session: date) -> list[BrokerPosition]:
        return [] if account_id == "nobody" else self.right.positions(account_id, session)


class _ForgetsCash(_Adapter):
    def equity(self, account_id: str, session: date) -> Decimal | None:
        equity = self.right.equity(account_id, session)
        return None if equity is None else equity - self.right.balances(account_id, session)["EUR"]


class _LosesExchanges(_Adapter):
    def fills_since(
        self, account_id: str, since: datetime | None, session: date
    ) -> list[Fill | ExchangeFill]:
        fills = self.right.fills_since(account_id, since, session)
        return [fill for fill in fills if isinstance(fill, Fill)]


class _RoundsThroughFloats(_Adapter):
    def balances(self, account_id: str, session: date) -> dict[str, Decimal]:
        known = self.right.balances(account_id, session)
        return {currency: float(amount) for currency, amount in known.items()}  # type: ignore[misc]


class _LosesALot(_Adapter):
    def lots(self, account_id: str, session: date) -> list[BrokerLot] | None:
        lots = self.right.lots(account_id, session)
        return None if lots is None else lots[1:]


class _ReportsLotsAtTheWrongBasis(_Adapter):
    def lots(self, account_id: str, session: date) -> list[BrokerLot] | None:
        lots = self.right.lots(account_id, session)
        if lots is None:
            return None
        return [replace(lot, cost_basis=(lot.cost_basis or Decimal(0)) + 1) for lot in lots]


class _LeavesEventsOutOfTheActivity(_Adapter):
    def activity(self, account_id: str, session: date) -> list[BrokerEvent]:
        return self.right.activity(account_id, session)[:-1]


class _KeepsOrdersOpen(_Adapter):
    def open_orders(self, account_id: str) -> list[OpenOrder]:
        return [OpenOrder("left-behind", "AAPL", Decimal(1))]


_FAULTS = [
    (_SendsEverythingTwice, "test_an_order_submitted_again_is_answered_and_not_filled_again"),
    (_LeavesOutTheMoment, "test_fills_since_a_moment_include_that_moment"),
    (_HidesTheFee, "test_a_purchase_costs_price_times_quantity_and_the_fee"),
    (_ReportsSalesUnsigned, "test_a_sale_yields_price_times_quantity_less_the_fee"),
    (_NumbersFillsAnew, "test_fills_have_unique_ids_that_never_change"),
    (_IgnoresTheSession, "test_the_state_of_an_earlier_session_does_not_know_later_events"),
    (_AnswersForTheDead, "test_the_status_of_an_order_that_never_arrived_is_none"),
    (_CancelsWhatIsFilled, "test_cancelling_a_filled_order_says_filled_and_changes_nothing"),
    (_TakesUnknownForFlat, "test_an_account_that_is_unknown_is_not_flat"),
    (_ForgetsCash, "test_equity_is_cash_and_positions_at_the_prices_of_the_venue"),
    (_LosesExchanges, "test_fills_and_movements_explain_the_whole_state"),
    (_RoundsThroughFloats, "test_it_has_a_name_and_answers_in_exact_and_aware_values"),
    (_LosesALot, "test_lots_add_up_to_the_positions_and_to_what_they_cost"),
    (_ReportsLotsAtTheWrongBasis, "test_lots_add_up_to_the_positions_and_to_what_they_cost"),
    (_LeavesEventsOutOfTheActivity, "test_the_activity_is_everything_that_was_told_piece_by_piece"),
    (_KeepsOrdersOpen, "test_no_order_is_open_once_it_was_filled_or_refused"),
]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with closing(Store(sqlite_url(tmp_path / "paper.db"))) as store:
        yield paper_bench(store, "fifo")


@pytest.mark.parametrize(("fault", "test"), _FAULTS, ids=[fault.__name__ for fault, _ in _FAULTS])
def test_a_faulty_adapter_is_noticed(bench: Bench, fault: type[_Adapter], test: str) -> None:
    faulty = replace(bench, broker=fault(bench.broker))
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(BrokerConformance(), test)(faulty)


def test_a_refusal_taken_for_a_fill_is_noticed(bench: Bench) -> None:
    faulty = replace(bench, broker=_TakesRefusalsForFills(bench.broker))
    with pytest.raises(AssertionError):
        BrokerConformance().test_a_refused_order_books_nothing_and_says_why(faulty, "zero")
