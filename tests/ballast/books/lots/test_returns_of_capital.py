"""A return of capital lowers the basis of what is held; beyond it, and only there, it is a gain."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ballast.books.broker_events import BrokerEvent
from tests.ballast.books.lots.histories import METHODS, book, capital, fill, gains, transfer
from tests.ballast.builders import D


def lots(*events: BrokerEvent, method: str = "fifo") -> list[tuple[Any, ...]]:
    """Return (quantity, amount) of the open lots by age."""
    frame = book(events, method).lots.sort("opened_at", "acquired_on")
    return list(frame.select("quantity", "amount").iter_rows())


def realised(*events: BrokerEvent, method: str = "fifo") -> list[Decimal | None]:
    return gains(events, method)["gain"].to_list()


def test_a_return_of_capital_reduces_the_basis_and_is_no_gain() -> None:
    events = [fill(0, 10, 100), fill(1, 30, 20), capital(2, 40)]
    assert lots(*events) == [(D(10), D(990)), (D(30), D(570))]
    assert realised(*events) == []


def test_a_return_of_capital_beyond_the_basis_is_a_gain_of_no_units() -> None:
    events = [fill(0, 10, 100), fill(1, 10, 1), capital(2, 100)]
    [gain] = gains(events).iter_rows(named=True)
    assert (gain["quantity"], gain["gain"], gain["cost_basis"]) == (0, 40, 0)
    assert lots(*events) == [(D(10), D(950)), (D(10), D(0))]


def test_at_average_cost_a_return_of_capital_beyond_the_basis_is_one_gain() -> None:
    events = [fill(0, 10, 1), fill(1, 10, 2), capital(2, 100)]
    assert realised(*events, method="average") == [D(70)]
    assert lots(*events, method="average") == [(D(10), D(0)), (D(10), D(0))]


def test_a_return_of_capital_that_was_taken_back_restores_the_basis() -> None:
    events = [fill(0, 10, 100), capital(1, 40), capital(2, -40)]
    assert lots(*events) == [(D(10), D(1000))]


@pytest.mark.parametrize("method", METHODS)
def test_who_is_short_pays_the_return_of_capital(method: str) -> None:
    events = [fill(0, -10, 120), capital(1, -50)]
    assert lots(*events, method=method) == [(D(-10), D(1150))]
    assert realised(*events, fill(2, 10, 100), method=method) == [D(150)]


def test_a_return_of_capital_leaves_an_unknown_basis_unknown() -> None:
    assert lots(transfer(0, 10, None), capital(1, 50)) == [(D(10), None)]
