"""Each fault of a script changes exactly the answers that it says, from its session on, of its account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ballast.books.broker_events import ConversionEvent, ExchangeFill, Fill, SplitEvent
from ballast.errors import BrokerUnavailableError, ConfigurationError
from resources.brokers.faults import FAULT_KINDS, ORDER_FAULTS, Fault
from resources.brokers.protocol import Broker
from resources.store import Store, sqlite_url
from tests.resources.brokers.faulty import (
    METHODS,
    OPTION,
    changed,
    coming,
    everything,
    fault,
    faulty,
    of_symbol,
    remembering,
)
from tests.resources.brokers.papers import event, order, paper

D = Decimal
BEFORE, DAY, NEXT, LATER = (
    date(2020, 8, 5), date(2020, 8, 6), date(2020, 8, 7), date(2020, 8, 12),
)  # fmt: skip
# Apple and Microsoft; on the day itself a purchase, a sale and an exchange, and Apple's dividend on the next.
OPENING = [
    event(2, date(2020, 8, 3), "deposit", "USD", "50000"),
    event(3, date(2020, 8, 3), "deposit", "EUR", "9000"),
    event(4, date(2020, 8, 4), "buy", "AAPL", "40"),
    event(5, date(2020, 8, 5), "buy", "AAPL", "10"),
    event(6, date(2020, 8, 5), "buy", "MSFT", "30"),
    event(7, date(2020, 8, 6), "buy", "MSFT", "11"),
    event(8, date(2020, 8, 6), "sell", "AAPL", "7"),
    event(9, date(2020, 8, 6), "exchange", "EUR/USD", "1000"),
]
REPORTED = {"fills"}
TRUTH = {"positions", "balances", "lots", "equity", "activity"}
CASH = {"balances", "equity", "activity"}

# What each kind does on its day, and the answers that it changes.
CASES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("lost_fill", {}, REPORTED),
    ("lost_fill", {"told": "nowhere"}, {"fills", "activity"}),
    ("lost_fill", {"symbol": "EUR/USD"}, REPORTED),
    ("late_fill", {"until": LATER}, REPORTED),
    ("doubled_fill", {}, REPORTED),
    ("doubled_fill", {"symbol": "EUR/USD"}, REPORTED),
    ("partial_fill", {"factor": "0.4"}, REPORTED),
    # A purchase in two parts makes two lots.
    ("lost_remainder", {"factor": "0.4"}, {"fills", "activity", "lots"}),
    ("wrong_sign", {}, REPORTED),
    ("wrong_price", {"factor": "1.01"}, REPORTED),
    ("wrong_fee", {"factor": "2"}, REPORTED),
    ("fee", {"amount": "12.50", "currency": "USD"}, CASH),
    ("interest", {"amount": "-3.20", "currency": "USD"}, CASH),
    ("dividend", {"amount": "8.10", "currency": "USD", "symbol": "MSFT"}, CASH),
    ("withholding_tax", {"amount": "1.22", "currency": "USD", "symbol": "MSFT"}, CASH),
    ("deposit", {"amount": "500", "currency": "EUR"}, CASH),
    ("withdrawal", {"amount": "500", "currency": "EUR"}, CASH),
    ("withdrawal", {"amount": "500", "currency": "EUR", "told": "nowhere"}, CASH - {"activity"}),
    ("correction", {"amount": "2.50", "currency": "EUR"}, CASH),
    (
        "exchange",
        {"amount": "100", "currency": "EUR", "other": "USD", "other_amount": "118.40"},
        CASH,
    ),
    ("split", {"symbol": "MSFT", "factor": "2"}, TRUTH - {"balances"}),
    ("spin_off", {"symbol": "MSFT", "other": "ORCL", "factor": "0.5"}, TRUTH - {"balances"}),
    ("symbol_change", {"symbol": "MSFT", "other": "ORCL"}, TRUTH - {"balances"}),
    ("transfer", {"symbol": "ORCL", "quantity": "5", "amount": "210"}, TRUTH - {"balances"}),
    ("transfer", {"symbol": "MSFT", "quantity": "-5"}, TRUTH - {"balances"}),
    ("manual_trade", {"symbol": "MSFT", "quantity": "-2", "price": "212"}, TRUTH),
    ("liquidation", {"symbol": "MSFT", "price": "200"}, TRUTH),
    (
        "assignment",
        {
            "symbol": OPTION, "quantity": "1", "other": "AAPL", "other_amount": "100", "price": "440",
        },
        TRUTH,
    ),
    (
        "exercise",
        {
            "symbol": OPTION, "quantity": "-1", "other": "AAPL", "other_amount": "-20", "price": "440",
        },
        TRUTH,
    ),
    # Told with what comes in, so that there is a settlement day in the books.
    ("pending_settlement", {"until": LATER}, {"balances", "fills", "activity"}),
    ("wrong_average", {"symbol": "MSFT", "factor": "1.02"}, {"positions"}),
    ("wrong_lots", {"symbol": "MSFT", "factor": "1.02"}, {"lots"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    store = Store(sqlite_url(tmp_path_factory.mktemp("faults") / "paper.db"))
    broker = replace(paper(store, OPENING), lot_methods=METHODS)
    for account in METHODS:
        broker.positions(account, LATER)
    # An order for the past books nothing, so that all tests may share it.
    yield remembering(broker)
    store.close()


@pytest.mark.parametrize(("kind", "facts", "answers"), CASES)
def test_a_fault_changes_what_it_says_and_nothing_else(
    inside: Broker, kind: Any, facts: dict[str, Any], answers: set[str]
) -> None:
    right, wrong = faulty(inside), faulty(inside, fault(kind, DAY, **facts))
    at_once = everything(right, "america", DAY)
    assert changed(at_once, everything(wrong, "america", DAY)) == answers
    for unconcerned, session in (("america", BEFORE), ("europe", DAY)):
        expected = everything(right, unconcerned, session)
        assert everything(wrong, unconcerned, session) == expected


@pytest.mark.parametrize(
    ("kind", "facts"),
    [(kind, facts) for kind, facts, _ in CASES if "told" in FAULT_KINDS[kind].may],
)
def test_what_is_told_nowhere_is_in_neither_account_of_events(
    inside: Broker, kind: Any, facts: dict[str, Any]
) -> None:
    hidden = faulty(inside, fault(kind, DAY, **{**facts, "told": "nowhere"}))
    untold = [each.event for each in hidden.happenings("america", DAY) if each.told == "nowhere"]
    assert untold
    assert not set(untold) & {*coming(hidden, "america", DAY), *hidden.activity("america", DAY)}


def test_every_kind_is_tried() -> None:
    elsewhere = {"lost_movement", "expiry", "unreachable", *ORDER_FAULTS}
    assert {kind for kind, _, _ in CASES} | elsewhere == set(FAULT_KINDS)


def test_a_late_fill_comes_in_on_its_day_with_its_own_moment(inside: Broker) -> None:
    right, late = faulty(inside), faulty(inside, fault("late_fill", DAY, until=LATER))
    assert len(coming(late, "america", NEXT)) == len(coming(right, "america", NEXT)) - 1
    assert coming(late, "america", LATER) == coming(right, "america", LATER)


def test_a_doubled_fill_comes_under_a_second_id_of_its_own(inside: Broker) -> None:
    doubled = faulty(inside, fault("doubled_fill", DAY, symbol="AAPL"))
    ids = [fill.fill_id for fill in doubled.fills_since("america", None, DAY)]
    assert len(set(ids)) == len(ids)
    first, second = [i for i in ids if i.startswith("opening-0008")]
    assert second == f"{first}.again"


def test_a_partial_fill_keeps_its_id_and_price(inside: Broker) -> None:
    part = fault("partial_fill", DAY, symbol="MSFT", factor="0.5")
    told = _fill(faulty(inside, part), "opening-0007")
    true = _fill(faulty(inside), "opening-0007")
    assert (told.fill_id, told.price, told.quantity) == (true.fill_id, true.price, 5)
    assert told.fee < true.fee


def test_the_parts_of_an_order_move_together_what_the_whole_moves(inside: Broker) -> None:
    right = faulty(inside)
    wrong = faulty(inside, fault("lost_remainder", DAY, symbol="MSFT", factor="0.3"))
    assert wrong.positions("america", DAY) == right.positions("america", DAY)
    assert wrong.balances("america", DAY) == right.balances("america", DAY)
    parts = [
        e for e in wrong.activity("america", DAY) if isinstance(e, Fill) and e.symbol == "MSFT"
    ]
    assert [part.quantity for part in parts] == [30, 3, 8]
    assert parts[1].client_order_id == parts[2].client_order_id


def test_a_wrong_sign_turns_a_purchase_into_a_sale(inside: Broker) -> None:
    told = _fill(faulty(inside, fault("wrong_sign", DAY, symbol="MSFT")), "opening-0007")
    assert told.quantity == -11


def test_each_fault_takes_a_fill_of_its_own(inside: Broker) -> None:
    script = [fault("lost_fill", DAY, fault_id=name) for name in "abc"]
    lost = faulty(inside, *script)
    taken = [each.fault.fault_id for each in lost.happenings("america", DAY) if each.fault]
    # Only two fills: the third fault finds nothing, and exchanges have to be named.
    assert taken == ["a", "b"]
    assert len(coming(lost, "america", DAY)) == len(coming(faulty(inside), "america", DAY)) - 2


def test_a_movement_of_the_broker_itself_is_lost(inside: Broker) -> None:
    right = faulty(inside)
    (dividend,) = [
        e for e in right.activity("america", NEXT) if getattr(e, "kind", "") == "dividend"
    ]
    lost = faulty(inside, fault("lost_movement", NEXT))
    assert dividend not in coming(lost, "america", LATER)
    assert dividend in lost.activity("america", LATER)
    assert lost.balances("america", LATER) == right.balances("america", LATER)


def test_a_split_keeps_the_basis_and_whole_units(inside: Broker) -> None:
    split = faulty(inside, fault("split", DAY, symbol="MSFT", factor="1.5"))
    before = of_symbol(faulty(inside).lots("america", DAY), "MSFT")
    after = of_symbol(split.lots("america", DAY), "MSFT")
    assert sum(lot.quantity for lot in after) == 61
    assert sum(lot.cost_basis for lot in after) == sum(lot.cost_basis for lot in before)
    assert any(isinstance(e, SplitEvent) for e in split.activity("america", DAY))


def test_a_change_of_symbol_takes_the_lots_along(inside: Broker) -> None:
    renamed = faulty(inside, fault("symbol_change", DAY, symbol="MSFT", other="ORCL"))
    before = of_symbol(faulty(inside).lots("america", DAY), "MSFT")
    assert of_symbol(renamed.positions("america", DAY), "MSFT") == []
    after = of_symbol(renamed.lots("america", DAY), "ORCL")
    for name in ("acquired_on", "quantity", "cost_basis"):
        assert [getattr(lot, name) for lot in after] == [getattr(lot, name) for lot in before]


def test_a_spin_off_moves_its_share_of_the_basis(inside: Broker) -> None:
    spun = fault("spin_off", DAY, symbol="MSFT", other="ORCL", factor="0.5", basis_share="0.25")
    lots = faulty(inside, spun).lots("america", DAY)
    old, new = (sum(lot.cost_basis for lot in of_symbol(lots, s)) for s in ("MSFT", "ORCL"))
    before = of_symbol(faulty(inside).lots("america", DAY), "MSFT")
    total = sum(lot.cost_basis for lot in before)
    assert (old, new) == (total * 3 / 4, total / 4)


def test_a_liquidation_closes_what_is_held_after_the_orders_of_the_day(inside: Broker) -> None:
    closed = faulty(inside, fault("liquidation", DAY, symbol="AAPL", price="400"))
    assert of_symbol(closed.positions("america", DAY), "AAPL") == []
    last = closed.activity("america", DAY)[-1]
    assert isinstance(last, Fill)
    assert (last.kind, last.quantity, last.client_order_id) == ("liquidation", -43, None)


def test_an_option_that_is_transferred_in_expires_worthless(inside: Broker) -> None:
    arriving = fault(
        "transfer", BEFORE, symbol=OPTION, quantity="-2", amount="510", told="everywhere"
    )
    broker = faulty(inside, arriving, fault("expiry", DAY, symbol=OPTION))
    assert of_symbol(broker.positions("america", BEFORE), OPTION)[0].quantity == -2
    assert of_symbol(broker.positions("america", DAY), OPTION) == []
    assert arriving.fault_id in {getattr(e, "event_id", "") for e in coming(broker, "america", DAY)}
    assert broker.balances("america", DAY) == faulty(inside).balances("america", DAY)
    # Nobody quotes it, so that what the account is worth is unknown while it is held.
    assert broker.equity("america", BEFORE) is None
    assert broker.equity("america", DAY) == faulty(inside).equity("america", DAY)


def test_an_expiry_of_what_is_not_held_does_nothing(inside: Broker) -> None:
    idle = faulty(inside, fault("expiry", DAY, symbol=OPTION))
    assert everything(idle, "america", DAY) == everything(faulty(inside), "america", DAY)


def test_cash_of_a_sale_counts_from_its_settlement_on_but_belongs_to_the_equity(
    inside: Broker,
) -> None:
    right = faulty(inside)
    pending = faulty(inside, fault("pending_settlement", DAY, until=LATER))
    sale = _fill(right, "opening-0008")
    coming_in = -sale.quantity * sale.price - sale.fee
    for session, missing in ((DAY, coming_in), (NEXT, coming_in), (LATER, 0)):
        cash = right.balances("america", session)["USD"] - missing
        assert abs(pending.balances("america", session)["USD"] - cash) < D("0.01")
        assert pending.equity("america", session) == right.equity("america", session)
    assert _fill(pending, "opening-0008").settled_on == LATER


def test_a_wrong_average_lasts_until_its_end(inside: Broker) -> None:
    wrong = faulty(inside, fault("wrong_average", DAY, symbol="MSFT", factor="2", until=LATER))
    for session, factor in ((BEFORE, 1), (DAY, 2), (NEXT, 2), (LATER, 1)):
        true = of_symbol(faulty(inside).positions("america", session), "MSFT")[0].average_price
        told = of_symbol(wrong.positions("america", session), "MSFT")[0].average_price
        assert told == factor * true


@pytest.mark.parametrize("questions", [(), ("balances",), ("fills", "lots")])
def test_an_unreachable_account_refuses_the_questions_that_are_named(
    inside: Broker, questions: tuple[Any, ...]
) -> None:
    broker = faulty(inside, fault("unreachable", DAY, questions=questions))
    asked = {
        "positions": lambda day: broker.positions("america", day),
        "balances": lambda day: broker.balances("america", day),
        "lots": lambda day: broker.lots("america", day),
        "equity": lambda day: broker.equity("america", day),
        "fills": lambda day: broker.fills_since("america", None, day),
        "movements": lambda day: broker.cash_movements_since("america", None, day),
        "activity": lambda day: broker.activity("america", day),
        "orders": lambda day: broker.submit(order("1", "sell", "AAPL", "1", day)),
    }
    for name, ask in asked.items():
        if name in questions or not questions:
            with pytest.raises(BrokerUnavailableError, match="unreachable-america"):
                ask(DAY)
        else:
            ask(DAY)
        ask(NEXT)
    assert broker.positions("europe", DAY) == []


def test_lots_of_the_same_events_are_the_same_whether_they_were_moved_by_a_script_or_not(
    inside: Broker,
) -> None:
    split = faulty(inside, fault("split", DAY, symbol="MSFT", factor="2"))
    assert of_symbol(split.lots("america", DAY), "AAPL") == of_symbol(
        faulty(inside).lots("america", DAY), "AAPL"
    )
    assert [lot.symbol for lot in split.lots("america", DAY) or ()] == ["AAPL"] * 2 + ["MSFT"] * 2


def test_an_exchange_moves_two_balances(inside: Broker) -> None:
    exchange = fault(
        "exchange", DAY, amount="100", currency="EUR", other="USD", other_amount="118.40"
    )
    before, after = (
        broker.balances("america", DAY) for broker in (faulty(inside), faulty(inside, exchange))
    )
    assert {c: after[c] - before[c] for c in after} == {"EUR": -100, "USD": D("118.40")}
    assert isinstance(faulty(inside, exchange).activity("america", DAY)[-1], ExchangeFill)


def test_a_change_of_symbol_is_reported_as_one_event(inside: Broker) -> None:
    renamed = faulty(inside, fault("symbol_change", DAY, symbol="MSFT", other="ORCL"))
    last = renamed.activity("america", DAY)[-1]
    assert isinstance(last, ConversionEvent)
    assert (last.from_quantity, last.to_quantity, last.basis_share) == (-41, 41, 1)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ([fault("lost_fill", DAY), fault("lost_fill", DAY)], "used twice"),
        ([fault("split", DAY, symbol="NOPE", factor="2")], "'NOPE' is not known"),
        ([fault("deposit", DAY, amount="1", currency="XXX")], "'XXX' has no exchange rates"),
        (
            [fault("exchange", DAY, amount="1", currency="EUR", other="XXX", other_amount="1")],
            "'XXX' has no exchange rates",
        ),
    ],
)
def test_a_script_that_cannot_be_played_is_refused(
    inside: Broker, script: list[Fault], why: str
) -> None:
    with pytest.raises(ConfigurationError, match=why):
        faulty(inside, *script)


@pytest.mark.parametrize(
    ("kind", "facts", "why"),
    [
        ("lost", {}, "is none of"),
        ("late_fill", {}, "needs until"),
        ("lost_fill", {"factor": "2"}, "no use for factor"),
        ("partial_fill", {"factor": "1.5"}, "more than all"),
        ("wrong_price", {"factor": "1"}, "changes nothing"),
        ("wrong_price", {"factor": "-1"}, "not positive"),
        ("late_fill", {"until": DAY}, "not after"),
        ("fee", {"amount": "-1", "currency": "EUR"}, "says its direction"),
        ("fee", {"amount": "0", "currency": "EUR"}, "changes nothing"),
        ("lost_fill", {"told": "everywhere"}, "not lost"),
        ("lost_fill", {"told": "elsewhere"}, "is none of"),
        ("unreachable", {"questions": ("weather",)}, "weather"),
    ],
)
def test_a_fault_that_means_nothing_is_refused(kind: Any, facts: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        fault(kind, DAY, **facts)


def _fill(broker: Any, event_id: str) -> Fill:
    fills = broker.fills_since("america", None, DAY)
    (found,) = [f for f in fills if f.fill_id.startswith(event_id) and isinstance(f, Fill)]
    return found
