"""Exact amounts, with fractions as the independent arithmetic."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.money import (
    AMOUNT,
    CENT,
    allocate,
    approximate,
    ceil_to_multiple,
    divide,
    exact,
    exact_column,
    floor_to_multiple,
    multiply,
    scale,
    to_amount,
    to_cents,
    to_rate,
)
from tests.ballast.builders import D, arithmetic, framewise

amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=8, allow_nan=False)
positive = st.decimals(min_value="0.00000001", max_value=10**12, places=8)
six_decimals = st.decimals(min_value=0, max_value=10**9, places=6)


def rounded(value: Fraction, places: int) -> Fraction:
    """Round half to even; Python's own rounding of fractions is exact."""
    return Fraction(round(value * 10**places), 10**places)


@pytest.mark.parametrize("convert", [to_amount, to_rate])
def test_a_float_is_refused_rather_than_converted(convert) -> None:
    with pytest.raises(TypeError):
        convert(0.1)


@pytest.mark.parametrize("operation", [multiply, divide])
def test_arithmetic_refuses_floats(operation) -> None:
    with pytest.raises(TypeError):
        operation(D(1), 0.5)


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        ("0.000000005", "0.00000000"),
        ("0.000000015", "0.00000002"),
        ("0.000000025", "0.00000002"),
        ("-0.000000015", "-0.00000002"),
        ("0.0000000250000000000000000000000001", "0.00000003"),
    ],
)
def test_amounts_round_half_to_even_at_eight_decimals(given_value: str, kept: str) -> None:
    assert to_amount(given_value) == D(kept)


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [("2.675", "2.68"), ("2.665", "2.66"), ("-2.665", "-2.66"), ("2.66500001", "2.67")],
)
def test_cents_round_half_to_even(given_value: str, kept: str) -> None:
    assert to_cents(D(given_value)) == D(kept)


def test_rates_keep_twelve_decimals() -> None:
    assert to_rate("1.1234567890125") == D("1.123456789012")


@arithmetic
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_rounding_an_amount_moves_it_by_half_a_unit_at_most_and_only_once(value: Decimal) -> None:
    amount = to_amount(value)
    assert Fraction(amount) == rounded(Fraction(value), 8)
    assert to_amount(amount) == amount


@arithmetic
@given(amounts, amounts)
def test_a_product_is_rounded_once(left: Decimal, right: Decimal) -> None:
    assert Fraction(multiply(left, right)) == rounded(Fraction(left) * Fraction(right), 8)


@arithmetic
@given(amounts, positive)
def test_a_quotient_is_rounded_once(numerator: Decimal, denominator: Decimal) -> None:
    exactly = Fraction(numerator) / Fraction(denominator)
    assert Fraction(divide(numerator, denominator)) == rounded(exactly, 8)


@arithmetic
@given(amounts, amounts, positive)
def test_scaling_is_rounded_once(amount: Decimal, numerator: Decimal, denominator: Decimal) -> None:
    exactly = Fraction(amount) * Fraction(numerator) / Fraction(denominator)
    assert Fraction(scale(amount, numerator, denominator)) == rounded(exactly, 8)


def test_scaling_a_third_and_back_needs_no_intermediate_rounding() -> None:
    assert scale(D("0.00000003"), D(1), D(3)) == D("0.00000001")
    assert multiply(divide(D("0.00000003"), D("300000000")), D("100000000")) == D(0)


@arithmetic
@given(st.decimals(min_value=0, max_value=10**12, places=8), positive)
def test_floor_and_ceil_enclose_a_value_between_neighbouring_multiples(
    value: Decimal, unit: Decimal
) -> None:
    low, high = floor_to_multiple(value, unit), ceil_to_multiple(value, unit)
    count = math.floor(Fraction(value) / Fraction(unit))
    assert Fraction(low) == count * Fraction(unit)
    assert Fraction(high) == math.ceil(Fraction(value) / Fraction(unit)) * Fraction(unit)
    assert low <= value <= high


@pytest.mark.parametrize("unit", ["0.01", "0.3", "100"])
def test_a_multiple_is_its_own_floor_and_ceiling(unit: str) -> None:
    value = D(unit) * 7
    assert floor_to_multiple(value, D(unit)) == value == ceil_to_multiple(value, D(unit))


@arithmetic
@given(six_decimals)
def test_an_observed_price_of_up_to_six_decimals_becomes_exactly_itself(price: Decimal) -> None:
    assert exact(float(price)) == price


@arithmetic
@given(st.floats(min_value=1e-6, max_value=1e9))
def test_an_observed_float_is_kept_to_the_sixth_decimal(value: float) -> None:
    kept = exact(value)
    binary_noise = Fraction(math.ulp(value))
    assert abs(Fraction(kept) - Fraction(value)) <= Fraction(5, 10**7) + binary_noise
    assert kept.as_tuple().exponent == -6


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_observation_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not an observation"):
        exact(value)


@framewise
@given(st.lists(six_decimals, min_size=1, max_size=20))
def test_a_column_of_observations_becomes_the_same_amounts_as_each_by_itself(
    values: list[Decimal],
) -> None:
    column = pl.DataFrame({"price": [float(value) for value in values]})
    amounts_of = column.select(exact_column(pl.col("price")))["price"]
    assert amounts_of.dtype == AMOUNT
    assert amounts_of.to_list() == [exact(float(value)) for value in values]


def test_an_unknown_observation_becomes_null_and_never_zero() -> None:
    column = pl.DataFrame({"price": [math.nan, None, 0.0]}, schema={"price": pl.Float64})
    assert column.select(exact_column(pl.col("price")))["price"].to_list() == [None, None, D(0)]


def test_analytics_get_floats() -> None:
    column = pl.DataFrame({"value": [D("0.1"), None]}, schema={"value": AMOUNT})
    assert column.select(approximate(pl.col("value")))["value"].to_list() == [0.1, None]


units = st.sampled_from([CENT, D(1), D("0.00000001"), D(100)])
weights = st.lists(
    st.decimals(min_value=0, max_value=10**25, places=8), min_size=1, max_size=12
).filter(lambda parts: sum(map(Fraction, parts)) > 0)


@arithmetic
@given(st.integers(-(10**15), 10**15), units, weights)
def test_an_allocation_conserves_its_total_and_is_fair_within_one_unit(
    count: int, unit: Decimal, shares: list[Decimal]
) -> None:
    total = count * unit
    parts = allocate(total, shares, unit)
    assert sum(map(Fraction, parts)) == Fraction(total)
    whole = sum(map(Fraction, shares))
    for part, share in zip(parts, shares, strict=True):
        assert abs(Fraction(part) - Fraction(total) * Fraction(share) / whole) < Fraction(unit)
        assert Fraction(part) % Fraction(unit) == 0


@arithmetic
@given(st.integers(0, 10**6), weights)
def test_a_larger_weight_never_gets_less(count: int, shares: list[Decimal]) -> None:
    parts = allocate(count * CENT, shares)
    by_weight = sorted(zip(shares, parts, strict=True))
    for (light, less), (heavy, more) in pairwise(by_weight):
        assert less <= more or light == heavy


def test_a_weight_of_zero_gets_nothing() -> None:
    assert allocate(D("0.01"), [D(0), D(1), D(0)]) == [D(0), D("0.01"), D(0)]


def test_left_over_units_go_to_the_largest_remainders_and_then_to_the_first() -> None:
    assert allocate(D("1.00"), [D(1), D(1), D(1)]) == [D("0.34"), D("0.33"), D("0.33")]
    assert allocate(D(10), [D("1.2"), D("1.7"), D("7.1")], D(1)) == [D(1), D(2), D(7)]


@pytest.mark.parametrize("shares", [[], [D(0), D(0)], [D(2), D(-1)]])
def test_weights_that_cannot_be_shared_by_are_refused(shares: list[Decimal]) -> None:
    with pytest.raises(ValueError, match="non-negative with a positive sum"):
        allocate(D(1), shares)


def test_a_total_that_is_no_multiple_of_the_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="not a multiple"):
        allocate(D("0.005"), [D(1)])
