"""Schedules: the daily pipeline, after the last exchange has closed."""

from datetime import timedelta

import dagster as dg

from pipelines.jobs import daily_pipeline, maintain_lake


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
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if is_live else dg.DefaultScheduleStatus.STOPPED
        ),
        description="Runs the daily pipeline for the session that ended at midnight UTC.",
    )
    def after_close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Request yesterday's session if there was one."""
        yesterday = (context.scheduled_execution_time - timedelta(days=1)).date().isoformat()
        if not sessions.has_partition_key(yesterday):
            return dg.SkipReason(f"{yesterday} is not a session of this portfolio.")
        return dg.RunRequest(run_key=f"daily:{yesterday}", partition_key=yesterday)

    return after_close


@dg.schedule(
    job=maintain_lake,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    cron_schedule="40 3 * * 0",
    execution_timezone="UTC",
    description="Weekly housekeeping of the lake.",
)
def weekly_maintenance(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Request housekeeping."""
    week = context.scheduled_execution_time.date().isoformat()
    return dg.RunRequest(run_key=f"maintenance:{week}")
