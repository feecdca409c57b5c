"""Pairing of many rows by integers, compiled by Numba; importing this file costs a quarter of a second.

Rows are scattered into parts small enough for the processor's cache, by the leading bits of a hash of their key; then
each part is matched through a small table of its own. Nothing is approximate: keys and values are compared as they are,
and the hash only says where to look.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

# Stands for a value that is not known, or that 64 bits cannot hold: equal to nothing.
UNKNOWN = int(np.iinfo(np.int64).min)

_ONE = np.uint64(1)
_HALF = np.uint64(32)
_WORD = np.uint64(64)
_FOLD = np.uint64(33)
_FIRST_FACTOR = np.uint64(0xFF51AFD7ED558CCD)
_SECOND_FACTOR = np.uint64(0xC4CEB9FE1A85EC53)
# Nothing here makes an array, so none has to be counted; without the interpreter's lock threads run at once.
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compiled(function: _Function) -> _Function:
    made: _Function = numba.njit(**_OPTIONS)(function)
    return made


def _written_in(function: _Function) -> _Function:
    made: _Function = numba.njit(**_OPTIONS, inline="always")(function)
    return made


@_written_in
def _key(first: Any, second: Any) -> Any:
    return (np.uint64(first) << _HALF) | np.uint64(second)


@_written_in
def _hash(key: Any) -> Any:
    mixed = (key ^ (key >> _FOLD)) * _FIRST_FACTOR
    mixed = (mixed ^ (mixed >> _FOLD)) * _SECOND_FACTOR
    return mixed ^ (mixed >> _FOLD)


@_compiled
def encode(
    names: Any, start: int, slots: Any, known: Any, firsts: Any, count: int, codes: Any
) -> tuple[int, int]:
    """Number names (64 bits) in the order in which they come up; stop where the table is half full.

    Returns the row to go on with and the count of names known; `firsts` gets the row in which each came up first.
    """
    mask = np.uint64(len(slots) - 1)
    for row in range(start, len(names)):
        name = names[row]
        slot = _hash(name) & mask
        code = slots[slot]
        while code >= 0 and known[code] != name:
            slot = (slot + _ONE) & mask
            code = slots[slot]
        if code < 0:
            if count == len(known):
                return row, count
            code = count
            slots[slot] = code
            known[code] = name
            firsts[code] = row
            count += 1
        codes[row] = code
    return len(names), count


@_compiled
def rehash(slots: Any, known: Any, count: int) -> None:
    """Enter the known names into an empty table."""
    mask = np.uint64(len(slots) - 1)
    for code in range(count):
        slot = _hash(known[code]) & mask
        while slots[slot] >= 0:
            slot = (slot + _ONE) & mask
        slots[slot] = code


@_compiled
def count(first: Any, second: Any, bits: int, counts: Any) -> None:
    """Count the rows of each part; a key is two halves of 32 bits."""
    shift = _WORD - np.uint64(bits)
    for row in range(len(first)):
        counts[_hash(_key(first[row], second[row])) >> shift] += 1


@_compiled
def scatter(
    first: Any, second: Any, values: Any, number: int, bits: int, places: Any, records: Any
) -> None:
    """Write each row (key, number of the row, values) to the next place of its part."""
    shift = _WORD - np.uint64(bits)
    for row in range(len(first)):
        key = _key(first[row], second[row])
        part = _hash(key) >> shift
        place = places[part]
        places[part] = place + 1
        records[place, 0] = np.int64(key)
        records[place, 1] = number + row
        for column in range(values.shape[0]):
            records[place, 2 + column] = values[column, row]


@_written_in
def _slot(key: Any, lead: Any, mask: Any) -> Any:
    # The leading bits are the same in the whole part.
    return ((_hash(np.uint64(key)) << lead) >> _HALF) & mask


@_compiled
def match(
    local: Any, local_starts: Any, broker: Any, broker_starts: Any, first: int, last: int, bits: int,
    slots: Any, is_taken: Any, found: Any,
) -> int:  # fmt: skip
    """Write the pairs of rows that are not the same in every value, and return how many; -1 if a key is repeated."""
    found_count = 0
    mask = np.uint64(len(slots) - 1)
    lead = np.uint64(bits)
    for part in range(first, last):
        start, stop = local_starts[part], local_starts[part + 1]
        slots[:] = -1
        for row in range(start, stop):
            key = local[row, 0]
            slot = _slot(key, lead, mask)
            while slots[slot] >= 0:
                if local[slots[slot], 0] == key:
                    return -1
                slot = (slot + _ONE) & mask
            slots[slot] = row
            is_taken[row - start] = False
        for row in range(broker_starts[part], broker_starts[part + 1]):
            key = broker[row, 0]
            slot = _slot(key, lead, mask)
            other = slots[slot]
            while other >= 0 and local[other, 0] != key:
                slot = (slot + _ONE) & mask
                other = slots[slot]
            if other < 0:
                found[found_count, 0] = -1
                found[found_count, 1] = broker[row, 1]
                found_count += 1
                continue
            if is_taken[other - start]:
                return -1
            is_taken[other - start] = True
            for column in range(2, local.shape[1]):
                value = local[other, column]
                if value != broker[row, column] or value == UNKNOWN:
                    found[found_count, 0] = local[other, 1]
                    found[found_count, 1] = broker[row, 1]
                    found_count += 1
                    break
        for row in range(start, stop):
            if not is_taken[row - start]:
                found[found_count, 0] = local[row, 1]
                found[found_count, 1] = -1
                found_count += 1
    return found_count
