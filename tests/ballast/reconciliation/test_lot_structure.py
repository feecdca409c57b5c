"""Lots of book and broker: as many, of the same quantities, at the same bases; they have no common names."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ballast.builders import D, Row, framewise, securities
from tests.ballast.reconciliation.scenes import answer, lot, outcomes, report, silence

REPORTS = [answer(reports_lots=True)]
lots_of_a_security = st.lists(
    st.tuples(st.integers(1, 9), st.integers(1, 500)).map(lambda pair: lot(str(pair[0]), str(pair[1]))),
    min_size=1, max_size=5,
)  # fmt: skip


def compared(lots: list[Row], broker_lots: list[Row], **more: str) -> Row:
    """Return the one finding about the lots."""
    found = report(answers=REPORTS, lots=lots, broker_lots=broker_lots, **more)
    (row,) = found.filter(field="lots").iter_rows(named=True)
    return row


@framewise
@given(lots_of_a_security, st.data())
def test_the_same_lots_in_any_order_agree(lots: list[Row], data: st.DataObject) -> None:
    row = compared(lots, data.draw(st.permutations(lots)))
    assert (row["outcome"], row["severity"]) == ("matched", "none")
    assert row["local_value"] == row["broker_value"] == len(lots)


@framewise
@given(lots_of_a_security, lots_of_a_security)
def test_short_lots_are_compared_as_long_ones_are(lots: list[Row], others: list[Row]) -> None:
    def mirrored(rows: list[Row]) -> list[Row]:
        return [row | {name: -row[name] for name in ("quantity", "cost_basis")} for row in rows]

    long, short = compared(lots, others), compared(mirrored(lots), mirrored(others))
    assert long == short


@pytest.mark.parametrize(
    ("broker_lots", "told"),
    [
        ([lot("5", "50")], "books keep 2 lots, the broker 1"),
        ([], "books keep 2 lots, the broker 0"),
        ([lot("4", "50"), lot("6", "50")], "Quantities of lots differ, by up to 1 units"),
        ([lot("5", "50"), lot("5", "60.05")], "Bases of lots differ, by up to 0.05"),
    ],
)
def test_it_is_told_what_differs(broker_lots: list[Row], told: str) -> None:
    row = compared([lot("5", "50"), lot("5", "60")], broker_lots)
    assert (row["outcome"], row["severity"]) == ("lots_mismatch", "info")
    assert told in row["explanation"]
    assert row["difference"] == len(broker_lots) - 2


def test_lots_that_only_the_broker_keeps_differ() -> None:
    assert compared([], [lot("5", "50")])["outcome"] == "lots_mismatch"


@pytest.mark.parametrize(("gap", "matches"), [("0.04", True), ("0.04000001", False)])
@pytest.mark.parametrize("direction", [1, -1])
def test_the_tolerance_of_a_basis_is_exact_at_its_boundary(
    gap: str, matches: bool, direction: int
) -> None:
    row = compared([lot("5", "50")], [lot("5", str(D(50) + direction * D(gap)))])
    assert (row["outcome"] == "matched") == matches


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(("quantity", "outcome"), [("5", "matched"), ("6", "lots_mismatch")])
def test_a_basis_that_somebody_does_not_know_is_not_compared(
    quantity: str, outcome: str, swapped: bool
) -> None:
    lots = [[lot("5", None), lot("5", "7")], [lot(quantity, "90"), lot("5", "100")]]
    assert compared(*lots[:: -1 if swapped else 1])["outcome"] == outcome


@pytest.mark.parametrize(("lot_size", "matches"), [("0.001", True), ("1", False)])
def test_of_what_trades_in_fractions_one_unit_of_the_lot_size_is_allowed(
    lot_size: str, matches: bool
) -> None:
    row = compared(
        [lot("5", None)], [lot("5.001", None)], securities=securities("AAA", lot_size=D(lot_size))
    )
    assert (row["outcome"] == "matched") == matches


def test_lots_are_compared_where_the_broker_reports_them_and_nowhere_else() -> None:
    lots = [lot("5", "50", account=account) for account in "abc"]
    found = report(
        answers=[answer("a"), answer("b", reports_lots=True), silence("c")],
        lots=lots, broker_lots=[], overrides={"a": {}},
    )  # fmt: skip
    assert outcomes(found, "a") == {}
    assert outcomes(found, "b") == {("AAA", "lots"): "lots_mismatch"}
    assert outcomes(found, "c") == {("account", "availability"): "unavailable"}


def test_lots_of_different_securities_are_never_mixed() -> None:
    mine = [lot("5", "50", "AAA"), lot("7", "70", "BBB")]
    found = report(answers=REPORTS, lots=mine, broker_lots=[lot("7", "70", "AAA"), lot("5", "50", "BBB")])  # fmt: skip
    assert set(found.filter(field="lots")["outcome"]) == {"lots_mismatch"}


@framewise
@given(st.decimals(0, 1000, places=2), st.decimals(0, 1000, places=2))
def test_the_outcome_is_the_same_from_either_side(one: Decimal, other: Decimal) -> None:
    there = compared([lot("5", str(one))], [lot("5", str(other))])
    back = compared([lot("5", str(other))], [lot("5", str(one))])
    assert there["outcome"] == back["outcome"]
    assert (there["outcome"] == "matched") == (abs(one - other) <= D("0.04"))
