"""The snapshot: sums of postings as of a session, valued in two currencies, against plain Python sums."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.books.lots.book import match_postings, tax_lots
from ballast.books.positions import (
    account_values,
    known_postings,
    positions_snapshot,
    quantities,
)
from ballast.calendars import end_of_session
from tests.ballast.builders import (
    D,
    Row,
    at,
    day,
    framewise,
    posting,
    postings,
    prices,
    rates,
    securities,
)

RATES = rates({"USD": "1.1", "HKD": "9"})


def buy(number: int, symbol: str, quantity: str, price: str, **more: Any) -> Row:
    fields = {"unit_cost": D(price), "cost_currency": "USD"}
    return posting(number, symbol, quantity, **(fields | more))


def snapshot(*rows: Row, session: int = 0, **parts: Any) -> pl.DataFrame:
    """Take the snapshot of accounts a (EUR) and b (USD) that may hold AAA and BBB, in USD."""
    defaults: dict[str, Any] = {
        "postings": postings(*rows),
        "securities": securities("AAA", "BBB"),
        "prices": prices({"AAA": "50", "BBB": "8"}),
        "rates": RATES,
        "base_currencies": {"a": "EUR", "b": "USD"},
        "session": day(session),
    }
    given = defaults | parts
    listed = dict(given["securities"].select("symbol", "exchange").iter_rows())
    matched = match_postings(known_postings(given["postings"], given["session"]), listed, {})
    lots = tax_lots(matched.lots, given["prices"], given["securities"], given["session"])
    return positions_snapshot(lots=lots, **given)


def position(frame: pl.DataFrame, commodity: str, account: str = "a") -> Row:
    rows = frame.filter(pl.col("account_id") == account, pl.col("commodity") == commodity)
    return rows.row(0, named=True)


def held(frame: pl.DataFrame) -> dict[tuple[str, str], Decimal]:
    return {(a, c): q for a, c, q in frame.select("account_id", "commodity", "quantity").rows()}


movements = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["AAA", "BBB", "EUR", "USD"]),
        st.decimals(-1000, 1000, places=8),
        st.integers(0, 3),
    ),
    max_size=15,
)


def rows_of(moves: list[tuple[str, str, Decimal, int]]) -> list[Row]:
    return [
        buy(number, commodity, str(quantity), "10", account_id=account, occurred_at=at(on, number))
        for number, (account, commodity, quantity, on) in enumerate(moves)
    ]


@framewise
@given(movements, st.integers(0, 3))
def test_a_position_is_the_sum_of_its_postings_up_to_the_session(moves: list, on: int) -> None:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for account, commodity, quantity, happened in moves:
        if happened <= on:
            sums[account, commodity] += quantity
    expected = {key: quantity for key, quantity in sums.items() if quantity != 0}
    assert held(snapshot(*rows_of(moves), session=on)) == expected


@framewise
@given(movements, st.data())
def test_row_order_is_irrelevant(moves: list, data: st.DataObject) -> None:
    rows = rows_of(moves)
    shuffled = data.draw(st.permutations(rows))
    assert_frame_equal(snapshot(*shuffled, session=3), snapshot(*rows, session=3), check_exact=True)


@framewise
@given(movements, movements)
def test_later_postings_never_change_an_earlier_snapshot(moves: list, later: list) -> None:
    known = rows_of(moves)
    unknown = [
        row | {"posting_id": f"later{row['posting_id']}", "occurred_at": at(4)}
        for row in rows_of(later)
    ]
    assert_frame_equal(snapshot(*known, *unknown, session=3), snapshot(*known, session=3))


@framewise
@given(movements)
def test_values_follow_from_quantity_price_and_rate(moves: list) -> None:
    price_of = {"AAA": Fraction(50), "BBB": Fraction(8), "EUR": Fraction(1), "USD": Fraction(1)}
    rate_of = {(a, b): Fraction(rate) for a, b, rate, _ in RATES.iter_rows()}
    for row in snapshot(*rows_of(moves), session=3).iter_rows(named=True):
        value = Fraction(row["quantity"]) * price_of[row["commodity"]]
        rate = rate_of[row["currency"], row["base_currency"]]
        assert Fraction(row["value"]) == value
        assert abs(Fraction(row["value_base"]) - value * rate) <= Fraction(1, 10**8)


@framewise
@given(movements)
def test_weights_of_an_account_add_to_one_or_are_unknown(moves: list) -> None:
    frame = snapshot(*rows_of(moves), session=3)
    for _, book in frame.group_by("account_id"):
        total = sum(book["value_base"])
        if total > 0:
            noise = 1e-12 * (1 + sum(abs(weight) for weight in book["weight"]))
            assert sum(book["weight"]) == pytest.approx(1.0, abs=noise)
        else:
            assert book["weight"].null_count() == book.height


def test_an_event_at_midnight_after_the_session_belongs_to_the_next_one() -> None:
    midnight = end_of_session(day(0))
    rows = [
        posting(1, "EUR", "1", occurred_at=midnight - timedelta(microseconds=1)),
        posting(2, "EUR", "10", occurred_at=midnight),
    ]
    assert known_postings(postings(*rows), day(0))["quantity"].to_list() == [D(1)]
    assert held(snapshot(*rows)) == {("a", "EUR"): D(1)}
    assert held(snapshot(*rows, session=1)) == {("a", "EUR"): D(11)}


def test_what_sums_to_zero_is_not_held() -> None:
    assert quantities(postings(posting(1, "AAA", "5"), posting(2, "AAA", "-5"))).is_empty()


def test_cash_is_kept_per_currency_and_may_be_negative() -> None:
    frame = snapshot(posting(1, "EUR", "100"), posting(2, "USD", "-11"))
    assert position(frame, "EUR")["value_base"] == D(100)
    assert position(frame, "USD")["value_base"] == D("-9.99999999999").quantize(D("0.00000001"))
    assert frame["is_cash"].all()
    assert frame["average_cost"].null_count() == frame["cost_basis"].null_count() == 2


def test_cost_and_gain_include_the_fee_of_the_purchase() -> None:
    rows = [
        buy(1, "AAA", "10", "40"),
        posting(2, "USD", "-2", kind="commission", transaction_id="t0001"),
    ]
    owned = position(snapshot(*rows), "AAA")
    assert (owned["cost_basis"], owned["average_cost"]) == (D(402), D("40.2"))
    assert (owned["value"], owned["unrealised_gain"]) == (D(500), D(98))


def test_a_fee_in_another_currency_is_booked_but_is_no_part_of_the_basis() -> None:
    rows = [
        buy(1, "AAA", "10", "40"),
        posting(2, "EUR", "-2", kind="commission", transaction_id="t0001"),
        posting(3, "USD", "-3", kind="commission", transaction_id="t0001"),
    ]
    frame = snapshot(*rows)
    assert position(frame, "AAA")["cost_basis"] == D(403)
    assert position(frame, "EUR")["quantity"] == D(-2)


def test_the_fee_of_another_transaction_is_no_part_of_the_basis() -> None:
    rows = [buy(1, "AAA", "10", "40"), posting(2, "USD", "-2", kind="commission")]
    assert position(snapshot(*rows), "AAA")["cost_basis"] == D(400)


def test_changes_count_in_the_order_in_which_they_happened() -> None:
    rows = [
        buy(1, "AAA", "15", "80", occurred_at=at(0, 15)),
        buy(2, "AAA", "10", "40", occurred_at=at(0, 9)),
        buy(3, "AAA", "-5", "50", occurred_at=at(0, 12)),
    ]
    assert position(snapshot(*rows), "AAA")["average_cost"] == D(70)


def test_a_split_posting_keeps_the_basis() -> None:
    rows = [buy(1, "AAA", "10", "40"), posting(2, "AAA", "30", kind="split")]
    owned = position(snapshot(*rows), "AAA")
    assert (owned["quantity"], owned["cost_basis"], owned["average_cost"]) == (D(40), D(400), D(10))


def test_a_transfer_without_price_has_an_unknown_basis_and_a_known_value() -> None:
    owned = position(snapshot(posting(1, "AAA", "10", kind="transfer")), "AAA")
    assert owned["cost_basis"] is owned["average_cost"] is owned["unrealised_gain"] is None
    assert owned["value"] == D(500)


def test_a_cost_in_another_currency_than_the_price_is_unknown_and_so_is_the_gain() -> None:
    shares = buy(1, "AAA", "10", "40", cost_currency="EUR")
    owned = position(snapshot(shares), "AAA")
    assert (owned["currency"], owned["value"]) == ("USD", D(500))
    assert owned["cost_basis"] is owned["average_cost"] is owned["unrealised_gain"] is None
    # As of a part, so of the whole.
    mixed = position(snapshot(shares, buy(2, "AAA", "10", "40")), "AAA")
    assert mixed["cost_basis"] is mixed["average_cost"] is mixed["unrealised_gain"] is None


def test_a_reversed_purchase_leaves_the_average_as_if_it_had_never_been() -> None:
    rows = [
        buy(1, "AAA", "10", "40"),
        buy(2, "AAA", "10", "90"),
        buy(3, "AAA", "-10", "90", reverses="p0002"),
    ]
    owned = position(snapshot(*rows), "AAA")
    assert (owned["quantity"], owned["average_cost"]) == (D(10), D(40))


def test_a_short_position_has_negative_value_and_gains_when_the_price_falls() -> None:
    owned = position(snapshot(buy(1, "AAA", "-10", "60"), posting(2, "USD", "600")), "AAA")
    assert (owned["value"], owned["cost_basis"]) == (D(-500), D(-600))
    assert owned["unrealised_gain"] == D(100)
    assert owned["weight"] == pytest.approx(-5.0)


def test_an_unknown_price_leaves_value_and_every_weight_of_its_account_unknown() -> None:
    rows = [
        buy(1, "AAA", "1", "50"),
        buy(2, "BBB", "1", "8"),
        posting(3, "USD", "5", account_id="b"),
    ]
    frame = snapshot(*rows, prices=prices({"AAA": "50", "BBB": None}))
    unknown = position(frame, "BBB")
    assert unknown["value"] is unknown["value_base"] is unknown["unrealised_gain"] is None
    assert unknown["is_price_stale"]
    assert position(frame, "AAA")["value"] == D(50)
    assert position(frame, "AAA")["weight"] is None
    assert position(frame, "USD", "b")["weight"] == 1.0


def test_a_security_that_the_prices_do_not_list_is_unknown_and_not_an_error() -> None:
    unknown = position(snapshot(buy(1, "BBB", "1", "8"), prices=prices({"AAA": "50"})), "BBB")
    assert (unknown["currency"], unknown["value"], unknown["cost_basis"]) == ("USD", None, D(8))


def test_a_missing_rate_leaves_the_base_value_unknown_and_never_assumes_one() -> None:
    frame = snapshot(posting(1, "JPY", "1000"), posting(2, "EUR", "5"))
    assert position(frame, "JPY")["value"] == D(1000)
    assert position(frame, "JPY")["value_base"] is None
    assert frame["weight"].null_count() == 2


def test_an_account_that_is_not_configured_is_left_out() -> None:
    assert snapshot(posting(1, "EUR", "5", account_id="c")).is_empty()


def test_an_empty_ledger_is_an_empty_snapshot() -> None:
    assert snapshot().is_empty()


def test_the_average_cost_is_kept_per_account() -> None:
    frame = snapshot(buy(1, "AAA", "10", "40"), buy(2, "AAA", "5", "60", account_id="b"))
    assert position(frame, "AAA", "a")["average_cost"] == D(40)
    assert position(frame, "AAA", "b")["average_cost"] == D(60)


def test_account_values_add_up_and_tell_cash_apart() -> None:
    rows = [buy(1, "AAA", "2", "40"), posting(2, "EUR", "7"), posting(3, "USD", "11")]
    (values,) = account_values(snapshot(*rows)).iter_rows(named=True)
    assert values["base_currency"] == "EUR"
    assert abs(values["value_base"] - D("107.90909091")) <= D("0.00000002")
    assert abs(values["cash_base"] - D(17)) <= D("0.00000002")


def test_one_unknown_position_makes_the_account_value_unknown_but_not_its_cash() -> None:
    rows = [buy(1, "BBB", "1", "8"), posting(2, "EUR", "7")]
    (values,) = account_values(snapshot(*rows, prices=prices({"BBB": None}))).iter_rows(named=True)
    assert values["value_base"] is None
    assert values["cash_base"] == D(7)


def test_unknown_cash_is_unknown_and_not_zero() -> None:
    (values,) = account_values(snapshot(posting(1, "JPY", "7"))).iter_rows(named=True)
    assert values["cash_base"] is None
