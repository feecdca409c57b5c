"""Limits of groups: such that each can be met alone and all of them together."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog  # type: ignore[import-untyped]

from ballast.planning.targets.group_constraints import GroupLimit, group_constraints, limits_of
from ballast.settings import GroupSettings
from tests.ballast.builders import framewise
from tests.ballast.planning.targets.cases import settings


def held(*rows: tuple[str, str | None, float, float]) -> pl.DataFrame:
    """Securities: symbol, country, lower, upper."""
    return pl.DataFrame(
        [(*row, None) for row in rows],
        schema={
            "symbol": pl.String, "country": pl.String, "lower": pl.Float64, "upper": pl.Float64,
            "industry": pl.String,
        },
        orient="row",
    )  # fmt: skip


def group(name: str, target: float | None, *members: str) -> GroupSettings:
    return GroupSettings(name=name, target=target, members=members)


def constraints(
    table: pl.DataFrame, *groups: GroupSettings, budget: float = 1.0
) -> list[GroupLimit]:
    return group_constraints(table, groups, (), settings(), budget)


MANY = held(
    *((f"{country}{number}", country, 0.0, 0.2) for country in "ABC" for number in range(6))
)


def test_a_group_may_be_its_tolerance_away_from_its_target() -> None:
    (found,) = constraints(MANY, group("One", 0.20, "A"))
    assert (found.lower, found.upper) == pytest.approx((0.10, 0.30))
    assert found.members == tuple(f"A{number}" for number in range(6))
    assert found.is_reachable
    assert found.notes == ()


def test_shares_are_of_what_is_invested() -> None:
    (found,) = constraints(MANY, group("One", 0.20, "A"), budget=0.5)
    assert (found.lower, found.upper) == pytest.approx((0.05, 0.15))


def test_a_group_without_a_target_has_no_limits() -> None:
    assert constraints(MANY, group("One", None, "A")) == []


def test_a_target_of_zero_allows_no_more_than_the_tolerance() -> None:
    (found,) = constraints(MANY, group("One", 0.0, "A"))
    assert (found.lower, found.upper) == pytest.approx((0.0, 0.10))
    assert found.is_reachable


def by_industry(
    rows: dict[str, str], *groups: GroupSettings, upper: float = 0.3, **changes: float
) -> list[GroupLimit]:
    table = held(*((symbol, industry, 0.0, upper) for symbol, industry in rows.items()))
    swapped = table.rename({"country": "industry", "industry": "country"})
    return group_constraints(swapped, (), groups, settings(**changes), 1.0)


def test_a_target_of_zero_does_not_lower_the_cap_of_the_others() -> None:
    rows = {f"S{number}": "ABC"[number % 3] for number in range(12)}
    found = by_industry(rows, group("One", 0.6, "A"), group("Two", 0.0, "B"))
    assert [limit.upper for limit in found] == pytest.approx([0.70, 0.15])


def test_a_security_of_several_industries_counts_in_each_of_their_groups() -> None:
    rows = {"A": "Banks, Energy", "B": "Banks", "C": "Energy", "D": "Mining"}
    found = by_industry(rows, group("Financial", 0.3, "Banks"), group("Power", 0.3, "Energy"))
    assert [limit.members for limit in found] == [("A", "B"), ("A", "C")]
    matrix = limits_of(found, {"A": 0.1}, ["B", "C", "D"])
    np.testing.assert_allclose(matrix.membership, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert matrix.upper == pytest.approx([limit.upper - 0.1 for limit in found])


def test_shared_members_are_counted_once_in_what_groups_can_hold() -> None:
    """Each of two groups may have half; with all of their members in both, they hold half together."""
    rows = {f"S{number}": "Banks, Energy" for number in range(5)}
    found = by_industry(rows, group("Financial", 0.3, "Banks"), group("Power", 0.3, "Energy"))
    assert [limit.upper for limit in found] == pytest.approx([1.0, 1.0], abs=1e-6)
    assert all("raised" in limit.notes[-1] for limit in found)


@framewise
@given(
    st.lists(st.sampled_from(["A", "B", "C", "A, B", "B, C", "A, B, C"]), min_size=4, max_size=9),
    st.lists(st.floats(0.0, 0.33), min_size=3, max_size=3),
)
def test_groups_that_share_members_can_hold_what_is_to_be_invested(
    industries: list[str], targets: list[float]
) -> None:
    rows = {f"S{number}": industry for number, industry in enumerate(industries)}
    groups = [group(f"G{name}", target, name) for name, target in zip("ABC", targets, strict=True)]
    found = by_industry(rows, *groups, upper=0.3, industry_tolerance=0.05)
    n = len(rows)
    most = linprog(
        -np.ones(n), limits_of(found, {}, list(rows)).membership, [limit.upper for limit in found],
        bounds=(0.0, 0.3),
    )  # fmt: skip
    assert -most.fun >= min(1.0, 0.3 * n) - 1e-9


def test_what_no_group_names_belongs_to_other() -> None:
    table = pl.concat([MANY, held(("X", None, 0.0, 0.2))])
    limits = constraints(table, group("One", 0.3, "A"), group("OTHER", 0.3))
    members = {limit.name: set(limit.members) for limit in limits}
    assert members["OTHER"] == {"X", *(f"{country}{n}" for country in "BC" for n in range(6))}


def test_a_target_above_the_cap_never_makes_the_least_exceed_the_greatest() -> None:
    (found,) = constraints(MANY, group("One", 0.60, "A"))
    assert found.lower == found.upper == pytest.approx(0.35)
    assert not found.is_reachable
    assert found.notes == ("target 60.0% cannot be reached",)


def test_a_group_that_its_members_cannot_fill_asks_only_for_what_they_can() -> None:
    table = held(("A0", "A", 0.0, 0.05), ("B0", "B", 0.0, 1.0))
    (found,) = constraints(table, group("One", 0.30, "A"))
    assert (found.lower, found.upper) == pytest.approx((0.05, 0.35))
    assert "at most 5.0%" in found.notes[0]


def test_a_group_whose_members_keep_more_allows_what_they_keep() -> None:
    table = held(("A0", "A", 0.5, 0.5), ("B0", "B", 0.0, 1.0))
    (found,) = constraints(table, group("One", 0.20, "A"))
    assert (found.lower, found.upper) == pytest.approx((0.10, 0.50))
    assert "keep at least 50.0%" in found.notes[0]


def test_greatest_shares_that_cannot_hold_the_whole_are_raised() -> None:
    table = MANY.filter(pl.col("country") != "C")
    limits = constraints(table, group("One", 0.5, "A"), group("Two", 0.5, "B"))
    assert sum(limit.upper for limit in limits) == pytest.approx(1.0)
    assert all(limit.is_reachable for limit in limits)


def test_targets_of_less_than_one_leave_room_for_other_groups() -> None:
    limits = constraints(MANY, group("One", 0.2, "A"), group("Two", 0.2, "B"))
    assert sum(limit.upper for limit in limits) == pytest.approx(0.6)


@pytest.mark.parametrize(("count", "cap"), [(1, 0.70), (2, 0.50), (3, 0.40), (4, 0.40), (5, 0.30)])
def test_the_cap_of_industries_depends_on_their_number(count: int, cap: float) -> None:
    rows = [(f"S{n}", str(n % (count + 1)), 0.0, 1.0) for n in range(12)]
    table = held(*rows).rename({"country": "industry", "industry": "country"})
    groups = [group(f"G{n}", 1.0 / count - 0.001, str(n)) for n in range(count)]
    wide = settings(industry_tolerance=0.9)
    limits = group_constraints(table, (), groups, wide, 1.0)
    assert {limit.upper for limit in limits} == {cap}


@framewise
@given(
    st.lists(st.tuples(st.sampled_from("ABCD"), st.floats(0, 0.2), st.floats(0, 0.5)), min_size=1, max_size=12),
    st.lists(st.floats(0.01, 0.5), min_size=1, max_size=2),
    st.floats(0.3, 1.0),
)  # fmt: skip
def test_each_group_can_be_met_by_its_members(
    rows: list[tuple[str, float, float]], targets: list[float], budget: float
) -> None:
    table = held(*((f"S{n}", c, low, low + room) for n, (c, low, room) in enumerate(rows)))
    groups = [group(f"G{n}", target, "AB"[n]) for n, target in enumerate(targets)]
    bounds = {row["symbol"]: row for row in table.iter_rows(named=True)}
    for limit in constraints(table, *groups, budget=budget):
        least = sum(bounds[symbol]["lower"] for symbol in limit.members)
        greatest = sum(bounds[symbol]["upper"] for symbol in limit.members)
        assert limit.lower <= limit.upper
        assert limit.upper >= least - 1e-12
        assert limit.lower <= greatest + 1e-12


def test_what_others_keep_is_deducted() -> None:
    limits = constraints(MANY, group("One", 0.20, "A"))
    found = limits_of(limits, {"A0": 0.05}, ["A1", "B0"])
    np.testing.assert_allclose(found.membership, [[1.0, 0.0]])
    assert found.lower == pytest.approx([0.05])
    assert found.upper == pytest.approx([0.25])
