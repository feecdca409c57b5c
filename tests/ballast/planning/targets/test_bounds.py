"""Bounds of weights: permissions, lots and wishes, in the documented order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.planning.targets.bounds import investable_share, weight_bounds
from tests.ballast.builders import arithmetic
from tests.ballast.planning.targets.cases import facts


def bounds(**more: Any) -> tuple[float, float, str | None]:
    table = weight_bounds(facts({"symbol": "A"} | more), maximum_weight=0.20)
    row = table.row(0, named=True)
    return row["lower"], row["upper"], row["effect"]


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, (0.0, 0.20, None)),
        ({"minimum_weight": 0.05, "maximum_weight": 0.40}, (0.05, 0.40, "sell limited")),
        ({"maximum_weight": 0.10}, (0.0, 0.10, "bounded")),
        ({"current_weight": 0.10}, (0.001, 0.20, "keeps a lot")),
        ({"current_weight": 0.10, "allow_buy": False}, (0.001, 0.10, "sell only")),
        ({"current_weight": 0.10, "allow_sell": False}, (0.10, 0.20, "buy only")),
        ({"current_weight": 0.10, "allow_buy": False, "allow_sell": False}, (0.10, 0.10, "locked")),
        ({"allow_buy": False}, (0.0, 0.0, "locked")),
        # No more than a lot is held, so that no part of it can be sold.
        ({"current_weight": 0.03, "lot_weight": 0.05}, (0.03, 0.20, "sell limited")),
        ({"current_weight": 0.05, "lot_weight": 0.05}, (0.05, 0.20, "keeps a lot")),
        ({"current_weight": 0.06, "lot_weight": 0.05}, (0.05, 0.20, "keeps a lot")),
        # A lot is more than may be held.
        ({"current_weight": 0.30, "lot_weight": 0.25}, (0.0, 0.20, None)),
        ({"current_weight": 0.10, "lot_weight": None}, (0.0, 0.20, None)),
        # Contradictions leave it where it is.
        ({"current_weight": 0.30, "allow_sell": False}, (0.30, 0.30, "locked")),
        (
            {"current_weight": 0.02, "minimum_weight": 0.05, "allow_buy": False},
            (0.02, 0.02, "locked"),
        ),
        # A short position.
        ({"current_weight": -0.10, "allow_buy": False}, (0.0, 0.0, "locked")),
    ],
)
def test_bounds_are_those_that_are_documented(
    more: dict[str, Any], found: tuple[float, float, str | None]
) -> None:
    assert bounds(**more) == found


@arithmetic
@given(
    st.floats(-0.2, 1.0), st.floats(0.0, 0.5), st.booleans(), st.booleans(),
    st.sampled_from([None, 0.0, 0.05, 0.2]), st.sampled_from([None, 0.2, 0.3, 1.0]),
)  # fmt: skip
def test_the_least_is_never_above_the_greatest(
    current: float, lot: float, allow_buy: bool, allow_sell: bool,
    minimum: float | None, maximum: float | None,
) -> None:  # fmt: skip
    lower, upper, effect = bounds(
        current_weight=current, lot_weight=lot, allow_buy=allow_buy, allow_sell=allow_sell,
        minimum_weight=minimum, maximum_weight=maximum,
    )  # fmt: skip
    assert 0.0 <= lower <= upper <= 1.0
    assert (effect == "locked") == (upper - lower <= 1e-9)


@pytest.mark.parametrize(
    ("value", "share"), [(100_000.0, 0.97), (10_000.0, 0.95), (500.0, 0.0), (100.0, 0.0)]
)
def test_the_larger_of_both_reserves_stays_in_cash(value: float, share: float) -> None:
    assert investable_share(0.03, 500.0, value) == pytest.approx(share)
