"""Groups of countries and industries, and what a portfolio file may say of them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest
from pydantic import ValidationError

from ballast.planning.groups import group_members, group_of, group_targets
from ballast.settings import GroupSettings
from ballast.settings.groups import problems_of

EUROPE = GroupSettings(name="Europe", members=("Germany", "France"), target=0.6)
AMERICA = GroupSettings(name="America", members=("United States",), target=0.3)
REST = GroupSettings(name="OTHER", target=0.1)


def test_a_country_belongs_to_its_group_and_all_others_to_the_rest() -> None:
    table = pl.DataFrame({"country": ["France", "United States", "Japan", None]})
    found = table.select(group=group_of("country", [EUROPE, AMERICA]))["group"]
    assert found.to_list() == ["Europe", "America", "OTHER", "OTHER"]


def test_without_groups_each_country_is_its_own() -> None:
    table = pl.DataFrame({"country": ["France", None]})
    assert table.select(group=group_of("country", []))["group"].to_list() == ["France", "OTHER"]


def members(
    column: str, names: Sequence[str | None], *groups: GroupSettings
) -> list[tuple[str, str]]:
    listed = {"symbol": [f"S{number}" for number in range(len(names))], column: names}
    table = pl.DataFrame(listed, schema={"symbol": pl.String, column: pl.String})
    return group_members(table, column, groups).rows()


BANKS = GroupSettings(name="Financial", members=("Banks", "Insurance"), target=0.5)
ENERGY = GroupSettings(name="Power", members=("Energy",), target=0.3)


def test_a_security_belongs_to_the_group_of_each_of_its_industries() -> None:
    names = ["Banks, Energy", " Energy ,Banks,", "Banks, Insurance", "Energy", "Banks, Mining"]
    assert members("industry", names, BANKS, ENERGY) == [
        ("S0", "Financial"), ("S0", "Power"), ("S1", "Financial"), ("S1", "Power"),
        ("S2", "Financial"), ("S3", "Power"), ("S4", "Financial"), ("S4", "OTHER"),
    ]  # fmt: skip
    assert members("industry", names[:1]) == [("S0", "Banks"), ("S0", "Energy")]


@pytest.mark.parametrize("groups", [(), (BANKS, ENERGY)])
def test_what_is_unknown_belongs_to_the_rest(groups: tuple[GroupSettings, ...]) -> None:
    for column in ("country", "industry"):
        assert members(column, [None, "", " , "], *groups) == [
            ("S0", "OTHER"), ("S1", "OTHER"), ("S2", "OTHER"),
        ]  # fmt: skip


def test_a_name_with_a_comma_is_one_where_a_group_names_it() -> None:
    korea = GroupSettings(name="Asia", members=("Korea, Republic of",), target=0.2)
    assert members("country", ["Korea, Republic of"], korea) == [("S0", "Asia")]


def test_a_target_of_zero_is_a_target_and_a_missing_one_is_none() -> None:
    none = GroupSettings(name="None", members=("Japan",))
    zero = GroupSettings(name="Zero", members=("China",), target=0.0)
    assert group_targets([EUROPE, none, zero]) == {"Europe": 0.6, "Zero": 0.0}


def test_targets_above_one_together_are_scaled_to_one() -> None:
    more = GroupSettings(name="America", members=("United States",), target=0.6)
    assert group_targets([EUROPE, more]) == {"Europe": 0.5, "America": 0.5}


def test_groups_that_contradict_each_other_are_named() -> None:
    twice = GroupSettings(name="Europe", members=("France",), target=0.6)
    assert problems_of("country_groups", (EUROPE, twice)) == [
        "country_groups: 'Europe' is defined twice",
        "country_groups: 'France' is in two groups",
        "country_groups: targets add up to 1.2000, more than 1",
    ]
    assert problems_of("country_groups", (EUROPE, AMERICA, REST)) == []


@pytest.mark.parametrize(("name", "members"), [("Europe", ()), ("OTHER", ("Japan",))])
def test_only_the_rest_has_no_members(name: str, members: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="name at least one member"):
        GroupSettings(name=name, members=members)
