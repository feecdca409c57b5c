"""Limits of groups: such that each can be met alone and all of them together."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert constraints(MANY, group("One", None, "A"), group("Two", 0.0, "B")) == []


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
