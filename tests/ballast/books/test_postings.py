"""Broker events become postings: the same facts always the same ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.books.broker_events import (
    BrokerEvent,
    CashMovement,
    ExchangeFill,
    Fill,
    SplitEvent,
    moment_of,
)
from ballast.books.postings import postings_of
from ballast.errors import InvalidTableError
from tests.ballast.builders import D, at, framewise

FILL = Fill("f1", "a", "AAPL", D(10), D("101.25"), "USD", D("2.00"), "USD", at(0))
EXCHANGE = ExchangeFill("x1", "a", "EUR", D(100), "USD", D(110), D("0.05"), "EUR", at(1))
DIVIDEND = CashMovement("c1", "a", "dividend", "USD", D("3.20"), at(2))
SPLIT = SplitEvent("s1", "a", "AAPL", D(30), at(3))
ALL: list[BrokerEvent] = [FILL, EXCHANGE, DIVIDEND, SPLIT]


def legs(*events: BrokerEvent) -> dict[str, Decimal]:
    """Return quantity by leg, for events of which each leg occurs once."""
    frame = postings_of(events, source="test")
    names = frame["external_id"].str.split(":").list.last()
    return dict(zip(names, frame["quantity"], strict=True))


events = st.one_of(
    st.builds(
        replace,
        st.just(FILL),
        fill_id=st.sampled_from(["1", "2", "3"]),
        account_id=st.sampled_from(["a", "b"]),
        quantity=st.sampled_from([D(5), D(-5)]),
        fee=st.sampled_from([D(0), D(1)]),
        filled_at=st.sampled_from([at(0), at(1)]),
    ),
    st.builds(replace, st.just(EXCHANGE), fill_id=st.sampled_from(["1", "2"])),
    st.builds(replace, st.just(DIVIDEND), movement_id=st.sampled_from(["1", "2"])),
    st.builds(replace, st.just(SPLIT), event_id=st.sampled_from(["1", "2"])),
)


@framewise
@given(st.lists(events, max_size=8), st.data())
def test_order_and_repetition_never_change_the_postings(
    batch: list[BrokerEvent], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(batch + batch[:3]))
    assert_frame_equal(
        postings_of(shuffled, source="test"), postings_of(batch, source="test"), check_exact=True
    )


@framewise
@given(st.lists(events, max_size=8), st.lists(events, max_size=4))
def test_importing_a_batch_again_with_new_events_keeps_every_id(
    known: list[BrokerEvent], new: list[BrokerEvent]
) -> None:
    before = set(postings_of(known, source="test")["transaction_id"])
    after = set(postings_of(known + new, source="test")["transaction_id"])
    assert before <= after


@framewise
@given(st.lists(events, max_size=8))
def test_of_two_versions_of_an_event_one_counts_with_all_its_legs(batch: list[BrokerEvent]) -> None:
    frame = postings_of(batch, source="test")
    single = [set(postings_of([event], source="test").rows()) for event in batch]
    for _, transaction in frame.group_by("transaction_id"):
        assert set(transaction.rows()) in single


@pytest.mark.parametrize(
    "change",
    [
        {"filled_at": at(5)},
        {"client_order_id": "order"},
        {"price": D("101.26")},
        {"fee": D("2.50")},
    ],
)
def test_ids_do_not_depend_on_what_a_broker_may_restate(change: dict) -> None:
    ids = postings_of([FILL], source="test")["posting_id"].sort().to_list()
    changed = postings_of([replace(FILL, **change)], source="test")
    assert changed["posting_id"].sort().to_list() == ids


def test_ids_differ_between_sources_accounts_events_and_legs() -> None:
    frames = [
        postings_of([FILL], source="test"),
        postings_of([FILL], source="other"),
        postings_of([replace(FILL, account_id="b")], source="test"),
        postings_of([replace(FILL, fill_id="f2")], source="test"),
    ]
    ids = pl.concat(frames)["posting_id"]
    assert ids.n_unique() == ids.len() == 12


def test_a_fill_and_a_cash_movement_may_carry_the_same_number() -> None:
    both = [replace(FILL, fill_id="7"), replace(DIVIDEND, movement_id="7")]
    frame = postings_of(both, source="test")
    assert frame.height == 4
    assert frame["transaction_id"].n_unique() == 2


def test_every_leg_of_an_event_shares_its_transaction_and_moment() -> None:
    frame = postings_of([FILL], source="test")
    assert frame["transaction_id"].n_unique() == 1
    assert frame["occurred_at"].unique().to_list() == [at(0)]
    assert frame["account_id"].unique().to_list() == ["a"]


def test_a_purchase_is_shares_cash_and_commission() -> None:
    assert legs(FILL) == {"shares": D(10), "cash": D("-1012.50"), "commission": D("-2.00")}


def test_a_sale_brings_cash_and_still_costs_its_commission() -> None:
    sale = replace(FILL, quantity=D(-10))
    assert legs(sale) == {"shares": D(-10), "cash": D("1012.50"), "commission": D("-2.00")}


def test_a_liquidation_is_booked_as_a_trade_and_says_who_made_it() -> None:
    sale = replace(FILL, quantity=D(-10), description="margin call")
    traded = postings_of([sale], source="test")
    liquidated = postings_of([replace(sale, kind="liquidation")], source="test")
    assert_frame_equal(liquidated.drop("description"), traded.drop("description"), check_exact=True)
    assert set(liquidated["description"]) == {"liquidated by the broker: margin call"}
    unsaid = postings_of([replace(FILL, kind="liquidation")], source="test")
    assert set(unsaid["description"]) == {"liquidated by the broker"}


def test_only_the_shares_of_a_trade_carry_its_price() -> None:
    frame = postings_of([FILL], source="test").filter(pl.col("unit_cost").is_not_null())
    assert frame.select("commodity", "unit_cost", "cost_currency").rows() == [
        ("AAPL", D("101.25"), "USD")
    ]


def test_a_fee_in_another_currency_is_its_own_leg_and_leaves_the_cash_leg_alone() -> None:
    frame = postings_of([replace(FILL, fee_currency="EUR")], source="test")
    assert set(frame.select("kind", "commodity", "quantity").rows()) == {
        ("trade", "AAPL", D(10)),
        ("trade", "USD", D("-1012.50")),
        ("commission", "EUR", D("-2.00")),
    }


def test_a_trade_without_fee_has_no_commission_leg() -> None:
    assert set(legs(replace(FILL, fee=D(0)))) == {"shares", "cash"}


@framewise
@given(
    st.decimals(-1000, 1000, places=8).filter(bool),
    st.decimals("0.000001", 5000, places=6),
    st.decimals(0, 50, places=2),
)
def test_the_cash_of_a_trade_is_its_value_to_the_cent(
    quantity: Decimal, price: Decimal, fee: Decimal
) -> None:
    booked = legs(replace(FILL, quantity=quantity, price=price, fee=fee))
    assert booked["shares"] == quantity
    assert abs(booked["cash"] + quantity * price) <= D("0.00500001")
    assert booked["cash"] == booked["cash"].quantize(D("0.01"))
    assert booked.get("commission", D(0)) == -fee


def test_an_exchange_moves_two_currencies_and_its_fee() -> None:
    assert legs(EXCHANGE) == {"from": D(-100), "to": D(110), "commission": D("-0.05")}
    commodities = postings_of([EXCHANGE], source="test").sort("quantity")["commodity"].to_list()
    assert commodities == ["EUR", "EUR", "USD"]


@pytest.mark.parametrize(
    "kind", ["deposit", "withdrawal", "dividend", "withholding_tax", "interest", "fee"]
)
def test_a_cash_movement_is_one_posting_of_its_kind(kind: str) -> None:
    frame = postings_of([replace(DIVIDEND, kind=kind)], source="test")
    assert frame.select("kind", "commodity", "quantity").rows() == [(kind, "USD", D("3.20"))]


def test_a_split_is_shares_without_price() -> None:
    frame = postings_of([SPLIT], source="test")
    assert frame.select("kind", "commodity", "quantity", "unit_cost").rows() == [
        ("split", "AAPL", D(30), None)
    ]


def test_more_decimals_than_the_books_keep_are_rounded_half_to_even() -> None:
    booked = legs(replace(FILL, quantity=D("1.000000005"), fee=D(0)))
    assert booked["shares"] == D("1.00000000")


def test_no_events_are_no_postings() -> None:
    assert postings_of([], source="test").is_empty()


def test_a_moment_in_another_zone_is_booked_in_utc() -> None:
    tokyo = at(0).astimezone(timezone(timedelta(hours=9)))
    frame = postings_of([replace(FILL, filled_at=tokyo)], source="test")
    assert frame["occurred_at"].to_list() == [at(0)] * 3
    assert frame["occurred_at"].dtype == pl.Datetime("us", "UTC")


@pytest.mark.parametrize("event", ALL, ids=lambda event: type(event).__name__)
def test_a_moment_without_zone_is_refused_with_the_event_named(event: BrokerEvent) -> None:
    field = "filled_at" if isinstance(event, Fill | ExchangeFill) else "occurred_at"
    naive = replace(event, **{field: datetime(2020, 1, 1)})  # noqa: DTZ001
    with pytest.raises(InvalidTableError, match=r"no time zone.*a:"):
        postings_of([naive], source="test")


def test_every_event_knows_its_moment() -> None:
    assert [moment_of(event) for event in ALL] == [at(0), at(1), at(2), at(3)]
    assert moment_of(FILL).tzinfo is UTC
