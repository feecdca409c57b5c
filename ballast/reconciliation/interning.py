"""Give the texts of a column small numbers, equal where the texts are equal and only there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from ballast.reconciliation import compiled

Codes = npt.NDArray[np.uint32]

# Rows looked at together: what they need stays in the processor's cache.
CHUNK = 1 << 16
_FIRST_ROOM = 1 << 12


class HashCollisionError(Exception):
    """Two texts have the same hash, so that it cannot tell them apart."""


def hash_of(column: pl.Series) -> pl.Series:
    """Return 64 bits per text."""
    return column.hash()


def codes_of(column: pl.Series, hashing: Callable[[pl.Series], pl.Series] = hash_of) -> Codes:
    """Number the distinct values of a column in the order in which they come up.

    Parameters
    ----------
    column : pl.Series
        Without nulls.
    hashing : callable
        Values to 64 bits. Every value is compared with the first one of its hash, so a collision is always noticed.

    Raises
    ------
    HashCollisionError
        If two different values have the same hash.
    """
    table = _Table(column.clear())
    codes = np.empty(len(column), np.uint32)
    for start in range(0, len(column), CHUNK):
        part = column.slice(start, CHUNK)
        table.number(part, hashing(part).to_numpy(), codes[start : start + CHUNK])
    return codes


class _Table:
    """Hashes and the text that each stands for."""

    def __init__(self, texts: pl.Series) -> None:
        self._texts = texts
        self._count = 0
        self._room(_FIRST_ROOM)

    def _room(self, size: int) -> None:
        self._slots = np.full(size, -1, np.int32)
        known = np.empty(size // 2, np.uint64)
        if self._count:
            known[: self._count] = self._known[: self._count]
        self._known: npt.NDArray[np.uint64] = known

    def number(self, part: pl.Series, hashes: npt.NDArray[np.uint64], codes: Codes) -> None:
        """Write the number of each text of a part."""
        before, row = self._count, 0
        # A part brings at most as many new texts as it has rows.
        firsts = np.empty(self._count + len(part), np.int64)
        while True:
            row, self._count = compiled.encode(
                hashes, row, self._slots, self._known, firsts, self._count, codes
            )
            if row == len(part):
                break
            self._room(4 * len(self._slots))
            compiled.rehash(self._slots, self._known, self._count)
        if self._count > before:
            new = part.gather(firsts[before : self._count])
            self._texts = pl.concat([self._texts, new], rechunk=True)
        if not (self._texts.gather(pl.Series(codes)) == part).all():
            raise HashCollisionError
