"""Run the matching loop on plain numbers, as it is and compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ballast.books.lots import kernel

Step = tuple[int, int, int, bool, int, int, int]

_KINDS = [kernel.TRADE] * 6 + [kernel.SPLIT, kernel.RESTATEMENT, kernel.RETURN_OF_CAPITAL]


@dataclass(frozen=True)
class Outcome:
    """What the loop found: open lots by event, and matches."""

    lots: dict[int, tuple[int, ...]]
    matches: list[tuple[int, ...]]


def steps(largest: int) -> st.SearchStrategy[list[Step]]:
    """Draw operation, quantity, amount, whether it is known, a chosen lot, a currency and a day per event."""
    quantities = st.integers(-12, 12) | st.integers(-largest, largest)
    amounts = st.integers(0, 60) | st.integers(0, largest)
    return st.lists(
        st.tuples(
            st.sampled_from(_KINDS), quantities, amounts,
            st.sampled_from([True, True, True, False]), st.integers(-12, 24),
            st.sampled_from([0, 0, 0, 1]), st.integers(0, 9),
        ),
        max_size=24,
    )  # fmt: skip


def books(largest: int) -> st.SearchStrategy[list[tuple[int, list[Step]]]]:
    """Draw methods and events of a few instruments."""
    return st.lists(st.tuples(st.integers(0, 4), steps(largest)), min_size=1, max_size=3)


def events_of(instruments: list[tuple[int, list[Step]]]) -> kernel.Events:
    """Line up the events; some begin with lots that are carried, all on one side."""
    starts, methods, rows = [0], [], []
    for method, history in instruments:
        start = starts[-1]
        for place, (kind, quantity, amount, is_known, chosen, currency, day) in enumerate(history):
            carried = place < day % 4 and history[0][6] > 4 and quantity != 0
            operation = kernel.CARRIED if carried and all_carried(rows[start:]) else kind
            units = abs(quantity) if operation == kernel.CARRIED else quantity
            known = is_known or operation == kernel.SPLIT
            worth = amount if known else 0
            named = start + chosen if 0 <= chosen < len(history) else -1
            rows.append((operation, units, worth, int(known), named, currency, day))
        starts.append(start + len(history))
        methods.append(method)
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(7)]
    return kernel.Events(starts, methods, *columns)


def all_carried(rows: list[tuple[int, ...]]) -> bool:
    return all(row[0] == kernel.CARRIED for row in rows)


def as_it_is(events: kernel.Events) -> Outcome:
    """Run the loop in Python."""
    return _outcome(events, kernel.match, list, lambda count: [0] * count)


def compiled(events: kernel.Events) -> Outcome:
    """Run the loop that Numba has compiled."""
    from ballast.books.lots import compiled

    def integers(values: Any) -> Any:
        return np.array(values, dtype=np.int64)

    return _outcome(events, compiled.match, integers, lambda count: np.zeros(count, np.int64))


def _outcome(events: kernel.Events, loop: Any, column: Any, zeros: Any) -> Outcome:
    count = len(events.operations)
    room = count * (count + 2)
    floats = zeros(count) if isinstance(zeros(0), list) else np.zeros(count)
    lots = kernel.Lots._make([*(zeros(count) for _ in range(7)), floats])
    matches = kernel.Matches._make(zeros(room) for _ in range(6))
    given = kernel.Events._make(column(values) for values in events)
    found = loop(given, lots, matches, zeros(kernel.STATE_SIZE))
    assert found >= 0
    kept = lots[:6]
    return Outcome(
        {
            event: tuple(int(values[event]) for values in kept)
            for event in range(count)
            if lots.quantities[event] != 0
        },
        [tuple(int(values[place]) for values in matches) for place in range(found)],
    )
