"""Measures of returns against empyrical, against cases by hand and against published figures."""

from __future__ import annotations

import math
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.market.drawdowns import drawdown_episodes, drawdowns
from ballast.market.measures import performance_measures, period_returns, rolling_measures
from ballast.tables import Drawdowns, PerformanceMeasures, RollingMeasures
from tests.ballast.builders import Row, day, framewise
from tests.ballast.market.return_series import recorded_decade, returns, series

moves = st.lists(
    st.floats(-0.3, 0.3).map(lambda move: round(move, 4)), min_size=2, max_size=40
)  # fmt: skip
RATIOS = ("annual_return", "volatility", "sharpe_ratio", "sortino_ratio", "calmar_ratio")


def measured(values: list[float | None], **options: Any) -> Row:
    unknown = options.pop("unknown", ())
    frame = performance_measures(returns(*series(values, unknown=unknown)), **options)
    return frame.row(0, named=True)


def same(found: float | None, expected: float) -> bool:
    """Compare with an oracle that says NaN or infinity where we say unknown."""
    if found is None:
        return not math.isfinite(expected)
    return found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@framewise
@given(moves, st.sampled_from([0.0, 0.02, 0.1]), st.sampled_from([252, 365, 12]))
def test_measures_are_those_of_empyrical(
    values: list[float], risk_free: float, periods: int
) -> None:
    array = np.array(values)
    per_period = (1 + risk_free) ** (1 / periods) - 1
    found = measured(list(values), risk_free=risk_free, periods_per_year=periods)
    options = {"annualization": periods}
    assert same(found["total_return"], empyrical.cum_returns_final(array))
    assert same(found["annual_return"], empyrical.annual_return(array, **options))
    assert same(found["volatility"], empyrical.annual_volatility(array, **options))
    assert same(found["max_drawdown"], empyrical.max_drawdown(array))
    assert same(found["calmar_ratio"], empyrical.calmar_ratio(array, **options))
    sortino = empyrical.sortino_ratio(array, per_period, **options)
    assert same(found["sortino_ratio"], sortino)
    if array.max() > array.min():
        assert same(found["sharpe_ratio"], empyrical.sharpe_ratio(array, per_period, **options))
    else:
        assert found["sharpe_ratio"] is None


def test_a_recorded_decade_has_its_published_measures() -> None:
    found = measured(recorded_decade("SPY", 111.44, 113.33))
    assert found["observations"] == 2516
    assert found["annual_return"] == pytest.approx(0.13463, abs=5e-6)
    assert found["volatility"] == pytest.approx(0.14733, abs=5e-6)
    assert found["sharpe_ratio"] == pytest.approx(0.9314, abs=5.1e-5)
    assert found["sortino_ratio"] == pytest.approx(1.3098, abs=5e-5)
    assert found["max_drawdown"] == pytest.approx(-0.19347, abs=5e-6)


def test_one_return_is_a_total_return_and_nothing_else() -> None:
    found = measured([None, 0.02])
    assert (found["observations"], found["total_return"]) == (1, pytest.approx(0.02))
    assert all(found[name] is None for name in (*RATIOS, "max_drawdown", "current_drawdown"))


def test_no_return_is_nothing_rather_than_zero() -> None:
    found = measured([None])
    assert found["observations"] == 0
    assert found["total_return"] is None
    assert found["first_session"] is None


def test_returns_that_never_change_have_no_ratio_of_risk() -> None:
    found = measured([0.01] * 30)
    assert [found[name] for name in RATIOS[2:]] == [None] * 3
    assert found["max_drawdown"] == 0.0


def test_an_unknown_return_inside_makes_the_measures_unknown() -> None:
    found = measured([None, 0.01, 0.02, 0.03], unknown=[2])
    assert found["observations"] == 2
    assert all(found[name] is None for name in (*RATIOS, "total_return", "max_drawdown"))


def test_unknown_values_before_the_start_do_not_count() -> None:
    found = measured([None, None, None, 0.01, 0.02], unknown=[0, 1])
    assert found["total_return"] == pytest.approx(1.01 * 1.02 - 1)


def test_sessions_without_capital_leave_the_measures_alone() -> None:
    gappy, dense = measured([0.01, None, -0.02, None, 0.03]), measured([0.01, -0.02, 0.03])
    for name in ("total_return", *RATIOS):
        assert gappy[name] == dense[name]


def test_a_total_loss_is_a_return_of_minus_one() -> None:
    found = measured([0.1, -1.0, 0.0])
    assert (found["total_return"], found["annual_return"], found["max_drawdown"]) == (-1, -1, -1)


def test_a_loss_on_the_first_day_is_a_drawdown() -> None:
    table = drawdowns(returns(*series([-0.1, 0.05])))
    assert table["drawdown"].to_list() == pytest.approx([-0.1, -0.055])
    assert table["peak_session"].to_list() == [None, None]
    assert table["sessions_in_drawdown"].to_list() == [1, 2]


def test_drawdowns_know_their_high_and_their_age() -> None:
    table = drawdowns(returns(*series([None, 0.1, -0.5, 0.5, 0.5, -0.2])))
    Drawdowns.validate(table)
    assert table["growth"].to_list() == pytest.approx([1, 1.1, 0.55, 0.825, 1.2375, 0.99])
    assert table["drawdown"].to_list() == pytest.approx([0, 0, -0.5, -0.25, 0, -0.2])
    assert table["sessions_in_drawdown"].to_list() == [0, 0, 1, 2, 0, 1]
    assert table["peak_session"].to_list() == [day(n) for n in (0, 1, 1, 1, 4, 4)]


@framewise
@given(moves)
def test_the_drawdown_now_is_the_last_of_the_series(values: list[float]) -> None:
    newest, found = drawdowns(returns(*series(values))).row(-1, named=True), measured(list(values))
    assert found["current_drawdown"] == newest["drawdown"]
    assert found["sessions_in_drawdown"] == newest["sessions_in_drawdown"]


def test_episodes_have_depth_trough_and_recovery() -> None:
    rows = drawdown_episodes(drawdowns(returns(*series([None, 0.1, -0.5, 0.5, 0.5, -0.2])))).rows()
    assert [row[2:6] for row in rows] == [
        (day(2), day(1), day(2), day(4)),
        (day(5), day(4), day(5), None),
    ]
    assert [row[6:] for row in rows] == [(pytest.approx(-0.5), 2), (pytest.approx(-0.2), 1)]


def test_nobody_knows_the_growth_after_an_unknown_return() -> None:
    table = drawdowns(returns(*series([0.1, -0.5, 0.5, 0.5], unknown=[2])))
    assert table["growth"].to_list() == pytest.approx([1.1, 0.55, None, None])
    assert drawdown_episodes(table)["recovered_on"].to_list() == [None]


@framewise
@given(moves, st.integers(2, 12), st.sampled_from([0.0, 0.03]))
def test_every_window_is_measured_like_a_span(
    values: list[float], window: int, risk_free: float
) -> None:
    frame = rolling_measures(returns(*series(values)), [window], risk_free=risk_free)
    RollingMeasures.validate(frame)
    for number, row in enumerate(frame.iter_rows(named=True)):
        if number + 1 < window:
            assert row["total_return"] is row["volatility"] is row["max_drawdown"] is None
            continue
        inside = values[number + 1 - window : number + 1]
        alone = measured(list(inside), risk_free=risk_free)
        for name in ("total_return", "volatility", "max_drawdown"):
            assert row[name] == pytest.approx(alone[name], rel=1e-6, abs=1e-9)
        if alone["volatility"] > 1e-3:
            assert row["sharpe_ratio"] == pytest.approx(alone["sharpe_ratio"], rel=1e-6, abs=1e-6)


def test_a_window_with_an_unknown_return_is_unknown() -> None:
    frame = rolling_measures(returns(*series([0.1] * 8, unknown=[3])), [2])
    known = [value is not None for value in frame["total_return"]]
    assert known == [False, True, True, False, False, True, True, True]


def test_rolling_deviations_are_those_of_pandas() -> None:
    values = recorded_decade("SPY", 111.44, 113.33)
    frame = rolling_measures(returns(*series(values)), [63, 252])
    for window in (63, 252):
        expected = pd.Series(values).rolling(window).std() * math.sqrt(252)
        found = frame.filter(window=window)["volatility"].to_list()
        assert found[: window - 1] == [None] * (window - 1)
        assert np.allclose(found[window - 1 :], expected[window - 1 :], rtol=1e-9)


def test_months_and_years_compound_their_own_sessions() -> None:
    frame = period_returns(returns(*series([0.1] * 62, unknown=[40])))
    found = {(row[2], row[3].month): row[4:] for row in frame.rows()}
    assert found["month", 1] == (31, pytest.approx(1.1**31 - 1))
    assert found["month", 2] == (28, None)
    assert found["month", 3] == (2, pytest.approx(1.1**2 - 1))
    assert found["year", 1] == (61, None)


@framewise
@given(moves, moves, st.randoms(use_true_random=False))
def test_neither_order_nor_company_matters(
    one: list[float], other: list[float], random: Any
) -> None:
    rows = [*series(one, "A"), *series(other, "B")]
    together = performance_measures(returns(*rows))
    random.shuffle(rows)
    assert_frame_equal(together, performance_measures(returns(*rows)))
    alone = performance_measures(returns(*series(other, "B")))
    assert_frame_equal(together.filter(subject="B"), alone)
    PerformanceMeasures.validate(together)


@framewise
@given(moves, st.integers(1, 30))
def test_later_returns_change_nothing_before(values: list[float], length: int) -> None:
    whole = drawdowns(returns(*series(values)))
    early = drawdowns(returns(*series(values[:length])))
    assert_frame_equal(whole.head(early.height), early)
    assert_frame_equal(
        rolling_measures(returns(*series(values)), [3]).head(early.height),
        rolling_measures(returns(*series(values[:length])), [3]),
    )
