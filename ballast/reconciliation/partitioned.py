"""Pair the rows of two large frames: interned keys, parts that fit the cache, two threads at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from ballast.reconciliation import compiled
from ballast.reconciliation.interning import CHUNK, Codes, HashCollisionError, codes_of, hash_of

Integers = npt.NDArray[np.int64]

# Rows per part, and a bound for the number of parts, which must not outgrow the cache themselves.
_PART = 4096
_MOST_BITS = 13
_HALF_OF_A_KEY = (1 << 32) - 1


class RepeatedKeyError(Exception):
    """A key occurs more than once on one side."""


def unequal_rows(
    local: pl.DataFrame,
    broker: pl.DataFrame,
    key: Sequence[str],
    values: Sequence[str],
    hashing: Callable[[pl.Series], pl.Series] = hash_of,
) -> Integers | None:
    """Return the numbers of the rows of each pair that is not the same in every value, -1 where one side has none.

    Parameters
    ----------
    local, broker : pl.DataFrame
        Both with the columns of key and values.
    key : sequence of str
        One or two columns of texts or whole numbers.
    values : sequence of str
        Columns of decimals of one scale or of whole numbers. Null, and what 64 bits cannot hold, is equal to nothing.

    Returns
    -------
    array of int64, shape (pairs, 2), or None
        In no particular order. None if a key is null or two texts have the same hash: then this is the wrong tool.

    Raises
    ------
    RepeatedKeyError
        If a key occurs twice among the local rows, or twice among the broker's and also among the local ones.
    """
    sides = (local, broker)
    if any(side[name].null_count() for side in sides for name in key):
        return None
    threads = pl.thread_pool_size()
    with ThreadPoolExecutor(threads) as pool:
        try:
            halves = list(pool.map(partial(_half_of_key, sides, hashing), key))
        except HashCollisionError:
            return None
        if len(halves) == 1:
            halves.insert(0, np.zeros_like(halves[0]))
        longest = max(local.height, broker.height)
        bits = min(max((longest // _PART).bit_length(), 1), _MOST_BITS)
        parted = [
            _Parts(pool, threads, bits, side.select(values), *(half[rows] for half in halves))
            for side, rows in zip(
                sides, (slice(local.height), slice(local.height, None)), strict=True
            )
        ]
        del halves
        return _matched(pool, threads, bits, *parted)


def _half_of_key(
    sides: tuple[pl.DataFrame, pl.DataFrame],
    hashing: Callable[[pl.Series], pl.Series],
    name: str,
) -> Codes:
    """Return 32 bits per row of both sides, one after the other."""
    columns = [side[name] for side in sides]
    if not all(column.dtype.is_integer() for column in columns):
        return codes_of(pl.concat(columns, rechunk=False), hashing)
    whole = [column.cast(pl.Int64).to_numpy() for column in columns]
    if all(len(part) == 0 or (part.min() >= 0 and part.max() <= _HALF_OF_A_KEY) for part in whole):
        return np.concatenate([part.astype(np.uint32) for part in whole])
    # A whole number is its own name, if 32 bits do not hold it.
    names = pl.Series(np.concatenate(whole))
    return codes_of(names, lambda part: part.reinterpret(signed=False))


class _Parts:
    """Records of one side (key, number of the row, values) part by part, and where each part begins."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        threads: int,
        bits: int,
        values: pl.DataFrame,
        first: Codes,
        second: Codes,
    ) -> None:
        shares = _shares(values.height, threads)
        counts = np.zeros((threads, 1 << bits), np.int64)

        def count(number: int) -> None:
            rows = slice(*shares[number])
            compiled.count(first[rows], second[rows], bits, counts[number])

        list(pool.map(count, range(threads)))
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts.T.ravel())])
        # Every thread has a place of its own in every part, so that none waits for another.
        places = ends[:-1].reshape(1 << bits, threads).T.copy()
        self.starts: Integers = ends[::threads].copy()
        self.records: Integers = np.empty((values.height, 2 + values.width), np.int64)

        def scatter(number: int) -> None:
            start, stop = shares[number]
            buffer = np.empty((values.width, CHUNK), np.int64)
            for begin in range(start, stop, CHUNK):
                end = min(begin + CHUNK, stop)
                for place, column in enumerate(values.iter_columns()):
                    buffer[place, : end - begin] = _integers(column.slice(begin, end - begin))
                compiled.scatter(
                    first[begin:end], second[begin:end], buffer, begin, bits, places[number], self.records
                )  # fmt: skip

        list(pool.map(scatter, range(threads)))


def _integers(column: pl.Series) -> Integers:
    known = column.to_physical().cast(pl.Int64, strict=False)
    return known.fill_null(compiled.UNKNOWN).to_numpy()


def _matched(
    pool: ThreadPoolExecutor, threads: int, bits: int, local: _Parts, broker: _Parts
) -> Integers:
    most = int(np.diff(local.starts).max())
    # At most half full, so that every search ends soon.
    room = 1 << max(2 * most, 2).bit_length()

    def match(bounds: tuple[int, int]) -> Integers:
        first, last = bounds
        rows = sum(int(side.starts[last] - side.starts[first]) for side in (local, broker))
        found = np.empty((rows, 2), np.int64)
        slots, is_taken = np.empty(room, np.int64), np.empty(most, np.bool_)
        count = compiled.match(
            local.records, local.starts, broker.records, broker.starts, first, last, bits,
            slots, is_taken, found,
        )  # fmt: skip
        if count < 0:
            raise RepeatedKeyError
        return found[:count].copy()

    return np.concatenate(list(pool.map(match, _shares(1 << bits, threads))))


def _shares(count: int, threads: int) -> list[tuple[int, int]]:
    bounds = [count * number // threads for number in range(threads + 1)]
    return list(pairwise(bounds))
