"""What the groups of a security hold and lack in an account."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from ballast.planning.scores.standing import Grouping, group_standing, grouping
from ballast.settings.groups import GroupSettings
from ballast.tables import Securities, TargetWeights
from tests.ballast.builders import D, table

PLACES = {
    "A": ("France", "Banks"),
    "B": ("France", "Software, Banks"),
    "C": ("Japan", "Software"),
    "D": (None, None),
}
SECURITIES = table(
    Securities,
    [{"symbol": s, "country": country, "industry": industry} for s, (country, industry) in PLACES.items()],
    name="A name", exchange="XNYS", currency="EUR", kind="equity", lot_size=D(1), multiplier=D(1),
    allow_buy=True, allow_sell=True,
)  # fmt: skip
TARGETS = table(
    TargetWeights,
    [
        {"account_id": "a", "symbol": symbol, "target_weight": weight}
        for symbol, weight in {"A": 0.2, "B": 0.3, "C": 0.4}.items()
    ],
)


def weights(**held: float | None) -> pl.DataFrame:
    rows = [("a", symbol, weight) for symbol, weight in held.items()]
    schema = {"account_id": pl.String, "symbol": pl.String, "weight": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def standing(groups: Grouping, held: pl.DataFrame, account: str = "a") -> dict[str, Any]:
    rows = pl.DataFrame({"account_id": [account] * 4, "symbol": list(PLACES)})
    found = group_standing(rows, held, groups, full_at=0.5)
    return {row["symbol"]: (row["gap"], row["fullness"]) for row in found.iter_rows(named=True)}


def test_without_groups_each_country_wants_what_its_members_want() -> None:
    groups = grouping(SECURITIES, "country", (), ["a", "b"], TARGETS)
    found = standing(groups, weights(A=0.1, B=0.15, C=0.45))
    assert found["A"] == found["B"] == (pytest.approx(0.5 - 0.25), pytest.approx(0.5))
    assert found["C"] == (pytest.approx(0.4 - 0.45), pytest.approx(0.9))
    assert found["D"] == (None, None)


def test_a_security_of_several_industries_counts_in_each_of_them() -> None:
    groups = grouping(SECURITIES, "industry", (), ["a"], TARGETS)
    found = standing(groups, weights(A=0.1, B=0.2, C=0.6))
    banks, software = (0.5 - 0.3, 0.3 / 0.5), (0.7 - 0.8, 1.0)
    assert found["A"] == pytest.approx(banks)
    assert found["C"] == pytest.approx(software)
    assert found["B"] == pytest.approx(((0.2 - 0.1) / 2, (0.6 + 1.0) / 2))


def test_an_account_without_targets_lacks_nothing_that_could_be_named() -> None:
    groups = grouping(SECURITIES, "country", (), ["a", "b"], TARGETS)
    found = standing(groups, weights(A=0.1).with_columns(account_id=pl.lit("b")), account="b")
    assert found["A"] == (None, pytest.approx(0.2))
    assert found["C"] == (None, 0.0)


def test_a_configured_share_is_one_of_what_is_invested() -> None:
    configured = (
        GroupSettings(name="Europe", members=("France",), target=0.6),
        GroupSettings(name="Asia", members=("Japan",)),
    )
    groups = grouping(SECURITIES, "country", configured, ["a", "b"], TARGETS)
    found = standing(groups, weights(A=0.1, C=0.3))
    # The account invests 90 % of its value.
    assert found["A"][0] == found["B"][0] == pytest.approx(0.6 * 0.9 - 0.1)
    # Nobody said how much of Asia there should be.
    assert found["C"] == (None, pytest.approx(0.6))
    without_targets = standing(groups, weights(), account="b")
    assert without_targets["A"] == (pytest.approx(0.6), 0.0)


def test_an_unknown_weight_makes_its_groups_unknown_and_no_others() -> None:
    groups = grouping(SECURITIES, "country", (), ["a"], TARGETS)
    found = standing(groups, weights(A=None, C=0.3))
    assert found["A"] == found["B"] == (None, None)
    assert found["C"] == (pytest.approx(0.1), pytest.approx(0.6))


def test_two_industries_of_one_group_count_once() -> None:
    configured = (GroupSettings(name="All", members=("Banks", "Software"), target=1.0),)
    groups = grouping(SECURITIES, "industry", configured, ["a"], TARGETS)
    assert standing(groups, weights(B=0.4))["B"] == (pytest.approx(0.9 - 0.4), pytest.approx(0.8))
