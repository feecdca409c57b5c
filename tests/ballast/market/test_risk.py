"""Beta, correlation and value at risk against empyrical, SciPy, pandas and published figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy import stats

from ballast.errors import ConfigurationError
from ballast.market.risk import correlations, risk_metrics
from ballast.tables import Correlations, RiskMetrics
from tests.ballast.builders import Row, framewise
from tests.ballast.market.return_series import recorded_decade, returns, series

TAILS = [
    f"{kind}_{figure}"
    for kind in ("historical", "parametric")
    for figure in ("value_at_risk", "expected_shortfall")
]


def noise(seed: int, length: int = 100) -> list[float]:
    return list(np.random.default_rng(seed).normal(0.0005, 0.01, length))


def metrics(rows: list[Row], benchmark: str | None = None, **options: Any) -> dict[str, Row]:
    frame = risk_metrics(returns(*rows), benchmark, **options)
    RiskMetrics.validate(frame)
    return {row["subject"]: row for row in frame.to_dicts()}


def test_a_recorded_decade_has_its_published_risk() -> None:
    market, small = recorded_decade("SPY", 111.44, 113.33), recorded_decade("IWM", 62.44, 63.78)
    found = metrics([*series(market, "SPY"), *series(small, "IWM")], "SPY")
    assert found["SPY"]["historical_value_at_risk"] == pytest.approx(-0.01541, abs=5e-6)
    assert found["SPY"]["historical_expected_shortfall"] == pytest.approx(-0.0231, abs=6e-5)
    assert found["SPY"]["parametric_value_at_risk"] == pytest.approx(-0.01472, abs=5e-6)
    assert found["SPY"]["beta"] == pytest.approx(1.0)
    # The other close of 2009-12-31 is known to two digits only.
    assert found["IWM"]["beta"] == pytest.approx(1.1809, abs=6e-4)
    array = np.array(market)
    shortfall = empyrical.conditional_value_at_risk(array)
    assert found["SPY"]["historical_expected_shortfall"] == pytest.approx(shortfall)
    assert found["IWM"]["beta"] == pytest.approx(empyrical.beta(np.array(small), array))


@framewise
@given(st.integers(0, 10_000), st.integers(60, 90), st.sampled_from([0.9, 0.95, 0.99]))
def test_tails_are_those_of_empyrical_and_of_a_normal_distribution(
    seed: int, length: int, confidence: float
) -> None:
    values = np.array(noise(seed, length))
    found = metrics(series(list(values)), confidence=confidence)["S"]
    tail = 1 - confidence
    normal = stats.norm(values.mean(), values.std(ddof=1))
    below = normal.expect(lambda x: x, ub=normal.ppf(tail), conditional=True)
    assert [found[name] for name in TAILS] == pytest.approx([
        empyrical.value_at_risk(values, tail),
        empyrical.conditional_value_at_risk(values, tail),
        normal.ppf(tail),
        below,
    ])  # fmt: skip


def test_too_few_returns_have_no_tail_and_no_beta() -> None:
    rows = [*series(noise(1, 59), "A"), *series(noise(2, 59), "B")]
    found = metrics(rows, "B")["A"]
    assert [found[name] for name in (*TAILS, "beta", "benchmark_correlation")] == [None] * 6
    assert (found["aligned_observations"], found["volatility"] > 0) == (59, True)


def test_volatility_and_drawdown_need_no_benchmark() -> None:
    found = metrics(series([0.1, -0.5, 0.1, 0.1]))["S"]
    assert (found["beta"], found["benchmark"], found["aligned_observations"]) == (None, None, 0)
    assert found["max_drawdown"] == pytest.approx(-0.5)
    assert found["current_drawdown"] == pytest.approx(0.5 * 1.21 - 1)
    assert found["sessions_in_drawdown"] == 3


def test_a_portfolio_is_measured_against_a_security_of_another_level() -> None:
    market = noise(1)
    fund = [row | {"level": "total", "subject": "total"} for row in series([2 * r for r in market])]
    found = metrics([*series(market, "IDX"), *fund], "IDX")["total"]
    assert found["beta"] == pytest.approx(2.0)
    assert found["benchmark_correlation"] == pytest.approx(1.0)


def test_a_return_over_a_longer_span_is_not_compared() -> None:
    market, other = series(noise(1), "IDX"), series(noise(2), "A")
    longer = other[50] | {"since": other[50]["since"] - timedelta(days=1), "daily_return": 9.9}
    rows = [*market, *other[:50], longer, *other[51:]]
    found = metrics(rows, "IDX")["A"]
    assert found["aligned_observations"] == 99
    pair = correlations(returns(*rows)).filter(one="A", other="IDX").row(0, named=True)
    assert pair["observations"] == 99
    assert abs(pair["correlation"]) < 0.5


def test_a_benchmark_that_never_moves_gives_no_beta() -> None:
    found = metrics([*series([0.0] * 80, "IDX"), *series(noise(1, 80), "A")], "IDX")
    assert (found["A"]["beta"], found["A"]["benchmark_correlation"]) == (None, None)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_that_is_no_share_is_refused(confidence: float) -> None:
    with pytest.raises(ConfigurationError):
        risk_metrics(returns(*series([0.1])), confidence=confidence)


def gappy(seed: int) -> list[Row]:
    """Return three series with holes and different beginnings."""
    generator = np.random.default_rng(seed)
    common = generator.normal(0, 0.01, 90)
    rows = []
    for number, subject in enumerate("ABC"):
        own = list(common * number + generator.normal(0, 0.01, 90))
        holes = set(generator.choice(90, 10, replace=False).tolist()) | set(range(9 * number))
        rows += series([None if n in holes else r for n, r in enumerate(own)], subject)
    return rows


@framewise
@given(st.integers(0, 10_000), st.integers(50, 75))
def test_correlations_are_those_of_pandas_on_the_sessions_that_a_pair_shares(
    seed: int, minimum: int
) -> None:
    rows = gappy(seed)
    frame = correlations(returns(*rows), minimum=minimum)
    Correlations.validate(frame)
    wide = pd.DataFrame(rows).pivot(index="session", columns="subject", values="daily_return")
    wide = wide.astype(float)
    expected = wide.corr(min_periods=minimum)
    for one, other, count, correlation in frame.iter_rows():
        assert count == (wide[one].notna() & wide[other].notna()).sum()
        if np.isnan(expected.loc[one, other]):
            assert correlation is None
        else:
            assert correlation == pytest.approx(expected.loc[one, other], abs=1e-12)


def test_the_matrix_is_symmetric_with_ones_and_what_never_moves_has_none() -> None:
    rows = [*gappy(1), *series([0.001] * 90, "FLAT")]
    frame = correlations(returns(*rows), minimum=20)
    mirrored = frame.rename({"one": "other", "other": "one"}).select(frame.columns)
    assert_frame_equal(frame, mirrored.sort("one", "other"))
    diagonal = frame.filter(pl.col("one") == pl.col("other"))
    assert diagonal["correlation"].to_list() == [1.0, 1.0, 1.0, None]
    assert frame.filter(one="FLAT")["correlation"].is_null().all()


def test_nothing_to_correlate_is_an_empty_matrix() -> None:
    assert correlations(returns()).height == 0
    assert correlations(returns(*series([None, None]))).height == 0


@framewise
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(seed: int, random: Any) -> None:
    rows = gappy(seed)
    plain = (risk_metrics(returns(*rows), "A"), correlations(returns(*rows)))
    random.shuffle(rows)
    assert_frame_equal(plain[0], risk_metrics(returns(*rows), "A"))
    assert_frame_equal(plain[1], correlations(returns(*rows)), abs_tol=1e-12)
