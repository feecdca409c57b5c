"""The moving-average regime against a loop over closes."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.errors import HistoryTooShortError
from ballast.market.regime import moving_average_regime
from ballast.settings import RegimeSettings
from ballast.tables import Regimes
from tests.ballast.builders import Row, bar, bars, day, framewise

WINDOW = 20
SETTINGS = RegimeSettings(
    index="IDX", window=WINDOW, reserve_bull=0.02, reserve_sideways=0.30, reserve_bear=0.05
)

closes = st.lists(
    st.floats(50.0, 150.0).map(lambda close: round(close, 2)), min_size=1, max_size=60
)


def index(values: list[float]) -> list[Row]:
    return [bar("IDX", day(number), value) for number, value in enumerate(values)]


def regimes(values: list[float], on: int | None = None) -> pl.DataFrame:
    last = len(values) - 1 if on is None else on
    frame = moving_average_regime(bars(*index(values)), SETTINGS, day(last))
    Regimes.validate(frame)
    return frame


def loop(values: list[float]) -> list[tuple[float | None, str | None]]:
    """Return mean and regime of every close."""
    found: list[tuple[float | None, str | None]] = []
    for number, close in enumerate(values):
        window = values[number - WINDOW + 1 : number + 1]
        if number + 1 < WINDOW:
            found.append((None, None))
            continue
        mean = math.fsum(window) / WINDOW
        distance = round(close / mean - 1, 10)
        name = "bull" if distance >= 0.05 else "bear" if distance <= -0.05 else "sideways"
        found.append((mean, name))
    return found


@framewise
@given(closes)
def test_mean_and_label_are_those_of_a_loop_over_the_last_closes(values: list[float]) -> None:
    frame = regimes(values)
    for row, (mean, name) in zip(frame.iter_rows(named=True), loop(values), strict=True):
        assert row["regime"] == name
        if mean is None:
            assert row["moving_average"] is row["distance"] is None
        else:
            assert row["moving_average"] == pytest.approx(mean, rel=1e-12)
            assert row["distance"] == pytest.approx(row["close"] / mean - 1, abs=1e-9)


@framewise
@given(closes, closes)
def test_later_closes_never_change_earlier_labels(values: list[float], later: list[float]) -> None:
    earlier = regimes(values)
    assert_frame_equal(regimes(values + later).head(len(values)), earlier, check_exact=True)
    assert_frame_equal(regimes(values + later, on=len(values) - 1), earlier, check_exact=True)


@framewise
@given(closes, st.data())
def test_row_order_and_other_securities_are_irrelevant(
    values: list[float], data: st.DataObject
) -> None:
    rows = [*index(values), bar("AAA", day(0), 1.0)]
    shuffled = data.draw(st.permutations(rows))
    last = day(len(values) - 1)
    assert_frame_equal(moving_average_regime(bars(*shuffled), SETTINGS, last), regimes(values))


@framewise
@given(closes, st.sampled_from([0.001, 0.3, 7.0, 1e6]))
def test_the_scale_of_the_index_is_irrelevant(values: list[float], factor: float) -> None:
    scaled = regimes([value * factor for value in values])
    unscaled = regimes(values)
    assert scaled["regime"].to_list() == unscaled["regime"].to_list()
    assert_frame_equal(scaled.select("reserve_share"), unscaled.select("reserve_share"))


@framewise
@given(closes)
def test_history_older_than_the_window_is_irrelevant(values: list[float]) -> None:
    window = [100.0 + number for number in range(WINDOW)]
    alone, after_more = (
        regimes(window).row(-1, named=True),
        regimes(values + window).row(-1, named=True),
    )
    assert after_more["regime"] == alone["regime"]
    assert after_more["distance"] == pytest.approx(alone["distance"], abs=2e-10)


def at_distance(share: float, level: float) -> list[float]:
    """Return closes of which the last one is exactly (1 + share) × their mean."""
    mean = level
    last = mean * (1 + share)
    others = (mean * WINDOW - last) / (WINDOW - 1)
    return [others] * (WINDOW - 1) + [last]


@pytest.mark.parametrize("level", [20.0, 100.0, 1234.56, 3385.51, 0.07])
@pytest.mark.parametrize("noise", [[], [3.3] * 30, [1e7 / 3] * 5])
def test_the_thresholds_belong_to_the_regimes_that_they_open(
    level: float, noise: list[float]
) -> None:
    scale = [value * level / 100 for value in noise]
    for share, name in [
        (0.05, "bull"),
        (-0.05, "bear"),
        (0.0499, "sideways"),
        (-0.0499, "sideways"),
    ]:
        assert regimes(scale + at_distance(share, level))["regime"].to_list()[-1] == name


def test_the_regime_is_unknown_until_the_window_is_full_and_the_largest_reserve_applies() -> None:
    frame = regimes([100.0] * WINDOW)
    assert frame["regime"].to_list() == [None] * (WINDOW - 1) + ["sideways"]
    assert frame["reserve_share"].to_list()[: WINDOW - 1] == [0.30] * (WINDOW - 1)


@pytest.mark.parametrize(("last", "reserve"), [(150.0, 0.02), (100.0, 0.30), (50.0, 0.05)])
def test_each_regime_asks_for_its_own_reserve(last: float, reserve: float) -> None:
    frame = regimes([100.0] * (WINDOW - 1) + [last])
    assert frame["reserve_share"].to_list()[-1] == reserve


def test_an_index_without_any_close_is_an_error_that_names_it() -> None:
    with pytest.raises(HistoryTooShortError, match="IDX"):
        moving_average_regime(bars(bar("AAA", day(0), 1.0)), SETTINGS, day(0))
    with pytest.raises(HistoryTooShortError, match="IDX"):
        moving_average_regime(bars(bar("IDX", day(1), 1.0)), SETTINGS, day(0))
