"""The gate as a whole: its order, failing closed, and what emergencies may bypass."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.guards.kill_switch import Switch
from ballast.trading.gate import (
    LAYERS,
    Facts,
    Market,
    OpenOrderFact,
    PastTrade,
    Quote,
    TradingHistory,
    judge,
    stopped_by,
)
from ballast.trading.orders import OrderIntent
from tests.ballast.trading.gate.orders import (
    GUARDS,
    MOMENT,
    SESSION,
    SETTINGS,
    answers,
    blocking,
    facts,
    order,
    verdicts,
)

# For each layer: an order, and facts that are wrong in its eyes alone.
_WRONG = {
    "mode": (order(), {"refusal": "no"}),
    "kill_switch": (order(), {"switch": Switch("halt", "a test", SESSION)}),
    "account": (order(), {"account_problem": "no"}),
    "frequency": (order(), {"trades": (PastTrade("B", "buy", MOMENT - timedelta(minutes=30)),)}),
    "market_hours": (order("sell"), {"market": Market("XNYS", False, "closed")}),
    "cooldown": (
        order(),
        {"history": TradingHistory(date(2020, 8, 1), date(2020, 8, 1), date(2020, 8, 1))},
    ),
    "funds": (order(), {"balances": {"USD": Decimal(1003)}}),
    "position": (order("sell"), {"position": Decimal(9)}),
    "single_position": (order(), {"is_single_position": True}),
    "duplicate": (order(), {"open_orders": (OpenOrderFact("x", "A", "buy", Decimal(1)),)}),
    "price": (order(), {"quote": Quote(Decimal(100), "USD", is_usable=False)}),
}


def test_the_layers_come_in_the_order_of_the_specification() -> None:
    assert LAYERS == (
        "mode", "kill_switch", "account", "frequency", "market_hours", "cooldown", "funds",
        "position", "single_position", "duplicate", "price",
    )  # fmt: skip
    assert set(_WRONG) == set(LAYERS)


@pytest.mark.parametrize("side", ["buy", "sell", "exchange"])
def test_on_a_calm_day_everything_passes(side: str) -> None:
    found = judge(order(side), facts(), SETTINGS, GUARDS)
    assert tuple(answer.layer for answer in found) == LAYERS
    assert stopped_by(found) is None
    assert all(answer.reason for answer in found)


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_stops_by_itself_and_says_why(layer: str) -> None:
    intent, wrong = _WRONG[layer]
    found = judge(intent, facts(**wrong), SETTINGS, GUARDS)
    stop = stopped_by(found)
    assert stop is not None
    assert stop.layer == layer
    assert len(stop.reason) >= 2
    assert blocking(intent, facts(**wrong)) == {layer}


def test_every_layer_answers_although_the_first_has_stopped_the_order() -> None:
    nothing_known = Facts(MOMENT, SESSION)
    assert blocking(order(), nothing_known) == set(LAYERS) - {"single_position"}
    assert stopped_by(judge(order(), nothing_known, SETTINGS, GUARDS)).layer == "mode"  # type: ignore[union-attr]


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize(
    "unknown",
    [
        "switch", "restricted", "orders_in_session", "trades", "market", "history", "balances",
        "cash_reserve", "fee", "reserved", "position", "lot_size", "open_orders", "quote",
    ],
)  # fmt: skip
def test_what_nobody_knows_stops_the_orders_that_depend_on_it(unknown: str, side: str) -> None:
    of_purchases_alone = {"balances", "cash_reserve", "fee", "reserved"}
    is_needed = side == "buy" or unknown not in of_purchases_alone
    assert bool(blocking(order(side), facts(**{unknown: None}))) == is_needed


@pytest.mark.parametrize("intent", [order("lend"), order("buy", "0"), order("sell", "-1")])
def test_what_is_no_order_passes_nowhere(intent: OrderIntent) -> None:
    assert blocking(intent, facts()) == set(LAYERS)


# Facts that stop a plan in every layer that could.
_ALL_WRONG = {
    "refusal": "no",
    "switch": Switch("halt", "a test", SESSION),
    "account_problem": "no",
    "trades": tuple(PastTrade("A", "sell", MOMENT) for _ in range(20)),
    "market": Market("XNYS", False, "closed"),
    "history": TradingHistory(SESSION, SESSION, SESSION),
    "open_orders": (OpenOrderFact("x", "A", "sell", Decimal(1)),),
    "quote": Quote(Decimal(100), "USD", is_usable=False),
}


@pytest.mark.parametrize("origin", ["emergency", "guard"])
def test_an_emergency_sale_bypasses_frequency_cooldown_and_hold_and_nothing_else(
    origin: str,
) -> None:
    of_plan = blocking(order("sell"), facts(**_ALL_WRONG))
    of_emergency = blocking(order("sell", origin=origin), facts(**_ALL_WRONG))
    assert of_plan - of_emergency == {"frequency", "position"}
    assert of_emergency == {"mode", "kill_switch", "account", "market_hours", "duplicate", "price"}
    too_young = facts(history=TradingHistory(SESSION, SESSION, SESSION))
    assert blocking(order("sell"), too_young) == {"position"}
    assert blocking(order("sell", origin=origin), too_young) == set()
    # But more than is held is sold by nobody.
    assert blocking(order("sell", "101", origin=origin), facts()) == {"position"}


@pytest.mark.parametrize("origin", ["emergency", "guard"])
def test_an_emergency_purchase_that_only_covers_what_is_short_bypasses_them_too(
    origin: str,
) -> None:
    young = TradingHistory(SESSION, SESSION, SESSION)
    recent = (PastTrade("B", "buy", MOMENT),)
    short = facts(position=Decimal(-10), history=young, trades=recent)
    covering = verdicts(order("buy", "10", origin=origin), short)
    assert covering["frequency"] == covering["cooldown"] == "bypassed"
    beyond = verdicts(order("buy", "11", origin=origin), short)
    assert beyond["frequency"] == beyond["cooldown"] == "block"


def test_the_origin_alone_bypasses_nothing_for_a_purchase() -> None:
    recent = facts(trades=(PastTrade("B", "buy", MOMENT),))
    assert blocking(order("buy", origin="emergency"), recent) == {"frequency"}


def test_a_switch_that_only_lets_positions_shrink_lets_repairs_and_closes_pass() -> None:
    tripped = facts(switch=Switch("reduce_only", "a test", SESSION))
    passing = {
        origin
        for origin in ("plan", "person", "guard", "emergency")
        if not blocking(order("sell", origin=origin), tripped)
    }
    assert passing == {"guard", "emergency"}


@pytest.mark.parametrize("origin", ["plan", "person"])
def test_guards_and_the_daily_limit_stop_plans_and_persons(origin: str) -> None:
    sale = order("sell", origin=origin)
    assert blocking(sale, facts(guard_block="prices jump")) == {"kill_switch"}
    assert blocking(sale, facts(restricted=frozenset({"sell"}))) == {"kill_switch"}
    assert blocking(sale, facts(restricted=frozenset({"buy"}))) == set()
    assert blocking(sale, facts(orders_in_session=GUARDS.orders_per_day)) == {"kill_switch"}
    assert blocking(sale, facts(orders_in_session=GUARDS.orders_per_day - 1)) == set()
    repair = order("sell", origin="emergency")
    assert blocking(repair, facts(guard_block="x", orders_in_session=10**6)) == set()


def test_a_decision_of_an_earlier_session_is_out_of_date() -> None:
    assert blocking(order(session=date(2020, 8, 19)), facts()) == {"price"}


_quantities = st.integers(1, 200).map(Decimal)
_cash = st.decimals(-2000, 20_000, places=2)
_days = st.integers(0, 400).map(lambda days: SESSION - timedelta(days=days))


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    days = sorted(draw(st.lists(_days, min_size=2, max_size=2)))
    trades = draw(
        st.lists(
            st.builds(
                PastTrade,
                st.sampled_from(["A", "B"]),
                st.sampled_from(["buy", "sell"]),
                st.integers(0, 20_000).map(lambda minutes: MOMENT - timedelta(minutes=minutes)),
            ),
            max_size=12,
        )
    )
    return facts(
        trades=tuple(trades),
        market=Market(draw(st.sampled_from(["XNYS", "XHKG"])), draw(st.booleans()), "hours"),
        history=TradingHistory(days[0], days[1], draw(st.sampled_from([None, days[0]]))),
        balances={"USD": draw(_cash), "EUR": draw(_cash)},
        reserved={"USD": draw(st.decimals(0, 500, places=2))},
        position=draw(_quantities),
        orders_in_session=draw(st.integers(0, 60)),
        is_single_position=draw(st.booleans()),
    )


_orders = st.builds(
    order,
    st.sampled_from(["buy", "sell", "exchange"]),
    st.integers(1, 150).map(str),
    origin=st.sampled_from(["plan", "person", "guard", "emergency"]),
)


def _worse(known: Facts) -> list[Facts]:
    """The same facts, each worse in one respect."""
    assert known.trades is not None
    assert known.balances is not None
    return [
        replace(known, refusal="no"),
        replace(known, switch=Switch("reduce_only", "a test", SESSION)),
        replace(known, switch=Switch("halt", "a test", SESSION)),
        replace(known, guard_block="no"),
        replace(known, restricted=frozenset({"buy", "sell"})),
        replace(known, account_problem="no"),
        replace(known, orders_in_session=10**6),
        replace(known, trades=(*known.trades, PastTrade("A", "sell", MOMENT))),
        replace(known, trades=(*known.trades, PastTrade("A", "buy", MOMENT))),
        replace(known, market=Market("XHKG", False, "closed")),
        replace(known, balances={c: a - 1000 for c, a in known.balances.items()}),
        replace(known, reserved={"USD": Decimal(10**6), "EUR": Decimal(10**6)}),
        replace(known, cash_reserve=Decimal(10**6)),
        replace(known, fee=Decimal(10**6)),
        replace(known, open_orders=(OpenOrderFact("x", "A", None, Decimal(1)),)),
        replace(known, quote=Quote(Decimal(100), "USD", is_usable=False)),
        replace(known, quote=Quote(Decimal(200), "USD")),
    ]


@given(_orders, any_facts())
def test_worse_facts_never_let_an_order_pass_that_was_stopped(
    intent: OrderIntent, known: Facts
) -> None:
    before = blocking(intent, known)
    for worse in _worse(known):
        assert before <= blocking(intent, worse)


_KNOWABLE = [
    f.name
    for f in fields(Facts)
    if f.name
    not in {
        "moment", "session", "refusal", "guard_block", "account_problem", "rates_to_base", "is_single_position",
    }
]  # fmt: skip


@given(_orders, any_facts(), st.sampled_from(_KNOWABLE))
def test_knowing_less_never_lets_an_order_pass_that_was_stopped(
    intent: OrderIntent, known: Facts, unknown: str
) -> None:
    stopped = blocking(intent, known)
    knowing_less = blocking(intent, replace(known, **{unknown: None}))  # type: ignore[arg-type]
    # Without the position nobody can tell an emergency exit, so that it waits like any other order.
    assert stopped <= knowing_less


def test_every_answer_is_a_sentence_about_this_order() -> None:
    said = answers(order("sell"), facts(position=Decimal(3)))
    assert "3" in said["position"].reason
    at_night = datetime(2020, 8, 20, 1, tzinfo=UTC)
    recent = facts(trades=(PastTrade("B", "buy", at_night),), moment=at_night)
    assert "2020-08-20 01:00 UTC" in answers(order(), recent)["frequency"].reason
