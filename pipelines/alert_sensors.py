"""Sensors that tell people: of failed runs, of checks that found something, and again of what could not be told."""

import hashlib
import json
from typing import Literal

import dagster as dg

from pipelines.run_alerts import deliver_and_measure, post_alerts_of_run
from resources.clock import now
from resources.workspace_resource import WorkspaceResource

_EVERY_SECONDS = 30
_RUNS_PER_TICK = 50
_End = Literal[dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE]
_ENDS: tuple[_End, ...] = (dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE)


@dg.run_failure_sensor(
    # Runs from the terminal belong to no code location, and fail as well.
    monitor_all_code_locations=True,
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells people at once that a run has failed, at which step and why.",
)
def run_failure_alert_sensor(
    context: dg.RunFailureSensorContext, workspace: WorkspaceResource
) -> None:
    """Post and deliver the alert of one failed run."""
    opened = workspace.open()
    post_alerts_of_run(opened, context.instance, context.dagster_run.run_id)
    opened.alerts.deliver()


@dg.sensor(
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells people of checks that found something without stopping their run, and renews the metrics.",
)
def run_result_sensor(
    context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.SkipReason:
    """Tell of every run that has ended since the last look.

    The failures are among them: what `run_failure_alert_sensor` could not post because the store was busy is posted
    here, because this cursor moves only after its alerts are in the store.
    """
    if context.cursor is None:
        newest = {kind.value: _newest_end(context.instance, kind) for kind in _ENDS}
        context.update_cursor(json.dumps(newest))
        return dg.SkipReason("Begins with the next run that ends.")
    opened = workspace.open()
    seen: dict[str, int] = json.loads(context.cursor)
    looked_at = 0
    for kind in _ENDS:
        records = context.instance.fetch_run_status_changes(
            dg.RunStatusChangeRecordsFilter(kind, after_storage_id=seen[kind.value]),
            limit=_RUNS_PER_TICK,
            ascending=True,
        ).records
        for record in records:
            post_alerts_of_run(opened, context.instance, record.event_log_entry.run_id)
            looked_at += 1
            seen[kind.value] = record.storage_id
            context.update_cursor(json.dumps(seen))
    if looked_at:
        deliver_and_measure(opened)
    return dg.SkipReason(f"Looked at {looked_at} runs that have ended.")


@dg.sensor(
    # By its name: a sensor that holds a job of ops is built anew with its resources, which warns of a beta feature.
    job_name="deliver_alerts",
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts another attempt at the alerts that could not be delivered, when it is due.",
)
def alert_delivery_sensor(
    _context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one run per state of the outbox (what is due, how often it was tried) and hour.

    The hour, because a run that died before its first attempt leaves the state as it was.
    """
    due = workspace.open().alerts.due_state()
    if not due:
        return dg.SkipReason("No alert is due.")
    state = hashlib.sha256(repr(due).encode()).hexdigest()[:16]
    return dg.RunRequest(run_key=f"alerts:{state}:{now():%Y-%m-%dT%H}")


def _newest_end(instance: dg.DagsterInstance, kind: _End) -> int:
    records = instance.fetch_run_status_changes(kind, limit=1).records
    return records[0].storage_id if records else 0


ALERT_SENSORS = (run_failure_alert_sensor, run_result_sensor, alert_delivery_sensor)
