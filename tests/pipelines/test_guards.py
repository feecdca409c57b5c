"""Guards in the pipeline, on the real prices of March 2020: they stop plans, trip the switch, and close positions."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import sqlalchemy as sa

from assets.order_desk import OrderDesk, Placed
from assets.session_run import SessionRun
from ballast.errors import BrokerUnavailableError
from ballast.trading.orders import OrderIntent
from resources.brokers.protocol import Broker, OrderStatus
from resources.store import alert_schema
from tests.demonstration import QUIET, Demonstration, failed_checks
from tests.pipelines.test_emergency import tick

CRASH, DAYS_LATER = date(2020, 3, 18), date(2020, 3, 20)
LAST = "last = 2020-08-20 "
PAPER = ('mode = "research"', 'mode = "paper"')
HISTORY = (LAST, f"last = {DAYS_LATER} ")
NOW = (LAST, f"last = {CRASH} ")
# The accounts lost 1.9 and 2.8 percent in the session.
HALTS = (
    "[regime]",
    "[guards]\nloss_without_sales = 0.01\nloss_reduce_only = 0.015\nloss_halt = 0.019\n[regime]",
)
CALM = (
    "[regime]",
    "[guards]\ndrawdown_warning = 0.5\ndrawdown_limit = 0.6\nprice_gap_limit = 1.0\nloss_without_sales = 0.1\n"
    "loss_reduce_only = 0.1\nloss_halt = 0.1\n[regime]",
)  # fmt: skip


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The crash as a session that is looked back at from two days later."""
    folder = tmp_path_factory.mktemp("history")
    demonstration = Demonstration.create(folder, HISTORY)
    assert demonstration.run(CRASH).success
    return folder


@pytest.fixture
def at_crash(history: Path, tmp_path: Path) -> Callable[..., Demonstration]:
    """Opens a copy of that state on the day of the crash itself, with changes of the portfolio file."""
    folder = tmp_path / "crash"
    shutil.copytree(history, folder)

    def create(*changes: tuple[str, str], **parts: object) -> Demonstration:
        return Demonstration.create(folder, NOW, *changes, **parts)

    return create


def guard(demonstration: Demonstration) -> dg.ExecuteInProcessResult:
    result = demonstration.run(CRASH, job="run_guards")
    assert result.success
    return result


def states(demonstration: Demonstration, name: str) -> dict[str, str]:
    status = demonstration.read("guard_status", CRASH).filter(
        (pl.col("guard") == name) & (pl.col("subject") == "account")
    )
    return {account: str(state) for account, state in status.select("account_id", "state").rows()}


def alerts(demonstration: Demonstration) -> list[str]:
    with demonstration.workspace.store.read() as connection:
        return list(connection.scalars(sa.select(alert_schema.alerts.c.alert_id)))


def levels(demonstration: Demonstration) -> dict[str, str | None]:
    switch = demonstration.workspace.kill_switch
    return {account: switch.state(account).level for account in ("america", "europe")}


def run_op_job(demonstration: Demonstration, job: str, op: str, **config: object) -> bool:
    with dg.DagsterInstance.ephemeral() as instance:
        result = demonstration.definitions.resolve_job_def(job).execute_in_process(
            instance=instance,
            run_config=QUIET | {"ops": {op: {"config": config}}},
            raise_on_error=False,
        )
    return result.success


def held(demonstration: Demonstration, account: str) -> set[str]:
    positions = demonstration.workspace.broker(account).positions(account, CRASH)
    return {position.symbol for position in positions}


def closes(demonstration: Demonstration) -> pl.DataFrame:
    return demonstration.workspace.guards.close_log().drop("recorded_at")


def test_a_session_that_is_looked_back_at_is_judged_but_trips_tells_and_closes_nothing(
    history: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(history, folder)
    demonstration = Demonstration.create(folder, HISTORY, PAPER)
    result = guard(demonstration)
    assert states(demonstration, "drawdown") == {"america": "act", "europe": "act"}
    assert levels(demonstration) == {"america": None, "europe": None}
    assert alerts(demonstration) == []
    assert closes(demonstration).is_empty()
    assert demonstration.workspace.orders.table().is_empty()
    (event,) = result.asset_materializations_for_node("guard_actions")
    assert "not the newest session" in str(event.metadata["outcome"].value)
    assert "not of the newest session" in str(tick(demonstration, "guard_sensor"))
    # What it writes down are facts of the session.
    assert demonstration.workspace.guards.snapshots().height == 2
    assert demonstration.workspace.guards.drawdown_alerts().height == 2


def test_an_acting_guard_stops_the_plan_with_its_reason(history: Path) -> None:
    demonstration = Demonstration.create(history, HISTORY)
    plans = demonstration.read("account_plans", CRASH)
    assert set(plans["status"]) == {"blocked"}
    assert plans["reason"].str.contains("drawdown act: The account is 2").all()
    assert demonstration.read("planner_recommendations", CRASH).is_empty()


def test_research_mode_proposes_the_closes_once_and_sends_nothing(
    at_crash: Callable[..., Demonstration],
) -> None:
    demonstration = at_crash()
    result = guard(demonstration)
    assert failed_checks(result) == {
        "no_guard_stops_an_account", "kill_switch_is_not_tripped", "every_close_is_done",
    }  # fmt: skip
    assert levels(demonstration) == {"america": "reduce_only", "europe": "reduce_only"}
    advice = demonstration.workspace.recommendations.of("europe", "guard")
    assert {row["symbol"] for row in advice} == held(demonstration, "europe")
    assert {row["side"] for row in advice} == {"sell"}
    assert demonstration.workspace.orders.table().is_empty()
    assert len(alerts(demonstration)) > 4

    before = demonstration.stored_rows()
    again = guard(demonstration)
    assert again.success
    assert demonstration.stored_rows() == before


def test_paper_mode_closes_every_position_through_the_one_order_path(
    at_crash: Callable[..., Demonstration],
) -> None:
    demonstration = at_crash(PAPER)
    before = {account: held(demonstration, account) for account in ("america", "europe")}
    result = guard(demonstration)
    assert "every_close_is_done" not in failed_checks(result)
    orders = demonstration.read("guard_actions", CRASH)
    assert set(orders["state"]) == {"filled"}
    for account, symbols in before.items():
        assert held(demonstration, account) == set()
        own = orders.filter(pl.col("account_id") == account)
        assert set(own["symbol"]) == symbols
        assert set(own["client_order_id"]) == {
            f"{account}.drawdown-2020-02-19.{symbol}.1" for symbol in symbols
        }
    log = closes(demonstration)
    assert log.group_by("close_id").agg(pl.col("state"))["state"].to_list() == [
        ["ordered", "closed"]
    ] * sum(map(len, before.values()))
    assert demonstration.workspace.recommendations.of("europe", "guard") == []

    guard(demonstration)
    assert demonstration.read("guard_actions", CRASH).equals(orders)
    assert closes(demonstration).equals(log)


@dataclass
class Failing:
    """A broker that loses or refuses some orders before it takes them."""

    broker: Any
    lost: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    def submit(self, intent: OrderIntent) -> OrderStatus:
        if intent.symbol in self.lost:
            self.lost.discard(intent.symbol)
            raise BrokerUnavailableError("the line is dead", where="submit", remedy="Ask.")
        if intent.symbol in self.refused:
            self.refused.discard(intent.symbol)
            return OrderStatus(intent.client_order_id, "rejected", "halted")
        status: OrderStatus = self.broker.submit(intent)
        return status

    def __getattr__(self, question: str) -> Any:
        return getattr(self.broker, question)


def test_one_failure_does_not_stop_the_others_and_is_tried_again_under_its_own_name(
    at_crash: Callable[..., Demonstration],
) -> None:
    def wrap(brokers: Mapping[str, Broker]) -> dict[str, Broker]:
        europe: Any = Failing(brokers["europe"], {"ASML.AS"}, {"AAPL"})
        return {**brokers, "europe": europe}

    demonstration = at_crash(PAPER, wrap_brokers=wrap)
    result = guard(demonstration)
    assert "every_close_is_done" in failed_checks(result)
    assert held(demonstration, "europe") == {"ASML.AS", "AAPL"}
    assert held(demonstration, "america") == set()
    outcome = demonstration.workspace.guards.states("europe")
    assert outcome["europe.drawdown-2020-02-19.ASML.AS"] == "waiting"
    assert outcome["europe.drawdown-2020-02-19.AAPL"] == "failed"

    result = guard(demonstration)
    assert "every_close_is_done" not in failed_checks(result)
    assert held(demonstration, "europe") == set()
    assert set(demonstration.workspace.guards.states().values()) == {"closed"}
    sent = dict(
        demonstration.workspace.orders.table("europe").select("client_order_id", "state").rows()
    )
    # What got no answer is asked for under the same id; only what was refused for good gets another.
    assert sent["europe.drawdown-2020-02-19.ASML.AS.1"] == "filled"
    assert "europe.drawdown-2020-02-19.ASML.AS.2" not in sent
    assert sent["europe.drawdown-2020-02-19.AAPL.1"] == "rejected"
    assert sent["europe.drawdown-2020-02-19.AAPL.2"] == "filled"


def test_an_account_whose_broker_cannot_be_asked_leaves_the_other_untouched(
    at_crash: Callable[..., Demonstration],
) -> None:
    class Deaf(Failing):
        def positions(self, *_question: object) -> object:
            raise BrokerUnavailableError("the line is dead", where="positions", remedy="Ask.")

    def wrap(brokers: Mapping[str, Broker]) -> dict[str, Broker]:
        europe: Any = Deaf(brokers["europe"])
        return {**brokers, "europe": europe}

    demonstration = at_crash(PAPER, wrap_brokers=wrap)
    result = guard(demonstration)
    assert "every_close_is_done" in failed_checks(result)
    assert held(demonstration, "america") == set()
    assert demonstration.workspace.orders.table("europe").is_empty()


def test_a_halt_stops_even_the_closes_until_a_person_resets_the_switch(
    at_crash: Callable[..., Demonstration],
) -> None:
    demonstration = at_crash(PAPER, HALTS)
    guard(demonstration)
    assert levels(demonstration) == {"america": "halt", "europe": "halt"}
    assert demonstration.workspace.orders.table().is_empty()
    assert set(closes(demonstration)["state"]) == {"proposed"}
    assert demonstration.workspace.recommendations.of("europe", "guard")
    first = tick(demonstration, "guard_sensor")

    asked = {"account": "europe", "requested_by": "the owner"}
    assert not run_op_job(demonstration, "reset_kill_switch", "reset", reason=" ", **asked)
    assert levels(demonstration)["europe"] == "halt"
    assert run_op_job(demonstration, "reset_kill_switch", "reset", reason="I looked", **asked)
    assert levels(demonstration) == {"america": "halt", "europe": None}
    second = tick(demonstration, "guard_sensor")
    assert isinstance(first, dg.RunRequest)
    assert isinstance(second, dg.RunRequest)
    assert first.run_key != second.run_key

    guard(demonstration)
    assert levels(demonstration) == {"america": "halt", "europe": None}
    assert held(demonstration, "europe") == set()
    assert held(demonstration, "america")
    assert demonstration.workspace.recommendations.of("europe", "guard") == []


def test_a_person_may_have_the_peak_begin_anew(at_crash: Callable[..., Demonstration]) -> None:
    demonstration = at_crash()
    guard(demonstration)
    asked = {"account": "*", "requested_by": "the owner", "reason": "I carry on"}
    # The switches of the accounts are tripped, not the one of all; the peak may be restarted all the same.
    assert run_op_job(demonstration, "reset_kill_switch", "reset", restart_peak=True, **asked)
    for account in ("america", "europe"):
        own = asked | {"account": account}
        assert run_op_job(demonstration, "reset_kill_switch", "reset", **own)
    guard(demonstration)
    assert states(demonstration, "drawdown") == {"america": "ok", "europe": "ok"}
    assert levels(demonstration) == {"america": None, "europe": None}
    assert demonstration.workspace.recommendations.of("europe", "guard") == []
    assert tick(demonstration, "guard_sensor") == (
        f"No guard wants a position closed in session {CRASH}."
    )


def test_the_switch_stops_the_orders_of_a_plan_and_of_a_repair_before_anything_is_sent(
    at_crash: Callable[..., Demonstration],
) -> None:
    demonstration = at_crash(PAPER, CALM)
    materialize(demonstration, "guard_status", "planner_recommendations")
    planned = demonstration.read("planner_recommendations", CRASH)
    assert set(planned["account_id"]) == {"america", "europe"}
    asked = {"account": "europe", "reason": "a rumour", "requested_by": "the owner"}
    assert run_op_job(demonstration, "trip_kill_switch", "trip", **asked)

    result = materialize(demonstration, "orders")
    (event,) = result.asset_materializations_for_node("orders")
    assert "a rumour" in str(event.metadata["stopped"].value)
    orders = demonstration.workspace.orders.table()
    assert set(orders["account_id"]) == {"america"}
    stopped = place(demonstration, "europe", "emergency")
    assert stopped.stopped_by == "kill_switch"
    assert "a rumour" in str(stopped.detail)

    # The plan that is made now says so, too; the other account's goes on.
    materialize(demonstration, "guard_status", "planner_recommendations")
    plans = demonstration.read("account_plans", CRASH)
    reasons = dict(plans.select("account_id", "reason").rows())
    assert "kill_switch halt: Tripped in session 2020-03-18: a rumour" in reasons["europe"]
    assert "kill_switch" not in reasons["america"]


def test_the_jobs_of_the_switch_refuse_an_account_that_does_not_exist(
    at_crash: Callable[..., Demonstration],
) -> None:
    demonstration = at_crash()
    asked = {"reason": "why", "requested_by": "me"}
    assert not run_op_job(demonstration, "trip_kill_switch", "trip", account="atlantis", **asked)
    with pytest.raises(dg.DagsterInvalidConfigError, match="requested_by"):
        run_op_job(demonstration, "trip_kill_switch", "trip", reason="why")
    assert demonstration.workspace.kill_switch.events().is_empty()
    assert run_op_job(demonstration, "trip_kill_switch", "trip", **asked)
    assert levels(demonstration) == {"america": "halt", "europe": "halt"}


def test_the_sensor_asks_once_per_state_and_says_why_nothing_happens(
    at_crash: Callable[..., Demonstration], tmp_path: Path
) -> None:
    empty = Demonstration.create(tmp_path / "empty", NOW)
    assert "No guard status has been published" in str(tick(empty, "guard_sensor"))
    demonstration = at_crash(PAPER)
    first, again = (tick(demonstration, "guard_sensor") for _ in range(2))
    assert isinstance(first, dg.RunRequest)
    assert isinstance(again, dg.RunRequest)
    assert first.run_key == again.run_key
    assert first.partition_key == CRASH.isoformat()
    assert first.tags["ballast/accounts"] == "america,europe"


def materialize(demonstration: Demonstration, *assets: str) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        result = demonstration.definitions.resolve_job_def("daily_pipeline").execute_in_process(
            partition_key=CRASH.isoformat(),
            instance=instance,
            run_config=QUIET,
            raise_on_error=False,
            asset_selection=[dg.AssetKey(asset) for asset in assets],
        )
    assert result.success
    return result


def place(demonstration: Demonstration, account: str, origin: str) -> Placed:
    intent = OrderIntent(
        client_order_id=f"{account}.{origin}.1", account_id=account, origin=origin,
        origin_id=origin, session=CRASH, side="sell", symbol="AAPL", quantity=pl.Series([1])[0],
    )  # fmt: skip
    return OrderDesk(SessionRun(demonstration.workspace, CRASH, "run")).place(intent)
