"""What an earlier reconciliation of live accounts had to do, and did not: its own list of scenarios."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from tests.ballast.builders import D, position
from tests.ballast.reconciliation.accounts import Account, cash, fill
from tests.ballast.reconciliation.scenes import answer, holding, report

OPENED = fill(-3, "CCC", "10", "100")
CLOSED_BY_HAND = fill(1, "CCC", "-10", "103", client_order_id=None)


def differing(account: Account) -> pl.DataFrame:
    return account.explain().table.filter(pl.col("outcome") != "matched")


def test_a_position_on_both_sides_is_matched_and_nothing_else() -> None:
    account = Account(broker=[OPENED], booked=[OPENED])
    assert differing(account).is_empty()
    assert account.resolve() == []


def test_a_position_closed_by_hand_is_one_manual_trade() -> None:
    account = Account(broker=[OPENED, CLOSED_BY_HAND], booked=[OPENED])
    found = account.explain()
    assert [each.cause for each in found.findings] == ["manual_trade"]
    assert set(found.table.filter(item="CCC", field="quantity")["outcome"]) == {"missing_broker"}


def test_a_fill_that_the_broker_shows_in_two_rows_is_one_position() -> None:
    rows = [holding("a", "AAA", "4"), holding("a", "AAA", "6")]

    found = report([position("a", "AAA", "10")], rows, [], [answer()])
    assert set(found.filter(item="AAA")["outcome"]) == {"matched"}


def test_a_slightly_other_entry_is_slippage_and_the_position_still_matches() -> None:
    account = Account(broker=[OPENED], booked=[replace(OPENED, price=D("99.7"))])
    table = account.explain().table
    assert table.filter(item="CCC", field="quantity")["outcome"].to_list() == ["matched"]
    assert table.filter(item="CCC", field="average_cost")["cause"].to_list() == ["slippage"]


def test_nothing_on_either_side_is_no_difference() -> None:
    opening = [cash(-400, "deposit", "100")]
    assert differing(Account(opening=opening)).is_empty()


def test_one_position_never_becomes_two_events() -> None:
    # It diverged there in volume and price at once, and was told as closed and as opened by somebody else.
    account = Account(broker=[OPENED], booked=[replace(OPENED, quantity=D(8), price=D(99))])
    assert [each.cause for each in account.explain().findings] == ["partial_fill"]
