"""The matching loop compiled by Numba, for books of many trades; importing this file costs a quarter of a second.

The compiler keeps its work until `kernel.py` changes: a change of this file alone needs one there too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.extending import overload, register_jitable

from ballast.books.lots import kernel

# A product below this leaves room in 64 bits for half of a divisor of 63.
_SAFE = 9e18
_UNIT = np.uint64(100_000_000)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_TOP = np.uint64(63)


@register_jitable
def _wide_share(total: Any, part: Any, whole: Any) -> Any:
    """Divide a product of 128 bits by long division; the quotient is known to fit 63 bits."""
    left, right, divisor = np.uint64(total), np.uint64(part), np.uint64(whole)
    left_low, left_high = left & _LOW, left >> _HALF
    right_low, right_high = right & _LOW, right >> _HALF
    low = left_low * right_low
    middle = left_high * right_low + (low >> _HALF)
    other = left_low * right_high + (middle & _LOW)
    high = left_high * right_high + (middle >> _HALF) + (other >> _HALF)
    low = (other << _HALF) | (low & _LOW)
    rounded = low + (divisor >> _ONE)
    if rounded < low:
        high += _ONE
    low = rounded
    remainder = high
    for _ in range(64):
        remainder = (remainder << _ONE) | (low >> _TOP)
        low = low << _ONE
        if remainder >= divisor:
            remainder -= divisor
            low |= _ONE
    return np.int64(low)


@overload(kernel.share)
def _share(total: Any, part: Any, whole: Any) -> Callable[[Any, Any, Any], Any]:  # noqa: ARG001
    def exact(total: Any, part: Any, whole: Any) -> Any:
        # A division without signs needs no correction; a product of floats tells in time what fits.
        size, one, every = np.uint64(abs(total)), np.uint64(part), np.uint64(whole)
        if one % _UNIT == 0 and every % _UNIT == 0:
            one //= _UNIT
            every //= _UNIT
        if float(size) * float(one) < _SAFE:
            result = np.int64((size * one + (every >> _ONE)) // every)
        else:
            result = _wide_share(size, one, every)
        return -result if total < 0 else result

    return exact


# Nothing here makes or keeps an array, so none has to be counted: that would take most of the time.
_UNCOUNTED: dict[str, Any] = {"_nrt": False}
# What every trade runs through is written into the loop.
for _often in (
    kernel.start_flat, kernel.trade, kernel.next_lot, kernel.open_lot, kernel.append,
    kernel.add_match, kernel.keep_in_place, kernel.key_of,
):  # fmt: skip
    register_jitable(inline="always", **_UNCOUNTED)(_often)
for _seldom in (
    kernel.split, kernel.turn_over, kernel.restate, kernel.forget_basis, kernel.return_capital,
    kernel.divide_pool, kernel.arrange_anew, kernel.is_before, kernel.push, kernel.pop,
):  # fmt: skip
    register_jitable(**_UNCOUNTED)(_seldom)

match: Callable[..., int] = numba.njit(cache=True, **_UNCOUNTED)(kernel.match)
