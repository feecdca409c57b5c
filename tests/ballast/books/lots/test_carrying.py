"""Open lots carried on to the events of a later day give what the whole history gives at once."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.books.broker_events import BrokerEvent
from ballast.books.lots import matching
from ballast.books.lots.book import match_postings
from ballast.books.lots.events import CONVERSIONS, lot_events
from ballast.books.lots.matching import NO_LOTS, NO_MATCHES, Matched, match
from ballast.books.lots.reach import set_aside
from ballast.books.postings import postings_of
from tests.ballast.books.lots.histories import (
    EXCHANGES,
    METHODS,
    SYMBOLS,
    book,
    fill,
    histories,
    history,
    split,
    transfer,
)
from tests.ballast.builders import day, framewise

_LOT_ORDER = ["account_id", "symbol", "opened_at", "lot_id"]
_MATCH_ORDER = ["closed_at", "closing_id", "acquired_on", "lot_id"]
KINDS = (
    "buy", "buy", "buy", "sell", "sell", "close", "flip", "split", "shrink", "capital", "restate",
    "receive", "receive_unknown", "send",
)  # fmt: skip


def in_pieces(events: pl.DataFrame, cuts: list[int], method: str) -> Matched:
    methods = {"a": method, "b": method}
    lots, matches = NO_LOTS, [NO_MATCHES]
    for start, end in zip([0, *cuts], [*cuts, events.height], strict=True):
        part = match(events[start:end], methods, lots)
        lots = part.lots
        matches.append(part.matches)
    return Matched(lots, pl.concat(matches))


def assert_same(one: Matched, other: Matched) -> None:
    assert_frame_equal(one.lots.sort(_LOT_ORDER), other.lots.sort(_LOT_ORDER))
    assert_frame_equal(one.matches.sort(_MATCH_ORDER), other.matches.sort(_MATCH_ORDER))


def events_of(seed: int, count: int) -> pl.DataFrame:
    events = lot_events(postings_of(history(seed, count, KINDS), source="test"), EXCHANGES)
    # Some sales name the lot that they want, which may be any posting so far or none at all.
    draw = random.Random(seed)
    ids = [*events["posting_id"], "none of these"]
    wanted = [draw.choice([None, None, draw.choice(ids)]) for _ in range(events.height)]
    return events.with_columns(chosen_lot=pl.Series(wanted, dtype=pl.String))


@pytest.mark.parametrize("method", METHODS)
@framewise
@given(st.integers(0, 2**32), st.integers(1, 30), st.lists(st.integers(0, 30), max_size=3))
def test_a_history_may_be_cut_anywhere(method: str, seed: int, count: int, cuts: list[int]) -> None:
    events = events_of(seed, count)
    at_once = match(events, {"a": method, "b": method})
    assert_same(in_pieces(events, sorted(min(c, events.height) for c in cuts), method), at_once)


@pytest.mark.parametrize("method", METHODS)
def test_day_by_day_is_the_same_for_long_histories(method: str) -> None:
    for seed in range(4):
        events = events_of(seed, 150)
        at_once = match(events, {"a": method, "b": method})
        assert_same(in_pieces(events, list(range(1, events.height, 3)), method), at_once)


@framewise
@given(histories(most=12))
def test_a_book_with_conversions_is_that_of_its_events(broker_events: list) -> None:
    postings = postings_of(broker_events, source="test")
    events = lot_events(postings, EXCHANGES)
    if events["kind"].is_in(CONVERSIONS).any():
        return
    assert_same(match_postings(postings, EXCHANGES, {}), match(events, {}))


@pytest.mark.parametrize("method", METHODS)
def test_compiled_frames_are_those_of_the_loop_as_it_is(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = events_of(5, 200)
    as_it_is = match(events, {"a": method, "b": method})
    monkeypatch.setattr(matching, "_WORTH_COMPILING", 0)
    assert_same(match(events, {"a": method, "b": method}), as_it_is)


def test_lots_of_a_security_without_events_are_carried_as_they_are() -> None:
    events = events_of(1, 60)
    before = match(events.filter(pl.col("symbol") != "AAA"), {})
    after = match(events.filter(pl.col("symbol") == "AAA"), {}, before.lots)
    assert_frame_equal(
        after.lots.filter(pl.col("symbol") != "AAA").sort(_LOT_ORDER), before.lots.sort(_LOT_ORDER)
    )


def test_a_day_without_events_changes_nothing() -> None:
    before = match(events_of(1, 60), {})
    after = match(events_of(1, 60)[:0], {}, before.lots)
    assert_frame_equal(after.lots, before.lots)
    assert after.matches.is_empty()


BOUGHT = [(fill(number, 10, 100 + number)) for number in range(9)]


def reached(method: str, *events: BrokerEvent) -> list[str]:
    """Return the days of the lots that a day of events can reach."""
    carried = book(BOUGHT, method).lots
    told = lot_events(postings_of(events, source="test"), EXCHANGES)
    lots = set_aside(carried, told, {"a": method}).reached()  # type: ignore[dict-item]
    return [str(acquired.day) for acquired in lots["acquired_on"]]


ALL = [str(number) for number in range(1, 10)]


@pytest.mark.parametrize(
    ("method", "units", "within"),
    [
        ("fifo", -10, ["1"]),
        ("fifo", -11, ["1", "2"]),
        ("lifo", -10, ["9"]),
        ("lifo", -11, ["8", "9"]),
        ("fifo", -200, ALL),
        ("lifo", -200, ALL),
        ("hifo", -1, ALL),
        ("average", -1, ALL),
    ],
)
def test_a_day_reaches_the_lots_that_its_units_can_use(
    method: str, units: int, within: list[str]
) -> None:
    assert reached(method, fill(20, units, 90)) == within


def test_a_split_and_a_chosen_lot_reach_every_lot() -> None:
    assert reached("fifo", split(20, 90)) == ALL
    assert reached("fifo", fill(20, -1, 90, chosen_lot="any")) == ALL


def test_lots_that_are_not_in_the_order_of_their_days_are_all_within_reach() -> None:
    older = transfer(15, 10, "800", acquired_on=day(-100))
    carried = book([*BOUGHT, older]).lots
    told = lot_events(postings_of([fill(20, -1, 90)], source="test"), EXCHANGES)
    assert set_aside(carried, told, {}).reached().height == 10


@pytest.mark.parametrize("method", ["fifo", "lifo"])
def test_lots_in_many_pieces_stay_together_by_security(method: str) -> None:
    events = events_of(3, 200).filter(pl.col("kind") == "trade")
    at_once = match(events, {"a": method, "b": method})  # type: ignore[dict-item]
    in_days = in_pieces(events, list(range(1, events.height)), method)
    assert_same(in_days, at_once)
    for symbol in SYMBOLS:
        places = in_days.lots.with_row_index().filter(account_id="a", symbol=symbol)
        # One after the other, and in the order of their opening.
        assert places["index"].diff().drop_nulls().eq(1).all()
        assert places["opened_at"].is_sorted()
