"""Group rows by instrument (a security in an account), without sorting text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Groups:
    """Rows in the order of their instruments.

    Parameters
    ----------
    order : array
        Numbers of the rows: those of an instrument together, in the order in which they came.
    starts : array
        Place of the first row of each instrument in that order, and at the end the number of rows.
    """

    order: Array
    starts: Array

    @property
    def firsts(self) -> Array:
        """Number of the first row of each instrument."""
        return np.asarray(self.order[self.starts[:-1]])


def by_instrument(rows: pl.DataFrame) -> Groups:
    """Group rows by `account_id` and `symbol`, instruments in the order of their names."""
    codes = codes_of(rows["account_id"]) * (1 << 32) + codes_of(rows["symbol"])
    listed = (
        pl.DataFrame({"code": codes})
        .with_row_index("first")
        .group_by("code")
        .agg(pl.col("first").min())
        .sort("code")
    )
    names = rows.select("account_id", "symbol")[listed["first"]].with_row_index("group")
    ranks = np.empty(listed.height, np.int64)
    ranks[names.sort("account_id", "symbol")["group"].to_numpy()] = np.arange(listed.height)
    groups = ranks[np.searchsorted(listed["code"].to_numpy(), codes)]
    # Numbers of 16 bits are sorted by counting.
    small = groups.astype(np.uint16) if listed.height < 1 << 16 else groups
    counts = np.bincount(groups, minlength=listed.height)
    return Groups(small.argsort(kind="stable"), np.concatenate([[0], counts.cumsum()]))


def codes_of(texts: pl.Series) -> Array:
    """Number texts; equal texts of one process have equal numbers, null has -1."""
    numbers = texts.cast(pl.Categorical).to_physical().cast(pl.Int64)
    return (numbers.fill_null(-1) if numbers.null_count() else numbers).to_numpy()
