"""What speaks for a sale and what forbids it, at the borders of the rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.planning.scores.sell import with_sell_scores
from ballast.settings import ScoreSettings, SellWeights
from tests.ballast.builders import arithmetic
from tests.ballast.planning.scores.histories import SESSION

_SCHEMA = {
    "is_held": pl.Boolean, "allow_sell": pl.Boolean, "gain": pl.Float64, "days_held": pl.Int64,
    "weight": pl.Float64, "country_fullness": pl.Float64, "industry_fullness": pl.Float64,
    "volatility": pl.Float64, "volatility_30": pl.Float64, "ema_distance": pl.Float64,
    "current_drawdown": pl.Float64, "days_in_drawdown": pl.Int64, "last_bought": pl.Date,
    "last_sold": pl.Date, "units": pl.Float64, "lot_size": pl.Float64, "value_base": pl.Float64,
}  # fmt: skip
_HELD = {
    "is_held": True, "allow_sell": True, "gain": 0.10, "days_held": 400, "weight": 0.05,
    "country_fullness": 0.4, "industry_fullness": 0.3, "volatility": 0.2, "volatility_30": 0.2,
    "ema_distance": 0.0, "current_drawdown": 0.0, "days_in_drawdown": 0, "units": 100.0,
    "lot_size": 1.0, "value_base": 10_000.0,
}  # fmt: skip
PLAIN = ScoreSettings()


def judged(settings: ScoreSettings = PLAIN, **facts: Any) -> dict[str, Any]:
    row = dict.fromkeys(_SCHEMA) | _HELD | facts
    frame = pl.DataFrame([row], schema=_SCHEMA)
    return with_sell_scores(frame, SESSION, settings, minimum_hold_days=90).row(0, named=True)


def ago(days: int) -> Any:
    return SESSION - timedelta(days=days)


@pytest.mark.parametrize(
    ("gain", "score"),
    [
        (-0.201, 0.0), (-0.20, 0.9), (-0.051, 0.9), (-0.05, 0.7), (-0.001, 0.7), (0.0, 0.5),
        (0.079, 0.5), (0.08, 0.1), (0.15, 0.1), (0.151, 0.3), (3.0, 0.3),
    ],
)  # fmt: skip
def test_underperformance_of_a_year(gain: float, score: float) -> None:
    assert judged(gain=gain, days_held=365)["underperformance"] == score


def test_a_gain_of_less_than_a_quarter_is_not_annualised() -> None:
    assert judged(gain=0.10, days_held=91)["underperformance"] == 0.1
    # Ten percent in a quarter are 46 % a year.
    assert judged(gain=0.10, days_held=92)["underperformance"] == 0.3
    assert judged(gain=0.10, days_held=0)["underperformance"] == 0.1


@pytest.mark.parametrize(
    ("days", "score"),
    [(0, 0.0), (89, 0.0), (90, 0.3), (179, 0.3), (180, 0.6), (364, 0.6), (365, 0.8), (729, 0.8), (730, 1.0)],
)  # fmt: skip
def test_time_held(days: int, score: float) -> None:
    assert judged(days_held=days)["time_held"] == score


@pytest.mark.parametrize(
    ("weight", "concentration"),
    [(0.0, 0.0), (0.05, 0.5), (0.10, 1.0), (0.1001, 0.1001 / 0.15), (0.15, 1.0), (0.9, 1.0)],
)
def test_balance_is_the_fullness_of_groups_and_the_size_of_the_position(
    weight: float, concentration: float
) -> None:
    found = judged(weight=weight)["portfolio_balance"]
    assert found == pytest.approx(0.5 * 0.4 + 0.3 * 0.3 + 0.2 * concentration)


@pytest.mark.parametrize(
    ("facts", "score"),
    [
        ({}, 0.1),
        ({"gain": 0.201}, 0.4 * 0.4 + 0.06),
        ({"gain": 0.301}, 0.4 * 0.7 + 0.06),
        ({"gain": 0.501}, 0.4 * 1.0 + 0.06),
        ({"gain": 0.501, "days_held": 30}, 0.4 * 0.5 + 0.06),
        ({"volatility_30": 0.241}, 0.04 + 0.3 * 0.4 + 0.03),
        ({"volatility_30": 0.301}, 0.04 + 0.3 * 0.7 + 0.03),
        ({"volatility_30": 0.401}, 0.04 + 0.3 * 1.0 + 0.03),
        ({"ema_distance": 0.10}, 0.1),
        ({"ema_distance": 0.11}, 0.07 + 0.3 * 0.4),
        ({"ema_distance": 0.21}, 0.07 + 0.3 * 0.7),
        ({"ema_distance": 0.31}, 0.07 + 0.3 * 1.0),
        ({"gain": 0.75, "days_held": 3_650}, 0.1),
        ({"gain": 1.0, "days_held": 3_650}, 0.1),
        ({"gain": 1.01, "days_held": 3_650}, 0.2),
    ],
)
def test_instability(facts: dict[str, Any], score: float) -> None:
    assert judged(**{"days_held": 365, **facts})["instability"] == pytest.approx(score)


@pytest.mark.parametrize(
    ("depth", "days", "score"),
    [
        (0.0, 0, 0.1), (-0.10, 500, 0.1), (-0.101, 500, 0.3), (-0.15, 500, 0.3), (-0.151, 90, 0.5),
        (-0.151, 91, 0.7), (-0.151, 181, 0.9), (-0.25, 181, 0.9), (-0.251, 0, 1.0),
    ],
)  # fmt: skip
def test_drawdown(depth: float, days: int, score: float) -> None:
    assert judged(current_drawdown=depth, days_in_drawdown=days)["drawdown"] == score


def test_the_sell_score_is_the_weighted_mean_of_its_components() -> None:
    row = judged()
    weights = SellWeights().model_dump()
    assert sum(weights.values()) == pytest.approx(1.0)
    expected = sum(weight * row[name] for name, weight in weights.items())
    assert row["sell_score"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("facts", "component"),
    [
        ({"gain": None}, "underperformance"),
        ({"days_held": None}, "time_held"),
        (
            {"weight": None, "country_fullness": None, "industry_fullness": None},
            "portfolio_balance",
        ),
        ({"current_drawdown": None, "days_in_drawdown": None}, "drawdown"),
        ({"days_held": None, "volatility": None, "ema_distance": None}, "instability"),
    ],
)
def test_an_unknown_component_is_null_and_counts_as_one_half(
    facts: dict[str, Any], component: str
) -> None:
    row = judged(**facts)
    assert row[component] is None
    weights = SellWeights().model_dump()
    expected = sum(w * (0.5 if row[n] is None else row[n]) for n, w in weights.items())
    assert row["sell_score"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"allow_sell": False}, "it may not be sold"),
        ({"gain": -0.20}, None),
        ({"gain": -0.21}, "a loss of 21.0 %, more than 20%"),
        ({"gain": None}, "its gain is unknown"),
        ({"last_bought": ago(90)}, None),
        ({"last_bought": ago(89)}, "bought 89 days ago, less than 90"),
        ({"last_sold": ago(180)}, None),
        ({"last_sold": ago(179)}, "sold 179 days ago, less than 180"),
        # The two dates are apart: a sale does not begin a new holding period.
        ({"last_bought": ago(400), "last_sold": ago(200)}, None),
        (
            {"allow_sell": False, "last_bought": ago(1)},
            "it may not be sold; bought 1 days ago, less than 90",
        ),
        ({"is_held": False, "allow_sell": False}, None),
    ],
)
def test_what_forbids_a_sale(facts: dict[str, Any], reason: str | None) -> None:
    row = judged(**facts)
    assert row["sell_blocked_by"] == reason
    assert (row["sell_share"] is None) == (reason is not None or facts.get("is_held") is False)


@pytest.mark.parametrize(
    ("facts", "share"),
    [
        ({}, 0.21),
        ({"lot_size": 10.0}, 0.20),
        ({"lot_size": 21.0}, 0.21),
        ({"lot_size": 22.0}, None),  # Not one lot.
        ({"units": 3.0}, None),
        ({"units": 4.0, "current_drawdown": -0.3}, 0.25),
        ({"units": 1.0, "lot_size": 1.0}, None),  # One lot stays.
        ({"value_base": 477.0}, 0.21),
        ({"value_base": 476.0}, None),  # Less than 100 of the base currency.
        ({"value_base": None}, None),
    ],
)
def test_how_much_would_be_sold(facts: dict[str, Any], share: float | None) -> None:
    # 0.1 + 0.4 × 0.2782 of 100 units are 21.1.
    assert judged()["sell_score"] == pytest.approx(0.2782)
    assert judged(**facts)["sell_share"] == share


def test_what_is_not_held_has_no_scores() -> None:
    row = judged(is_held=False)
    assert {row[name] for name in ("sell_score", "sell_share", *SellWeights().model_dump())} == {
        None
    }


@arithmetic
@given(
    st.floats(0.01, 1e6), st.sampled_from([0.001, 1.0, 100.0]), st.floats(-0.2, 5),
    st.integers(0, 5_000),
)  # fmt: skip
def test_a_share_is_whole_lots_and_leaves_one(
    units: float, lot: float, gain: float, days: int
) -> None:
    share = judged(units=units, lot_size=lot, gain=gain, days_held=days)["sell_share"]
    if share is not None:
        lots = share * units / lot
        assert lots == pytest.approx(round(lots), abs=1e-6)
        assert 1 <= round(lots) <= units / lot - 1 + 1e-6
        assert 0 < share <= 0.5 + 1e-9
