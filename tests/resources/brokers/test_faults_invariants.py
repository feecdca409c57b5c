"""What holds of any script: the answers are one truth, told with faults, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.books.broker_events import BrokerEvent, moment_of
from ballast.books.postings import postings_of
from ballast.books.statements.effects import cash_changes, quantity_changes
from ballast.money import ZERO
from resources.brokers.faults import EVENT_FAULTS, FAULT_KINDS, Fault, FaultKind
from resources.brokers.faults_broker import FaultyBroker
from resources.brokers.protocol import Broker
from resources.store import Store, sqlite_url
from tests.resources.brokers.faulty import (
    METHODS,
    OPTION,
    coming,
    everything,
    fault,
    faulty,
    remembering,
)
from tests.resources.brokers.papers import market, paper

# Sessions of the demonstration in which something happened in one account or the other.
EVENTFUL = (
    date(2020, 1, 7), date(2020, 1, 8), date(2020, 1, 13), date(2020, 2, 3), date(2020, 3, 20),
    date(2020, 3, 23), date(2020, 5, 18), date(2020, 6, 15),
)  # fmt: skip
LAST = date(2020, 8, 20)
ACCOUNTS = ("america", "europe")
HELD = {"america": ("SPY", "AIG", "META"), "europe": ("ASML.AS", "MSFT", "INGA.AS")}
few = settings(max_examples=15, deadline=None)


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    store = Store(sqlite_url(tmp_path_factory.mktemp("faults") / "paper.db"))
    broker = replace(paper(store), lot_methods=METHODS)
    for account in ACCOUNTS:
        broker.positions(account, LAST)
    yield remembering(broker)
    store.close()


numbers = st.integers(1, 400).map(lambda cents: Decimal(cents) / 100)
sessions = st.sampled_from(EVENTFUL)


@st.composite
def faults(draw: st.DrawFn, kinds: Sequence[FaultKind] = tuple(FAULT_KINDS)) -> Fault:
    """Any fault with any values that its kind can mean."""
    kind = draw(st.sampled_from(kinds))
    account, session = draw(st.sampled_from(ACCOUNTS)), draw(sessions)
    signed = st.tuples(numbers, st.sampled_from([1, -1])).map(lambda pair: pair[0] * pair[1])
    values: dict[str, st.SearchStrategy[Any]] = {
        "symbol": st.sampled_from(HELD[account]),
        "quantity": numbers if kind == "rate_limited" else signed,
        "price": numbers,
        "amount": numbers if kind not in {"interest", "correction"} else signed,
        "currency": st.sampled_from(["EUR", "USD"]),
        "other": st.just("HKD") if kind == "exchange" else st.sampled_from(["ORCL", "WKL.AS"]),
        "other_amount": numbers if kind == "exchange" else signed,
        "factor": st.sampled_from([Decimal("0.3"), Decimal("0.97")])
        if kind in {"partial_fill", "lost_remainder", "order_partial", "order_cut"}
        else st.sampled_from([Decimal("0.5"), Decimal("1.01"), Decimal(3)]),
        "basis_share": st.sampled_from([Decimal("0.25"), Decimal(1)]),
        "until": st.integers(1, 40).map(lambda days: session + timedelta(days=days)),
        "told": st.sampled_from(
            ["activity", "nowhere", *(["everywhere"] if kind in EVENT_FAULTS else [])]
        ),
        "questions": st.just(("equity",)),
    }
    if kind in {"assignment", "exercise", "expiry"}:
        values["symbol"] = st.just(OPTION)
    needed, may = FAULT_KINDS[kind].needs, FAULT_KINDS[kind].may
    chosen = [*needed, *draw(st.lists(st.sampled_from(may), unique=True) if may else st.just([]))]
    return fault(kind, session, account, **{name: draw(values[name]) for name in chosen})


def scripts(**only: Any) -> st.SearchStrategy[list[Fault]]:
    return st.lists(faults(**only), max_size=6).map(
        lambda script: [replace(each, fault_id=f"fault-{n}") for n, each in enumerate(script)]
    )


telling = [kind for kind in FAULT_KINDS if kind != "unreachable"]
asked = st.sampled_from([*EVENTFUL, LAST])


@few
@given(st.sampled_from(ACCOUNTS), asked)
def test_without_a_script_nobody_notices_the_wrapper(
    inside: Broker, account: str, session: date
) -> None:
    wrapped = faulty(inside)
    assert everything(wrapped, account, session) == everything(wrapped.broker, account, session)
    assert (wrapped.name, wrapped.status(account, "x")) == (inside.name, None)


@few
@given(scripts(kinds=telling), st.sampled_from(ACCOUNTS), asked)
def test_positions_cash_lots_and_equity_are_what_happened(
    inside: Broker, script: list[Fault], account: str, session: date
) -> None:
    stating = [f for f in script if f.kind not in {"wrong_average", "wrong_lots"}]
    broker = faulty(inside, *stating)
    truth = [each.event for each in broker.happenings(account, session)]
    held = {symbol: units for symbol, units in quantity_changes(truth).items() if units != ZERO}
    positions = broker.positions(account, session)
    assert {p.symbol: p.quantity for p in positions} == held
    cash = dict(cash_changes(truth))
    _assert_equity(broker, account, session, held, cash)
    unsettled = cash_changes([e for e in truth if _is_unsettled(e, session)])
    for currency, amount in unsettled.items():
        cash[currency] -= amount
    assert _known(broker.balances(account, session)) == _known(cash)
    lots = broker.lots(account, session)
    assert (lots is None) == (account == "europe")
    for position in positions if lots is not None else []:
        own = [lot for lot in lots or () if lot.symbol == position.symbol]
        assert sum(lot.quantity for lot in own) == position.quantity
        bases = [lot.cost_basis for lot in own]
        if position.average_price is None or None in bases:
            assert position.average_price is None
            continue
        basis = position.average_price * position.quantity
        assert abs(sum(bases, ZERO) - basis) <= abs(position.quantity) * Decimal("1e-8")


@few
@given(scripts(kinds=telling), st.sampled_from(ACCOUNTS), asked)
def test_the_activity_is_what_happened_but_for_what_is_told_nowhere(
    inside: Broker, script: list[Fault], account: str, session: date
) -> None:
    broker = faulty(inside, *script)
    happened = broker.happenings(account, session)
    assert broker.activity(account, session) == [e.event for e in happened if e.told != "nowhere"]
    moments = [moment_of(each.event) for each in happened]
    assert moments == sorted(moments)
    names = postings_of((e.event for e in happened), source="x")["transaction_id"]
    assert names.n_unique() == len(happened)


@few
@given(scripts(kinds=telling), st.sampled_from(ACCOUNTS), asked)
def test_what_no_fault_of_the_script_acts_upon_comes_in_as_it_is(
    inside: Broker, script: list[Fault], account: str, session: date
) -> None:
    broker = faulty(inside, *script)
    untouched = [e.event for e in broker.happenings(account, session) if e.fault is None]
    told_of = {each.fault.fault_id for each in broker.happenings(account, session) if each.fault}
    assert set(untouched) <= set(coming(broker, account, session))
    # Nothing comes in that neither happened nor was made of it by a fault.
    unknown = set(coming(broker, account, session)) - set(broker.activity(account, session))
    assert bool(unknown) <= bool(told_of)


@few
@given(scripts(kinds=EVENT_FAULTS), st.sampled_from(ACCOUNTS), asked)
def test_what_is_told_everywhere_comes_in_like_everything_else(
    inside: Broker, script: list[Fault], account: str, session: date
) -> None:
    broker = faulty(inside, *(replace(each, told="everywhere") for each in script))
    assert_frame_equal(
        postings_of(coming(broker, account, session), source="x"),
        postings_of(broker.activity(account, session), source="x"),
        check_exact=True,
    )


@few
@given(scripts(), st.sampled_from(ACCOUNTS))
def test_faults_of_other_accounts_and_later_sessions_change_nothing(
    inside: Broker, script: list[Fault], account: str
) -> None:
    session = EVENTFUL[3]
    concerned = [f for f in script if f.account_id == account and f.session <= session]
    if any(f.kind == "unreachable" for f in concerned):
        return
    broker = faulty(inside, *script)
    expected = everything(faulty(inside, *concerned), account, session)
    assert everything(broker, account, session) == expected


@few
@given(scripts(kinds=telling), st.sampled_from(ACCOUNTS), asked, st.integers(0, 60))
def test_asking_in_pieces_brings_the_same_as_asking_at_once(
    inside: Broker, script: list[Fault], account: str, session: date, days: int
) -> None:
    broker = faulty(inside, *script)
    whole = coming(broker, account, session)
    if not whole:
        return
    since = max(map(moment_of, whole)) - timedelta(days=days)
    later = [
        *broker.fills_since(account, since, session),
        *broker.cash_movements_since(account, since, session),
    ]
    assert later == [event for event in whole if moment_of(event) >= since]


@few
@given(scripts(kinds=telling), st.sampled_from(ACCOUNTS))
def test_what_has_come_in_once_comes_in_again_in_every_later_session(
    inside: Broker, script: list[Fault], account: str
) -> None:
    broker = faulty(inside, *script)
    known: set[BrokerEvent] = set()
    for session in EVENTFUL[::2]:
        told = set(coming(broker, account, session))
        assert known <= told
        known = told


def _assert_equity(
    broker: FaultyBroker,
    account: str,
    session: date,
    held: dict[str, Decimal],
    cash: dict[str, Decimal],
) -> None:
    equity = broker.equity(account, session)
    if equity is None:
        assert OPTION in held
        return
    rates, base = market().rates(session), {"america": "USD", "europe": "EUR"}[account]
    value = sum((amount * rates.rate(name, base) for name, amount in cash.items()), ZERO)
    for symbol, units in held.items():
        rate = rates.rate(market().currency(symbol), base)
        value += units * market().close(symbol, session) * rate
    assert abs(equity - value) < Decimal("0.01")


def _is_unsettled(event: BrokerEvent, session: date) -> bool:
    settles = getattr(event, "settled_on", None)
    return settles is not None and settles > session


def _known(amounts: dict[str, Decimal]) -> dict[str, Decimal]:
    return {name: amount for name, amount in amounts.items() if amount != ZERO}
