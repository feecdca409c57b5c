"""What cannot be judged: brokers that did not answer, answered for another day, or know more than the books."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.reconciliation.compare import BLOCKING_OUTCOMES, SEVERITY, blocked_accounts
from tests.ballast.builders import D, Row, cash, day, framewise, position
from tests.ballast.reconciliation.scenes import (
    answer,
    balance,
    holding,
    moving,
    outcomes,
    report,
    silence,
)

BOOKS = [position("a", "AAA", "10", average_cost="50"), cash("a", "EUR", "5")]
SAME = [holding("a", "AAA", "10", "50")]
SAME_CASH = [balance("a", "EUR", "5")]


@framewise
@given(st.booleans(), st.booleans(), st.booleans())
def test_an_account_that_could_not_be_asked_has_one_row_and_no_other(
    has_books: bool, has_holdings: bool, has_balances: bool
) -> None:
    found = report(
        BOOKS * has_books, SAME * has_holdings, SAME_CASH * has_balances, [silence("a", "time-out")]
    )
    (row,) = found.iter_rows(named=True)
    assert (row["item"], row["field"]) == ("account", "availability")
    assert (row["outcome"], row["severity"]) == ("unavailable", "critical")
    assert row["local_value"] is row["broker_value"] is row["difference"] is None
    assert "time-out" in row["explanation"]


def test_unavailable_never_reads_as_flat() -> None:
    """A broker that answers `nothing` and one that does not answer are different findings."""
    flat, unknown = report(BOOKS), report(BOOKS, answers=[silence("a")])
    assert "missing_broker" in flat["outcome"]
    assert unknown["outcome"].to_list() == ["unavailable"]
    assert "does not mean that the account is empty" in unknown["explanation"][0]
    assert "no reason given" in unknown["explanation"][0]


@pytest.mark.parametrize(
    "side", [{"books": BOOKS}, {"holdings": SAME}, {"balances": SAME_CASH}], ids=lambda side: next(iter(side))
)  # fmt: skip
def test_an_account_without_any_answer_is_unavailable_on_whichever_side_it_occurs(
    side: dict,
) -> None:
    found = report(**side, answers=[])
    assert outcomes(found) == {("account", "availability"): "unavailable"}
    assert "not asked" in found["explanation"][0]
    assert set(blocked_accounts(found)) == {"a"}


def test_a_silent_broker_leaves_the_other_accounts_compared() -> None:
    books = [*BOOKS, cash("b", "EUR", "7")]
    found = report(books, [], [balance("b", "EUR", "7")], [silence("a"), answer("b")])
    assert outcomes(found, "a") == {("account", "availability"): "unavailable"}
    assert outcomes(found, "b") == {("EUR", "cash"): "matched"}
    assert set(blocked_accounts(found)) == {"a"}


@pytest.mark.parametrize(
    ("in_flight", "is_inconclusive"),
    [
        ([], set()),
        ([moving("a", "AAA")], {"AAA", "account"}),
        ([moving("a", "EUR")], {"EUR", "account"}),
        ([moving("a", "AAA"), moving("a", "EUR")], {"AAA", "EUR", "account"}),
        ([moving("a", "ZZZ")], {"account"}),
        ([moving("b", "AAA"), moving("b", "EUR")], set()),
    ],
)
def test_a_difference_is_inconclusive_only_where_an_execution_is_on_its_way(
    in_flight: list[Row], is_inconclusive: set[str]
) -> None:
    found = report(
        [position("a", "AAA", "10", average_cost="50", value_base="500"), cash("a", "EUR", "5")],
        [holding("a", "AAA", "12", "60"), holding("a", "BBB", "1")],
        [balance("a", "EUR", "9")],
        [answer(equity="800")],
        in_flight,
    )
    settled = {
        ("AAA", "quantity"): "quantity_mismatch",
        ("AAA", "average_cost"): "cost_mismatch",
        ("BBB", "quantity"): "missing_local",
        ("EUR", "cash"): "cash_mismatch",
        ("account", "equity"): "equity_mismatch",
    }
    assert outcomes(found) == {
        (item, field): "inconclusive" if item in is_inconclusive else outcome
        for (item, field), outcome in settled.items()
    }
    assert SEVERITY["inconclusive"] == "warning"


def test_what_waits_for_an_execution_says_for_which() -> None:
    executions = [moving("a", "AAA", "order 8"), moving("a", "AAA", "order 7")]
    found = report(BOOKS, [holding("a", "AAA", "12", "50")], SAME_CASH, in_flight=executions)
    (told,) = found.filter(outcome="inconclusive")["explanation"]
    assert "order 7, order 8" in told


def test_beside_an_execution_on_its_way_what_agrees_still_agrees() -> None:
    found = report(BOOKS, SAME, SAME_CASH, in_flight=[moving("a", "AAA"), moving("a", "EUR")])
    assert set(found["outcome"]) == {"matched"}
    assert blocked_accounts(found) == {}


def test_an_execution_that_is_told_twice_changes_nothing() -> None:
    once = report(BOOKS, [], [balance("a", "EUR", "9")], in_flight=[moving("a", "EUR")])
    twice = report(BOOKS, [], [balance("a", "EUR", "9")], in_flight=[moving("a", "EUR")] * 2)
    assert_frame_equal(once, twice)


@pytest.mark.parametrize("other_day", [day(-1), day(1)])
def test_an_answer_as_of_another_session_is_inconclusive_even_where_it_agrees(other_day) -> None:
    found = report(BOOKS, SAME, SAME_CASH, [answer(equity="7", asked_as_of=other_day)])
    assert set(found["outcome"]) == {"inconclusive"}
    (reason,) = found.filter(field="availability")["explanation"]
    assert str(other_day) in reason
    assert str(day(0)) in reason
    assert found.filter(item="AAA", field="quantity")["broker_value"].to_list() == [D(10)]


def test_an_empty_answer_as_of_another_session_is_not_silently_clean() -> None:
    found = report(answers=[answer(asked_as_of=day(-1))])
    assert outcomes(found) == {("account", "availability"): "inconclusive"}
    assert set(blocked_accounts(found)) == {"a"}


@pytest.mark.parametrize("outcome", sorted(SEVERITY))
def test_critical_inconclusive_and_unavailable_stop_an_account_and_nothing_else_does(
    outcome: str,
) -> None:
    row = {"account_id": "a", "item": "AAA", "outcome": outcome, "severity": SEVERITY[outcome]}
    stops = SEVERITY[outcome] == "critical" or outcome in BLOCKING_OUTCOMES
    assert blocked_accounts(pl.DataFrame([row])) == ({"a": f"AAA {outcome}"} if stops else {})


def test_the_reason_of_a_stop_names_everything_once() -> None:
    found = report(
        [position("a", "AAA", "1"), position("b", "CCC", "1")],
        [holding("a", "BBB", "2")],
        answers=[answer("a"), silence("b")],
    )
    assert blocked_accounts(found) == {
        "a": "AAA missing_broker, BBB missing_local",
        "b": "account unavailable",
    }


def test_nothing_on_any_side_is_an_empty_report() -> None:
    assert report(answers=[]).is_empty()
