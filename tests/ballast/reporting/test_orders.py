"""What the report says of orders."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl

from ballast.reporting.orders import orders_in_words
from ballast.tables import GateAnswers, Orders, polars_schema

SESSION, MOMENT = date(2020, 8, 20), datetime(2020, 8, 20, 20, tzinfo=UTC)


def orders(*states: str) -> pl.DataFrame:
    rows = [
        {
            "client_order_id": f"one.plan.{number}", "account_id": "one", "origin": "plan",
            "origin_id": "plan", "session": SESSION, "side": "buy", "symbol": f"S{number}",
            "quantity": Decimal(1), "state": state, "filled": Decimal(0),
            "detail": "no cash" if state == "rejected" else None,
        }
        for number, state in enumerate(states)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=polars_schema(Orders))


def answers(*said: tuple[str, int, str, str]) -> pl.DataFrame:
    rows = [
        {
            "client_order_id": name, "attempt": attempt, "number": number, "account_id": "two",
            "origin": "plan", "session": SESSION, "side": "sell", "symbol": "X",
            "quantity": Decimal(1), "layer": layer, "verdict": verdict, "reason": f"since {layer}",
            "judged_at": MOMENT,
        }
        for number, (name, attempt, layer, verdict) in enumerate(said)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=polars_schema(GateAnswers))


def test_nothing_is_said_where_nothing_was_ordered() -> None:
    assert orders_in_words(orders(), answers()) == ""


def test_counts_and_what_did_not_end_well() -> None:
    said = orders_in_words(orders("filled", "filled", "rejected", "unknown"), answers())
    assert "- **one**: 2 filled, 1 rejected, 1 unknown" in said
    assert "buy S2 is rejected: no cash" in said
    assert "buy S3 is unknown: no answer yet" in said
    assert "S0" not in said


def test_the_first_layer_of_the_newest_judgement_is_told() -> None:
    judged = answers(
        ("two.plan.1", 1, "mode", "block"),
        ("two.plan.1", 2, "mode", "pass"),
        ("two.plan.1", 2, "funds", "block"),
        ("two.plan.1", 2, "price", "block"),
    )
    said = orders_in_words(orders(), judged)
    assert "- **two**: 1 stopped by the gate" in said
    assert "sell X was stopped (funds): since funds" in said
    assert "mode" not in said
    assert "price" not in said


def test_an_order_that_was_written_in_the_end_is_not_called_stopped() -> None:
    judged = answers(("one.plan.0", 1, "funds", "block"))
    assert "stopped" not in orders_in_words(orders("filled"), judged)


def test_a_long_list_is_cut_and_says_so() -> None:
    said = orders_in_words(orders(*["unknown"] * 11), answers())
    assert said.count("no answer yet") == 8
    assert "and 3 more" in said
