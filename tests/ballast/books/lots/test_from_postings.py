"""From what a broker reports to lots: fees, currencies, transfers, reversals, short sales and chosen lots."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from ballast.books.broker_events import BrokerEvent, Cancellation
from ballast.books.lots.book import gains_by_year, match_postings, realised_gains, tax_lots
from ballast.books.postings import postings_of
from ballast.tables import TaxLots
from tests.ballast.books.lots.histories import (
    EXCHANGES,
    METHODS,
    book,
    capital,
    fill,
    gains,
    restatement,
    split,
    transfer,
)
from tests.ballast.builders import D, at, day, posting, postings, prices, securities


def lots(*events: BrokerEvent, method: str = "fifo") -> list[tuple[Any, ...]]:
    """Return (quantity, amount) of the open lots by age."""
    frame = book(events, method).lots.sort("opened_at", "acquired_on")
    return list(frame.select("quantity", "amount").iter_rows())


def realised(*events: BrokerEvent, method: str = "fifo") -> list[Decimal | None]:
    return gains(events, method)["gain"].to_list()


def test_the_fee_of_a_purchase_is_part_of_the_basis() -> None:
    assert lots(fill(0, 10, 100, fee=D("1.5"))) == [(D(10), D("1001.5"))]


def test_the_fee_of_a_sale_is_taken_off_the_proceeds() -> None:
    [sale] = gains([fill(0, 10, 100), fill(1, -10, 120, fee=D("1.5"))]).iter_rows(named=True)
    assert (sale["proceeds"], sale["cost_basis"], sale["gain"]) == (D("1198.5"), 1000, D("198.5"))


def test_a_rebate_makes_a_purchase_cheaper() -> None:
    assert lots(fill(0, 10, 100, fee=D("-0.25"))) == [(D(10), D("999.75"))]


def test_a_fee_in_another_currency_is_in_neither() -> None:
    events = [
        fill(0, 10, 100, fee=D(3), fee_currency="EUR"),
        fill(1, -10, 120, fee=D(4), fee_currency="EUR"),
    ]
    assert realised(*events) == [D(200)]


def test_the_fee_of_a_sale_from_two_lots_is_shared_to_the_last_unit() -> None:
    events = [fill(0, 1, 10), fill(1, 2, 10), fill(2, -3, 20, fee=D("0.01"))]
    sale = gains(events).sort("acquired_on")
    assert sale["proceeds"].to_list() == [D("19.99666667"), D("39.99333333")]
    assert sale["proceeds"].sum() == D("59.99")


def test_a_trade_that_was_reversed_never_happened() -> None:
    mistake = fill(1, -4, 300)
    events = [fill(0, 10, 100), mistake, Cancellation("x", mistake, at(2))]
    assert lots(*events) == [(D(10), D(1000))]
    assert realised(*events) == []


def test_a_reversed_purchase_leaves_its_sale_short() -> None:
    mistake = fill(0, 10, 100)
    events = [mistake, fill(1, -10, 120), Cancellation("x", mistake, at(2))]
    assert lots(*events) == [(D(-10), D(1200))]


def test_a_transfer_in_brings_its_basis_and_its_day_of_acquisition() -> None:
    known = transfer(5, 10, "800", acquired_on=day(-700))
    [lot] = book([known]).lots.iter_rows(named=True)
    assert (lot["amount"], lot["acquired_on"], lot["origin"]) == (800, day(-700), "stated")
    [sale] = gains([known, fill(6, -10, 100)]).iter_rows(named=True)
    assert (sale["gain"], sale["term"]) == (200, "long")


def test_a_transfer_in_without_a_day_may_have_been_held_for_any_time() -> None:
    events = [transfer(5, 10, "800"), fill(400, -4, 120)]
    [lot] = book(events).lots.iter_rows(named=True)
    assert lot["acquired_on"] is None
    [gain] = realised_gains(book(events).matches).iter_rows(named=True)
    assert (gain["acquired_on"], gain["term"]) == (None, "unknown")
    [year] = gains_by_year(realised_gains(book(events).matches)).iter_rows(named=True)
    assert year["term"] == "unknown"


def test_a_lot_of_unknown_age_is_used_in_the_order_in_which_it_came() -> None:
    events = [fill(0, 10, 100), transfer(5, 10, "800"), fill(6, 10, 90), fill(9, -15, 120)]
    symbols = book(events).matches
    assert symbols["quantity"].to_list() == [D(10), D(5)]
    assert symbols["acquired_on"].to_list() == [day(0), None]


def test_what_came_from_elsewhere_is_as_old_as_it_is() -> None:
    older = transfer(5, 10, "800", acquired_on=day(-700))
    events = [fill(0, 10, 100), older, fill(6, -10, 120)]
    assert realised(*events, method="fifo") == [D(400)]
    assert realised(*events, method="lifo") == [D(200)]


def test_an_unknown_basis_gives_an_unknown_gain() -> None:
    events = [transfer(0, 10, None), fill(1, -4, 120)]
    assert lots(*events) == [(D(6), None)]
    assert realised(*events) == [None]
    by_year = gains_by_year(gains(events)).row(0, named=True)
    assert (by_year["gain"], by_year["proceeds_of_unknown_basis"]) == (0, 480)
    assert by_year["sales_of_unknown_basis"] == 1


def test_hifo_and_lofo_use_an_unknown_basis_last() -> None:
    events = [transfer(0, 10, None), fill(1, 10, 100), fill(2, -10, 120)]
    for method in ("hifo", "lofo"):
        assert realised(*events, method=method) == [D(200)]


def test_one_unknown_basis_makes_the_average_unknown_until_nothing_is_held() -> None:
    events = [fill(0, 10, 100), transfer(1, 10, None), fill(2, -5, 120)]
    assert realised(*events, method="average") == [None]
    again = [fill(3, -15, 120), fill(4, 10, 50), fill(5, -10, 60)]
    assert realised(*events, *again, method="average")[-1] == 100


@pytest.mark.parametrize("method", METHODS)
def test_a_restatement_fills_an_unknown_basis(method: str) -> None:
    events = [transfer(0, 10, None), restatement(1, 900)]
    [lot] = book(events, method).lots.iter_rows(named=True)
    assert (lot["amount"], lot["currency"], lot["origin"]) == (900, "USD", "stated")
    assert realised(*events, fill(2, -5, 120), method=method) == [D(150)]


def test_a_sale_before_the_restatement_stays_unknown() -> None:
    events = [transfer(0, 10, None), fill(1, -5, 120), restatement(2, 450), fill(3, -5, 120)]
    assert realised(*events) == [None, D(150)]


@pytest.mark.parametrize("method", METHODS)
def test_a_restatement_of_what_is_known_corrects_all_lots(method: str) -> None:
    events = [fill(0, 10, 100), fill(1, 30, 100), restatement(2, -40)]
    assert lots(*events, method=method) == [(D(10), D(990)), (D(30), D(2970))]


@pytest.mark.parametrize("method", METHODS)
def test_a_restatement_without_an_amount_fills_nothing(method: str) -> None:
    frame = postings(
        posting(1, "AAA", "10", kind="transfer"),
        posting(2, "AAA", "0", kind="basis_restatement", cost_currency="USD"),
    )
    matched = match_postings(frame, EXCHANGES, {"a": method})  # type: ignore[dict-item]
    assert matched.lots["amount"].to_list() == [None]


@pytest.mark.parametrize("method", METHODS)
def test_an_amount_in_another_currency_makes_a_basis_unknown(method: str) -> None:
    for change in (restatement(1, 50, "EUR"), capital(1, 50, currency="EUR")):
        assert lots(fill(0, 10, 100), change, method=method) == [(D(10), None)]


def test_lots_of_two_currencies_have_no_average() -> None:
    events = [fill(0, 10, 100), fill(1, 10, 90, currency="EUR")]
    assert lots(*events, method="average") == [(D(10), None), (D(10), None)]
    assert lots(*events) == [(D(10), D(1000)), (D(10), D(900))]


def test_a_sale_in_another_currency_than_the_purchase_has_no_gain() -> None:
    assert realised(fill(0, 10, 100), fill(1, -10, 90, currency="EUR")) == [None]


def test_a_transfer_out_realises_nothing() -> None:
    assert realised(fill(0, 10, 100), transfer(1, -4, "1234")) == []


def test_a_short_sale_realises_when_it_is_covered() -> None:
    events = [fill(0, -10, 120, fee=D(1)), fill(800, 10, 100, fee=D(2))]
    [sale] = gains(events).iter_rows(named=True)
    assert (sale["proceeds"], sale["cost_basis"], sale["gain"]) == (1199, 1002, 197)
    assert (sale["is_short_sale"], sale["term"]) == (True, "short")


def test_a_trade_that_turns_a_position_over_is_split_with_its_fee() -> None:
    events = [fill(0, 10, 100), fill(1, -15, 120, fee=D(3))]
    assert realised(*events) == [D(198)]
    assert lots(*events) == [(D(-5), D(599))]
    back = fill(2, 8, 110)
    assert realised(*events, back) == [D(198), D(49)]
    assert lots(*events, back) == [(D(3), D(330))]


def test_short_lots_are_negative_in_the_table_of_lots() -> None:
    matched = book([fill(0, -10, 120)])
    frame = tax_lots(matched.lots, prices({"AAA": "100"}), securities("AAA"), day(1))
    [lot] = TaxLots.validate(frame).iter_rows(named=True)
    assert (lot["quantity"], lot["cost_basis"], lot["value"]) == (-10, -1200, -1000)
    assert (lot["unit_cost"], lot["unrealised_gain"]) == (120, 200)


def test_a_lot_without_a_price_or_a_basis_has_no_gain() -> None:
    matched = book([transfer(0, 1, None), fill(1, 1, 100, symbol="BBB")])
    known = prices({"AAA": "100", "BBB": None})
    frame = tax_lots(matched.lots, known, securities("AAA", "BBB"), day(1))
    assert frame["unrealised_gain"].to_list() == [None, None]
    assert frame["cost_basis"].to_list() == [None, 100]


def shares(event: BrokerEvent) -> str:
    """Return the posting of the shares of an event, which names the lot that they open."""
    frame = postings_of([event], source="test").filter(pl.col("commodity") == "AAA")
    return str(frame["posting_id"].item())


@pytest.mark.parametrize("method", [m for m in METHODS if m != "average"])
def test_a_chosen_lot_goes_before_the_method(method: str) -> None:
    bought = [fill(0, 10, 100), fill(1, 10, 150), fill(2, 10, 120), fill(3, 10, 110)]
    sale = fill(4, -10, 200, chosen_lot=shares(bought[2]))
    assert realised(*bought, sale, method=method) == [D(800)]


def test_what_a_chosen_lot_does_not_hold_comes_by_the_method() -> None:
    bought = [fill(0, 10, 100), fill(1, 10, 150), fill(2, 10, 120)]
    sale = fill(4, -15, 200, chosen_lot=shares(bought[1]))
    sold = gains([*bought, sale]).sort("acquired_on")
    assert sold["quantity"].to_list() == [5, 10]
    assert sold["gain"].to_list() == [500, 500]


def test_a_chosen_lot_of_another_security_or_account_is_no_lot() -> None:
    others = [fill(0, 10, 1, symbol="BBB"), fill(1, 10, 2, account_id="b")]
    other = postings_of(others, source="test").filter(pl.col("commodity").is_in(["AAA", "BBB"]))
    for name in [*other["posting_id"], "nothing"]:
        events = [*others, fill(2, 10, 100), fill(3, -10, 200, chosen_lot=name)]
        assert realised(*events) == [D(1000)]


def test_at_average_cost_a_chosen_lot_says_which_units_go_not_what_they_cost() -> None:
    bought = [fill(0, 10, 100), fill(1, 10, 150)]
    sale = fill(2, -10, 200, chosen_lot=shares(bought[1]))
    sold = gains([*bought, sale], "average")
    assert sold["gain"].to_list() == [D(750)]
    assert sold["acquired_on"].to_list() == [day(1)]


def test_accounts_have_methods_of_their_own() -> None:
    trades = [(10, 100), (10, 150), (-5, 200)]
    events = [
        fill(number, quantity, price, account_id=account, fill_id=f"{account}{number}")
        for account in "ab"
        for number, (quantity, price) in enumerate(trades)
    ]
    frame = postings_of(events, source="test")
    found = realised_gains(match_postings(frame, EXCHANGES, {"b": "lifo"}).matches)
    assert dict(found.select("account_id", "gain").iter_rows()) == {"a": 500, "b": 250}


def test_an_expiry_realises_the_premium() -> None:
    events = [fill(0, 1, 250), fill(1, -1, 0, kind="expiry")]
    assert realised(*events) == [D(-250)]


def test_a_split_before_the_market_opens_is_part_of_the_sale_that_day() -> None:
    events = [fill(0, 10, 100), split(1, 30), fill(1, -20, 30)]
    assert realised(*events) == [D(100)]
    assert lots(*events) == [(D(20), D(500))]
