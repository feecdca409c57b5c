"""Book against broker: every key of both sides, every differing field, exact tolerances."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.reconciliation import pairing
from ballast.reconciliation.compare import SEVERITY, blocked_accounts
from ballast.reconciliation.severity import EXPLANATION
from tests.ballast.builders import D, Row, cash, framewise, position
from tests.ballast.reconciliation.scenes import (
    answer,
    balance,
    holding,
    moving,
    outcomes,
    report,
    silence,
)

TEN = position("a", "AAA", "10", average_cost="50")
KEPT = position("a", "AAA", "10", cost_basis="500")
CASH = cash("a", "EUR", "1000")
SYMBOLS = st.sampled_from(["AAA", "BBB", "CCC", "DDD"])
whole_shares = st.dictionaries(SYMBOLS, st.integers(-5, 5).filter(bool))
money = st.decimals(-10000, 10000, places=2)


def test_what_agrees_is_reported_as_matched() -> None:
    found = report(
        [position("a", "AAA", "10", average_cost="50", value_base="450"), cash("a", "EUR", "5")],
        [holding("a", "AAA", "10", "50")],
        [balance("a", "EUR", "5")],
        [answer(equity="455")],
    )
    assert outcomes(found) == {
        ("AAA", "average_cost"): "matched",
        ("AAA", "quantity"): "matched",
        ("EUR", "cash"): "matched",
        ("account", "equity"): "matched",
    }
    assert set(found["severity"]) == {"none"}
    assert blocked_accounts(found) == {}


@pytest.mark.parametrize(
    ("outcome", "severity", "books", "holdings", "balances", "equity"),
    [
        ("missing_local", "critical", [], [holding("a", "AAA", "10")], [], None),
        ("missing_broker", "critical", [TEN], [], [], None),
        ("quantity_mismatch", "critical", [TEN], [holding("a", "AAA", "11")], [], None),
        ("cost_mismatch", "info", [TEN], [holding("a", "AAA", "10", "51")], [], None),
        ("cash_mismatch", "warning", [CASH], [], [balance("a", "EUR", "1002")], None),
        ("equity_mismatch", "warning", [CASH], [], [balance("a", "EUR", "1000")], "1002"),
        ("basis_mismatch", "info", [KEPT], [holding("a", "AAA", "10", cost_basis=D(501))], [], None),
        ("currency_mismatch", "critical", [TEN], [holding("a", "AAA", "10", currency="EUR")], [], None),
    ],
)  # fmt: skip
def test_each_discrepancy_is_reachable_with_its_severity(
    outcome: str,
    severity: str,
    books: list[Row],
    holdings: list[Row],
    balances: list[Row],
    equity: str | None,
) -> None:
    found = report(books, holdings, balances, [answer(equity=equity)])
    differences = found.filter(pl.col("outcome") != "matched")
    assert differences.select("outcome", "severity").rows() == [(outcome, severity)]
    assert SEVERITY[outcome] == severity


@framewise
@given(whole_shares, whole_shares)
def test_the_compared_keys_are_the_union_of_both_sides(
    local: dict[str, int], broker: dict[str, int]
) -> None:
    found = report(
        [position("a", symbol, str(n)) for symbol, n in local.items()],
        [holding("a", symbol, str(n)) for symbol, n in broker.items()],
    )
    for symbol in set(local) | set(broker):
        expected = (
            "missing_local" if symbol not in local
            else "missing_broker" if symbol not in broker
            else "matched" if local[symbol] == broker[symbol]
            else "quantity_mismatch"
        )  # fmt: skip
        assert outcomes(found)[symbol, "quantity"] == expected
    assert found.filter(field="quantity").height == len(set(local) | set(broker))
    assert set(found["item"]) == set(local) | set(broker)


@framewise
@given(whole_shares, whole_shares)
def test_the_difference_is_broker_minus_local_with_a_missing_side_as_nothing_held(
    local: dict[str, int], broker: dict[str, int]
) -> None:
    found = report(
        [position("a", symbol, str(n)) for symbol, n in local.items()],
        [holding("a", symbol, str(n)) for symbol, n in broker.items()],
    )
    for row in found.filter(field="quantity").iter_rows(named=True):
        assert row["difference"] == broker.get(row["item"], 0) - local.get(row["item"], 0)
        assert row["local_value"] == local.get(row["item"])
        assert row["broker_value"] == broker.get(row["item"])


def test_a_quantity_mismatch_does_not_hide_a_cost_mismatch() -> None:
    found = report(
        [position("a", "AAA", "10", average_cost="50")], [holding("a", "AAA", "12", "60")]
    )
    assert outcomes(found) == {
        ("AAA", "average_cost"): "cost_mismatch",
        ("AAA", "quantity"): "quantity_mismatch",
    }


def test_no_differing_field_hides_another() -> None:
    found = report(
        [position("a", "AAA", "10", average_cost="50", cost_basis="500")],
        [holding("a", "AAA", "12", "60", cost_basis=D(720), currency="EUR")],
    )
    assert outcomes(found) == {
        ("AAA", "average_cost"): "cost_mismatch",
        ("AAA", "cost_basis"): "basis_mismatch",
        ("AAA", "currency"): "currency_mismatch",
        ("AAA", "quantity"): "quantity_mismatch",
    }


def test_a_currency_that_differs_is_told_by_name() -> None:
    found = report([TEN], [holding("a", "AAA", "10", currency="EUR")])
    (row,) = found.filter(field="currency").iter_rows(named=True)
    assert "books keep it in USD, the broker in EUR" in row["explanation"]
    assert row["local_value"] is row["broker_value"] is row["difference"] is None


def test_rows_of_one_position_in_two_currencies_have_no_average_and_no_basis() -> None:
    two = [
        holding("a", "AAA", "4", "50", cost_basis=D(200), currency=name) for name in ("USD", "EUR")
    ]
    found = report([position("a", "AAA", "8", average_cost="50", cost_basis="400")], two)
    assert outcomes(found) == {
        ("AAA", "currency"): "currency_mismatch",
        ("AAA", "quantity"): "matched",
    }
    assert "EUR and USD" in found.filter(field="currency")["explanation"][0]


def test_an_unknown_basis_is_not_compared_on_either_side() -> None:
    for known, reported in ((None, D(500)), ("500", None), (None, None)):
        found = report(
            [position("a", "AAA", "10", cost_basis=known)],
            [holding("a", "AAA", "10", cost_basis=reported)],
        )
        assert outcomes(found) == {("AAA", "quantity"): "matched"}


def test_a_matching_quantity_does_not_hide_differing_cash_and_equity() -> None:
    found = report(
        [position("a", "AAA", "1", value_base="100"), cash("a", "EUR", "50")],
        [holding("a", "AAA", "1")],
        [balance("a", "EUR", "60"), balance("a", "USD", "70")],
        [answer(equity="220")],
    )
    assert outcomes(found) == {
        ("AAA", "quantity"): "matched",
        ("EUR", "cash"): "cash_mismatch",
        ("USD", "cash"): "cash_mismatch",
        ("account", "equity"): "equity_mismatch",
    }


def test_an_unknown_average_is_not_compared_on_either_side() -> None:
    for known, reported in ((None, "50"), ("50", None)):
        found = report(
            [position("a", "AAA", "10", average_cost=known)], [holding("a", "AAA", "10", reported)]
        )
        assert outcomes(found) == {("AAA", "quantity"): "matched"}


def test_equity_of_opposite_signs_is_a_mismatch() -> None:
    found = report([cash("a", "EUR", "5")], [], [balance("a", "EUR", "5")], [answer(equity="-5")])
    assert outcomes(found)["account", "equity"] == "equity_mismatch"


def test_an_account_that_is_empty_in_the_books_only_is_an_equity_mismatch() -> None:
    assert outcomes(report(answers=[answer(equity="1000")])) == {
        ("account", "equity"): "equity_mismatch"
    }
    assert outcomes(report(answers=[answer(equity="0")])) == {("account", "equity"): "matched"}
    assert report(answers=[answer(equity="0")])["local_value"].to_list() == [D(0)]


def test_an_unknown_equity_is_not_compared_as_if_it_were_zero() -> None:
    books = [position("a", "AAA", "1", value_base=None), cash("a", "EUR", "5")]
    found = report(
        books, [holding("a", "AAA", "1")], [balance("a", "EUR", "5")], [answer(equity="5")]
    )
    assert ("account", "equity") not in outcomes(found)


def test_a_currency_that_one_side_does_not_name_is_a_balance_of_zero() -> None:
    assert outcomes(report([cash("a", "EUR", "2")])) == {("EUR", "cash"): "cash_mismatch"}
    assert outcomes(report([], [], [balance("a", "USD", "-2")])) == {
        ("USD", "cash"): "cash_mismatch"
    }
    assert outcomes(report([cash("a", "EUR", "1")])) == {("EUR", "cash"): "matched"}


lots = st.lists(
    st.tuples(st.integers(-20, 20).filter(bool), st.decimals("0.01", 900, places=2)),
    min_size=1, max_size=4,
)  # fmt: skip


@framewise
@given(lots)
@example([(5, D(3)), (-5, D(4))])
def test_several_rows_of_one_position_compare_as_their_net(rows: list[tuple[int, Decimal]]) -> None:
    net = sum(quantity for quantity, _ in rows)
    found = report(
        [position("a", "AAA", str(net), average_cost="1")] if net else [],
        [holding("a", "AAA", str(quantity), str(price)) for quantity, price in rows],
    )
    if net == 0:
        assert found.is_empty()
        return
    assert outcomes(found)["AAA", "quantity"] == "matched"
    average = sum(quantity * Fraction(price) for quantity, price in rows) / net
    reported = found.filter(field="average_cost")["broker_value"][0]
    assert abs(Fraction(reported) - average) <= Fraction(1, 10**8)


def test_rows_with_the_same_average_net_to_exactly_that_average() -> None:
    found = report(
        [position("a", "AAA", "10", average_cost="33.33333333")],
        [holding("a", "AAA", "3", "33.33333333"), holding("a", "AAA", "7", "33.33333333")],
        average_cost_tolerance="0",
    )
    assert set(found["outcome"]) == {"matched"}


def test_a_row_of_zero_shares_is_nothing_held() -> None:
    found = report([position("a", "AAA", "10", average_cost="50")], [holding("a", "AAA", "0", "0")])
    assert outcomes(found) == {("AAA", "quantity"): "missing_broker"}


def test_several_balances_of_one_currency_compare_as_their_net() -> None:
    found = report(
        [cash("a", "EUR", "30")], [], [balance("a", "EUR", "50"), balance("a", "EUR", "-20")]
    )
    assert outcomes(found) == {("EUR", "cash"): "matched"}


books = st.tuples(
    whole_shares, whole_shares, st.dictionaries(st.sampled_from(["EUR", "USD"]), money)
)


def sides(account: str, scene: tuple, sign: int = 1) -> tuple[list[Row], list[Row], list[Row]]:
    local, broker, balances = scene
    return (
        [position(account, symbol, str(sign * n), average_cost="5") for symbol, n in local.items()],
        [holding(account, symbol, str(sign * n), "6") for symbol, n in broker.items()],
        [balance(account, currency, str(sign * n)) for currency, n in balances.items()],
    )


@framewise
@given(books)
def test_a_short_book_is_the_mirror_of_a_long_one(scene: tuple) -> None:
    long, short = (report(*sides("a", scene, sign)) for sign in (1, -1))
    same = ["item", "field", "outcome", "severity", "tolerance"]
    assert_frame_equal(long.select(same), short.select(same))
    mirrored = ~pl.col("field").is_in(["average_cost", "currency"])
    assert long.filter(mirrored)["difference"].to_list() == [
        -value for value in short.filter(mirrored)["difference"]
    ]


@framewise
@given(books, books, st.booleans())
def test_one_account_never_changes_the_rows_of_another(
    one: tuple, other: tuple, asked: bool
) -> None:
    alone = report(*sides("a", one), answers=[answer("a")])
    both = [mine + yours for mine, yours in zip(sides("a", one), sides("b", other), strict=True)]
    answers = [answer("a"), answer("b", "17") if asked else silence("b")]
    together = report(
        *both, answers, [moving("b", "AAA"), moving("b", "EUR")],
        overrides={"b": {"quantity_tolerance": "3", "cash_tolerance": "9"}},
    )  # fmt: skip
    assert_frame_equal(together.filter(account_id="a"), alone)


@framewise
@given(books, books, st.data())
def test_row_order_is_irrelevant(one: tuple, other: tuple, data: st.DataObject) -> None:
    both = [mine + yours for mine, yours in zip(sides("a", one), sides("b", other), strict=True)]
    answers = [answer("a", "5"), answer("b")]
    shuffled = [data.draw(st.permutations(rows)) for rows in (*both, answers)]
    assert_frame_equal(report(*shuffled), report(*both, answers))


@framewise
@given(books, st.integers(1, 3))
def test_an_answer_that_is_given_twice_changes_nothing(scene: tuple, times: int) -> None:
    told, under_way = [answer("a", "5")], [moving("a", "AAA")]
    assert_frame_equal(
        report(*sides("a", scene), told * times, under_way * times),
        report(*sides("a", scene), told, under_way),
    )


@framewise
@given(books)
def test_books_that_say_what_the_broker_says_agree_in_everything(scene: tuple) -> None:
    _, broker, balances = scene
    held = [holding("a", symbol, str(n), "6", cost_basis=D(6 * n)) for symbol, n in broker.items()]
    kept = [
        position("a", symbol, str(n), average_cost="6", cost_basis=str(6 * n))
        for symbol, n in broker.items()
    ]
    kept += [cash("a", currency, str(n)) for currency, n in balances.items()]
    found = report(kept, held, [balance("a", currency, str(n)) for currency, n in balances.items()])
    assert set(found["outcome"]) <= {"matched"}
    assert found.height == 4 * len(broker) + len(balances)
    assert blocked_accounts(found) == {}


def test_a_large_book_is_compared_as_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = (
        [
            position("a", f"S{n}", str(n + 1), average_cost="5", cost_basis=None if n % 5 else "9")
            for n in range(60)
        ],
        [
            holding("a", f"S{n}", str(n + 1 + (n % 17 == 0)), "5", currency="EUR" if n == 7 else "USD")
            for n in range(3, 63)
        ],
    )  # fmt: skip
    small = report(*scene)
    monkeypatch.setattr(pairing, "_least_worth_compiling", lambda: 0)
    assert_frame_equal(report(*scene), small)
    assert len(set(small["outcome"])) == 5


def test_every_outcome_has_a_severity_and_a_meaning() -> None:
    assert set(SEVERITY) == set(EXPLANATION)
    assert set(SEVERITY.values()) == {"none", "info", "warning", "critical"}


def test_every_row_tells_a_person_what_it_means() -> None:
    found = report(*sides("a", ({"AAA": 1}, {"AAA": 2, "BBB": 3}, {"EUR": D(9)})))
    assert found["explanation"].str.len_chars().min() > 10
