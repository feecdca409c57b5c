"""Reconciliation through Dagster: named, proposed, accepted by a person, remembered, told; and what triggers it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.reconciliation_run import CONTEXT_TAG, TRIGGER_TAG
from ballast.trading.orders import OrderIntent
from pipelines import reconciliation_triggers
from pipelines.reconciliation_triggers import (
    fills_sensor,
    inconclusive_sensor,
    startup_reconciliation_sensor,
    trigger_tags,
)
from resources.brokers.protocol import Broker, BrokerPosition
from resources.store.reconciliation_schema import reconciliation_results
from tests.demonstration import QUIET, REPOSITORY, SESSION, Demonstration, failed_checks

SCRIPT = REPOSITORY / "examples" / "faults.csv"


class Busy:
    """A broker that fills an order between two questions."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    def __getattr__(self, question: str) -> object:
        return getattr(self.broker, question)

    def positions(self, account_id: str, session: date) -> list[BrokerPosition]:
        if account_id == "america":
            self.broker.submit(selling(0))
        return self.broker.positions(account_id, session)


def selling(number: int) -> OrderIntent:
    return OrderIntent(
        client_order_id=f"o{number}", account_id="america", origin="plan", origin_id="p",
        session=SESSION, side="sell", symbol="SPY", quantity=Decimal(1),
    )  # fmt: skip


def run(
    demonstration: Demonstration,
    job: str = "reconcile_accounts",
    tags: Mapping[str, str] | None = None,
    **config: object,
) -> dg.ExecuteInProcessResult:
    ops = {"ops": {"accepted_adjustments": {"config": config}}} if config else {}
    with dg.DagsterInstance.ephemeral() as instance:
        return demonstration.definitions.resolve_job_def(job).execute_in_process(
            partition_key=SESSION.isoformat(),
            instance=instance,
            run_config=QUIET | ops,
            tags=dict(tags or {}),
            raise_on_error=False,
        )


def differing(demonstration: Demonstration) -> list[tuple[object, ...]]:
    report = demonstration.read("reconciliation_report")
    rows = report.filter(
        pl.col("outcome") != "matched", pl.col("field").is_in(["quantity", "cash"])
    )
    return rows.select("account_id", "item", "outcome", "cause").rows()


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    """The demonstration with the faults of the example, which the broker never reported."""
    rehearsal = ('opening = "demonstration"', f'opening = "demonstration"\nfaults = "{SCRIPT}"')
    demonstration = Demonstration.create(tmp_path_factory.mktemp("faulty"), rehearsal)
    result = demonstration.run()
    assert result.success
    assert "no_critical_differences" in failed_checks(result)
    return demonstration


def test_differences_are_named_told_and_resolved_by_a_person(faulty: Demonstration) -> None:
    assert differing(faulty) == [
        ("america", "ORCL", "quantity_mismatch", "manual_trade"),
        ("america", "USD", "cash_mismatch", "manual_trade"),
        ("europe", "EUR", "cash_mismatch", "unexplained"),
        ("europe", "USD", "cash_mismatch", "fx_conversion"),
    ]
    lines = faulty.read("reconciliation_lines").filter(account_id="america", item="USD")
    assert dict(lines.select("cause", "amount").rows()) == {
        "fee": Decimal("-12.50"),
        "manual_trade": Decimal("-1370"),
        "dividend": Decimal("61.20"),
    }
    plans = dict(faulty.read("account_plans").select("account_id", "status").rows())
    assert (plans["america"], plans["europe"]) == ("blocked", "planned")

    ids = faulty.read("reconciliation_proposals")["proposal_id"].to_list()
    assert len(ids) == 5
    refused = run(faulty, "accept_proposals", accept=ids)
    assert not refused.success
    assert len(differing(faulty)) == 4
    accepted = run(faulty, "accept_proposals", accept=ids, decided_by="anna", reason="rang up")
    assert accepted.success
    decided = faulty.read("accepted_adjustments")
    assert set(decided.select("status", "decided_by").rows()) == {("accepted", "anna")}
    assert run(faulty).success
    assert differing(faulty) == []

    undone = run(faulty, "accept_proposals", reverse=ids, decided_by="ben", reason="no, it was not")
    assert undone.success
    assert run(faulty).success
    assert len(differing(faulty)) == 4


def test_a_fill_between_import_and_answer_is_inconclusive_and_known_to_the_next_run(
    tmp_path: Path,
) -> None:
    demonstration = Demonstration.create(
        tmp_path, wrap_brokers=lambda brokers: {a: Busy(b) for a, b in brokers.items()}
    )
    assert demonstration.run().success
    undecided = demonstration.read("reconciliation_report").filter(outcome="inconclusive")
    assert set(undecided.select("account_id", "item").rows()) >= {
        ("america", "SPY"),
        ("america", "USD"),
    }
    assert set(undecided["account_id"]) == {"america"}
    plans = dict(demonstration.read("account_plans").select("account_id", "status").rows())
    assert (plans["america"], plans["europe"]) == ("blocked", "planned")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance, resources={"workspace": demonstration.resource})
        request = inconclusive_sensor(context)
    assert isinstance(request, dg.RunRequest)
    assert run(demonstration, tags=request.tags).success
    assert set(demonstration.read("reconciliation_report")["outcome"]) == {"matched"}


def test_the_trigger_and_its_context_are_recorded(faulty: Demonstration) -> None:
    context = {"trigger": "on_demand", "requested_by": "anna"}
    run(faulty, tags=trigger_tags(context))
    with faulty.workspace.store.read() as connection:
        rows = connection.execute(
            reconciliation_results.select().where(reconciliation_results.c.trigger == "on_demand")
        ).all()
    assert {json.loads(row.context)["requested_by"] for row in rows} == {"anna"}
    assert {row.account_id for row in rows} == {"america", "europe"}


def test_a_start_requests_one_reconciliation(
    faulty: Demonstration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation_triggers, "_STARTED_AT", datetime.now(UTC))
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance, resources={"workspace": faulty.resource})
        request = startup_reconciliation_sensor(context)
        assert isinstance(request, dg.RunRequest)
        assert request.tags[TRIGGER_TAG] == "startup"
        again = dg.build_sensor_context(
            instance, resources={"workspace": faulty.resource}, cursor=context.cursor
        )
        assert isinstance(startup_reconciliation_sensor(again), dg.SkipReason)


def test_an_inconclusive_answer_is_asked_for_once_more(faulty: Demonstration) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance, resources={"workspace": faulty.resource})
        assert isinstance(inconclusive_sensor(context), dg.SkipReason)


def test_fills_wait_for_a_pause_and_all_of_them_are_in_the_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demonstration = Demonstration.create(tmp_path)
    workspace = demonstration.workspace
    for number in range(3):
        workspace.orders.place(selling(number), workspace.broker("america"))

    def evaluate(later: timedelta) -> dg.RunRequest | dg.SkipReason:
        monkeypatch.setattr(reconciliation_triggers, "now", lambda: datetime.now(UTC) + later)
        with dg.DagsterInstance.ephemeral() as instance:
            context = dg.build_sensor_context(
                instance, resources={"workspace": demonstration.resource}
            )
            return fills_sensor(context)  # type: ignore[return-value]

    early = evaluate(timedelta(seconds=-5))
    assert isinstance(early, dg.SkipReason)
    request = evaluate(timedelta(minutes=5))
    assert isinstance(request, dg.RunRequest)
    fills = json.loads(request.tags[CONTEXT_TAG])["fills"]
    assert [fill["order_id"] for fill in fills] == ["o0", "o1", "o2"]
    assert request.partition_key == SESSION.isoformat()
    # Until a run for them has succeeded they stay in the context; afterwards they are done.
    assert demonstration.run().success
    assert evaluate(timedelta(minutes=5)) == request
    assert run(demonstration, tags=request.tags).success
    assert isinstance(evaluate(timedelta(minutes=5)), dg.SkipReason)


def test_a_past_session_is_reconciled_as_it_was_and_leaves_the_memory_alone(
    faulty: Demonstration,
) -> None:
    known = faulty.workspace.reconciliation.known(SESSION)
    proposed = faulty.workspace.proposals.statuses()
    assert faulty.run(date(2020, 8, 19)).success
    assert faulty.workspace.proposals.statuses() == proposed
    assert faulty.read("reconciliation_proposals", date(2020, 8, 19)).is_empty()
    assert faulty.workspace.reconciliation.known(SESSION) == known
