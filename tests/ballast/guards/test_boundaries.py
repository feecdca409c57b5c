"""Where each guard changes its mind, to the last digit."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ballast.guards.activity import stale_prices_guard
from ballast.guards.drawdown import DRAWDOWN, MINIMUM_EQUITY, drawdown_guard
from ballast.guards.losses import daily_loss_guard
from ballast.guards.market import price_gap_guard, spread_guard
from ballast.guards.states import rounded_percent
from ballast.money import AMOUNT
from ballast.settings import GuardSettings
from tests.ballast.guards.accounts import (
    SESSION,
    SETTINGS,
    moved,
    quoted,
    returned,
    row_of,
    state,
    valued,
    watched,
    worth,
)

# Equity of an account whose peak is 100 000: the drawdown is 100 − equity ÷ 1 000.
DRAWDOWNS = [
    ("85006", "14.99", "ok"),            # 14.994
    ("85005", "15.00", "warn"),          # 14.995, half to even
    ("85000", "15.00", "warn"),
    ("80006", "19.99", "warn"),          # 19.994
    ("80005", "20.00", "act"),           # 19.995
    ("80000", "20.00", "act"),
    ("79999", "20.00", "act"),
    ("100000", "0.00", "ok"),
    ("100001", "0.00", "ok"),            # a new high: the peak rises, the drawdown is not negative
    ("0", "100.00", "act"),
]  # fmt: skip


@pytest.mark.parametrize(("equity", "measured", "expected"), DRAWDOWNS)
def test_the_drawdown_is_rounded_before_it_is_compared(
    equity: str, measured: str, expected: str
) -> None:
    found = row_of(drawdown_guard(worth(equity, "100000"), SETTINGS), DRAWDOWN)
    assert found["measured"] == Decimal(measured)
    assert found["state"] == expected


@pytest.mark.parametrize(
    ("equity", "peak"),
    [("1000", "0"), ("0", "0"), ("-1", "100000"), (None, "100000"), ("1000", None), (None, None), ("5", "-5")],
)  # fmt: skip
def test_a_zero_peak_a_negative_equity_and_missing_figures_are_unknown(
    equity: str | None, peak: str | None
) -> None:
    found = row_of(drawdown_guard(worth(equity, peak), SETTINGS), DRAWDOWN)
    assert found["state"] == "unknown"
    assert found["measured"] is None


@pytest.mark.parametrize(
    ("equity", "expected"),
    [("100", "ok"), ("99.99999999", "act"), ("0", "act"), ("-0.01", "unknown"), (None, "unknown")],
)
def test_an_account_that_is_worth_too_little_is_closed(equity: str | None, expected: str) -> None:
    assert state(drawdown_guard(worth(equity, "100"), SETTINGS), MINIMUM_EQUITY) == expected


def test_an_account_in_which_nothing_was_ever_booked_is_no_alarm() -> None:
    found = drawdown_guard(worth(None, None, is_booked=False), SETTINGS)
    assert found["state"].to_list() == ["ok", "ok"]


def test_both_guards_of_a_fall_close_a_position_under_one_identity() -> None:
    found = drawdown_guard(worth("50", "1000"), SETTINGS)
    assert found["state"].to_list() == ["act", "act"]
    assert found["episode"].to_list() == ["drawdown-2024-01-02"] * 2


@pytest.mark.parametrize(
    ("daily_return", "expected"),
    [
        (0.08, "ok"), (0.0, "ok"), (-0.01994, "ok"), (-0.01995, "block_sells"), (-0.02, "block_sells"),
        (-0.02994, "block_sells"), (-0.02995, "reduce_only"), (-0.03, "reduce_only"), (-0.04994, "reduce_only"),
        (-0.04995, "halt"), (-0.05, "halt"), (-0.9, "halt"), (None, "unknown"), (float("nan"), "unknown"),
    ],
)  # fmt: skip
def test_the_ladder_of_a_session(daily_return: float | None, expected: str) -> None:
    assert state(daily_loss_guard(returned(daily_return), SETTINGS, SESSION)) == expected


def test_a_session_before_which_nothing_was_invested_has_no_loss() -> None:
    assert state(daily_loss_guard(returned(None, has_begun=False), SETTINGS, SESSION)) == "ok"


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ("104.99", "ok"), ("105", "warn"), ("95.01", "ok"), ("95", "warn"), ("109.99", "warn"),
        ("110", "reduce_only"), ("90", "reduce_only"), ("90.000001", "warn"), ("0", "unknown"), (None, "unknown"),
    ],
)  # fmt: skip
def test_both_limits_of_a_price_gap_are_inclusive(price: str | None, expected: str) -> None:
    assert state(price_gap_guard(watched("A"), moved(price, "100"), SETTINGS)) == expected


def test_a_price_without_a_close_before_is_unknown() -> None:
    assert state(price_gap_guard(watched("A"), moved("100", None), SETTINGS)) == "unknown"
    assert state(price_gap_guard(watched("B"), moved("100", "100"), SETTINGS)) == "unknown"


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        ("100", "ok"), ("100.5", "ok"), ("100.50000001", "warn"), ("100.99999999", "warn"), ("101", "reduce_only"),
        ("99.99", "unknown"), (None, "unknown"),
    ],
)  # fmt: skip
def test_the_spread_is_a_share_of_the_bid_and_its_lower_limit_is_strict(
    ask: str | None, expected: str
) -> None:
    assert state(spread_guard(watched("A"), quoted("100", ask), SETTINGS, SESSION)) == expected


def test_a_security_without_quotes_is_not_measured_and_stops_only_where_quotes_are_required() -> (
    None
):
    required = GuardSettings(quotes_required=True)
    for quotes in (None, quoted(None, None)):
        relaxed = spread_guard(watched("A"), quotes, SETTINGS, SESSION)
        assert state(relaxed) == "ok"
        assert relaxed["explanation"].item() == "Not measured: there is no quote."
        assert state(spread_guard(watched("A"), quotes, required, SESSION)) == "unknown"


@pytest.mark.parametrize(
    ("stale", "expected"),
    [("0", "ok"), ("5", "ok"), ("5.01", "warn"), ("30", "warn"), ("30.01", "reduce_only")],
)
def test_stale_prices_count_by_the_value_they_concern(stale: str, expected: str) -> None:
    positions = valued((stale, True), (str(100 - Decimal(stale)), False))
    assert state(stale_prices_guard(positions, ["one"], SETTINGS, SESSION)) == expected


def test_a_position_of_unknown_value_leaves_the_share_unknown_and_a_flat_account_has_none() -> None:
    assert state(stale_prices_guard(valued((None, False)), ["one"], SETTINGS, SESSION)) == "unknown"
    assert state(stale_prices_guard(valued(), ["one"], SETTINGS, SESSION)) == "ok"


@given(part=st.decimals("-1e9", "1e9", places=8), whole=st.decimals("0.01", "1e9", places=8))
def test_a_percentage_is_rounded_once_and_half_to_even(part: Decimal, whole: Decimal) -> None:
    frame = pl.DataFrame({"p": [part], "w": [whole]}, schema={"p": AMOUNT, "w": AMOUNT})
    found = frame.select(rounded_percent(pl.col("p"), pl.col("w"))).item()
    assert found == Decimal(round(Fraction(part) / Fraction(whole) * 10_000)) / 100


@given(hundredths=st.integers(-10_000, 10_000))
def test_a_tie_goes_to_the_even_hundredth(hundredths: int) -> None:
    tie = (Decimal(hundredths) + Decimal("0.5")) / 10_000
    frame = pl.DataFrame({"p": [tie]}, schema={"p": AMOUNT})
    found = frame.select(rounded_percent(pl.col("p"), pl.lit(1).cast(AMOUNT))).item()
    assert found == (tie * 100).quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def test_a_ladder_that_does_not_rise_is_refused() -> None:
    with pytest.raises(ValidationError, match="drawdown_warning"):
        GuardSettings(drawdown_warning=Decimal("0.3"))
    with pytest.raises(ValidationError, match="loss_reduce_only"):
        GuardSettings(loss_reduce_only=Decimal("0.06"))
