"""What people are told of a run that has ended: that it failed and why, and which checks found something.

A check that is not blocking lets its run succeed, so that nobody would hear of it: it is told of here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from ballast.alerts import Alert, Severity, identity
from resources.workspace import Workspace

RUN_FAILED = "run_failed"
CHECK_FAILED = "check_failed"

_SEVERITIES: dict[dg.AssetCheckSeverity, Severity] = {
    dg.AssetCheckSeverity.ERROR: "critical",
    dg.AssetCheckSeverity.WARN: "warning",
}
# What differs between two failures for one reason: ids, moments, counts.
_PARTICULARS = re.compile(r"[0-9a-f]{8,}[0-9a-f-]*|\d+")
_LONGEST_MESSAGE = 500

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EndedRun:
    """What is known of a run that has ended.

    Parameters
    ----------
    day : date
        Day on which it ended, UTC.
    failures : sequence of (str, str)
        Failed steps, each with the innermost message in one line.
    checks : sequence of AssetCheckEvaluation
        All evaluations.
    """

    run_id: str
    job: str
    partition: str | None
    day: date
    succeeded: bool
    failures: Sequence[tuple[str, str]]
    checks: Sequence[dg.AssetCheckEvaluation]

    @property
    def session(self) -> date | None:
        """The session of the partition, if there is one."""
        try:
            return date.fromisoformat(self.partition or "")
        except ValueError:
            return None


def tell_of_run(workspace: Workspace, instance: dg.DagsterInstance, run_id: str) -> None:
    """Post the alerts of a run that has ended, deliver what waits, and renew the file of metrics.

    Telling of a run twice tells nobody twice.
    """
    post_alerts_of_run(workspace, instance, run_id)
    deliver_and_measure(workspace)


def post_alerts_of_run(workspace: Workspace, instance: dg.DagsterInstance, run_id: str) -> None:
    """Write the alerts of a run that has ended into the outbox; a run that was deleted says nothing."""
    run = ended_run(instance, run_id)
    if run is not None:
        workspace.alerts.post(alerts_of_run(run))


def deliver_and_measure(workspace: Workspace) -> None:
    """Deliver what waits, and renew the file of metrics."""
    workspace.alerts.deliver()
    try:
        workspace.metrics.write(workspace.metrics_file)
    except OSError:
        # The run has ended well or badly by itself; its metrics are written after the next one.
        _log.warning("the file of metrics could not be written", exc_info=True)


def ended_run(instance: dg.DagsterInstance, run_id: str) -> EndedRun | None:
    """Read from the history what a run came to; None for a run that was deleted."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        return None
    wanted = {
        dg.DagsterEventType.STEP_FAILURE,
        dg.DagsterEventType.RUN_FAILURE,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    }
    entries = instance.all_logs(run_id, of_type=wanted)
    events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]
    run = record.dagster_run
    ended = record.end_time or record.update_timestamp.timestamp()
    return EndedRun(
        run_id=run_id,
        job=run.job_name,
        partition=run.tags.get("dagster/partition"),
        day=datetime.fromtimestamp(ended, UTC).date(),
        succeeded=run.status == dg.DagsterRunStatus.SUCCESS,
        failures=_failures(events),
        checks=[
            event.asset_check_evaluation_data
            for event in events
            if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ],
    )


def alerts_of_run(run: EndedRun) -> list[Alert]:
    """Return the alerts of a run: its failure, and each check that found something.

    A failure for the same reason is one alert a day; a check that goes on failing is one alert a session. A blocking
    check that stopped the run is part of the failure.
    """
    failed = [check for check in run.checks if not check.passed]
    stopping = [check for check in failed if not run.succeeded and _stops(check)]
    alerts = [_check_alert(run, check) for check in failed if check not in stopping]
    if not run.succeeded:
        alerts.append(_failure_alert(run, stopping))
    return alerts


def _failure_alert(run: EndedRun, stopping: Iterable[dg.AssetCheckEvaluation]) -> Alert:
    reasons = [(step, _PARTICULARS.sub("#", message)) for step, message in run.failures]
    about = "" if run.partition is None else f" for {run.partition}"
    lines = [f"- step `{step}`: {message}" for step, message in run.failures]
    lines += [f"- check `{_name(check)}`: {check.description or 'failed'}" for check in stopping]
    lines.append(f"\nRun `{run.run_id}` in the Dagster UI shows every step.")
    return Alert(
        alert_id=identity(RUN_FAILED, run.job, run.partition, run.day, *reasons),
        kind=RUN_FAILED,
        severity="critical",
        title=f"{run.job} failed{about}",
        text="\n".join(lines),
        session=run.session,
    )


def _check_alert(run: EndedRun, check: dg.AssetCheckEvaluation) -> Alert:
    severity = _SEVERITIES[check.severity]
    when = run.partition or run.day
    return Alert(
        alert_id=identity(CHECK_FAILED, _name(check), when, severity),
        kind=CHECK_FAILED,
        severity=severity,
        title=f"Check failed: {_name(check)}",
        text=(
            f"{check.description or 'It gives no reason.'}\n\nThe checks of"
            f" `{check.asset_key.to_user_string()}` in the Dagster UI show the rows concerned."
        ),
        session=run.session,
    )


def _name(check: dg.AssetCheckEvaluation) -> str:
    return f"{check.asset_key.to_user_string()}.{check.check_name}"


def _stops(check: dg.AssetCheckEvaluation) -> bool:
    return bool(check.blocking) and check.severity == dg.AssetCheckSeverity.ERROR


def _failures(events: Sequence[dg.DagsterEvent]) -> list[tuple[str, str]]:
    steps = [event for event in events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    if steps:
        return [
            (event.step_key or "unknown", innermost_message(event.step_failure_data.error))
            for event in steps
        ]
    # Its process died, or it failed before its first step.
    ends = [event for event in events if event.event_type == dg.DagsterEventType.RUN_FAILURE]
    return [("none", _one_line(event.message or "no reason was recorded")) for event in ends]


def innermost_message(error: object) -> str:
    """Return the message at the end of a chain of causes, in one line."""
    while (cause := getattr(error, "cause", None)) is not None:
        error = cause
    return _one_line(getattr(error, "message", None) or "no reason was recorded")


def _one_line(message: str) -> str:
    lines = message.strip().splitlines() or ["no reason was recorded"]
    return lines[0][:_LONGEST_MESSAGE]
