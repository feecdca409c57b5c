"""Gaps, spreads and stops of single securities."""

from __future__ import annotations

from decimal import Decimal

from ballast.guards.market import price_gap_guard, price_moves, stop_loss_guard
from ballast.settings import GuardSettings
from ballast.tables import Positions
from tests.ballast.builders import actions, bar, bars, day, dividend, position, split, table
from tests.ballast.guards.accounts import SETTINGS, state, watched


def test_a_split_is_no_gap() -> None:
    known = bars(bar("A", day(0), 500.0), bar("A", day(1), 126.0))
    moves = price_moves(known, actions(split("A", day(1), "4")))
    assert moves.row(0, named=True) == {
        "symbol": "A", "price": Decimal(126), "previous": Decimal(125), "price_session": day(1),
    }  # fmt: skip
    assert state(price_gap_guard(watched("A"), moves, SETTINGS)) == "ok"
    without = price_moves(known, actions())
    assert state(price_gap_guard(watched("A"), without, SETTINGS)) == "reduce_only"


def test_only_splits_between_the_two_closes_count() -> None:
    known = bars(bar("A", day(1), 100.0), bar("A", day(3), 25.0))
    events = (split("A", day(1), "7"), split("A", day(2), "2"), split("A", day(3), "2"))
    moves = price_moves(
        known, actions(*events, dividend("A", day(3), "9"), split("B", day(3), "3"))
    )
    assert moves["previous"].to_list() == [Decimal(25)]


def test_the_first_close_ever_has_none_before() -> None:
    moves = price_moves(bars(bar("A", day(0), 500.0)), actions())
    assert moves["previous"].to_list() == [None]


def test_the_order_of_the_bars_says_nothing() -> None:
    known = bars(bar("A", day(0), 1.0), bar("A", day(1), 2.0), bar("B", day(1), 3.0))
    assert price_moves(known.reverse(), actions()).equals(price_moves(known, actions()))


def test_a_gap_concerns_every_account_that_holds_or_wants_the_security() -> None:
    moves = price_moves(bars(bar("A", day(0), 10.0), bar("A", day(1), 12.0)), actions())
    both = watched("A").vstack(watched("A").with_columns(account_id=watched("A")["symbol"]))
    found = price_gap_guard(both, moves, SETTINGS)
    assert found["subject"].to_list() == ["A", "A"]
    assert set(found["episode"]) == {f"price_gap-A-{day(1)}"}


def test_stops_are_off_unless_they_are_set() -> None:
    held = table(Positions, [position("one", "A", "1", average_cost="100", price="1")])
    assert stop_loss_guard(held, SETTINGS).is_empty()


def test_a_stop_mirrors_for_short_positions_and_includes_its_limit() -> None:
    settings = GuardSettings(stop_loss=Decimal("0.08"))
    held = table(
        Positions,
        [
            position("one", "long", "1", average_cost="100", price="92"),
            position("one", "near", "1", average_cost="100", price="92.01"),
            position("one", "short", "-1", average_cost="100", price="108"),
            position("one", "gain", "-1", average_cost="100", price="50"),
            position("one", "blind", "1", average_cost=None, price="50"),
        ],
    )
    found = dict(stop_loss_guard(held, settings).select("subject", "state").iter_rows())
    assert found == {
        "long": "act", "near": "ok", "short": "act", "gain": "ok", "blind": "unknown",
    }  # fmt: skip
