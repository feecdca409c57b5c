"""Who is told when a run fails or a check finds something, through the sensors and from the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from pipelines.alert_sensors import (
    alert_delivery_sensor,
    run_failure_alert_sensor,
    run_result_sensor,
)
from pipelines.jobs import deliver_alerts
from pipelines.run_alerts import alerts_of_run, ended_run, tell_of_run
from resources.alerts import AlertDesk
from resources.store.alert_schema import alerts as alerts_table
from resources.workspace import Workspace
from resources.workspace_resource import WorkspaceResource
from tests.demonstration import REPOSITORY, Demonstration
from tests.fakes.http import LoopbackServer, Reply
from tests.pipelines.troubled_assets import PASSWORD, SESSION, broken, gate, housekeeping, measured


@dataclass(frozen=True)
class Scene:
    """A workspace whose alerts go to a loopback server, and a history of runs."""

    demonstration: Demonstration
    instance: dg.DagsterInstance
    server: LoopbackServer

    def run(self, *assets: dg.AssetsDefinition, partition: str = SESSION) -> str:
        result = dg.materialize(
            list(assets), partition_key=partition, instance=self.instance, raise_on_error=False
        )
        return str(result.run_id)

    def told(self) -> list[tuple[str, str, str]]:
        bodies = [json.loads(request.body) for request in self.server.requests]
        return [(body["type"], body["title"], body["message"]) for body in bodies]

    def titles(self) -> list[str]:
        return [title for _, title, _ in self.told()]

    @property
    def workspace(self) -> Workspace:
        return self.demonstration.workspace

    @property
    def resource(self) -> WorkspaceResource:
        return self.demonstration.resource


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    with (
        LoopbackServer(lambda _request: Reply(b"{}")) as server,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        monkeypatch.setenv("BALLAST_ALERTS_CHAT", server.url.replace("http", "json"))
        route = '[[alerts.routes]]\nname = "chat"\nenvironment = "BALLAST_ALERTS_CHAT"\n'
        demonstration = Demonstration.create(tmp_path, ("[regime]", f"{route}\n[regime]"))
        yield Scene(demonstration, instance, server)


def _failures_told(scene: Scene, run_id: str) -> None:
    """Run the failure sensor for one run, as the daemon would."""
    run = scene.instance.get_run_by_id(run_id)
    assert run is not None
    events = [entry.dagster_event for entry in scene.instance.all_logs(run_id)]
    (failure,) = [e for e in events if e and e.event_type == dg.DagsterEventType.RUN_FAILURE]
    context = dg.build_run_status_sensor_context(
        sensor_name="run_failure_alert_sensor",
        dagster_event=failure,
        dagster_instance=scene.instance,
        dagster_run=run,
        resources={"workspace": scene.resource},
    ).for_run_failure()
    run_failure_alert_sensor(context)


def test_a_failed_run_is_told_with_step_reason_and_session_and_without_secrets(
    scene: Scene,
) -> None:
    _failures_told(scene, scene.run(broken))
    ((severity, title, text),) = scene.told()
    assert severity == "failure"
    assert title.endswith("failed for 2020-08-20")
    assert "step broken: OSError: cannot reach redis://***@10.0.0.1/0" in text.replace("`", "")
    assert "second line" not in text
    assert PASSWORD not in text
    with scene.workspace.store.read() as connection:
        (row,) = connection.execute(sa.select(alerts_table))
    assert (row.kind, row.session) == ("run_failed", date(2020, 8, 20))


def test_a_run_that_fails_again_for_the_same_reason_is_told_once(scene: Scene) -> None:
    for _ in range(3):
        _failures_told(scene, scene.run(broken))
    assert len(scene.told()) == 1
    _failures_told(scene, scene.run(broken, partition="2020-08-19"))
    assert len(scene.told()) == 2


def test_a_blocking_check_is_the_reason_of_the_failure_and_no_alert_of_its_own(
    scene: Scene,
) -> None:
    _failures_told(scene, scene.run(gate))
    ((_, title, text),) = scene.told()
    assert title.endswith("failed for 2020-08-20")
    assert "gate.agrees: no account agrees" in text.replace("`", "")


def test_a_run_without_partition_is_told_too(scene: Scene) -> None:
    result = housekeeping.execute_in_process(instance=scene.instance, raise_on_error=False)
    _failures_told(scene, result.run_id)
    ((_, title, text),) = scene.told()
    assert title == "housekeeping failed"
    assert "out of order" in text


def _tick(scene: Scene, cursor: str | None) -> tuple[str | None, str]:
    context = dg.build_sensor_context(
        instance=scene.instance, cursor=cursor, resources={"workspace": scene.resource}
    )
    skipped = run_result_sensor(context)
    assert isinstance(skipped, dg.SkipReason)
    return context.cursor, str(skipped.skip_message)


def test_checks_that_stop_nothing_are_told_of_by_severity(scene: Scene) -> None:
    cursor, why = _tick(scene, None)
    assert why == "Begins with the next run that ends."
    scene.run(measured)
    cursor, why = _tick(scene, cursor)
    assert why == "Looked at 1 runs that have ended."
    assert sorted(scene.told()) == [
        (
            "failure",
            "Check failed: measured.complete",
            "1 is missing\n\nThe checks of `measured` in the Dagster UI show the rows concerned.",
        ),
        (
            "warning",
            "Check failed: measured.plausible",
            "3 prices jumped\n\nThe checks of `measured` in the Dagster UI show the rows concerned.",
        ),
    ]
    scene.run(measured)
    cursor, _ = _tick(scene, cursor)
    assert len(scene.told()) == 2
    assert _tick(scene, cursor)[1] == "Looked at 0 runs that have ended."


def test_what_was_in_the_history_before_the_first_look_is_not_told(scene: Scene) -> None:
    scene.run(measured)
    scene.run(broken)
    cursor, _ = _tick(scene, None)
    assert _tick(scene, cursor)[1] == "Looked at 0 runs that have ended."
    assert scene.told() == []


def test_the_cursor_waits_for_a_store_that_is_busy(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor, _ = _tick(scene, None)
    scene.run(broken)

    def busy(*_arguments: object) -> int:
        raise sa.exc.OperationalError("BEGIN IMMEDIATE", {}, OSError("database is locked"))

    with monkeypatch.context() as patched:
        patched.setattr(AlertDesk, "post", busy)
        context = dg.build_sensor_context(
            instance=scene.instance, cursor=cursor, resources={"workspace": scene.resource}
        )
        with pytest.raises(sa.exc.OperationalError):
            run_result_sensor(context)
        assert context.cursor == cursor
    _tick(scene, cursor)
    assert len(scene.told()) == 1


def test_both_sensors_and_the_terminal_tell_of_a_run_only_once(scene: Scene) -> None:
    cursor, _ = _tick(scene, None)
    run_id = scene.run(broken)
    tell_of_run(scene.workspace, scene.instance, run_id)
    _failures_told(scene, run_id)
    _tick(scene, cursor)
    assert len(scene.told()) == 1
    assert scene.workspace.metrics_file.read_text().startswith("# HELP")


def test_a_run_that_was_deleted_says_nothing(scene: Scene) -> None:
    run_id = scene.run(broken)
    scene.instance.delete_run(run_id)
    tell_of_run(scene.workspace, scene.instance, run_id)
    assert scene.told() == []


def test_a_backfill_wakes_nobody(scene: Scene) -> None:
    run = ended_run(scene.instance, scene.run(measured))
    assert run is not None
    scene.workspace.alerts.post(alerts_of_run(replace(run, partition="2019-03-01")))
    assert scene.workspace.alerts.deliver().delivered == 0
    with scene.workspace.store.read() as connection:
        assert len(connection.execute(sa.select(alerts_table)).all()) == 2


def test_what_is_due_starts_a_delivery_and_nothing_else_does(scene: Scene) -> None:
    def look() -> dg.RunRequest | dg.SkipReason:
        context = dg.build_sensor_context(
            instance=scene.instance, resources={"workspace": scene.resource}
        )
        found = alert_delivery_sensor(context)
        assert isinstance(found, dg.RunRequest | dg.SkipReason)
        return found

    assert isinstance(look(), dg.SkipReason)
    run = ended_run(scene.instance, scene.run(broken))
    assert run is not None
    scene.workspace.alerts.post(alerts_of_run(run))
    first, second = look(), look()
    assert isinstance(first, dg.RunRequest)
    assert isinstance(second, dg.RunRequest)
    assert first.run_key == second.run_key
    done = deliver_alerts.execute_in_process(
        instance=scene.instance, resources={"workspace": scene.resource}
    )
    assert done.success
    assert len(scene.told()) == 1
    assert isinstance(look(), dg.SkipReason)


def test_a_run_from_the_terminal_is_seen_by_the_daemon(scene: Scene) -> None:
    definitions = scene.demonstration.definitions
    sensor = definitions.resolve_sensor_def("run_failure_alert_sensor")
    cursor = None
    for _ in range(2):
        context = dg.build_sensor_context(
            instance=scene.instance,
            cursor=cursor,
            definitions=definitions,
            resources={"workspace": scene.resource},
        )
        ticked = sensor.evaluate_tick(context)
        cursor = ticked.cursor
        if not scene.told():
            scene.run(broken)
    assert [reaction.error for reaction in ticked.dagster_run_reactions or []] == [None]
    assert len(scene.told()) == 1


def test_the_sensors_run_unasked_and_are_defined(tmp_path: Path) -> None:
    definitions = Demonstration.create(tmp_path).definitions
    for sensor in (run_failure_alert_sensor, run_result_sensor, alert_delivery_sensor):
        found = definitions.resolve_sensor_def(sensor.name)
        assert found.default_status == dg.DefaultSensorStatus.RUNNING
    assert definitions.resolve_job_def("deliver_alerts")


def test_the_demonstration_runs_without_any_route() -> None:
    assert "[alerts" not in (REPOSITORY / "portfolio.toml").read_text()
