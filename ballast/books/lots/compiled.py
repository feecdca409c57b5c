"""The matching loop compiled by Numba, for books of many trades; importing this file costs a quarter of a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.extending import overload, register_jitable

from ballast.books.lots import kernel

_LARGEST = np.iinfo(np.int64).max
_UNIT = 100_000_000
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
        if part % _UNIT == 0 and whole % _UNIT == 0:
            part //= _UNIT
            whole //= _UNIT
        size = abs(total)
        if size <= (_LARGEST - whole) // part:
            result = (size * part + whole // 2) // whole
        else:
            result = _wide_share(size, part, whole)
        return -result if total < 0 else result

    return exact


for _called in (
    kernel.start_flat, kernel.trade, kernel.next_lot, kernel.open_lot, kernel.append,
    kernel.add_match, kernel.split, kernel.turn_over, kernel.restate, kernel.return_capital,
    kernel.forget_basis, kernel.divide_pool, kernel.keep_in_place, kernel.arrange_anew,
    kernel.key_of, kernel.is_before, kernel.push, kernel.pop,
):  # fmt: skip
    register_jitable(_called)

match: Callable[..., int] = numba.njit(cache=True)(kernel.match)
