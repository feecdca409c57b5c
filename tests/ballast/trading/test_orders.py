"""The life of an order, against a model of it that keeps lists instead of a table of transitions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import product
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import ValidationError

from ballast.trading.orders import (
    FINAL_STATES,
    OPEN_STATES,
    EventKind,
    IllegalTransitionError,
    OrderEvent,
    OrderIntent,
    OrderProgress,
    after,
    client_order_id,
    progress_of,
)

_STATES = (*OPEN_STATES, *FINAL_STATES)
_WORDS = tuple(kind for kind in get_args(EventKind) if kind != "fill")
_INTENT = {
    "client_order_id": "a.plan.1",
    "account_id": "a",
    "origin": "plan",
    "origin_id": "plan",
    "session": date(2020, 8, 20),
    "side": "buy",
    "symbol": "A",
    "quantity": Decimal(1),
}
TEN = Decimal(10)


def fill(number: int, quantity: int) -> OrderEvent:
    return OrderEvent("fill", f"fill-{number}", Decimal(quantity))


def at(state: str, filled: int = 0) -> OrderProgress:
    fills = frozenset({"before"}) if filled else frozenset()
    return OrderProgress(TEN, state, Decimal(filled), fills)  # type: ignore[arg-type]


def may_be(state: str, kind: str, filled: int = 0) -> bool:
    try:
        after(at(state, filled), OrderEvent(kind))  # type: ignore[arg-type]
    except IllegalTransitionError:
        return False
    return True


# Written out by hand: what may happen in which state.
_ALLOWED = {
    "written": {"intent"},
    "sent": {"intent", "submitted", "unknown"},
    "timed_out": {"intent", "submitted", "unknown", "accepted", "partially_filled"},
    "accepted": {"intent", "submitted", "unknown", "accepted", "partially_filled"},
    "filled": {*OPEN_STATES, "filled", "cancelled", "expired"},
    "cancel_requested": set(_STATES),
    "cancelled": {*OPEN_STATES, "cancelled"},
    "rejected": {"intent", "submitted", "unknown", "accepted", "rejected"},
    "expired": {*OPEN_STATES, "expired"},
}


@pytest.mark.parametrize(("kind", "state"), list(product(_WORDS, _STATES)))
def test_what_may_happen_in_which_state(kind: str, state: str) -> None:
    assert may_be(state, kind) == (state in _ALLOWED[kind])


@pytest.mark.parametrize("state", OPEN_STATES)
@pytest.mark.parametrize("final", FINAL_STATES)
def test_from_every_open_state_the_broker_may_say_how_it_ended(state: str, final: str) -> None:
    if (state, final) != ("partially_filled", "rejected"):
        assert after(at(state), OrderEvent(final)).state == final  # type: ignore[arg-type]


def test_an_order_of_which_some_was_filled_was_not_rejected() -> None:
    assert not may_be("accepted", "rejected", filled=3)


def test_a_timeout_takes_back_nothing_that_is_known() -> None:
    timed_out = OrderEvent("timed_out")
    assert after(at("submitted"), timed_out).state == "unknown"
    assert after(at("accepted"), timed_out).state == "accepted"
    assert after(at("partially_filled", 3), timed_out).state == "partially_filled"


@pytest.mark.parametrize("state", OPEN_STATES)
def test_fills_lead_to_filled_part_by_part(state: str) -> None:
    some = after(at(state), fill(1, 4))
    assert (some.state, some.filled, some.remaining) == ("partially_filled", 4, 6)
    whole = after(some, fill(2, 6))
    assert (whole.state, whole.remaining, whole.over_filled, whole.late) == (
        "filled",
        0,
        0,
        frozenset(),
    )


@pytest.mark.parametrize("state", _STATES)
def test_the_same_fill_twice_counts_once(state: str) -> None:
    once = after(at(state), fill(1, 4))
    assert after(once, fill(1, 4)) is once


@pytest.mark.parametrize("final", ["cancelled", "rejected", "expired"])
def test_a_fill_after_the_end_is_counted_and_marked_as_late(final: str) -> None:
    late = after(at(final), fill(1, 4))
    assert (late.state, late.filled, late.late) == (final, 4, {"fill-1"})
    assert after(late, fill(2, 6)).state == "filled"


def test_fills_that_come_after_the_word_filled_are_not_late() -> None:
    told = after(at("accepted"), OrderEvent("filled"))
    assert after(told, fill(1, 10)).late == frozenset()


def test_more_than_was_ordered_is_counted_and_said() -> None:
    over = after(after(at("accepted"), fill(1, 10)), fill(2, 3))
    assert (over.state, over.filled, over.over_filled, over.late) == ("filled", 13, 3, {"fill-2"})


@pytest.mark.parametrize("event", [
    OrderEvent("fill"), OrderEvent("fill", "f"), OrderEvent("fill", None, Decimal(1)),
    OrderEvent("fill", "f", Decimal(0)), OrderEvent("fill", "f", Decimal(-1)),
])  # fmt: skip
def test_a_fill_without_an_id_or_units_is_refused(event: OrderEvent) -> None:
    with pytest.raises(IllegalTransitionError):
        after(at("accepted"), event)


@dataclass
class Model:
    """The same, kept as lists: what was said, and which fills there were."""

    ordered: int
    said: list[str] = field(default_factory=list)
    fills: dict[str, int] = field(default_factory=dict)
    ended_by: str | None = None

    @property
    def filled(self) -> int:
        return sum(self.fills.values())


class AnyLife(RuleBasedStateMachine):
    """Anything may happen to an order; what it may not, changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.progress = OrderProgress(TEN)
        self.model = Model(10)

    @rule(number=st.integers(1, 4), quantity=st.integers(1, 12))
    def a_fill_comes(self, number: int, quantity: int) -> None:
        self.progress = after(self.progress, fill(number, quantity))
        self.model.fills.setdefault(f"fill-{number}", quantity)
        if self.model.filled >= self.model.ordered:
            self.model.ended_by = "filled"

    @rule(kind=st.sampled_from(_WORDS))
    def a_word_comes(self, kind: EventKind) -> None:
        before = self.progress
        try:
            self.progress = after(self.progress, OrderEvent(kind))
        except IllegalTransitionError:
            assert self.progress == before
            return
        self.model.said.append(kind)
        if kind in FINAL_STATES:
            self.model.ended_by = kind

    @precondition(lambda self: self.progress.fills)
    @rule(data=st.data())
    def a_fill_comes_again(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from(sorted(self.progress.fills)))
        assert after(self.progress, OrderEvent("fill", known, Decimal(7))) is self.progress

    @invariant()
    def no_fill_is_lost_or_doubled(self) -> None:
        assert self.progress.filled == self.model.filled
        assert self.progress.fills == set(self.model.fills)
        assert self.progress.late <= self.progress.fills

    @invariant()
    def it_ends_as_it_was_said_or_filled(self) -> None:
        assert self.progress.is_final == (self.model.ended_by is not None)
        if self.model.ended_by is not None:
            assert self.progress.state == self.model.ended_by
        elif self.model.fills:
            assert self.progress.state == "partially_filled"

    @invariant()
    def units_add_up(self) -> None:
        progress = self.progress
        if not progress.is_final:
            assert progress.filled + progress.remaining == TEN
        assert progress.over_filled == max(progress.filled - TEN, 0)


TestAnyLife = AnyLife.TestCase
TestAnyLife.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)


@given(st.permutations([fill(1, 4), fill(2, 3), fill(3, 3), fill(1, 4)]))
def test_the_order_in_which_fills_become_known_is_irrelevant(events: list[OrderEvent]) -> None:
    assert progress_of(TEN, events) == progress_of(TEN, [fill(1, 4), fill(2, 3), fill(3, 3)])


def test_the_id_is_that_of_the_account_the_origin_and_the_step() -> None:
    ids = {
        client_order_id(account, origin, step)
        for account, origin, step in product(("a", "b"), ("p", "q"), (1, 2, 11))
    }
    assert len(ids) == 12
    assert client_order_id("a", "p", 1) == client_order_id("a", "p", 1) == "a.p.1"


def test_an_intent_cannot_be_changed_or_be_of_an_impossible_quantity() -> None:
    intent = OrderIntent.model_validate(_INTENT)
    with pytest.raises(ValidationError):
        intent.quantity = Decimal(2)  # type: ignore[misc]
    for quantity in (Decimal("NaN"), Decimal("Infinity")):
        with pytest.raises(ValidationError):
            OrderIntent.model_validate(_INTENT | {"quantity": quantity})
