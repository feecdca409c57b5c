"""Assemble the definitions of a portfolio."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from assets import ASSETS
from pipelines.alert_sensors import ALERT_SENSORS
from pipelines.guard_jobs import GUARD_JOBS, guard_sensor
from pipelines.jobs import ASSET_JOBS, deliver_alerts
from pipelines.maintenance_jobs import MAINTENANCE_JOBS
from pipelines.order_jobs import ORDER_JOBS
from pipelines.planning_jobs import PLANNING_JOBS
from pipelines.rebalance_sensors import REBALANCE_SENSORS
from pipelines.reconciliation_triggers import periodic_reconciliation
from pipelines.schedules import (
    daily_schedule,
    execution_schedule,
    maintenance_schedules,
    sync_cycle_schedule,
)
from pipelines.sensors import SENSORS
from pipelines.sessions import session_partitions
from resources.workspace import Workspace
from resources.workspace_resource import WorkspaceResource

OWNER = "team:portfolio"


def build_definitions(workspace: Workspace, resource: WorkspaceResource) -> dg.Definitions:
    """Return assets, jobs, schedules and sensors for a workspace.

    Parameters
    ----------
    workspace : Workspace
        Gives the sessions.
    resource : WorkspaceResource
        Handed to every asset; opens the same workspace.
    """
    sessions = session_partitions(workspace.portfolio, workspace.portfolio_calendars)
    is_live = workspace.portfolio.sessions.last is None
    is_trading = is_live and workspace.portfolio.mode != "research"
    # One policy for everything; on recorded data nothing can be fresh.
    freshness = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=4)) if is_live else None

    def complete(spec: dg.AssetSpec) -> dg.AssetSpec:
        complete_spec = spec.replace_attributes(partitions_def=sessions, owners=[OWNER])
        if freshness is None:
            return complete_spec
        return complete_spec.replace_attributes(freshness_policy=freshness)

    return dg.Definitions(
        assets=dg.map_asset_specs(complete, ASSETS),
        jobs=[
            *ASSET_JOBS,
            *GUARD_JOBS,
            *ORDER_JOBS,
            *PLANNING_JOBS,
            *MAINTENANCE_JOBS,
            deliver_alerts,
        ],
        schedules=[
            daily_schedule(sessions, is_live=is_live),
            periodic_reconciliation(
                workspace.portfolio.reconciliation.interval,
                is_on=is_trading,
            ),
            execution_schedule(is_on=is_trading),
            sync_cycle_schedule(workspace.portfolio.schedule.sync_cycle_minutes, is_live=is_live),
            *maintenance_schedules(is_live=is_live),
        ],
        sensors=[*SENSORS, *REBALANCE_SENSORS, *ALERT_SENSORS, guard_sensor],
        resources={"workspace": resource},
        executor=dg.in_process_executor,
    )
