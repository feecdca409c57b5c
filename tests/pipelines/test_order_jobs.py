"""Orders of a person: placed once through the gate, or refused with a sentence and nothing sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from ballast.trading.gate import LAYERS
from tests.demonstration import SESSION, Demonstration
from tests.pipelines.order_runs import NAME, PAPER, clear, held, opened_on, orders, place


@pytest.fixture
def opened(researched: Path, tmp_path: Path) -> Callable[..., Demonstration]:
    return partial(opened_on, tmp_path / "copy", researched)


def test_an_order_passes_the_gate_is_filled_and_keeps_who_wanted_it_and_why(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened()
    before = held(demonstration)
    placed = place(demonstration)
    assert (placed.success, placed.state, placed.metadata["order"]) == (True, "filled", NAME)
    assert all(layer in placed.metadata["gate"] for layer in LAYERS)
    assert held(demonstration) == before - 2
    (row,) = orders(demonstration)
    assert (row["origin"], row["origin_id"], row["session"]) == ("person", "sale", SESSION)
    assert row["reason"] == "I need the money (the owner)"


def test_a_request_that_is_repeated_sends_nothing_and_tells_what_became_of_the_first(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened()
    assert place(demonstration).state == "filled"
    before, rows = held(demonstration), demonstration.stored_rows()
    again = place(demonstration, reason="once more", requested_by="somebody else")
    assert (again.success, again.state) == (True, "filled")
    assert held(demonstration) == before
    assert demonstration.stored_rows() == rows


def test_another_order_under_the_name_of_an_earlier_request_is_refused(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened()
    assert place(demonstration).success
    before = held(demonstration)
    refused = place(demonstration, quantity="3")
    assert not refused.success
    assert "another order was written under this id" in refused.failure
    assert held(demonstration) == before


def test_without_a_name_each_run_is_a_request_of_its_own(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened()
    before = held(demonstration)
    assert place(demonstration, request="").success
    second = place(demonstration, request="", symbol="AAPL")
    assert second.success, second.failure
    assert held(demonstration) == before - 2
    assert len({row["client_order_id"] for row in orders(demonstration)}) == 2


@pytest.mark.parametrize(
    ("changes", "layer"),
    [
        ({"quantity": "100000"}, "position"),
        ({"quantity": "1.5"}, "position"),
        ({"side": "hold"}, None),
        ({"symbol": "NO-SUCH-THING"}, None),
        ({"side": "exchange", "symbol": "EURUSD", "quantity": "10"}, None),
        ({"side": "exchange", "symbol": "EUR/XXX", "quantity": "10"}, None),
    ],
)
def test_an_order_that_the_gate_stops_fails_the_run_with_a_sentence_and_sends_nothing(
    opened: Callable[..., Demonstration], changes: dict[str, str], layer: str | None
) -> None:
    demonstration = opened()
    refused = place(demonstration, **changes)
    assert not refused.success
    assert "OrderRefusedError" in refused.failure
    assert "the gate stopped the order: " in refused.failure
    assert "Nothing was sent" in refused.failure
    assert refused.state == "blocked"
    assert all(name in refused.metadata["gate"] for name in LAYERS)
    assert orders(demonstration) == []
    assert demonstration.workspace.paper.status("europe", NAME) is None
    answers = demonstration.workspace.gate_log.table(SESSION)
    stopping = answers.filter(pl.col("verdict") == "block")["layer"].to_list()
    assert stopping
    assert layer in {None, *stopping}


def test_a_tripped_switch_stops_a_person_as_well(opened: Callable[..., Demonstration]) -> None:
    demonstration = opened()
    demonstration.workspace.kill_switch.trip(
        "europe", reason="a rumour", requested_by="me", session=SESSION, run_id="trip"
    )
    refused = place(demonstration)
    assert not refused.success
    assert "a rumour" in refused.failure
    assert orders(demonstration) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"account": "atlantis"}, "there is no account 'atlantis'"),
        ({"reason": " "}, "without a reason"),
        ({"requested_by": ""}, "without a requested_by"),
        *(
            ({"quantity": quantity}, f"{quantity!r} is no positive number of units")
            for quantity in ("", "a lot", "0", "-2", "NaN", "Infinity", "1e-20", "1e40", "2,5")
        ),
    ],
)
def test_what_is_no_order_is_refused_before_the_gate_with_a_remedy(
    opened: Callable[..., Demonstration], changes: dict[str, str], words: str
) -> None:
    demonstration = opened()
    refused = place(demonstration, **changes)
    assert not refused.success
    assert "ConfigurationError" in refused.failure
    assert words in refused.failure
    assert orders(demonstration) == []
    assert demonstration.workspace.gate_log.table(SESSION).is_empty()


def test_before_the_first_session_nothing_is_ordered_or_settled(tmp_path: Path) -> None:
    empty = Demonstration.create(tmp_path, PAPER)
    for refused in (place(empty), clear(empty)):
        assert not refused.success
        assert "no session has been run yet" in refused.failure
        assert "Run daily_pipeline first." in refused.failure
