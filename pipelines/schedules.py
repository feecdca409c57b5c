"""Schedules: the daily pipeline after the last exchange has closed, the cycle between, and maintenance."""

from datetime import timedelta

import dagster as dg

from pipelines.jobs import daily_pipeline, execute_plan, sync_cycle
from pipelines.reconciliation_triggers import newest_run_session, trigger_tags
from resources.recommendations import PLAN
from resources.workspace_resource import WorkspaceResource

_NOT_DONE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def daily_schedule(
    sessions: dg.DailyPartitionsDefinition, *, is_live: bool
) -> dg.ScheduleDefinition:
    """Return the schedule that runs the session that has just ended.

    At 00:20 UTC every exchange in use has closed. A day without a session is skipped with its reason. For recorded
    data, whose last session is in the past, the schedule is off unless somebody turns it on.
    """

    @dg.schedule(
        name="daily_pipeline_after_close",
        job=daily_pipeline,
        cron_schedule="20 0 * * *",
        execution_timezone="UTC",
        default_status=_status(is_on=is_live),
        description="Runs the daily pipeline for the session that ended at midnight UTC.",
    )
    def after_close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Request yesterday's session if there was one."""
        yesterday = (context.scheduled_execution_time - timedelta(days=1)).date().isoformat()
        if not sessions.has_partition_key(yesterday):
            return dg.SkipReason(f"{yesterday} is not a session of this portfolio.")
        return dg.RunRequest(run_key=f"daily:{yesterday}", partition_key=yesterday)

    return after_close


def sync_cycle_schedule(minutes: int, *, is_live: bool) -> dg.ScheduleDefinition:
    """Return the schedule of the cycle between two daily runs; off for recorded data, which does not move.

    It does more than `periodic_reconciliation`, and less often: that one only imports and compares, and is on where
    orders are placed, so that what was filled is in the books within minutes.
    """

    @dg.schedule(
        name="sync_cycle_every_few_minutes",
        job=sync_cycle,
        cron_schedule=f"*/{minutes} * * * *",
        execution_timezone="UTC",
        default_status=_status(is_on=is_live),
        description=(
            "Prices, books, brokers, reconciliation, guards and the repair of negative cash, every few minutes. Where"
            " orders are placed, periodic_reconciliation also imports and compares, more often and nothing else."
        ),
    )
    def every_few_minutes(
        context: dg.ScheduleEvaluationContext, workspace: WorkspaceResource
    ) -> dg.RunRequest | dg.SkipReason:
        """Request a cycle of the newest session, unless the one before is not done."""
        session = newest_run_session(workspace.open())
        if session is None:
            return dg.SkipReason("No session has been run yet; run daily_pipeline.")
        unfinished = dg.RunsFilter(job_name=sync_cycle.name, statuses=_NOT_DONE)
        if context.instance.get_runs_count(unfinished):
            return dg.SkipReason("The cycle before is not done yet.")
        return dg.RunRequest(
            run_key=f"cycle:{context.scheduled_execution_time.isoformat()}",
            partition_key=session,
            tags=trigger_tags({"trigger": "periodic"}),
        )

    return every_few_minutes


def execution_schedule(*, is_on: bool) -> dg.ScheduleDefinition:
    """Return the schedule that carries the newest plan on, step by step as the gate lets it, while exchanges trade."""

    @dg.schedule(
        name="execute_plan_in_trading_hours",
        job=execute_plan,
        cron_schedule="*/15 * * * *",
        execution_timezone="UTC",
        default_status=_status(is_on=is_on),
        description=(
            "Every quarter of an hour: the next steps of the newest plan, where orders are placed. The gate"
            " knows each exchange's hours, and how often may be traded."
        ),
    )
    def next_steps(
        context: dg.ScheduleEvaluationContext, workspace: WorkspaceResource
    ) -> dg.RunRequest | dg.SkipReason:
        """Request the next steps, unless there are none or the run before is not done."""
        opened = workspace.open()
        if opened.portfolio.mode == "research":
            return dg.SkipReason("Research mode sends no orders.")
        session = newest_run_session(opened)
        waiting = [
            step
            for account in opened.portfolio.base_currencies
            for step in opened.recommendations.of(account, PLAN)
        ]
        if session is None or not any(str(step["session"]) == session for step in waiting):
            return dg.SkipReason(f"No step of the plan of session {session} is waiting.")
        unfinished = dg.RunsFilter(job_name=execute_plan.name, statuses=_NOT_DONE)
        if context.instance.get_runs_count(unfinished):
            return dg.SkipReason("The run before is not done yet.")
        return dg.RunRequest(
            run_key=f"execute:{context.scheduled_execution_time.isoformat()}",
            partition_key=session,
        )

    return next_steps


def maintenance_schedules(*, is_live: bool) -> list[dg.ScheduleDefinition]:
    """Return the schedules that keep Ballast in order; only the look at its health is off for recorded data."""
    return [
        _maintenance(
            "daily_maintenance",
            "0 3 * * *",
            "Every night at 03:00 UTC: backup, removal of old backups and unreferenced files, a short log.",
        ),
        _maintenance(
            "weekly_maintenance",
            "0 4 * * 0",
            "Every Sunday at 04:00 UTC: proof that what is stored and the newest backup are sound.",
        ),
        _maintenance(
            "health_check", "10 * * * *", "Every hour: the health of each component.", is_on=is_live
        ),
    ]


def _maintenance(
    job: str, cron: str, description: str, *, is_on: bool = True
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=job,
        # By its name, as in alert_sensors.
        job_name=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=_status(is_on=is_on),
        description=description,
    )
    def maintenance(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        """Request one run per tick."""
        return dg.RunRequest(run_key=f"{job}:{context.scheduled_execution_time:%Y-%m-%dT%H}")

    return maintenance


def _status(*, is_on: bool) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if is_on else dg.DefaultScheduleStatus.STOPPED
