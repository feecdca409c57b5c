"""What acting guards close: every position once, whatever order things come in."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.guards.closing import Acting, Holding, acting_guards, attempt_id, close_of, closes
from ballast.guards.drawdown import drawdown_guard
from ballast.guards.status import status_of
from tests.ballast.guards.accounts import SETTINGS, worth

WHOLE = Acting("one", "drawdown", "account", "drawdown-start", "The account fell.")
ONE = Acting("one", "stop_loss", "A", "stop-2024-03-05", "The position fell.")


def held(symbol: str, quantity: str, lot: str | None = "1", *, usable: bool = True) -> Holding:
    return Holding(symbol, Decimal(quantity), None if lot is None else Decimal(lot), usable)


def test_long_positions_are_sold_and_short_ones_bought_back_in_whole_lots() -> None:
    found = closes([WHOLE], [held("B", "-7.5"), held("A", "10", "3"), held("C", "0")])
    assert [(c.symbol, c.side, c.quantity) for c in found] == [
        ("A", "sell", Decimal(9)), ("B", "buy", Decimal(7)),
    ]  # fmt: skip


def test_a_stop_closes_its_own_position_and_a_position_is_closed_once() -> None:
    assert [c.symbol for c in closes([ONE], [held("A", "1"), held("B", "1")])] == ["A"]
    both = closes([WHOLE, ONE], [held("A", "1")])
    assert [c.close_id for c in both] == ["one.drawdown-start.A"]


@pytest.mark.parametrize(
    ("holding", "busy", "reason"),
    [
        (held("A", "5", None), (), "close it at the broker"), (held("A", "0.5"), (), "less than one lot"),
        (held("A", "5", usable=False), (), "unknown or too old"), (held("A", "5"), ("A",), "another order"),
    ],
)  # fmt: skip
def test_a_close_that_cannot_be_ordered_says_why(
    holding: Holding, busy: tuple[str, ...], reason: str
) -> None:
    (found,) = closes([WHOLE], [holding], busy)
    assert reason in str(found.why_not)


@given(symbols=st.permutations(["A.AS", "B", "0700.HK", "^X"]))
def test_the_identity_of_a_close_depends_on_what_it_is_for_alone(symbols: list[str]) -> None:
    found = closes([WHOLE], [held(symbol, "3") for symbol in symbols])
    assert [c.close_id for c in found] == sorted(f"one.drawdown-start.{s}" for s in symbols)
    for close in found:
        assert close_of(attempt_id(close.close_id, 12)) == close.close_id


def test_only_guards_that_act_ask_for_closes() -> None:
    for equity, count in (("84000", 0), ("80000", 1), (None, 0), ("50", 2)):
        status = status_of(drawdown_guard(worth(equity, equity and "100000"), SETTINGS))
        assert len(acting_guards(status)) == count
