"""Windfalls at the borders of their rules."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.planning.scores.windfall import with_windfall
from tests.ballast.builders import arithmetic

_SCHEMA = dict.fromkeys(("gain", "years_held", "cagr_5y", "cagr_10y"), pl.Float64)


def judged(
    gain: float | None,
    years: float | None = 1.0,
    cagr_5y: float | None = 0.10,
    cagr_10y: float | None = None,
) -> dict[str, Any]:
    frame = pl.DataFrame([(gain, years, cagr_5y, cagr_10y)], schema=_SCHEMA, orient="row")
    return with_windfall(frame, 0.10).row(0, named=True)


@pytest.mark.parametrize(
    ("gain", "share", "reason"),
    [
        (1.401, 0.50, "far beyond"),
        (1.40, 0.50, "far beyond"),
        (1.00, 0.50, "far beyond"),
        (0.999, 0.40, "far more"),
        (0.60, 0.40, "far more"),
        (0.599, 0.20, "gained more"),
        (0.35, 0.20, "gained more"),
        (0.349, None, "usual range"),
        (0.101, None, "usual range"),
        (0.10, None, "near"),
        (0.001, None, "near"),
        (0.0, None, "less than usual"),
        (-0.5, None, "less than usual"),
    ],
)
def test_what_is_taken_of_a_gain_after_a_year_at_ten_percent(
    gain: float, share: float | None, reason: str
) -> None:
    found = judged(gain)
    assert found["windfall_share"] == share
    assert reason in found["windfall_reason"]


@pytest.mark.parametrize(("gain", "share"), [(1.0, 0.30), (1.01, 0.30), (1.02, 0.50), (0.99, 0.20)])
def test_who_doubled_as_usual_sells_less_than_who_doubled_beyond_it(
    gain: float, share: float
) -> None:
    # Expected are 71 %: excess is above 0.30 from a gain of 1.0101 on.
    assert judged(gain, 5.0, 0.113287)["windfall_share"] == share


def test_the_score_of_an_excess() -> None:
    assert judged(0.35)["windfall_score"] == pytest.approx(0.5)
    assert judged(0.60)["windfall_score"] == 1.0
    assert judged(0.05)["windfall_score"] == 0.0


def test_growth_over_five_years_goes_before_ten_and_before_the_setting() -> None:
    assert judged(0.5, 1.0, 0.2, 0.3)["windfall_excess"] == pytest.approx(0.3)
    assert judged(0.5, 1.0, None, 0.3)["windfall_excess"] == pytest.approx(0.2)
    assert judged(0.5, 1.0, None, None)["windfall_excess"] == pytest.approx(0.4)


def test_growth_that_lost_everything_expects_nothing() -> None:
    assert judged(0.5, 2.0, -1.0)["windfall_excess"] == 0.5
    assert judged(0.5, 2.0, -1.5)["windfall_excess"] == 0.5


def test_a_tenth_of_a_year_is_the_least() -> None:
    assert judged(0.5, 0.0) == {**judged(0.5, 0.1), "years_held": 0.0}


@pytest.mark.parametrize(("gain", "years"), [(None, 1.0), (0.5, None)])
def test_without_gain_or_years_there_is_no_windfall(
    gain: float | None, years: float | None
) -> None:
    found = judged(gain, years)
    assert {value for name, value in found.items() if name.startswith("windfall")} == {None}


@arithmetic
@given(st.floats(-1, 5), st.floats(0, 20), st.floats(-2, 1))
def test_a_share_is_taken_only_of_a_gain_that_doubled_or_exceeds(
    gain: float, years: float, growth: float
) -> None:
    found = judged(gain, years, growth)
    assert (found["windfall_share"] is not None) == (
        gain >= 1.0 or found["windfall_excess"] >= 0.25
    )
    assert 0.0 <= found["windfall_score"] <= 1.0
