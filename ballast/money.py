"""Exact amounts: the decimal types of the books and the only bridges between them and floats.

Invariants: money never passes through a float; rounding is half-even unless a venue says otherwise; a split
of an amount conserves its total.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    InvalidOperation,
    Overflow,
)
from fractions import Fraction

import polars as pl

AMOUNT_SCALE = 8
RATE_SCALE = 12
AMOUNT = pl.Decimal(38, AMOUNT_SCALE)
RATE = pl.Decimal(38, RATE_SCALE)

ZERO = Decimal(0)
_AMOUNT_UNIT = Decimal(1).scaleb(-AMOUNT_SCALE)
_RATE_UNIT = Decimal(1).scaleb(-RATE_SCALE)
CENT = Decimal("0.01")
# A float that reaches an amount is a programming error, so it is trapped rather than converted.
_WIDE = Context(
    prec=60,
    rounding=ROUND_HALF_EVEN,
    traps=[DivisionByZero, FloatOperation, InvalidOperation, Overflow],
)


def to_amount(value: Decimal | int | str) -> Decimal:
    """Round to the eight decimals in which the books keep quantities, prices and money."""
    return Decimal(value, _WIDE).quantize(_AMOUNT_UNIT, rounding=ROUND_HALF_EVEN, context=_WIDE)


def to_rate(value: Decimal | int | str) -> Decimal:
    """Round to the twelve decimals in which exchange rates are kept."""
    return Decimal(value, _WIDE).quantize(_RATE_UNIT, rounding=ROUND_HALF_EVEN, context=_WIDE)


def to_cents(value: Decimal) -> Decimal:
    """Round a cash amount to hundredths of its currency, half to even."""
    return value.quantize(CENT, rounding=ROUND_HALF_EVEN, context=_WIDE)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """Multiply without the 28-digit limit of the default context and round to an amount."""
    return to_amount(_WIDE.multiply(left, right))


def divide(numerator: Decimal, denominator: Decimal) -> Decimal:
    """Divide and round to an amount; the caller rules out a zero denominator."""
    return to_amount(_WIDE.divide(numerator, denominator))


def scale(amount: Decimal, numerator: Decimal, denominator: Decimal) -> Decimal:
    """Return amount × numerator ÷ denominator with a single rounding."""
    return to_amount(_WIDE.divide(_WIDE.multiply(amount, numerator), denominator))


def floor_to_multiple(value: Decimal, unit: Decimal) -> Decimal:
    """Return the largest multiple of a unit that does not exceed a non-negative value."""
    return _WIDE.multiply(_WIDE.divide(value, unit).to_integral_value(ROUND_FLOOR), unit)


def ceil_to_multiple(value: Decimal, unit: Decimal) -> Decimal:
    """Return the smallest multiple of a unit that is not below a value."""
    return _WIDE.multiply(_WIDE.divide(value, unit).to_integral_value(ROUND_CEILING), unit)


def exact(observed: float, places: int = 6) -> Decimal:
    """Turn an observed float (a quoted price) into an exact decimal.

    Parameters
    ----------
    observed : float
        Finite; a market observation, never a sum of money.
    places : int
        Decimals kept; six hold every quotation in use and drop binary noise.

    Raises
    ------
    ValueError
        If the observation is not finite; unknown is None, never NaN.
    """
    if not math.isfinite(observed):
        raise ValueError(f"{observed} is not an observation")
    return Decimal(repr(observed)).quantize(
        Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN, context=_WIDE
    )


def exact_column(column: pl.Expr, places: int = 6) -> pl.Expr:
    """Vectorised `exact`: a float column as amounts; null and NaN become null.

    An observation with no more decimals than asked for becomes the same amount as by `exact`.
    """
    # Through the scale asked for: at eight decimals a price above 90 million no longer fits the float's 53 bits.
    return column.fill_nan(None).cast(pl.Decimal(38, places)).cast(AMOUNT)


def from_units(column: pl.Expr) -> pl.Expr:
    """Turn a column of whole numbers of the smallest unit into amounts; the inverse of `to_physical`."""
    return (column.cast(pl.Decimal(38, 0)) * pl.lit(_AMOUNT_UNIT)).cast(AMOUNT)


def approximate(column: pl.Expr) -> pl.Expr:
    """Hand an exact column to analytics as float64."""
    return column.cast(pl.Float64)


def allocate(total: Decimal, weights: Sequence[Decimal], unit: Decimal = CENT) -> list[Decimal]:
    """Split a total in proportion to weights so that the parts add up exactly (largest remainder).

    Parameters
    ----------
    total : Decimal
        A multiple of `unit`.
    weights : sequence of Decimal
        Non-negative, with a positive sum.
    unit : Decimal
        The smallest part, by default one hundredth.

    Raises
    ------
    ValueError
        If weights are negative, sum to zero, or the total is not a multiple of the unit.
    """
    # Fractions, because a sum of wide weights would be rounded by the default context.
    shares_of = [Fraction(weight) for weight in weights]
    weight_sum = sum(shares_of, Fraction(0))
    if weight_sum <= 0 or any(weight < 0 for weight in shares_of):
        raise ValueError("weights must be non-negative with a positive sum")
    units = Fraction(total) / Fraction(unit)
    if units.denominator != 1:
        raise ValueError(f"{total} is not a multiple of {unit}")
    shares = [units * weight / weight_sum for weight in shares_of]
    parts = [math.floor(share) for share in shares]
    left_over = int(units) - sum(parts)
    by_remainder = sorted(range(len(shares)), key=lambda i: (parts[i] - shares[i], i))
    for index in by_remainder[:left_over]:
        parts[index] += 1
    return [_WIDE.multiply(Decimal(part), unit) for part in parts]
