"""What holds for the lots of every history, whatever happened in it and whichever method the account has."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from ballast.books.broker_events import BrokerEvent, Fill
from ballast.books.lots.book import realised_gains
from ballast.books.lots.events import lot_events
from ballast.books.lots.matching import Matched
from ballast.books.positions import quantities
from ballast.books.postings import postings_of
from tests.ballast.books.lots.histories import (
    EXCHANGES,
    METHODS,
    SYMBOLS,
    TRADES,
    book,
    conversion,
    fill,
    histories,
    split,
    total_gain,
    transfer,
)
from tests.ballast.builders import D

_NO_CONVERSIONS = (
    "buy", "buy", "buy", "sell", "sell", "close", "flip", "split", "shrink", "receive",
    "receive_unknown", "send",
)  # fmt: skip
_ALL_KNOWN = tuple(kind for kind in _NO_CONVERSIONS if kind != "receive_unknown")
# Each runs for every method.
framewise = settings(max_examples=15, deadline=None)
every_method = pytest.mark.parametrize("method", METHODS)


def rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return list(frame.iter_rows(named=True))


def basis(matched: Matched) -> Decimal:
    return Decimal(matched.lots["amount"].sum())


@every_method
@framewise
@given(histories())
def test_lots_add_up_to_the_position(method: str, events: list[BrokerEvent]) -> None:
    held = defaultdict(Decimal)
    for lot in rows(book(events, method).lots):
        held[lot["account_id"], lot["symbol"]] += lot["quantity"]
    positions = quantities(postings_of(events, source="test"))
    expected = {
        (row["account_id"], row["commodity"]): row["quantity"]
        for row in rows(positions.filter(pl.col("commodity").is_in(list(EXCHANGES))))
    }
    assert dict(held) == expected


@every_method
@framewise
@given(histories())
def test_open_lots_are_on_one_side_and_never_more_than_was_acquired(
    method: str, events: list[BrokerEvent]
) -> None:
    sides = defaultdict(set)
    for lot in rows(book(events, method).lots):
        sides[lot["account_id"], lot["symbol"]].add(lot["quantity"] > 0)
        assert lot["quantity"] * lot["quantity_acquired"] > 0
        assert abs(lot["quantity"]) <= abs(lot["quantity_acquired"])
    assert all(len(side) == 1 for side in sides.values())


@every_method
@framewise
@given(histories(_NO_CONVERSIONS))
def test_what_was_consumed_and_what_remains_is_what_was_acquired(
    method: str, events: list[BrokerEvent]
) -> None:
    matched = book(events, method)
    consumed = defaultdict(Decimal)
    for match in rows(matched.matches):
        assert match["quantity"] > 0
        consumed[match["lot_id"]] += match["quantity"]
    for lot in rows(matched.lots):
        assert consumed[lot["lot_id"]] + abs(lot["quantity"]) == abs(lot["quantity_acquired"])


@every_method
@framewise
@given(histories(_ALL_KNOWN))
def test_no_money_is_lost_between_trades_lots_and_matches(
    method: str, events: list[BrokerEvent]
) -> None:
    matched = book(events, method)
    told = lot_events(postings_of(events, source="test"), EXCHANGES)
    came = told.filter(pl.col("kind") != "split")["amount"].sum()
    lots, matches = matched.lots, matched.matches
    # Each side of a match has its slice; what opened a lot and what closed one are both in the books.
    slices = matches["lot_amount"].sum() + matches["closing_amount"].sum()
    assert lots["amount"].sum() + slices == came


@every_method
@framewise
@given(histories(_NO_CONVERSIONS, fees=False))
def test_an_unknown_basis_never_becomes_a_number(method: str, events: list[BrokerEvent]) -> None:
    told = lot_events(postings_of(events, source="test"), EXCHANGES)
    unknown = set(told.filter(pl.col("amount").is_null())["posting_id"])
    matched = book(events, method)
    for lot in rows(matched.lots):
        if lot["lot_id"] in unknown:
            assert lot["amount"] is None
        assert (lot["amount"] is None) == (lot["origin"] == "unknown")
        assert lot["amount"] != 0
    for gain in rows(realised_gains(matched.matches)):
        if gain["lot_id"] in unknown:
            assert gain["gain"] is None
        assert gain["cost_basis"] != 0 or gain["is_short_sale"]


@framewise
@given(histories(TRADES, fees=True))
def test_every_method_realises_the_same_once_all_is_sold(events: list[BrokerEvent]) -> None:
    held = defaultdict(Decimal)
    for event in events:
        assert isinstance(event, Fill)
        held[event.account_id, event.symbol] += event.quantity
    sales = [
        fill(900 + number, -quantity, 77, account_id=account, symbol=symbol)
        for number, ((account, symbol), quantity) in enumerate(held.items())
        if quantity != 0
    ]
    totals = {method: total_gain([*events, *sales], method) for method in METHODS}
    cash = sum(
        (e.quantity * -e.price).quantize(D("0.01")) - e.fee
        for e in [*events, *sales]
        if isinstance(e, Fill)
    )
    assert set(totals.values()) == {cash}


@every_method
@framewise
@given(histories())
def test_a_split_moves_no_basis(method: str, events: list[BrokerEvent]) -> None:
    before = book(events, method)
    held = before.lots.filter(symbol="AAA", account_id="a")["quantity"].sum()
    for added in (held, -held / 2):
        after = book([*events, split(800, Decimal(added).quantize(D("0.01")))], method)
        assert basis(after) == basis(before)
        assert after.lots["amount"].null_count() == before.lots["amount"].null_count()


@every_method
@framewise
@given(histories())
def test_a_merger_and_a_spin_off_move_basis_and_lose_none(
    method: str, events: list[BrokerEvent]
) -> None:
    before = book(events, method)
    held = Decimal(before.lots.filter(symbol="AAA", account_id="a")["quantity"].sum())
    free = before.lots.filter(symbol="NEW", account_id="a").is_empty()
    if held == 0 or not free:
        return
    comes = (held / 3).quantize(D("0.01")) or held
    merger = conversion(800, "merger", -held, comes)
    spin_off = conversion(800, "spin_off", 0, comes, basis_share=D("0.137"))
    for change in (merger, spin_off):
        after = book([*events, change], method)
        assert basis(after) == basis(before)
    days = set(before.lots.filter(symbol="AAA", account_id="a")["acquired_on"])
    merged = book([*events, merger], method).lots.filter(symbol="NEW", account_id="a")
    assert set(merged["acquired_on"]) <= days
    assert set(merged["origin"]) <= {"converted", "unknown"}


@framewise
@given(histories(TRADES, fees=True))
def test_a_sale_at_average_cost_leaves_the_average_alone(events: list[BrokerEvent]) -> None:
    def averages(matched: Matched) -> dict[str, Fraction]:
        lots = matched.lots.filter(account_id="a").group_by("symbol")
        return {
            row["symbol"]: Fraction(row["amount"]) / Fraction(row["quantity"])
            for row in rows(lots.agg(pl.col("amount", "quantity").sum()))
        }

    before = book(events, "average")
    sales = [
        fill(900 + number, -(units / 3).quantize(D("0.01")), 7, symbol=symbol)
        for number, symbol in enumerate(SYMBOLS)
        if (units := Decimal(before.lots.filter(symbol=symbol, account_id="a")["quantity"].sum()))
        > D("0.1")
    ]
    after = averages(book([*events, *sales], "average"))
    for symbol, average in averages(before).items():
        # A unit of rounding in the amount, spread over the units that remain.
        assert abs(after[symbol] - average) <= Fraction(1, 10**6)


@every_method
@framewise
@given(histories())
def test_only_lots_of_the_same_account_and_security_are_used(
    method: str, events: list[BrokerEvent]
) -> None:
    alone = [event for event in events if getattr(event, "account_id", None) == "b"]
    columns = ["lot_id", "quantity", "amount"]
    both = book(events, method).lots.filter(account_id="b").sort("lot_id").select(columns)
    assert both.equals(book(alone, method).lots.sort("lot_id").select(columns))


def test_a_transfer_out_takes_its_basis_along_and_realises_nothing() -> None:
    events = [fill(0, 10, 100), transfer(1, -4, None)]
    matched = book(events)
    assert basis(matched) == 600
    assert matched.matches["lot_amount"].to_list() == [D(400)]
    assert realised_gains(matched.matches).is_empty()
