"""The schedule that carries a plan on: only with a step of the newest session waiting, one run at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

from assets.session_run import SessionRun
from ballast.tables import Prices
from tests.ballast.builders import table
from tests.demonstration import SESSION, Demonstration
from tests.pipelines.test_emergency import PAPER

BEFORE = date(2020, 8, 19)
TICK = datetime(2026, 1, 5, 12, 15, tzinfo=UTC)


@pytest.fixture
def created(tmp_path: Path) -> Callable[..., Demonstration]:
    def create(*changes: tuple[str, str]) -> Demonstration:
        return Demonstration.create(tmp_path, *(changes or (PAPER,)))

    return create


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as opened:
        yield opened


def tick(demonstration: Demonstration, instance: dg.DagsterInstance) -> dg.RunRequest | str:
    schedule = demonstration.definitions.resolve_schedule_def("execute_plan_in_trading_hours")
    # Closed, because it opens the instance once more and would leave it behind for the tests that follow.
    with dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=TICK,
        resources={"workspace": demonstration.resource},
        repository_def=demonstration.definitions.get_repository_def(),
    ) as context:
        data = schedule.evaluate_tick(context)
    requests = data.run_requests or []
    return requests[0] if requests else str(data.skip_message)


def publish_prices(demonstration: Demonstration, session: date = SESSION) -> None:
    run = SessionRun(demonstration.workspace, session, "prices")
    run.publish(run.table("prices", table(Prices, []), Prices))


def plan(demonstration: Demonstration, session: date = SESSION, account: str = "europe") -> str:
    """A plan of one step; returns its id."""
    step = f"{account}-{session}-1"
    row = {
        "recommendation_id": step, "account_id": account, "origin": "plan",
        "origin_id": f"plan-{session}", "session": session, "step": 1, "side": "sell",
        "symbol": "AAPL", "quantity": Decimal(1), "reason": "too much of it",
        "inputs_hash": "hash", "status": "pending",
    }  # fmt: skip
    demonstration.workspace.recommendations.store_plan(account, session, [row])
    return step


def test_a_waiting_step_is_asked_for_once_per_quarter_of_an_hour(
    created: Callable[..., Demonstration], instance: dg.DagsterInstance
) -> None:
    demonstration = created()
    publish_prices(demonstration)
    plan(demonstration)
    request = tick(demonstration, instance)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == SESSION.isoformat()
    assert request.run_key == "execute:2026-01-05T12:15:00+00:00"


def test_research_mode_never_asks(
    created: Callable[..., Demonstration], instance: dg.DagsterInstance
) -> None:
    demonstration = created(('mode = "research"', 'mode = "research"'))
    publish_prices(demonstration)
    plan(demonstration)
    assert tick(demonstration, instance) == "Research mode sends no orders."


def test_before_the_first_session_and_without_a_plan_nothing_waits(
    created: Callable[..., Demonstration], instance: dg.DagsterInstance
) -> None:
    demonstration = created()
    assert "is waiting" in str(tick(demonstration, instance))
    publish_prices(demonstration)
    assert tick(demonstration, instance) == (
        "No step of the plan of session 2020-08-20 is waiting."
    )


def test_steps_that_are_done_or_of_an_earlier_session_do_not_wait(
    created: Callable[..., Demonstration], instance: dg.DagsterInstance
) -> None:
    demonstration = created()
    publish_prices(demonstration, BEFORE)
    publish_prices(demonstration)
    plan(demonstration, BEFORE)
    nothing = "No step of the plan of session 2020-08-20 is waiting."
    assert tick(demonstration, instance) == nothing
    done = plan(demonstration)
    assert isinstance(tick(demonstration, instance), dg.RunRequest)
    demonstration.workspace.recommendations.mark_executed(done)
    assert tick(demonstration, instance) == nothing
    # Any account's step is enough.
    plan(demonstration, account="america")
    assert isinstance(tick(demonstration, instance), dg.RunRequest)


@pytest.mark.parametrize(
    ("status", "waits"),
    [
        (dg.DagsterRunStatus.STARTING, True),
        (dg.DagsterRunStatus.STARTED, True),
        (dg.DagsterRunStatus.CANCELING, True),
        (dg.DagsterRunStatus.SUCCESS, False),
        (dg.DagsterRunStatus.FAILURE, False),
        (dg.DagsterRunStatus.CANCELED, False),
    ],
)
def test_a_run_that_is_not_done_is_waited_for(
    created: Callable[..., Demonstration],
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus,
    waits: bool,
) -> None:
    demonstration = created()
    publish_prices(demonstration)
    plan(demonstration)
    job = demonstration.definitions.resolve_job_def("execute_plan")
    instance.create_run_for_job(job, status=status)
    said = tick(demonstration, instance)
    assert (said == "The run before is not done yet.") == waits
    assert isinstance(said, dg.RunRequest) != waits


def test_a_run_of_another_job_is_not_waited_for(
    created: Callable[..., Demonstration], instance: dg.DagsterInstance
) -> None:
    demonstration = created()
    publish_prices(demonstration)
    plan(demonstration)
    job = demonstration.definitions.resolve_job_def("sync_cycle")
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert isinstance(tick(demonstration, instance), dg.RunRequest)
