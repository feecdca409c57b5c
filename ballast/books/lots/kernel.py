"""The loop that matches closing events with open lots, in scaled integers.

Written in the part of Python that Numba compiles, so that one text serves twice: as it is for small books and for
amounts that no 64-bit integer holds, compiled for large ones. Lots are named by the event that opened them. Events are
grouped by instrument and in order of time; all open lots of an instrument are on one side.

What happens next depends on nothing but the open lots, so that a history may be cut anywhere and the lots carried on.

All of it is in one file, because the compiler keeps its work as long as this file does not change.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# Numbers rather than enumerations, because compiled code compares them.
FIFO, LIFO, HIFO, LOFO, AVERAGE = range(5)
TRADE, CARRIED, SPLIT, RESTATEMENT, RETURN_OF_CAPITAL = range(5)

# What is remembered of an instrument: its open lots are order[BASE:TAIL], of which those before HEAD are used up.
_BASE, _HEAD, _TAIL, _HELD, _SIDE, _FOUND, _METHOD = range(7)
# At average cost: what all units cost together.
_POOL, _POOL_IS_KNOWN, _POOL_CURRENCY = range(7, 10)
STATE_SIZE = 10
# Known by a restatement, not by what opened the lot.
RESTATED = 2
# Stands for the currency of a slice where the basis is unknown.
UNKNOWN = -2

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
    currencies, days : integers
        Per event: currency of the amount; day of the acquisition.
    """

    starts: Integers
    methods: Integers
    operations: Integers
    quantities: Integers
    amounts: Integers
    are_known: Integers
    chosen: Integers
    currencies: Integers
    days: Integers


class Lots(NamedTuple):
    """Results per event that opened a lot, and room to work in, all as long as the events.

    Parameters
    ----------
    sides, acquired, quantities, amounts, are_known, currencies : integers
        1 or -1; units acquired, splits included; units and amount that remain; whether the amount is known (or
        `RESTATED`), and its currency.
    order : integers
        Open lots of each instrument: by day of acquisition, or as a heap.
    keys : floats
        What the heap sorts by.
    """

    sides: Integers
    acquired: Integers
    quantities: Integers
    amounts: Integers
    are_known: Integers
    currencies: Integers
    order: Integers
    keys: Any


class Matches(NamedTuple):
    """Results per match: the lot and the closing event; the units; their slices of either amount.

    A return of capital beyond the basis is a match of no units. The currency is that of the lot at the time, or
    `UNKNOWN` like its amount.
    """

    lots: Integers
    events: Integers
    quantities: Integers
    lot_amounts: Integers
    event_amounts: Integers
    currencies: Integers


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
        Room for `STATE_SIZE` numbers.
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
            elif state[_HELD] > 0 and events.are_known[event] == 1:
                if operation == RESTATEMENT:
                    restate(event, events, lots, state)
                else:
                    return_capital(event, events, lots, matches, state)
            if state[_FOUND] < 0:
                return -1
        if state[_METHOD] == AVERAGE:
            divide_pool(events.starts[instrument + 1], lots, state)
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
                lot = next_lot(events, lots, state)
            taken = min(left, lots.quantities[lot])
            event_part = amount if taken == left else share(amount, taken, left)
            if state[_METHOD] == AVERAGE:
                lot_part = state[_POOL]
                if taken < state[_HELD]:
                    lot_part = share(lot_part, taken, state[_HELD])
                state[_POOL] -= lot_part
                currency = state[_POOL_CURRENCY] if state[_POOL_IS_KNOWN] == 1 else UNKNOWN
            else:
                lot_part = lots.amounts[lot]
                if taken < lots.quantities[lot]:
                    lot_part = share(lot_part, taken, lots.quantities[lot])
                lots.amounts[lot] -= lot_part
                currency = lots.currencies[lot] if lots.are_known[lot] != 0 else UNKNOWN
            add_match(matches, state, lot, event, taken, lot_part, event_part, currency)
            if state[_FOUND] < 0:
                return
            lots.quantities[lot] -= taken
            state[_HELD] -= taken
            amount -= event_part
            left -= taken
            if lots.quantities[lot] > 0:
                keep_in_place(lot, events, lots, state)
        if state[_HELD] == 0:
            start_flat(state)
    if left > 0:
        open_lot(event, left, amount, events, lots, state)


def next_lot(events: Events, lots: Lots, state: Integers) -> int:
    """Return the open lot that the method uses next."""
    order = lots.order
    if state[_METHOD] == HIFO or state[_METHOD] == LOFO:
        while lots.quantities[order[state[_BASE]]] == 0:
            pop(events, lots, state)
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
    lots.currencies[event] = events.currencies[event]
    if state[_METHOD] == AVERAGE:
        if state[_HELD] == units:
            state[_POOL_CURRENCY] = events.currencies[event]
        if state[_POOL_CURRENCY] != events.currencies[event] or events.are_known[event] == 0:
            state[_POOL_IS_KNOWN] = 0
        state[_POOL] += amount
    else:
        lots.amounts[event] = amount
    append(event, events, lots, state)


def append(lot: int, events: Events, lots: Lots, state: Integers) -> None:
    """Add a lot to the open ones; what was transferred in may be older than what is there."""
    if state[_METHOD] == HIFO or state[_METHOD] == LOFO:
        push(lot, events, lots, state)
        return
    order, days = lots.order, events.days
    at = state[_TAIL]
    while at > state[_HEAD] and days[order[at - 1]] > days[lot]:
        order[at] = order[at - 1]
        at -= 1
    order[at] = lot
    state[_TAIL] += 1


def add_match(
    matches: Matches, state: Integers, lot: int, event: int, units: int, lot_part: int,
    event_part: int, currency: int,
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
    matches.currencies[at] = currency
    state[_FOUND] = at + 1


def split(event: int, events: Events, lots: Lots, matches: Matches, state: Integers) -> None:
    """Change the units of every open lot in proportion; no basis moves."""
    after = state[_HELD] + state[_SIDE] * events.quantities[event]
    if state[_HELD] == 0 or after <= 0:
        turn_over(event, events, lots, matches, state)
        return
    before, rest, carried, last = state[_HELD], after, 0, -1
    for lot in range(state[_BASE], event):
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
    arrange_anew(events, lots, state)


def turn_over(event: int, events: Events, lots: Lots, matches: Matches, state: Integers) -> None:
    """Replace a position that no split can have changed like this by one of which nothing is known."""
    for lot in range(state[_BASE], event):
        if lots.quantities[lot] > 0:
            add_match(matches, state, lot, event, lots.quantities[lot], 0, 0, UNKNOWN)
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
    lots.currencies[event] = events.currencies[event]
    append(event, events, lots, state)


def restate(event: int, events: Events, lots: Lots, state: Integers) -> None:
    """Fill the basis that is unknown, or where all is known correct that of all lots.

    At average cost the basis is common to all units, so what fills an unknown one is the basis of all of them.
    """
    amount, currency = events.amounts[event], events.currencies[event]
    if state[_METHOD] == AVERAGE:
        if state[_POOL_IS_KNOWN] == 0:
            state[_POOL] = amount
            state[_POOL_CURRENCY] = currency
            state[_POOL_IS_KNOWN] = 1
            for lot in range(state[_BASE], event):
                lots.are_known[lot] = RESTATED
        elif state[_POOL_CURRENCY] == currency:
            state[_POOL] += amount
        else:
            state[_POOL_IS_KNOWN] = 0
        return
    unknown = 0
    for lot in range(state[_BASE], event):
        if lots.are_known[lot] == 0:
            unknown += lots.quantities[lot]
    before = unknown if unknown > 0 else state[_HELD]
    for lot in range(state[_BASE], event):
        units = lots.quantities[lot]
        if units == 0 or (unknown > 0 and lots.are_known[lot] != 0):
            continue
        part = amount if units == before else share(amount, units, before)
        before -= units
        amount -= part
        if unknown > 0:
            lots.amounts[lot] = part
            lots.currencies[lot] = currency
            lots.are_known[lot] = RESTATED
        elif lots.currencies[lot] == currency:
            lots.amounts[lot] += part
        else:
            forget_basis(lot, lots)
    arrange_anew(events, lots, state)


def forget_basis(lot: int, lots: Lots) -> None:
    """Make a basis unknown that was changed by an amount of another currency."""
    lots.amounts[lot] = 0
    lots.are_known[lot] = 0


def return_capital(
    event: int, events: Events, lots: Lots, matches: Matches, state: Integers
) -> None:
    """Take an amount off the basis of every open lot in proportion; what exceeds a basis is a gain.

    Who is short pays it, and so has less of what the sale brought.
    """
    amount, currency = events.amounts[event], events.currencies[event]
    if state[_METHOD] == AVERAGE:
        if state[_POOL_IS_KNOWN] == 0:
            return
        if state[_POOL_CURRENCY] != currency:
            state[_POOL_IS_KNOWN] = 0
            return
        reduced = min(state[_POOL], amount) if state[_SIDE] > 0 else -amount
        state[_POOL] -= reduced
        if state[_SIDE] > 0 and amount > reduced:
            lot = next_lot(events, lots, state)
            add_match(matches, state, lot, event, 0, 0, amount - reduced, currency)
        return
    before = state[_HELD]
    for lot in range(state[_BASE], event):
        units = lots.quantities[lot]
        if units == 0:
            continue
        part = amount if units == before else share(amount, units, before)
        before -= units
        amount -= part
        if lots.are_known[lot] == 0:
            continue
        if lots.currencies[lot] != currency:
            forget_basis(lot, lots)
            continue
        reduced = min(lots.amounts[lot], part) if state[_SIDE] > 0 else -part
        lots.amounts[lot] -= reduced
        if state[_SIDE] > 0 and part > reduced:
            add_match(matches, state, lot, event, 0, 0, part - reduced, currency)
            if state[_FOUND] < 0:
                return
    arrange_anew(events, lots, state)


def divide_pool(end: int, lots: Lots, state: Integers) -> None:
    """Give every open lot its share of the common basis of a position at average cost."""
    before = state[_HELD]
    for lot in range(state[_BASE], end):
        units = lots.quantities[lot]
        if units == 0:
            continue
        part = state[_POOL] if units == before else share(state[_POOL], units, before)
        before -= units
        state[_POOL] -= part
        lots.amounts[lot] = part
        if state[_POOL_IS_KNOWN] == 0:
            lots.are_known[lot] = 0
        else:
            lots.currencies[lot] = state[_POOL_CURRENCY]


def keep_in_place(lot: int, events: Events, lots: Lots, state: Integers) -> None:
    """Move a lot on the heap if rounding has changed what a unit of its rest cost."""
    if state[_METHOD] != HIFO and state[_METHOD] != LOFO:
        return
    if key_of(lot, lots, state) == lots.keys[lot]:
        return
    if lots.order[state[_BASE]] == lot:
        pop(events, lots, state)
        push(lot, events, lots, state)
    else:
        arrange_anew(events, lots, state)


def arrange_anew(events: Events, lots: Lots, state: Integers) -> None:
    """Build the heap again after the basis per unit has changed."""
    if state[_METHOD] != HIFO and state[_METHOD] != LOFO:
        return
    end = state[_TAIL]
    state[_TAIL] = state[_BASE]
    for place in range(state[_BASE], end):
        lot = lots.order[place]
        if lots.quantities[lot] > 0:
            push(lot, events, lots, state)


def key_of(lot: int, lots: Lots, state: Integers) -> float:
    """Return what the heap sorts a lot by: HIFO takes the lot with the least gain first, LOFO the one with the most.

    A long lot gains least where it cost most, a short one where it brought least; an unknown basis comes last.
    """
    if lots.are_known[lot] == 0:
        return float("inf")
    unit = float(lots.amounts[lot]) / float(lots.quantities[lot])
    return -unit if (state[_METHOD] == HIFO) == (state[_SIDE] > 0) else unit


def is_before(one: int, other: int, events: Events, lots: Lots) -> bool:
    """Say whether a lot comes before another on the heap: by key, then by age."""
    keys, days = lots.keys, events.days
    if keys[one] != keys[other]:
        return bool(keys[one] < keys[other])
    if days[one] != days[other]:
        return bool(days[one] < days[other])
    return one < other


def push(lot: int, events: Events, lots: Lots, state: Integers) -> None:
    """Add a lot to the heap."""
    lots.keys[lot] = key_of(lot, lots, state)
    order, base = lots.order, state[_BASE]
    at = state[_TAIL]
    while at > base:
        parent = base + (at - base - 1) // 2
        if not is_before(lot, order[parent], events, lots):
            break
        order[at] = order[parent]
        at = parent
    order[at] = lot
    state[_TAIL] += 1


def pop(events: Events, lots: Lots, state: Integers) -> None:
    """Remove the first lot of the heap."""
    state[_TAIL] -= 1
    order, base, tail = lots.order, state[_BASE], state[_TAIL]
    lot = order[tail]
    at = base
    while True:
        child = base + 2 * (at - base) + 1
        if child >= tail:
            break
        if child + 1 < tail and is_before(order[child + 1], order[child], events, lots):
            child += 1
        if not is_before(order[child], lot, events, lots):
            break
        order[at] = order[child]
        at = child
    order[at] = lot
