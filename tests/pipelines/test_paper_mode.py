"""Paper mode: the plan is carried out once, the books follow, and planning again finds nothing left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from assets.order_desk import OrderDesk
from assets.session_run import SessionRun
from ballast.trading.modes import LIVE_VARIABLE
from ballast.trading.orders import OrderIntent
from resources.brokers.protocol import Broker, OrderStatus
from resources.recommendations import PLAN
from tests.assets.desks import order
from tests.demonstration import SESSION, Demonstration, failed_checks
from tests.live_day import LIVE, MORNING, wake_up

PAPER = ('mode = "research"', 'mode = "paper"')
# Some holdings are younger than the hold that the gate asks for.
AT_ONCE = ("limit_frequency = false", "minimum_hold_days = 0\nlimit_frequency = false")
SPLIT_SESSION = date(2020, 8, 31)


def test_research_mode_sends_nothing(tmp_path: Path) -> None:
    demonstration = Demonstration.create(tmp_path)
    assert demonstration.run().success
    assert demonstration.workspace.orders.table().is_empty()
    assert demonstration.workspace.recommendations.of("europe", PLAN)


def test_the_plan_is_filled_and_planning_again_finds_every_account_at_its_target(
    tmp_path: Path,
) -> None:
    demonstration = Demonstration.create(tmp_path, PAPER, AT_ONCE)
    first = demonstration.run()
    assert first.success
    assert "no_order_refused" not in failed_checks(first)
    steps = demonstration.read("planner_recommendations")
    orders = demonstration.read("orders")
    assert orders.height == steps.height > 10
    assert set(orders["state"]) == {"filled"}
    assert not demonstration.workspace.recommendations.of("europe", PLAN)
    assert len(demonstration.workspace.recommendations.of("europe", PLAN, "executed")) > 5

    again = demonstration.run()
    assert again.success
    assert set(demonstration.read("account_plans")["status"]) == {"at_target"}
    assert demonstration.read("orders").equals(orders)
    assert set(demonstration.read("reconciliation_report")["outcome"]) == {"matched"}


def test_the_plan_kept_its_promise_about_cash(tmp_path: Path) -> None:
    demonstration = Demonstration.create(tmp_path, PAPER, AT_ONCE)
    demonstration.run()
    promised = dict(demonstration.read("account_plans").select("account_id", "cash_after").rows())
    demonstration.run()
    found = dict(demonstration.read("account_plans").select("account_id", "cash_before").rows())
    for account, cash in promised.items():
        assert abs(found[account] - cash) < 1


def test_a_split_arrives_at_broker_and_books_alike(tmp_path: Path) -> None:
    demonstration = Demonstration.create(tmp_path, ("last = 2020-08-20 ", "last = 2020-09-01 "))
    assert demonstration.run().success
    before = held(demonstration, SESSION, "AAPL")
    assert demonstration.run(SPLIT_SESSION).success
    after = held(demonstration, SPLIT_SESSION, "AAPL")
    assert after["quantity"] == 4 * before["quantity"]
    assert after["cost_basis"] == before["cost_basis"]
    report = demonstration.read("reconciliation_report", SPLIT_SESSION)
    assert set(report.filter(pl.col("item") == "AAPL")["outcome"]) == {"matched"}


def held(demonstration: Demonstration, session: date, symbol: str) -> dict[str, object]:
    positions = demonstration.read("positions_snapshot", session)
    return positions.filter(pl.col("commodity") == symbol).row(0, named=True)


@dataclass
class Contradicting:
    """A broker that fills an order and calls it rejected."""

    inside: Broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inside, name)

    def submit(self, intent: OrderIntent) -> OrderStatus:
        status = self.inside.submit(intent)
        return replace(status, state="rejected") if intent.account_id == "america" else status


def test_a_broker_that_contradicts_itself_is_the_trouble_of_one_account(tmp_path: Path) -> None:
    def contradict(brokers: Mapping[str, Broker]) -> dict[str, Broker]:
        return {name: cast(Broker, Contradicting(inside)) for name, inside in brokers.items()}

    demonstration = Demonstration.create(tmp_path, PAPER, AT_ONCE, wrap_brokers=contradict)
    result = demonstration.run()
    assert result.success
    assert "no_order_refused" in failed_checks(result)
    orders = demonstration.read("orders")
    # The first order of the one account was filled and is in doubt; what counts on it was not sent.
    assert orders.filter(pl.col("account_id") == "america").height == 1
    assert orders.filter(pl.col("account_id") == "europe").height > 10
    assert set(orders["state"]) == {"filled"}


def test_live_mode_sends_nothing_without_a_confirmation_that_names_the_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wake_up(monkeypatch, MORNING.replace(hour=15))
    demonstration = Demonstration.create(tmp_path, *LIVE)
    monkeypatch.setenv(LIVE_VARIABLE, "america")
    result = demonstration.run()
    assert result.success
    assert demonstration.read("orders").is_empty()
    (report,) = demonstration.read("daily_report")["report"]
    assert "The mode is `live`" in report
    # Told of every step of a plan; the rest of the gate is tried at the desk.
    run = SessionRun(demonstration.workspace, SESSION, "run")
    intent = order("mine", "sell", "ASML.AS", "1")
    assert f"{LIVE_VARIABLE}=europe" in str(OrderDesk(run).place(intent).detail)
