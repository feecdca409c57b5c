"""How far book and broker may differ: exact at the boundary, symmetric, and blind to the sign."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.errors import ConfigurationError
from ballast.reconciliation.compare import compare
from ballast.tables import BrokerAccounts, BrokerBalances, BrokerPositions, InFlight, Positions
from tests.ballast.builders import D, Row, cash, framewise, position, securities, table
from tests.ballast.reconciliation.scenes import (
    SESSION,
    answer,
    balance,
    holding,
    outcomes,
    report,
    settings_of,
    silence,
)

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


@pytest.mark.parametrize(("gap", "matches"), [("0.04", True), ("0.04000001", False)])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("direction", [1, -1])
def test_the_basis_tolerance_is_exact_at_its_boundary_in_both_directions(
    gap: str, matches: bool, sign: int, direction: int
) -> None:
    basis = D(500) * sign
    found = report(
        [position("a", "AAA", str(10 * sign), cost_basis=str(basis))],
        [holding("a", "AAA", str(10 * sign), cost_basis=basis + direction * D(gap))],
    )
    expected = "matched" if matches else "basis_mismatch"
    assert outcomes(found)["AAA", "cost_basis"] == expected


@pytest.mark.parametrize(
    ("lot_size", "tolerance", "gap", "matches"),
    [
        ("1", "0", "0.00000001", False),
        ("100", "0", "1", False),
        ("0.001", "0", "0.001", True),
        ("0.001", "0", "0.00100001", False),
        ("0.001", "0.5", "0.5", True),
        ("0.001", "0.5", "0.50000001", False),
        ("0.00000001", "0", "0.00000001", True),
    ],
)
@pytest.mark.parametrize("direction", [1, -1])
def test_one_unit_is_allowed_of_what_trades_in_fractions_and_nothing_of_whole_shares(
    lot_size: str, tolerance: str, gap: str, matches: bool, direction: int
) -> None:
    found = report(
        [position("a", "AAA", "10")],
        [holding("a", "AAA", str(10 + direction * D(gap)))],
        securities=securities("AAA", "BBB", lot_size=D(lot_size)),
        quantity_tolerance=tolerance,
    )
    (row,) = found.filter(field="quantity").iter_rows(named=True)
    assert row["outcome"] == ("matched" if matches else "quantity_mismatch")
    assert row["tolerance"] == max(D(tolerance), D(lot_size) if D(lot_size) < 1 else D(0))


def test_a_security_that_nobody_lists_is_compared_in_whole_units() -> None:
    books, holdings = [position("a", "AAA", "10")], [holding("a", "AAA", "10.001")]
    listed = securities("BBB", lot_size=D("0.001"))
    assert outcomes(report(books, holdings, securities=listed)) == {
        ("AAA", "quantity"): "quantity_mismatch"
    }


@pytest.mark.parametrize(
    ("broker", "gap", "matches"),
    [
        ("statements", "0.01", True),
        ("statements", "0.01000001", False),
        ("paper", "1.00", True),
        ("paper", "1.00000001", False),
    ],
)
def test_cash_that_a_statement_shows_is_compared_to_the_cent(
    broker: str, gap: str, matches: bool
) -> None:
    found = report(
        [cash("a", "EUR", "100")], [], [balance("a", "EUR", str(100 + D(gap)))],
        [answer("a", broker=broker)],
    )  # fmt: skip
    assert (outcomes(found)["EUR", "cash"] == "matched") == matches


def test_each_account_has_tolerances_of_its_own() -> None:
    found = report(
        [cash("a", "EUR", "100"), cash("b", "EUR", "100"), position("b", "AAA", "1")],
        [holding("b", "AAA", "3")],
        [balance("a", "EUR", "105"), balance("b", "EUR", "105")],
        [answer("a"), answer("b")],
        overrides={"b": {"cash_tolerance": "5", "quantity_tolerance": "2"}},
    )
    assert outcomes(found, "a") == {("EUR", "cash"): "cash_mismatch"}
    assert set(outcomes(found, "b").values()) == {"matched"}


@pytest.mark.parametrize(
    "side",
    [
        {"books": [cash("b", "EUR", "1")]},
        {"holdings": [holding("b", "AAA", "1")]},
        {"balances": [balance("b", "EUR", "1")]},
        {"answers": [answer("a"), silence("b")]},
    ],
    ids=lambda side: next(iter(side)),
)
def test_an_account_without_tolerances_is_refused_by_name(side: dict[str, list[Row]]) -> None:
    with pytest.raises(ConfigurationError, match=r"does not list \[b\] Add it"):
        compare(
            table(Positions, side.get("books", [])),
            table(BrokerPositions, side.get("holdings", [])),
            table(BrokerBalances, side.get("balances", [])),
            table(BrokerAccounts, side.get("answers", [answer("a")])),
            table(InFlight, []),
            {"a": settings_of()},
            SESSION,
        )


@pytest.mark.parametrize(
    ("amount", "severity"),
    [("1009.99", "warning"), ("1010", "critical"), ("990.01", "warning"), ("990", "critical")],
)
def test_cash_that_differs_by_a_hundredth_of_the_account_is_critical(
    amount: str, severity: str
) -> None:
    found = report(
        [cash("a", "EUR", "1000")], [], [balance("a", "EUR", amount)], [answer(equity="1000")]
    )
    (row,) = found.filter(field="cash").iter_rows(named=True)
    assert (row["outcome"], row["severity"]) == ("cash_mismatch", severity)


@pytest.mark.parametrize(("amount", "severity"), [("19.99", "warning"), ("20", "critical")])
def test_cash_in_another_currency_counts_at_the_rate_at_which_the_books_value_it(
    amount: str, severity: str
) -> None:
    books = [cash("a", "EUR", "995"), cash("a", "USD", "10", value_base="5")]
    found = report(
        books, [], [balance("a", "EUR", "995"), balance("a", "USD", str(10 + D(amount)))],
        [answer(equity="1000")],
    )  # fmt: skip
    assert found.filter(item="USD")["severity"].to_list() == [severity]


def test_cash_in_a_currency_without_a_rate_is_a_warning_of_unknown_size() -> None:
    found = report(
        [cash("a", "EUR", "1000")], [], [balance("a", "EUR", "1000"), balance("a", "USD", "500")]
    )
    assert found.filter(item="USD")["severity"].to_list() == ["warning"]


@pytest.mark.parametrize(
    ("equity", "severity"), [("991", "warning"), ("990", "warning"), ("-1000", "warning")]
)
def test_an_account_value_that_differs_alone_stops_nothing(equity: str, severity: str) -> None:
    found = report(
        [cash("a", "EUR", "1000")], [], [balance("a", "EUR", "1000")], [answer(equity=equity)]
    )
    assert found.filter(field="equity")["severity"].to_list() == [severity]


@framewise
@given(money, money, money, st.none() | money)
def test_severity_never_falls_as_the_gap_grows(
    local: Decimal, one: Decimal, other: Decimal, equity: Decimal | None
) -> None:
    rank = {"none": 0, "info": 1, "warning": 2, "critical": 3}
    amount = str(local)
    books = [
        position("a", "AAA", amount, value_base="0"),
        position("a", "BBB", "1", cost_basis=amount, value_base="0"),
        cash("a", "EUR", amount),
    ]
    severities: list[dict[str, int]] = []
    # Further away on the same side: as wide a gap may be a smaller share of the larger side on the other one.
    nearer = sorted((local + abs(one), local + abs(other)))
    for value in nearer:
        found = report(
            books,
            [holding("a", "AAA", str(value)), holding("a", "BBB", "1", cost_basis=value)],
            [balance("a", "EUR", str(value))],
            [answer(equity=None if equity is None else str(equity))],
            quantity_tolerance="0.5",
        )
        severities.append(
            {
                row["item"] + row["field"]: rank[row["severity"]]
                for row in found.iter_rows(named=True)
            }
        )
    near, far = severities
    fields = ("AAAquantity", "BBBcost_basis", "EURcash")
    assert all(near.get(field, 0) <= far.get(field, 0) for field in fields)


@framewise
@given(st.decimals(0, 10000, places=2), money, money)
def test_severity_of_the_account_value_never_falls_as_the_gap_grows(
    local: Decimal, one: Decimal, other: Decimal
) -> None:
    rank = {"none": 0, "info": 1, "warning": 2, "critical": 3}
    for direction in (1, -1):
        ranks = []
        for gap in sorted((abs(one), abs(other))):
            told = [answer(equity=str(local + direction * gap))]
            found = report(
                [cash("a", "EUR", str(local))], [], [balance("a", "EUR", str(local))], told
            )
            ranks.append(rank[found.filter(field="equity")["severity"][0]])
        assert ranks == sorted(ranks)


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
