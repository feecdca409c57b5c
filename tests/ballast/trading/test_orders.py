"""The life of an order as a table."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import product

import pytest
from pydantic import ValidationError

from ballast.trading.orders import (
    FINAL_STATES,
    OPEN_STATES,
    OrderIntent,
    client_order_id,
    may_become,
)

_STATES = (*OPEN_STATES, *FINAL_STATES)
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


def test_every_order_begins_as_an_intent() -> None:
    assert [state for state in _STATES if may_become(None, state)] == ["intent"]


@pytest.mark.parametrize(("final", "following"), list(product(FINAL_STATES, _STATES)))
def test_a_final_state_is_final(final: str, following: str) -> None:
    assert not may_become(final, following)


@pytest.mark.parametrize("state", OPEN_STATES)
def test_from_every_open_state_the_order_can_be_settled_but_not_begin_again(state: str) -> None:
    assert all(may_become(state, final) for final in FINAL_STATES)
    assert not may_become(state, "intent")


def test_a_state_nobody_knows_leads_nowhere() -> None:
    assert not any(may_become("mislaid", state) for state in _STATES)


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
