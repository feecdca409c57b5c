"""The loop that matches closing events with open lots, in scaled integers.

Written in the part of Python that Numba compiles, so that one text serves twice: as it is for small books and for
amounts that no 64-bit integer holds, compiled for large ones. Lots are named by the event that opened them. Events are
grouped by instrument and in order of time; all open lots of an instrument are on one side.

All of it is in one file, because the compiler remembers its work by the age of the file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# Numbers rather than enumerations, because compiled code compares them.
FIFO, LIFO, HIFO, LOFO, AVERAGE = range(5)
TRADE, CARRIED, SPLIT, RESTATEMENT, RETURN_OF_CAPITAL = range(5)

# What is remembered of an instrument: its open lots are order[BASE:TAIL], of which those before HEAD are used up.
_BASE, _HEAD, _TAIL, _HELD, _SIDE, _POOL, _POOL_IS_KNOWN, _FOUND, _METHOD = range(9)

# Lists of int, or NumPy arrays of int64 in the compiled loop.
Integers = Any


class Events(NamedTuple):
    """What happened.

    Parameters
    ----------
    starts : integers
        First event of each instrument, and at the end the number of events.
    methods : integers
        Method per instrument.
    operations, quantities, amounts, are_known, chosen : integers
        Per event: what it is; signed quantity; what was paid or received for all of it (of a restatement or return of
        capital: the amount); whether that is known; the lot that the owner chose, or -1.
    """

    starts: Integers
    methods: Integers
    operations: Integers
    quantities: Integers
    amounts: Integers
    are_known: Integers
    chosen: Integers


class Lots(NamedTuple):
    """Results per event that opened a lot, and room to work in, all as long as the events.

    Parameters
    ----------
    sides, acquired, quantities, amounts, are_known : integers
        1 or -1; units acquired, splits included; units and amount that remain; whether the amount is known.
    order : integers
        Open lots of each instrument: by age, or as a heap.
    keys : floats
        What the heap sorts by.
    """

    sides: Integers
    acquired: Integers
    quantities: Integers
    amounts: Integers
    are_known: Integers
    order: Integers
    keys: Any


class Matches(NamedTuple):
    """Results per match: the lot and the closing event; the units; their slices of either amount.

    A return of capital beyond the basis is a match of no units.
    """

    lots: Integers
    events: Integers
    quantities: Integers
    lot_amounts: Integers
    event_amounts: Integers
    are_known: Integers


def share(total: int, part: int, whole: int) -> int:
    """Return total × part ÷ whole, rounded half away from zero; part and whole are positive."""
    if total < 0:
        return -((-total * part + whole // 2) // whole)
    return (total * part + whole // 2) // whole


def match(events: Events, lots: Lots, matches: Matches, state: Integers) -> int:
    """Match all events; returns the number of matches, or -1 if there was no room for them.

    Parameters
    ----------
    state : integers
        Room for nine numbers.
    """
    state[_FOUND] = 0
    for instrument in range(len(events.methods)):
        state[_BASE] = events.starts[instrument]
        state[_METHOD] = events.methods[instrument]
        state[_SIDE] = 0
        start_flat(state)
        for event in range(events.starts[instrument], events.starts[instrument + 1]):
            operation = events.operations[event]
            if operation == TRADE:
                trade(event, events, lots, matches, state)
            elif operation == CARRIED:
                left = abs(events.quantities[event])
                open_lot(event, left, events.amounts[event], events, lots, state)
            elif operation == SPLIT:
                split(event, events, lots, matches, state)
            elif state[_HELD] > 0 and operation == RESTATEMENT:
                restate(events.amounts[event], lots, state)
            elif state[_HELD] > 0:
                return_capital(event, events.amounts[event], lots, matches, state)
            if state[_FOUND] < 0:
                return -1
        if state[_METHOD] == AVERAGE:
            divide_pool(lots, state)
    return int(state[_FOUND])


def start_flat(state: Integers) -> None:
    """Forget the lots of the position that was closed."""
    state[_HEAD] = state[_BASE]
    state[_TAIL] = state[_BASE]
    state[_HELD] = 0
    state[_POOL] = 0
    state[_POOL_IS_KNOWN] = 1


def trade(event: int, events: Events, lots: Lots, matches: Matches, state: Integers) -> None:
    """Close lots of the other side as far as there are any, and open one with the rest."""
    left = abs(events.quantities[event])
    amount = events.amounts[event]
    if (events.quantities[event] > 0) != (state[_SIDE] > 0):
        while left > 0 and state[_HELD] > 0:
            lot = events.chosen[event]
            if lot < 0 or lots.quantities[lot] == 0:
                lot = next_lot(lots, state)
            taken = min(left, lots.quantities[lot])
            event_part = amount if taken == left else share(amount, taken, left)
            if state[_METHOD] == AVERAGE:
                lot_part = state[_POOL]
                if taken < state[_HELD]:
                    lot_part = share(lot_part, taken, state[_HELD])
                state[_POOL] -= lot_part
                is_known = state[_POOL_IS_KNOWN]
            else:
                lot_part = lots.amounts[lot]
                if taken < lots.quantities[lot]:
                    lot_part = share(lot_part, taken, lots.quantities[lot])
                lots.amounts[lot] -= lot_part
                is_known = lots.are_known[lot]
            add_match(matches, state, lot, event, taken, lot_part, event_part, is_known)
            if state[_FOUND] < 0:
                return
            lots.quantities[lot] -= taken
            state[_HELD] -= taken
            amount -= event_part
            left -= taken
        if state[_HELD] == 0:
            start_flat(state)
    if left > 0:
        open_lot(event, left, amount, events, lots, state)


def next_lot(lots: Lots, state: Integers) -> int:
    """Return the open lot that the method uses next."""
    order = lots.order
    if state[_METHOD] == HIFO or state[_METHOD] == LOFO:
        while lots.quantities[order[state[_BASE]]] == 0:
            pop(lots, state)
        return int(order[state[_BASE]])
    if state[_METHOD] == LIFO:
        while lots.quantities[order[state[_TAIL] - 1]] == 0:
            state[_TAIL] -= 1
        return int(order[state[_TAIL] - 1])
    while lots.quantities[order[state[_HEAD]]] == 0:
        state[_HEAD] += 1
    return int(order[state[_HEAD]])


def open_lot(
    event: int, units: int, amount: int, events: Events, lots: Lots, state: Integers
) -> None:
    """Open a lot of some units of an event."""
    state[_SIDE] = 1 if events.quantities[event] > 0 else -1
    state[_HELD] += units
    lots.sides[event] = state[_SIDE]
    lots.acquired[event] = units
    lots.quantities[event] = units
    lots.are_known[event] = events.are_known[event]
    if state[_METHOD] == AVERAGE:
        state[_POOL] += amount
        state[_POOL_IS_KNOWN] = min(state[_POOL_IS_KNOWN], events.are_known[event])
    else:
        lots.amounts[event] = amount
    append(event, lots, state)


def append(lot: int, lots: Lots, state: Integers) -> None:
    """Add a lot to the open ones."""
    if state[_METHOD] == HIFO or state[_METHOD] == LOFO:
        push(lot, lots, state)
    else:
        lots.order[state[_TAIL]] = lot
        state[_TAIL] += 1


def add_match(
    matches: Matches, state: Integers, lot: int, event: int, units: int, lot_part: int,
    event_part: int, is_known: int,
) -> None:  # fmt: skip
    """Add a match, or remember that there is no room for it."""
    at = state[_FOUND]
    if at == len(matches.lots):
        state[_FOUND] = -1
        return
    matches.lots[at] = lot
    matches.events[at] = event
    matches.quantities[at] = units
    matches.lot_amounts[at] = lot_part
    matches.event_amounts[at] = event_part
    matches.are_known[at] = is_known
    state[_FOUND] = at + 1


def split(event: int, events: Events, lots: Lots, matches: Matches, state: Integers) -> None:
    """Change the units of every open lot in proportion; no basis moves."""
    after = state[_HELD] + state[_SIDE] * events.quantities[event]
    if state[_HELD] == 0 or after <= 0:
        turn_over(event, events, lots, matches, state)
        return
    before, rest, carried, last = state[_HELD], after, 0, -1
    for place in range(state[_HEAD], state[_TAIL]):
        lot = lots.order[place]
        old = lots.quantities[lot]
        if old == 0:
            continue
        new = rest if old == before else share(rest, old, before)
        before -= old
        rest -= new
        lots.acquired[lot] += new - old
        lots.quantities[lot] = new
        if new == 0:
            # Less than the smallest unit is left of this lot; its basis belongs to the next one.
            carried += lots.amounts[lot]
            lots.amounts[lot] = 0
        else:
            lots.amounts[lot] += carried
            carried = 0
            last = lot
    lots.amounts[last] += carried
    state[_HELD] = after
    arrange_anew(lots, state)


def turn_over(event: int, events: Events, lots: Lots, matches: Matches, state: Integers) -> None:
    """Replace a position that no split can have changed like this by one of which nothing is known."""
    for place in range(state[_HEAD], state[_TAIL]):
        lot = lots.order[place]
        if lots.quantities[lot] > 0:
            add_match(matches, state, lot, event, lots.quantities[lot], 0, 0, 0)
            if state[_FOUND] < 0:
                return
            lots.quantities[lot] = 0
            lots.amounts[lot] = 0
    position = state[_SIDE] * state[_HELD] + events.quantities[event]
    start_flat(state)
    if position == 0:
        return
    state[_SIDE] = 1 if position > 0 else -1
    state[_HELD] = abs(position)
    state[_POOL_IS_KNOWN] = 0
    lots.sides[event] = state[_SIDE]
    lots.acquired[event] = state[_HELD]
    lots.quantities[event] = state[_HELD]
    lots.are_known[event] = 0
    append(event, lots, state)


def restate(amount: int, lots: Lots, state: Integers) -> None:
    """Fill the basis that is unknown, or where all is known correct that of all lots."""
    if state[_METHOD] == AVERAGE:
        state[_POOL] = state[_POOL] + amount if state[_POOL_IS_KNOWN] == 1 else amount
        state[_POOL_IS_KNOWN] = 1
        return
    unknown = 0
    for place in range(state[_HEAD], state[_TAIL]):
        if lots.are_known[lots.order[place]] == 0:
            unknown += lots.quantities[lots.order[place]]
    before = unknown if unknown > 0 else state[_HELD]
    for place in range(state[_HEAD], state[_TAIL]):
        lot = lots.order[place]
        units = lots.quantities[lot]
        if units == 0 or (unknown > 0 and lots.are_known[lot] == 1):
            continue
        part = amount if units == before else share(amount, units, before)
        before -= units
        amount -= part
        lots.amounts[lot] = part if unknown > 0 else lots.amounts[lot] + part
        lots.are_known[lot] = 1
    arrange_anew(lots, state)


def return_capital(event: int, amount: int, lots: Lots, matches: Matches, state: Integers) -> None:
    """Take an amount off the basis of every open lot in proportion; what exceeds a basis is a gain."""
    if state[_METHOD] == AVERAGE:
        reduced = min(state[_POOL], amount)
        if state[_POOL_IS_KNOWN] == 1:
            state[_POOL] -= reduced
            if amount > reduced and state[_SIDE] > 0:
                lot = next_lot(lots, state)
                add_match(matches, state, lot, event, 0, 0, amount - reduced, 1)
        return
    before = state[_HELD]
    for place in range(state[_HEAD], state[_TAIL]):
        lot = lots.order[place]
        units = lots.quantities[lot]
        if units == 0:
            continue
        part = amount if units == before else share(amount, units, before)
        before -= units
        amount -= part
        if lots.are_known[lot] == 1:
            reduced = min(lots.amounts[lot], part)
            lots.amounts[lot] -= reduced
            if part > reduced and state[_SIDE] > 0:
                add_match(matches, state, lot, event, 0, 0, part - reduced, 1)
                if state[_FOUND] < 0:
                    return
    arrange_anew(lots, state)


def divide_pool(lots: Lots, state: Integers) -> None:
    """Give every open lot its share of the common basis of a position at average cost."""
    before = state[_HELD]
    for place in range(state[_HEAD], state[_TAIL]):
        lot = lots.order[place]
        units = lots.quantities[lot]
        if units == 0:
            continue
        part = state[_POOL] if units == before else share(state[_POOL], units, before)
        before -= units
        state[_POOL] -= part
        lots.amounts[lot] = part
        lots.are_known[lot] = state[_POOL_IS_KNOWN]


def arrange_anew(lots: Lots, state: Integers) -> None:
    """Build the heap again after the basis per unit has changed."""
    if state[_METHOD] != HIFO and state[_METHOD] != LOFO:
        return
    end = state[_TAIL]
    state[_TAIL] = state[_BASE]
    for place in range(state[_BASE], end):
        lot = lots.order[place]
        if lots.quantities[lot] > 0:
            push(lot, lots, state)


def key_of(lot: int, lots: Lots, state: Integers) -> float:
    """Return what the heap sorts a lot by: HIFO takes the lot with the least gain first, LOFO the one with the most.

    A long lot gains least where it cost most, a short one where it brought least; an unknown basis comes last.
    """
    if lots.are_known[lot] == 0:
        return float("inf")
    unit = float(lots.amounts[lot] / lots.quantities[lot])
    return -unit if (state[_METHOD] == HIFO) == (state[_SIDE] > 0) else unit


def is_before(one: int, other: int, lots: Lots) -> bool:
    """Say whether a lot comes before another on the heap: by key, then by age."""
    keys = lots.keys
    return bool(keys[one] < keys[other] or (keys[one] == keys[other] and one < other))


def push(lot: int, lots: Lots, state: Integers) -> None:
    """Add a lot to the heap."""
    lots.keys[lot] = key_of(lot, lots, state)
    order, base = lots.order, state[_BASE]
    at = state[_TAIL]
    while at > base:
        parent = base + (at - base - 1) // 2
        if not is_before(lot, order[parent], lots):
            break
        order[at] = order[parent]
        at = parent
    order[at] = lot
    state[_TAIL] += 1


def pop(lots: Lots, state: Integers) -> None:
    """Remove the first lot of the heap."""
    state[_TAIL] -= 1
    order, base, tail = lots.order, state[_BASE], state[_TAIL]
    lot = order[tail]
    at = base
    while True:
        child = base + 2 * (at - base) + 1
        if child >= tail:
            break
        if child + 1 < tail and is_before(order[child + 1], order[child], lots):
            child += 1
        if not is_before(order[child], lot, lots):
            break
        order[at] = order[child]
        at = child
    order[at] = lot
