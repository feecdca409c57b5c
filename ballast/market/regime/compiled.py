"""The loops of the model compiled by Numba; importing this file costs a quarter of a second.

The compiler keeps its work until `kernel.py` changes: a change of this file alone needs one there too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.extending import register_jitable

from ballast.market.regime import kernel

for _inner in (
    kernel.density_factor, kernel.density, kernel.fill_densities, kernel.filter_forward,
    kernel.smooth_backward, kernel.maximise, kernel.log_prior,
):  # fmt: skip
    register_jitable(_inner)

climb: Callable[..., tuple[float, float]] = numba.njit(cache=True)(kernel.climb)
advance: Callable[..., Any] = numba.njit(cache=True)(kernel.advance)
