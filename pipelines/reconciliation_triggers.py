"""When the books are reconciled beside the daily pipeline: at start-up, periodically, after fills, and once more.

Every request carries its trigger and context in the run's tags; the reconciliation records them. What is still waiting
after ten minutes is requested again, a few times: a run may have failed, or come while the fill was still young.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
import polars as pl

from assets.reconciliation_run import CONTEXT_TAG, TRIGGER_TAG
from ballast.reconciliation.triggers import fills_context, wait_after_fills
from pipelines.jobs import reconcile_accounts
from resources.clock import now
from resources.workspace import Workspace
from resources.workspace_resource import WorkspaceResource

# One per process that evaluates sensors: a new one is a start-up.
_STARTED, _STARTED_AT = uuid.uuid4().hex, now()
_OFTEN, _SELDOM = 5, 30
_RETRY_AFTER, _MOST_RETRIES = timedelta(minutes=10), 6


def trigger_tags(context: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags by which a run knows what triggered it."""
    return {
        TRIGGER_TAG: str(context["trigger"]),
        CONTEXT_TAG: json.dumps(dict(context), sort_keys=True),
    }


def newest_run_session(workspace: Workspace) -> str | None:
    """Return the newest session whose prices are published: a reconciliation needs them."""
    sessions = workspace.lake.snapshot(["prices"]).partitions("prices")
    return sessions[-1] if sessions else None


@dg.sensor(
    job=reconcile_accounts,
    minimum_interval_seconds=_SELDOM,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reconciles once after Ballast has started, before anything else relies on the books.",
)
def startup_reconciliation_sensor(
    context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one reconciliation per start, of the newest session that was reconciled before it."""
    if context.cursor == _STARTED:
        return dg.SkipReason("Reconciled since the start.")
    context.update_cursor(_STARTED)
    snapshot = workspace.open().lake.snapshot(["reconciliation_report"])
    sessions = snapshot.partitions("reconciliation_report")
    if not sessions:
        return dg.SkipReason("Nothing had been run before the start; daily_pipeline reconciles.")
    session = sessions[-1]
    if snapshot.entries["reconciliation_report", session].published_at >= _STARTED_AT:
        return dg.SkipReason("Reconciled since the start.")
    return dg.RunRequest(
        run_key=f"startup:{_STARTED}",
        partition_key=session,
        tags=trigger_tags({"trigger": "startup"}),
    )


@dg.sensor(
    job=reconcile_accounts,
    minimum_interval_seconds=_OFTEN,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Imports and reconciles after orders were filled: once they pause, and not later than a limit.",
)
def fills_sensor(
    _context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one reconciliation for all fills since the last one that fills triggered."""
    opened = workspace.open()
    fills = opened.orders.executions_since(opened.reconciliation.fills_reconciled_until())
    settings = opened.portfolio.reconciliation
    wait = wait_after_fills(
        fills,
        now(),
        quiet_time=timedelta(seconds=settings.fill_quiet_time),
        longest_wait=timedelta(seconds=settings.fill_longest_wait),
    )
    if not wait.is_over:
        return dg.SkipReason(wait.reason)
    context = fills_context(fills)
    waited = now() - max(fill.known_at for fill in fills)
    return dg.RunRequest(
        run_key=f"fills:{context['until']}:{attempt(waited)}",
        # A fill may come in a later session than its order.
        partition_key=newest_run_session(opened) or max(f.session for f in fills).isoformat(),
        tags=trigger_tags(context),
    )


@dg.sensor(
    job=reconcile_accounts,
    minimum_interval_seconds=_SELDOM,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reconciles again when a figure was inconclusive because something was still under way.",
)
def inconclusive_sensor(
    _context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one more reconciliation per inconclusive answer."""
    snapshot = workspace.open().lake.snapshot(["reconciliation_report"])
    sessions = snapshot.partitions("reconciliation_report")
    if not sessions:
        return dg.SkipReason("Nothing has been reconciled yet.")
    session = sessions[-1]
    report = snapshot.read("reconciliation_report", session)
    undecided = report.filter(pl.col("outcome") == "inconclusive")
    if undecided.is_empty():
        return dg.SkipReason(f"Every figure of session {session} was judged.")
    entry = snapshot.entries["reconciliation_report", session]
    version = f"{entry.sha256[:12]}:{attempt(now() - entry.published_at)}"
    accounts = undecided["account_id"].unique().sort().to_list()
    return dg.RunRequest(
        run_key=f"retry:{session}:{version}",
        partition_key=session,
        tags=trigger_tags({"trigger": "retry", "accounts": accounts}),
    )


def attempt(waited: timedelta) -> int:
    """Number the requests for what is still waiting: a run may have failed, or come too early."""
    return min(waited // _RETRY_AFTER, _MOST_RETRIES)


def periodic_reconciliation(minutes: int, *, is_on: bool) -> dg.ScheduleDefinition:
    """Return the schedule that reconciles every few minutes.

    Parameters
    ----------
    is_on : bool
        Whether it runs without being turned on: where orders are placed and sessions have no end.
    """
    status = dg.DefaultScheduleStatus

    @dg.schedule(
        name="periodic_reconciliation",
        job=reconcile_accounts,
        cron_schedule=f"*/{minutes} * * * *",
        execution_timezone="UTC",
        default_status=status.RUNNING if is_on else status.STOPPED,
        description="Imports from the brokers and reconciles every few minutes.",
    )
    def every_few_minutes(
        context: dg.ScheduleEvaluationContext, workspace: WorkspaceResource
    ) -> dg.RunRequest | dg.SkipReason:
        """Request a reconciliation of the newest session."""
        session = newest_run_session(workspace.open())
        if session is None:
            return dg.SkipReason("No session has been run yet; run daily_pipeline.")
        return dg.RunRequest(
            run_key=f"periodic:{context.scheduled_execution_time.isoformat()}",
            partition_key=session,
            tags=trigger_tags({"trigger": "periodic"}),
        )

    return every_few_minutes


TRIGGERS = (startup_reconciliation_sensor, fills_sensor, inconclusive_sensor)
