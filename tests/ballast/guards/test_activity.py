"""How often is too often, and how old is too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from ballast.guards.activity import (
    DECISIONS,
    ORDERS,
    account_data_guard,
    order_rate_guard,
    order_rates,
)
from ballast.tables import BrokerAccounts
from tests.ballast.builders import table
from tests.ballast.guards.accounts import EARLIER, SESSION, SETTINGS, row_of, state

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)


def sent(*orders: tuple[str, int]) -> pl.DataFrame:
    """Orders by the plan they belong to and the second in which they were sent."""
    return pl.DataFrame(
        [
            {"account_id": "one", "decision": plan, "sent_at": NOON + timedelta(seconds=second)}
            for plan, second in orders
        ],
        schema={
            "account_id": pl.String, "decision": pl.String, "sent_at": pl.Datetime("us", "UTC"),
        },
    )  # fmt: skip


def test_the_orders_of_one_plan_are_one_decision() -> None:
    rates = order_rates(sent(*[("plan", second) for second in range(20)]), ["one", "idle"])
    assert rates.rows() == [("idle", 0, 0), ("one", 20, 1)]


@pytest.mark.parametrize(
    ("seconds", "decisions", "expected"),
    [
        ((0, 10, 20, 30), 4, "ok"), ((0, 10, 20, 30, 59), 5, "reduce_only"),
        ((0, 15, 30, 45, 60), 4, "ok"), ((0, 100, 101, 102, 103, 104), 5, "reduce_only"),
    ],
)  # fmt: skip
def test_the_busiest_minute_of_the_session_counts(
    seconds: tuple[int, ...], decisions: int, expected: str
) -> None:
    rates = order_rates(sent(*[(f"plan {second}", second) for second in seconds]), ["one"])
    found = row_of(order_rate_guard(rates, SETTINGS, SESSION), DECISIONS)
    assert (found["measured"], found["state"]) == (decisions, expected)


@pytest.mark.parametrize(("orders", "expected"), [(49, "ok"), (50, "reduce_only")])
def test_a_day_holds_only_so_many_orders(orders: int, expected: str) -> None:
    rates = order_rates(sent(*[("plan", n) for n in range(orders)]), ["one"])
    assert row_of(order_rate_guard(rates, SETTINGS, SESSION), ORDERS)["state"] == expected


@pytest.mark.parametrize(("minutes", "expected"), [(0, "ok"), (5, "ok"), (5.1, "reduce_only")])
def test_a_live_portfolio_trades_on_fresh_answers_only(minutes: float, expected: str) -> None:
    answers = table(
        BrokerAccounts,
        [
            {
                "account_id": "one", "broker": "paper", "is_available": True,
                "asked_as_of": SESSION, "asked_at": NOON - timedelta(minutes=minutes),
                "reports_lots": False,
            }
        ],
    )  # fmt: skip
    assert state(account_data_guard(answers, ["one"], SETTINGS, SESSION, NOON)) == expected
    # A session that is looked back at was asked about whenever it was asked about.
    assert state(account_data_guard(answers, ["one"], SETTINGS, SESSION, None)) == "ok"


def test_an_answer_of_another_session_and_an_account_that_was_not_asked_stop() -> None:
    answers = table(
        BrokerAccounts,
        [{"account_id": "one", "is_available": True, "asked_as_of": EARLIER, "asked_at": NOON}],
    )
    found = account_data_guard(answers, ["one", "two"], SETTINGS, SESSION, None)
    assert [str(one) for one in found["state"]] == ["reduce_only", "unknown"]
