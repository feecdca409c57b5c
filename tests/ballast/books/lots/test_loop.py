"""The matching loop: compiled and as it is, it is one loop; and whatever happens, units and amounts add up."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ballast.books.lots import compiled, kernel
from tests.ballast.books.lots import loops

loop_settings = settings(max_examples=300, deadline=None)
# 24 events of this size sum to less than what the compiled loop is given.
_WIDE = 2**57


@numba.njit
def compiled_share(total: int, part: int, whole: int) -> int:
    return kernel.share(total, part, whole)


@loop_settings
@given(loops.books(100))
def test_compiled_it_finds_what_it_finds_as_it_is(book: list) -> None:
    events = loops.events_of(book)
    assert loops.compiled(events) == loops.as_it_is(events)


@loop_settings
@given(loops.books(_WIDE))
def test_compiled_it_is_exact_for_amounts_that_fill_the_machine(book: list) -> None:
    events = loops.events_of(book)
    assert loops.compiled(events) == loops.as_it_is(events)


@st.composite
def shares(draw: st.DrawFn) -> tuple[int, int, int]:
    size = draw(st.sampled_from([10, 10**9, 2**40, 2**62]))
    whole = draw(st.integers(1, size))
    return draw(st.integers(-size, size)), draw(st.integers(1, whole)), whole


@settings(max_examples=2000, deadline=None)
@given(shares())
@example((2**62, 2**62 - 1, 2**62))
@example((2**62 - 1, 2**61 + 1, 2**62 - 1))
@example((-(2**62), 10**8, 3 * 10**8))
@example((1, 1, 2))
@example((-1, 1, 2))
def test_a_share_of_wide_numbers_is_that_of_fractions(numbers: tuple[int, int, int]) -> None:
    total, part, whole = numbers
    exact = Fraction(abs(total) * part, whole) + Fraction(1, 2)
    expected = int(exact) if total >= 0 else -int(exact)
    assert kernel.share(total, part, whole) == expected
    assert compiled_share(total, part, whole) == expected


@settings(max_examples=1000, deadline=None)
@given(shares())
def test_the_division_of_128_bits_is_exact(numbers: tuple[int, int, int]) -> None:
    total, part, whole = abs(numbers[0]), numbers[1], numbers[2]
    assert wide(total, part, whole) == (total * part + whole // 2) // whole


@numba.njit
def wide(total: int, part: int, whole: int) -> int:
    return compiled._wide_share(total, part, whole)


@loop_settings
@given(loops.books(100))
def test_units_that_came_are_still_there_or_went_once(book: list) -> None:
    events = loops.events_of(book)
    outcome = loops.as_it_is(events)
    for start, end in zip(events.starts, events.starts[1:], strict=False):
        held = sum(lot[0] * lot[2] for event, lot in outcome.lots.items() if start <= event < end)
        moves = [
            events.quantities[event]
            for event in range(start, end)
            if events.operations[event] in (kernel.TRADE, kernel.CARRIED, kernel.SPLIT)
        ]
        assert held == sum(moves)
    consumed = defaultdict(int)
    for lot, _, units, *_ in outcome.matches:
        assert units >= 0
        consumed[lot] += units
    for event, (_, acquired, units, *_) in outcome.lots.items():
        assert units > 0
        assert acquired == consumed[event] + units


@loop_settings
@given(loops.books(100))
def test_open_lots_of_an_instrument_are_on_one_side(book: list) -> None:
    events = loops.events_of(book)
    outcome = loops.as_it_is(events)
    for start, end in zip(events.starts, events.starts[1:], strict=False):
        sides = {lot[0] for event, lot in outcome.lots.items() if start <= event < end}
        assert len(sides) <= 1


@loop_settings
@given(loops.books(1000))
def test_slices_of_a_trade_add_up_to_it_exactly(book: list) -> None:
    events = loops.events_of(book)
    outcome = loops.as_it_is(events)
    slices, closed = defaultdict(int), defaultdict(int)
    for _, event, units, _, event_amount, _ in outcome.matches:
        slices[event] += event_amount
        closed[event] += units
    for event, total in slices.items():
        if events.operations[event] == kernel.TRADE and closed[event] == abs(
            events.quantities[event]
        ):
            assert total == events.amounts[event]


def only(kind: int, *rows: tuple[int, int]) -> kernel.Events:
    """Return trades of one instrument as (quantity, amount), by one method, a day apart."""
    count = len(rows)
    return kernel.Events(
        [0, count], [kind], [kernel.TRADE] * count, [row[0] for row in rows],
        [row[1] for row in rows], [1] * count, [-1] * count, [0] * count, list(range(count)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("method", "used"),
    [(kernel.FIFO, 0), (kernel.LIFO, 2), (kernel.HIFO, 1), (kernel.LOFO, 0)],
    ids=["fifo", "lifo", "hifo", "lofo"],
)
def test_each_method_uses_its_own_lot_first(method: int, used: int) -> None:
    events = only(method, (10, 1000), (10, 1500), (10, 1200), (-1, 200))
    assert loops.as_it_is(events).matches[0][0] == used


@pytest.mark.parametrize(
    ("method", "used"),
    [(kernel.FIFO, 0), (kernel.LIFO, 2), (kernel.HIFO, 0), (kernel.LOFO, 1)],
    ids=["fifo", "lifo", "hifo", "lofo"],
)
def test_a_short_sale_is_covered_with_the_least_gain_first_by_hifo(method: int, used: int) -> None:
    events = only(method, (-10, 1000), (-10, 1500), (-10, 1200), (1, 90))
    assert loops.as_it_is(events).matches[0][0] == used


@pytest.mark.parametrize("method", [kernel.FIFO, kernel.LIFO])
def test_what_was_transferred_in_takes_its_place_by_the_day_of_acquisition(method: int) -> None:
    events = only(method, (1, 10), (1, 20), (1, 30), (-1, 40))
    moved = events._replace(days=[5, 7, 6, 9])
    assert loops.as_it_is(moved).matches[0][0] == (0 if method == kernel.FIFO else 1)


def test_room_that_is_too_small_is_said_and_nothing_is_written_beyond() -> None:
    events = only(kernel.FIFO, (1, 10), (1, 20), (-2, 40))
    lots = kernel.Lots._make([0] * 3 for _ in range(8))
    matches = kernel.Matches._make([0] for _ in range(6))
    assert kernel.match(events, lots, matches, [0] * kernel.STATE_SIZE) == -1
    assert matches.lots == [0]


def test_the_largest_numbers_of_the_compiled_loop_keep_their_last_unit() -> None:
    largest = 2**60 + 1
    events = only(kernel.FIFO, (largest, largest), (-(largest // 3), 7), (-(largest // 7), 11))
    expected = loops.as_it_is(events)
    assert loops.compiled(events) == expected
    left = expected.lots[0][3]
    assert left + sum(match[3] for match in expected.matches) == largest
    assert np.int64(left) == left
