"""Splits, mergers, changes of symbol and spin-offs: what becomes of lots, their basis and their days."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ballast.books.broker_events import BrokerEvent
from tests.ballast.books.lots.histories import (
    METHODS,
    book,
    conversion,
    fill,
    gains,
    split,
    transfer,
)
from tests.ballast.builders import D, day

every_method = pytest.mark.parametrize("method", METHODS)


def lots(*events: BrokerEvent, method: str = "fifo") -> dict[str, list[tuple[Any, ...]]]:
    """Return (quantity, amount, day of acquisition) of the open lots by symbol."""
    frame = book(events, method).lots.sort("symbol", "acquired_on", "opened_at")
    found: dict[str, list[tuple[Any, ...]]] = {}
    for symbol, *lot in frame.select("symbol", "quantity", "amount", "acquired_on").iter_rows():
        found.setdefault(symbol, []).append(tuple(lot))
    return found


def lot(quantity: str | int, amount: str | int | None, acquired: int) -> tuple[Any, ...]:
    known: Decimal | None = None if amount is None else D(amount)
    found: tuple[Decimal, Decimal | None, date] = (D(quantity), known, day(acquired))
    return found


TWO = [fill(0, 10, 100), fill(1, 30, 50)]


@every_method
def test_a_split_multiplies_units_and_leaves_every_basis(method: str) -> None:
    if method != "average":
        assert lots(*TWO, split(2, 40), method=method) == {
            "AAA": [lot(20, 1000, 0), lot(60, 1500, 1)]
        }
    assert sum(amount for _, amount, _ in lots(*TWO, split(2, 40), method=method)["AAA"]) == 2500


@every_method
def test_a_reverse_split_with_cash_in_lieu_sells_the_fraction(method: str) -> None:
    # 1 for 3: 25 shares become 8 1/3, of which the third is paid out.
    events = [fill(0, 25, 30), split(1, "-16.66666667")]
    fraction = fill(1, "-0.33333333", 93, kind="cash_in_lieu", proceeds=D("31.00"))
    [sale] = gains([*events, fraction], method).iter_rows(named=True)
    assert sale["kind"] == "cash_in_lieu"
    assert (sale["proceeds"], sale["cost_basis"]) == (31, D("29.99999971"))
    assert lots(*events, fraction, method=method)["AAA"] == [lot(8, "720.00000029", 0)]


def test_a_split_of_a_short_position_adds_short_units() -> None:
    assert lots(fill(0, -10, 100), split(1, -10)) == {"AAA": [lot(-20, 1000, 0)]}


def test_a_split_that_leaves_less_than_a_unit_of_a_lot_leaves_no_basis_behind() -> None:
    events = [fill(0, "0.00000001", 100, proceeds=D(-5)), fill(1, 10, 100), split(2, "-9")]
    assert lots(*events) == {"AAA": [lot("1.00000001", 1005, 1)]}


def test_a_split_of_what_is_not_held_opens_a_lot_of_which_nothing_is_known() -> None:
    assert lots(split(0, 10)) == {"AAA": [lot(10, None, 0)]}


def test_a_split_that_takes_more_than_is_held_makes_the_rest_unknown() -> None:
    events = [fill(0, 10, 100), split(1, -15)]
    assert lots(*events) == {"AAA": [lot(-5, None, 1)]}
    assert gains(events).is_empty()


@every_method
def test_a_merger_moves_basis_and_days_to_the_new_security(method: str) -> None:
    found = lots(*TWO, conversion(2, "merger", -40, 20), method=method)
    assert list(found) == ["NEW"]
    assert [(row[0], row[2]) for row in found["NEW"]] == [(5, day(0)), (15, day(1))]
    assert sum(row[1] for row in found["NEW"]) == 2500


def test_a_change_of_symbol_changes_nothing_else() -> None:
    assert lots(*TWO, conversion(2, "symbol_change", -40, 40)) == {
        "NEW": [lot(10, 1000, 0), lot(30, 1500, 1)]
    }


def test_what_was_bought_before_a_change_of_symbol_is_long_after_a_year() -> None:
    events = [fill(0, 10, 100), conversion(300, "symbol_change", -10, 10)]
    [sale] = gains([*events, fill(400, -10, 120, symbol="NEW")]).iter_rows(named=True)
    assert (sale["term"], sale["gain"]) == ("long", 200)


def test_a_merger_takes_its_place_by_age_among_what_is_there() -> None:
    there = fill(1, 10, 70, symbol="NEW")
    events = [fill(0, 10, 100), there, conversion(2, "merger", -10, 10)]
    [sale] = gains([*events, fill(3, -10, 120, symbol="NEW")]).iter_rows(named=True)
    assert (sale["acquired_on"], sale["gain"]) == (day(0), 200)


def test_a_merger_of_a_part_leaves_the_rest() -> None:
    assert lots(*TWO, conversion(2, "merger", -20, 10)) == {
        "AAA": [lot(5, 500, 0), lot(15, 750, 1)],
        "NEW": [lot("2.5", 500, 0), lot("7.5", 750, 1)],
    }


@pytest.mark.parametrize("share", [D(1), None])
@pytest.mark.parametrize("number", range(6))
def test_a_merger_of_a_short_position_stays_short(number: int, share: Decimal | None) -> None:
    merger = conversion(number, "merger", 10, -5, account_id="a", basis_share=D(1))
    if share is None:
        merger = conversion(number, "merger", -10, 5, basis_share=None)
        assert lots(fill(0, 10, 100), merger)["NEW"] == [lot(5, 1000, 0)]
    else:
        assert lots(fill(0, -10, 100), merger) == {"NEW": [lot(-5, 1000, 0)]}


def test_a_merger_of_more_than_is_known_brings_an_unknown_basis_and_keeps_the_units() -> None:
    assert lots(fill(0, 10, 100), conversion(1, "merger", -15, 30)) == {
        "AAA": [lot(-5, None, 1)],
        "NEW": [lot(30, None, 1)],
    }
    assert lots(conversion(1, "merger", -15, 30)) == {
        "AAA": [lot(-15, None, 1)],
        "NEW": [lot(30, None, 1)],
    }


def test_what_meets_a_position_of_the_other_side_is_unknown_for_the_difference() -> None:
    short = fill(1, -4, 70, symbol="NEW")
    events = [fill(0, 10, 100), short, conversion(2, "merger", -10, 10)]
    assert lots(*events) == {"NEW": [lot(6, None, 2)]}


def test_a_spin_off_takes_the_share_that_the_company_told() -> None:
    events = [*TWO, conversion(2, "spin_off", 0, 4, basis_share=D("0.25"))]
    assert lots(*events) == {
        "AAA": [lot(10, 750, 0), lot(30, 1125, 1)],
        "NEW": [lot(1, 250, 0), lot(3, 375, 1)],
    }
    assert gains(events).is_empty()


def test_a_spin_off_without_a_share_has_an_unknown_basis() -> None:
    assert lots(*TWO, conversion(2, "spin_off", 0, 4, basis_share=None)) == {
        "AAA": [lot(10, 1000, 0), lot(30, 1500, 1)],
        "NEW": [lot(1, None, 0), lot(3, None, 1)],
    }


def test_what_comes_from_an_unknown_basis_is_unknown() -> None:
    came = transfer(0, 10, None, acquired_on=day(0))
    events = [came, conversion(1, "spin_off", 0, 5, basis_share=D("0.5"))]
    assert lots(*events) == {"AAA": [lot(10, None, 0)], "NEW": [lot(5, None, 0)]}
    assert lots(came, conversion(1, "merger", -10, 5)) == {"NEW": [lot(5, None, 0)]}


def test_a_spin_off_from_what_is_not_held_is_unknown() -> None:
    assert lots(conversion(1, "spin_off", 0, 5, basis_share=D("0.5"))) == {"NEW": [lot(5, None, 1)]}


def test_other_accounts_keep_their_lots() -> None:
    other = fill(1, 7, 90, account_id="b")
    found = lots(fill(0, 10, 100), other, conversion(2, "merger", -10, 5))
    assert found == {"AAA": [lot(7, 630, 1)], "NEW": [lot(5, 1000, 0)]}


def test_two_conversions_follow_one_another() -> None:
    again = conversion(3, "symbol_change", -20, 20, from_symbol="NEW", to_symbol="KID")
    assert lots(*TWO, conversion(2, "merger", -40, 20), again) == {
        "KID": [lot(5, 1000, 0), lot(15, 1500, 1)]
    }


def test_every_lot_has_a_name_of_its_own() -> None:
    events = [*TWO, conversion(2, "spin_off", 0, 4), conversion(3, "spin_off", 0, 4)]
    names = book(events).lots["lot_id"].to_list()
    assert len(set(names)) == len(names) == 6
