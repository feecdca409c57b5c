"""The health of everything: the components of the workspace, and Dagster's daemons."""

from __future__ import annotations

import dagster as dg

from resources.health import Health, health_of
from resources.workspace import Workspace


def whole_health(workspace: Workspace, instance: dg.DagsterInstance) -> list[Health]:
    """Return the health of every component.

    Parameters
    ----------
    instance : DagsterInstance
        Its daemons run the schedules and sensors.
    """
    is_live = workspace.portfolio.sessions.last is None
    return [*health_of(workspace), _daemons(instance, is_live=is_live)]


def _daemons(instance: dg.DagsterInstance, *, is_live: bool) -> Health:
    component = "daemons"
    if instance.is_ephemeral:
        return Health(component, "ok", "Not asked: this run keeps no history.")
    statuses = instance.get_daemon_statuses().values()
    silent = sorted(status.daemon_type for status in statuses if not status.healthy)
    if not silent:
        return Health(component, "ok", f"All {len(statuses)} of Dagster's daemons are running.")
    if not is_live:
        return Health(component, "ok", "Not running, which recorded data does not need.")
    names = ", ".join(name.lower() for name in silent)
    sentence = f"Not heard of lately: {names}. Schedules and sensors wait for them; `make dev` starts them."
    return Health(component, "degraded", sentence)
