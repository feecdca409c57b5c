"""How far book and broker may differ: exact at the boundary, symmetric, and blind to the sign."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ballast.builders import D, cash, framewise, position
from tests.ballast.reconciliation.scenes import answer, balance, holding, outcomes, report

money = st.decimals(-10000, 10000, places=2)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize(("gap", "matches"), [("0.5", True), ("0.50000001", False)])
def test_the_quantity_tolerance_is_exact_at_its_boundary_in_both_directions(
    sign: int, direction: int, gap: str, matches: bool
) -> None:
    local, broker = D(10) * sign, D(10) * sign + D(gap) * direction
    found = report(
        [position("a", "AAA", str(local))], [holding("a", "AAA", str(broker))],
        quantity_tolerance="0.5",
    )  # fmt: skip
    assert (outcomes(found)["AAA", "quantity"] == "matched") == matches


@pytest.mark.parametrize(("gap", "matches"), [("1.00", True), ("1.00000001", False)])
@pytest.mark.parametrize("local", ["100", "0", "-0.5", "-100"])
@pytest.mark.parametrize("direction", [1, -1])
def test_the_cash_tolerance_is_exact_at_its_boundary_whatever_the_sign_of_the_balance(
    local: str, direction: int, gap: str, matches: bool
) -> None:
    broker = D(local) + direction * D(gap)
    found = report([cash("a", "EUR", local)], [], [balance("a", "EUR", str(broker))])
    assert (outcomes(found)["EUR", "cash"] == "matched") == matches


@pytest.mark.parametrize(
    ("other", "matches"), [("9999", True), ("9998.99999999", False), ("10000", True)]
)
@pytest.mark.parametrize("swapped", [False, True])
def test_the_cost_tolerance_is_relative_to_the_larger_side_and_symmetric(
    other: str, matches: bool, swapped: bool
) -> None:
    local, broker = ("10000", other) if not swapped else (other, "10000")
    found = report(
        [position("a", "AAA", "1", average_cost=local)], [holding("a", "AAA", "1", broker)]
    )
    assert (outcomes(found)["AAA", "average_cost"] == "matched") == matches


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize(("other", "matches"), [("999", True), ("998.99999999", False)])
@pytest.mark.parametrize("swapped", [False, True])
def test_the_equity_tolerance_holds_for_negative_equity_as_for_positive(
    sign: str, other: str, matches: bool, swapped: bool
) -> None:
    local, broker = (sign + "1000", sign + other)[:: -1 if swapped else 1]
    found = report(
        [cash("a", "EUR", local)], [], [balance("a", "EUR", local)], [answer(equity=broker)]
    )
    assert (outcomes(found)["account", "equity"] == "matched") == matches


def test_a_holding_within_the_tolerance_of_nothing_is_no_discrepancy() -> None:
    tolerance = {"quantity_tolerance": "0.01"}
    assert outcomes(report([position("a", "AAA", "0.01")], **tolerance)) == {
        ("AAA", "quantity"): "matched"
    }
    assert outcomes(report([], [holding("a", "AAA", "-0.02")], **tolerance)) == {
        ("AAA", "quantity"): "missing_local"
    }


@framewise
@given(money, money, money)
def test_severity_never_falls_as_the_gap_grows(
    local: Decimal, one: Decimal, other: Decimal
) -> None:
    rank = {"none": 0, "info": 1, "warning": 2, "critical": 3}
    books = [position("a", "AAA", str(local)), cash("a", "EUR", str(local))]
    severities: list[dict[str, int]] = []
    for value in sorted((one, other), key=lambda value: abs(value - local)):
        found = report(
            books, [holding("a", "AAA", str(value))], [balance("a", "EUR", str(value))],
            quantity_tolerance="0.5",
        )  # fmt: skip
        severities.append(
            {row["field"]: rank[row["severity"]] for row in found.iter_rows(named=True)}
        )
    near, far = severities
    assert all(near.get(field, 0) <= far.get(field, 0) for field in ("quantity", "cash"))


@framewise
@given(money, money, st.decimals(0, 20000, places=2), st.decimals(0, 20000, places=2))
def test_a_wider_tolerance_never_finds_more(
    local: Decimal, broker: Decimal, one: Decimal, other: Decimal
) -> None:
    narrow, wide = (
        report([cash("a", "EUR", str(local))], [], [balance("a", "EUR", str(broker))], cash_tolerance=str(tolerance))
        for tolerance in sorted((one, other))
    )  # fmt: skip
    assert outcomes(wide)["EUR", "cash"] in {outcomes(narrow)["EUR", "cash"], "matched"}


@framewise
@given(money, money, st.decimals(0, 100, places=2))
def test_a_tolerance_is_the_same_in_both_directions(
    one: Decimal, other: Decimal, tolerance: Decimal
) -> None:
    there, back = (
        report([cash("a", "EUR", str(a))], [], [balance("a", "EUR", str(b))], cash_tolerance=str(tolerance))
        for a, b in ((one, other), (other, one))
    )  # fmt: skip
    assert outcomes(there) == outcomes(back)
    assert (outcomes(there)["EUR", "cash"] == "matched") == (abs(one - other) <= tolerance)
