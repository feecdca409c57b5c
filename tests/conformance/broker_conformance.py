"""What every broker adapter must do, whatever venue is behind it.

An adapter is done when a class that inherits from `BrokerConformance` and provides a `bench` passes. The suite asks and
acts through `resources.brokers.protocol` only. It expects market orders in liquid securities to be filled at once.
"""

from __future__ import annotations

import random
from datetime import UTC, date, timedelta
from decimal import Decimal

import pytest

from ballast.books.broker_events import ExchangeFill, Fill, moment_of
from ballast.errors import BrokerUnavailableError
from ballast.trading.orders import OrderIntent
from tests.conformance.bench import Bench, State

_REFUSALS = (
    "more than is held", "more than can be paid", "part of a lot", "unknown security", "zero",
    "negative", "unknown side", "exchange of more than there is", "exchange of unknown currency",
    "exchange of nothing", "exchange into itself",
)  # fmt: skip


class BrokerConformance:
    """The suite; an adapter's own tests provide the fixture `bench`."""

    @pytest.fixture
    def bench(self) -> Bench:
        pytest.fail("the tests of the adapter provide the fixture `bench`")

    def test_it_has_a_name_and_answers_in_exact_and_aware_values(self, bench: Bench) -> None:
        _buy(bench, 3)
        assert bench.broker.name
        for position in bench.broker.positions(bench.account_id, bench.sessions[0]):
            assert type(position.quantity) is Decimal
            assert type(position.average_price) in {Decimal, type(None)}
            assert position.quantity != 0
        for amount in bench.broker.balances(bench.account_id, bench.sessions[0]).values():
            assert type(amount) is Decimal
        for fill in bench.fills():
            assert moment_of(fill).tzinfo is UTC
            assert type(fill.fee) is Decimal
            assert fill.fee >= 0

    def test_a_deposit_adds_to_its_currency_and_is_reported_once(self, bench: Bench) -> None:
        before = bench.state()
        known = _movements(bench)
        bench.fund(bench.security.currency, Decimal("1000.55"))
        new = [event for event in _movements(bench) if event not in known]
        assert [event.kind for event in new] == ["deposit"]
        assert bench.state() == before.after(*new)
        assert new[0].amount == Decimal("1000.55")

    def test_a_purchase_costs_price_times_quantity_and_the_fee(self, bench: Bench) -> None:
        before, fill = _buy(bench, 7)
        assert (fill.symbol, fill.quantity) == (bench.security.symbol, 7)
        assert fill.currency == bench.security.currency
        assert fill.price > 0
        assert bench.state() == before.after(fill)

    def test_a_sale_yields_price_times_quantity_less_the_fee(self, bench: Bench) -> None:
        _buy(bench, 7)
        before = bench.state()
        intent, status = bench.order("sell", bench.security.symbol, 2)
        assert status.state == "filled"
        fill = _fill_of(bench, intent)
        assert fill.quantity == -2
        assert bench.state() == before.after(fill)

    def test_a_partial_close_leaves_the_average_price_of_the_rest(self, bench: Bench) -> None:
        # One lot, because the rest of several depends on which of them were used up.
        if held := bench.state().positions.get(bench.security.symbol):
            bench.order("sell", bench.security.symbol, held)
        _buy(bench, 7)
        before = _average(bench)
        bench.order("sell", bench.security.symbol, 2)
        after = _average(bench)
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            assert abs(after - before) < Decimal("0.0001")

    def test_what_is_sold_whole_is_held_no_longer(self, bench: Bench) -> None:
        _buy(bench, 7)
        held = bench.state().positions[bench.security.symbol]
        bench.order("sell", bench.security.symbol, held)
        assert bench.security.symbol not in bench.state().positions

    def test_an_exchange_turns_one_currency_into_another(self, bench: Bench) -> None:
        source, target = bench.pair
        bench.fund(source, 5000)
        before = bench.state()
        intent, status = bench.order("exchange", f"{source}/{target}", Decimal("1234.56"))
        assert status.state == "filled"
        (fill,) = [f for f in bench.fills() if f.client_order_id == intent.client_order_id]
        assert isinstance(fill, ExchangeFill)
        assert (fill.from_currency, fill.to_currency) == (source, target)
        assert fill.from_amount == Decimal("1234.56")
        assert fill.to_amount > 0
        assert bench.state() == before.after(fill)

    def test_whole_lots_are_filled(self, bench: Bench) -> None:
        listed = bench.lots
        bench.fund(listed.currency, 3 * listed.lot_size * listed.price)
        _, status = bench.order("buy", listed.symbol, 2 * listed.lot_size)
        assert status.state == "filled"

    def test_an_order_submitted_again_is_answered_and_not_filled_again(self, bench: Bench) -> None:
        _buy(bench, 7)
        for intent in (
            bench.intent("sell", bench.security.symbol, 1),
            bench.intent("sell", bench.security.symbol, 10**9),
        ):
            first = bench.broker.submit(intent)
            before, fills = bench.state(), bench.fills()
            assert bench.broker.submit(intent) == first
            assert (bench.state(), bench.fills()) == (before, fills)

    def test_the_status_of_an_order_is_that_of_its_submission(self, bench: Bench) -> None:
        bench.fund(bench.security.currency, bench.security.price * 20)
        for quantity in (1, 10**9):
            intent, status = bench.order("buy", bench.security.symbol, quantity)
            assert status.client_order_id == intent.client_order_id
            assert bench.broker.status(bench.account_id, intent.client_order_id) == status

    def test_the_status_of_an_order_that_never_arrived_is_none(self, bench: Bench) -> None:
        _buy(bench, 1)
        assert bench.broker.status(bench.account_id, "never-sent") is None

    def test_cancelling_a_filled_order_says_filled_and_changes_nothing(self, bench: Bench) -> None:
        _buy(bench, 7)
        intent, _ = bench.order("sell", bench.security.symbol, 1)
        before = bench.state()
        answer = bench.broker.cancel(bench.account_id, intent.client_order_id)
        assert (answer.client_order_id, answer.state) == (intent.client_order_id, "filled")
        assert bench.state() == before

    def test_no_order_is_open_once_it_was_filled_or_refused(self, bench: Bench) -> None:
        _buy(bench, 1)
        bench.order("buy", bench.security.symbol, 10**9)
        assert bench.broker.open_orders(bench.account_id) == []

    @pytest.mark.parametrize("reason", _REFUSALS)
    def test_a_refused_order_books_nothing_and_says_why(self, bench: Bench, reason: str) -> None:
        _buy(bench, 7)
        intent = _refusable(bench, reason)
        before, fills = bench.state(), bench.fills()
        status = bench.broker.submit(intent)
        assert (status.client_order_id, status.state) == (intent.client_order_id, "rejected")
        assert status.detail
        assert (bench.state(), bench.fills()) == (before, fills)

    def test_fills_have_unique_ids_that_never_change(self, bench: Bench) -> None:
        for quantity in (3, 2, 1):
            _buy(bench, quantity)
        fills = bench.fills()
        assert len({fill.fill_id for fill in fills}) == len(fills) >= 3
        assert bench.fills() == fills
        _buy(bench, 1)
        assert bench.fills()[: len(fills)] == fills

    def test_fills_since_a_moment_include_that_moment(self, bench: Bench) -> None:
        for quantity in (3, 2, 1):
            _buy(bench, quantity)
        fills = bench.fills()
        assert [moment_of(fill) for fill in fills] == sorted(moment_of(fill) for fill in fills)
        for fill in fills[-3:]:
            since = moment_of(fill)
            expected = [other for other in fills if moment_of(other) >= since]
            asked = bench.broker.fills_since(bench.account_id, since, bench.sessions[0])
            assert asked == expected
        after = moment_of(fills[-1]) + timedelta(microseconds=1)
        assert bench.broker.fills_since(bench.account_id, after, bench.sessions[0]) == []

    def test_the_state_of_an_earlier_session_does_not_know_later_events(self, bench: Bench) -> None:
        first, second, last = bench.sessions[0], bench.sessions[1], bench.sessions[-1]
        _buy(bench, 7)
        then = (bench.state(first), bench.fills(first))
        bench.fund(bench.security.currency, 10, second)
        bench.order("sell", bench.security.symbol, 1, second)
        assert (bench.state(first), bench.fills(first)) == then
        assert bench.state(second) != then[0]
        assert bench.fills(second)[:-1] == then[1]
        assert bench.fills(last)[: len(then[1]) + 1] == bench.fills(second)

    def test_equity_is_cash_and_positions_at_the_prices_of_the_venue(self, bench: Bench) -> None:
        _buy(bench, 7)
        for session in bench.sessions[:2]:
            equity = bench.broker.equity(bench.account_id, session)
            state = bench.state(session)
            expected = bench.value(state.positions, state.cash, session)
            assert equity is not None
            assert abs(equity - expected) < Decimal("0.01")

    def test_fills_and_movements_explain_the_whole_state(self, bench: Bench) -> None:
        dice = random.Random(7)
        source, target = bench.pair
        bench.fund(source, 50_000)
        bench.fund(bench.security.currency, bench.security.price * 100)
        for session in bench.sessions:
            for _ in range(4):
                side = dice.choice(["buy", "sell", "exchange"])
                symbol = f"{source}/{target}" if side == "exchange" else bench.security.symbol
                bench.order(side, symbol, dice.choice([1, 5, 20, 10**7]), session)
        for session in bench.sessions:
            events = bench.broker.cash_movements_since(bench.account_id, None, session)
            assert State().after(*bench.fills(session), *events) == bench.state(session)  # type: ignore[arg-type]

    def test_the_activity_is_everything_that_was_told_piece_by_piece(self, bench: Bench) -> None:
        _buy(bench, 7)
        bench.fund(bench.security.currency, 10, bench.sessions[1])
        bench.order("sell", bench.security.symbol, 1, bench.sessions[1])
        for session in bench.sessions[:2]:
            told = [*bench.fills(session), *_movements(bench, session)]
            activity = bench.broker.activity(bench.account_id, session)
            assert sorted(activity, key=repr) == sorted(told, key=repr)

    def test_lots_add_up_to_the_positions_and_to_what_they_cost(self, bench: Bench) -> None:
        for session in bench.sessions:
            bench.fund(bench.security.currency, bench.security.price * 40 + 100, session)
            bench.order("buy", bench.security.symbol, 19, session)
            bench.order("sell", bench.security.symbol, 5, session)
            lots = bench.broker.lots(bench.account_id, session)
            positions = bench.broker.positions(bench.account_id, session)
            if lots is None:
                continue
            assert {lot.symbol for lot in lots} == {position.symbol for position in positions}
            for position in positions:
                own = [lot for lot in lots if lot.symbol == position.symbol]
                assert sum(lot.quantity for lot in own) == position.quantity
                days = [lot.acquired_on for lot in own if lot.acquired_on is not None]
                assert days == sorted(days)
                bases = [lot.cost_basis for lot in own if lot.cost_basis is not None]
                if len(bases) == len(own) and position.average_price is not None:
                    cost = position.average_price * position.quantity
                    # The average has eight decimals, so that its rounding grows with the units.
                    assert abs(sum(bases) - cost) <= abs(position.quantity) * Decimal("1e-8")

    def test_an_account_that_is_unknown_is_not_flat(self, bench: Bench) -> None:
        session = bench.sessions[0]
        broker = bench.broker
        for ask in (broker.positions, broker.balances, broker.lots, broker.equity, broker.activity):
            with pytest.raises(BrokerUnavailableError):
                ask("nobody", session)
        for events in (bench.broker.fills_since, bench.broker.cash_movements_since):
            with pytest.raises(BrokerUnavailableError):
                events("nobody", None, session)


def _buy(bench: Bench, quantity: int) -> tuple[State, Fill]:
    """Pay in what a purchase costs and buy; return the state between the two, and the fill."""
    bench.fund(bench.security.currency, bench.security.price * quantity * 2 + 100)
    before = bench.state()
    intent, status = bench.order("buy", bench.security.symbol, quantity)
    assert status.state == "filled"
    return before, _fill_of(bench, intent)


def _fill_of(bench: Bench, intent: OrderIntent) -> Fill:
    (fill,) = [f for f in bench.fills() if f.client_order_id == intent.client_order_id]
    assert isinstance(fill, Fill)
    return fill


def _movements(bench: Bench, session: date | None = None) -> list[object]:
    asked = session or bench.sessions[0]
    return list(bench.broker.cash_movements_since(bench.account_id, None, asked))


def _average(bench: Bench) -> Decimal | None:
    positions = bench.broker.positions(bench.account_id, bench.sessions[0])
    return next(p.average_price for p in positions if p.symbol == bench.security.symbol)


def _refusable(bench: Bench, reason: str) -> OrderIntent:
    symbol, lots = bench.security.symbol, bench.lots
    source, target = bench.pair
    match reason:
        case "more than is held":
            return bench.intent("sell", symbol, bench.state().positions[symbol] + 1)
        case "more than can be paid":
            return bench.intent("buy", symbol, 10**9)
        case "part of a lot":
            bench.fund(lots.currency, lots.lot_size * lots.price * 2)
            return bench.intent("buy", lots.symbol, lots.lot_size / 2)
        case "unknown security":
            return bench.intent("buy", "NO-SUCH-THING", 1)
        case "zero":
            return bench.intent("buy", symbol, 0)
        case "negative":
            return bench.intent("sell", symbol, -1)
        case "unknown side":
            return bench.intent("deposit", bench.security.currency, 1000)
        case "exchange of more than there is":
            return bench.intent("exchange", f"{source}/{target}", 10**9)
        case "exchange of unknown currency":
            return bench.intent("exchange", f"{source}/XXX", 1)
        case "exchange of nothing":
            return bench.intent("exchange", f"{source}/{target}", 0)
        case _:
            return bench.intent("exchange", f"{source}/{source}", 1)
