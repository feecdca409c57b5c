"""The life of an order, as a fold of its events.

    intent → submitted → accepted → partially_filled → filled | cancelled | rejected | expired
                  ↘ unknown ↗

`intent` says that nothing was sent; from `submitted` on it may have arrived. A call that timed out leaves `unknown`,
which only the broker's word ends. What the broker says of an order is believed from any open state, also from `intent`:
a store that was restored from a backup is behind the broker. Fills are facts: one that comes after a final state is
counted and marked as late, and more than was ordered is counted and marked as over-filled; the same fill twice counts
once. What contradicts what the broker said before is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from ballast.errors import OrderRefusedError
from ballast.money import ZERO

State = Literal[
    "intent", "submitted", "unknown", "accepted", "partially_filled",
    "filled", "cancelled", "rejected", "expired",
]  # fmt: skip
EventKind = Literal[
    "written", "sent", "timed_out", "accepted", "fill", "filled", "cancel_requested",
    "cancelled", "rejected", "expired",
]  # fmt: skip

OPEN_STATES: tuple[State, ...] = ("intent", "submitted", "unknown", "accepted", "partially_filled")
FINAL_STATES: tuple[State, ...] = ("filled", "cancelled", "rejected", "expired")
# It is not known whether the broker has it.
ON_ITS_WAY: tuple[State, ...] = ("intent", "submitted", "unknown")

# For each event that is not a fill: the state that it leads to from each state where it is allowed.
_NEXT: Mapping[EventKind, Mapping[State, State]] = {
    "written": {"intent": "intent"},
    "sent": dict.fromkeys(ON_ITS_WAY, "submitted"),
    "timed_out": {
        # Before `submitted` was recorded, an order went from its intent to an unknown fate.
        "intent": "unknown",
        "submitted": "unknown",
        "unknown": "unknown",
        # A question that was not answered takes back nothing that is known.
        "accepted": "accepted",
        "partially_filled": "partially_filled",
    },
    "accepted": {
        "intent": "accepted",
        "submitted": "accepted",
        "unknown": "accepted",
        "accepted": "accepted",
        "partially_filled": "partially_filled",
    },
    # The cancellation and the last fill may cross; then the fill counts.
    "filled": dict.fromkeys((*OPEN_STATES, "filled", "cancelled", "expired"), "filled"),
    "cancel_requested": {state: state for state in (*OPEN_STATES, *FINAL_STATES)},
    "cancelled": dict.fromkeys((*OPEN_STATES, "cancelled"), "cancelled"),
    "rejected": dict.fromkeys((*ON_ITS_WAY, "accepted", "rejected"), "rejected"),
    "expired": dict.fromkeys((*OPEN_STATES, "expired"), "expired"),
}


class IllegalTransitionError(OrderRefusedError):
    """An event that cannot follow what is known of an order."""


@dataclass(frozen=True)
class OrderEvent:
    """Something that happened to an order.

    Parameters
    ----------
    fill_id, quantity : optional
        Of a fill alone: the broker's id, and the positive number of units (for an exchange, the amount of FROM).
    """

    kind: EventKind
    fill_id: str | None = None
    quantity: Decimal | None = None
    detail: str | None = None


@dataclass(frozen=True)
class OrderProgress:
    """Where an order stands.

    Parameters
    ----------
    filled : Decimal
        Sum of the fills that are known; the state may be `filled` before all of them are.
    late : frozenset of str
        Fills that came after the order had been called over.
    """

    ordered: Decimal
    state: State = "intent"
    filled: Decimal = ZERO
    fills: frozenset[str] = frozenset()
    late: frozenset[str] = frozenset()
    is_cancel_requested: bool = False

    @property
    def is_final(self) -> bool:
        """Whether nothing more is expected of the order."""
        return self.state in FINAL_STATES

    @property
    def remaining(self) -> Decimal:
        """Units that may still be filled."""
        return ZERO if self.is_final else max(self.ordered - self.filled, ZERO)

    @property
    def over_filled(self) -> Decimal:
        """Units filled beyond the order; zero where there are none."""
        return max(self.filled - self.ordered, ZERO)


def after(progress: OrderProgress, event: OrderEvent) -> OrderProgress:
    """Return where an order stands after one more event; a repeated one changes nothing.

    Raises
    ------
    IllegalTransitionError
        If the event cannot follow, or a fill has no id or no positive quantity.
    """
    if event.kind == "fill":
        return _after_fill(progress, event)
    following = _NEXT[event.kind].get(progress.state)
    if following is None or (following == "rejected" and progress.fills):
        raise _illegal(progress, event)
    return replace(
        progress,
        state=following,
        is_cancel_requested=progress.is_cancel_requested or event.kind == "cancel_requested",
    )


def progress_of(ordered: Decimal, events: Iterable[OrderEvent]) -> OrderProgress:
    """Fold all events of an order of some units, the oldest first."""
    progress = OrderProgress(ordered)
    for event in events:
        progress = after(progress, event)
    return progress


def _after_fill(progress: OrderProgress, event: OrderEvent) -> OrderProgress:
    if not event.fill_id or event.quantity is None or event.quantity <= ZERO:
        raise _illegal(progress, event)
    if event.fill_id in progress.fills:
        return progress
    filled = progress.filled + event.quantity
    is_whole = filled >= progress.ordered
    # A fill that completes what the broker's word called filled is not late; one after any other end is.
    is_late = progress.is_final and (progress.state != "filled" or filled > progress.ordered)
    state: State = progress.state
    if is_whole:
        state = "filled"
    elif not progress.is_final:
        state = "partially_filled"
    return replace(
        progress,
        state=state,
        filled=filled,
        fills=progress.fills | {event.fill_id},
        late=progress.late | ({event.fill_id} if is_late else frozenset()),
    )


def _illegal(progress: OrderProgress, event: OrderEvent) -> IllegalTransitionError:
    filled = f", {progress.filled} of {progress.ordered} filled" if progress.fills else ""
    return IllegalTransitionError(
        f"an order that is {progress.state}{filled} cannot be {event.kind}",
        where=event.fill_id or event.detail or "order",
        remedy="Compare the order with the broker's own record.",
    )
