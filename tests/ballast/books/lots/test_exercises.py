"""Assigned and exercised options hand their gain on to the stock, and realise nothing themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest

from ballast.books.broker_events import BrokerEvent, Fill, FillKind
from ballast.books.lots.book import match_postings, realised_gains
from ballast.books.lots.matching import Matched
from ballast.books.postings import postings_of
from tests.ballast.builders import D, at

PUT, CALL = "ABC 21JUN24 40 P", "ABC 21JUN24 40 C"
EXCHANGES = dict.fromkeys(["ABC", PUT, CALL], "XNYS")


def fill(
    number: str, symbol: str, quantity: str, proceeds: str, moment: datetime,
    kind: FillKind = "trade", fee: str = "0",
) -> Fill:  # fmt: skip
    return Fill(
        number, "a", symbol, D(quantity), D(0), "USD", D(fee), "USD", moment, kind=kind,
        proceeds=D(proceeds),
    )  # fmt: skip


def matched(*events: BrokerEvent) -> Matched:
    return match_postings(postings_of(events, source="test"), EXCHANGES, {})


def basis_of(found: Matched, symbol: str = "ABC") -> Decimal | None:
    (amount,) = found.lots.filter(pl.col("symbol") == symbol)["amount"]
    return amount


def gains_of(found: Matched) -> dict[str, Decimal]:
    gains = realised_gains(found.matches)
    return dict(gains.select("symbol", "gain").iter_rows())


def test_the_premium_of_an_assigned_put_lowers_the_cost_of_the_stock() -> None:
    found = matched(
        fill("1", PUT, "-1", "250", at(0), fee="1"),
        fill("2", PUT, "1", "0", at(9), "assignment"),
        fill("3", "ABC", "100", "-4000", at(9), "assignment"),
    )
    assert basis_of(found) == D(4000) - D(249)
    assert gains_of(found) == {PUT: D(0)}


def test_the_cost_of_an_exercised_call_raises_the_cost_of_the_stock() -> None:
    found = matched(
        fill("1", CALL, "1", "-150", at(0)),
        fill("2", CALL, "-1", "0", at(9), "exercise"),
        fill("3", "ABC", "100", "-4000", at(9), "exercise", fee="2"),
    )
    assert basis_of(found) == D(4152)
    assert gains_of(found) == {CALL: D(0)}


@pytest.mark.parametrize(
    ("symbol", "quantity", "proceeds", "kind", "gain"),
    [(CALL, "-1", "150", "assignment", "650"), (PUT, "1", "-150", "exercise", "350")],
)
def test_stock_that_an_option_sells_brings_the_premium_too(
    symbol: str, quantity: str, proceeds: str, kind: FillKind, gain: str
) -> None:
    found = matched(
        fill("0", "ABC", "100", "-3500", at(0)),
        fill("1", symbol, quantity, proceeds, at(1)),
        fill("2", symbol, str(-D(quantity)), "0", at(9), kind),
        fill("3", "ABC", "-100", "4000", at(9), kind),
    )
    assert gains_of(found) == {symbol: D(0), "ABC": D(gain)}


def test_what_all_of_it_gained_is_what_the_cash_says() -> None:
    events = [
        fill("1", PUT, "-2", "500", at(0), fee="1.5"),
        fill("2", PUT, "2", "0", at(9), "assignment"),
        fill("3", "ABC", "200", "-8000", at(9), "assignment"),
        fill("4", "ABC", "-200", "8100", at(20), fee="1"),
    ]
    cash = sum((event.proceeds - event.fee for event in events if event.proceeds is not None), D(0))
    assert sum(gains_of(matched(*events)).values()) == cash


def test_an_option_of_which_the_cost_is_unknown_makes_that_of_the_stock_unknown() -> None:
    found = matched(
        fill("2", CALL, "-1", "0", at(9), "exercise"),
        fill("3", "ABC", "100", "-4000", at(9), "exercise"),
    )
    assert basis_of(found) is None


def test_an_option_settled_in_cash_realises_its_gain() -> None:
    found = matched(
        fill("1", CALL, "1", "-150", at(0)), fill("2", CALL, "-1", "900", at(9), "exercise")
    )
    assert gains_of(found) == {CALL: D(750)}


def test_an_option_that_expires_realises_its_loss() -> None:
    found = matched(
        fill("1", CALL, "1", "-150", at(0)), fill("2", CALL, "-1", "0", at(9), "expiry")
    )
    assert gains_of(found) == {CALL: D(-150)}


def test_two_options_of_one_stock_at_one_moment_are_left_as_they_are() -> None:
    two = [
        fill("1", PUT, "-1", "250", at(0)),
        fill("2", PUT, "1", "0", at(9), "assignment"),
        fill("3", CALL, "1", "0", at(9), "exercise"),
        fill("4", "ABC", "100", "-4000", at(9), "assignment"),
    ]
    assert basis_of(matched(*two)) == D(4000)


def test_it_makes_no_difference_which_leg_is_reported_first() -> None:
    option = fill("2", PUT, "1", "0", at(9), "assignment")
    stock = fill("3", "ABC", "100", "-4000", at(9), "assignment")
    sold = fill("1", PUT, "-1", "250", at(0))
    for first, second in (("2", "3"), ("7", "5"), ("a", "b"), ("b", "a")):
        found = matched(sold, replace(option, fill_id=first), replace(stock, fill_id=second))
        assert basis_of(found) == D(3750)
