"""Whole lots."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from ballast.money import floor_to_multiple
from ballast.planning.account import Candidate


def whole_lots(quantity: Decimal, candidate: Candidate) -> int:
    """Return the number of whole lots in a quantity."""
    return int(floor_to_multiple(quantity, candidate.lot_size) / candidate.lot_size)


def most_lots(is_possible: Callable[[int], bool], most: int) -> int:
    """Return the largest number of lots that is possible, where fewer always are if more are."""
    for lots in range(most, max(most - 2, 0), -1):
        if is_possible(lots):
            return lots
    possible, impossible = 0, max(most - 1, 1)
    while impossible - possible > 1:
        middle = (possible + impossible) // 2
        if is_possible(middle):
            possible = middle
        else:
            impossible = middle
    return possible
