"""Running the job of a case under Dagster, and an empty job of the same shape."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg

from assets import ASSETS
from benchmarks.cases import REPOSITORY
from pipelines.build import build_definitions
from pipelines.sessions import session_partitions
from resources.workspace import Workspace
from resources.workspace_resource import WorkspaceResource

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_LEFT_OUT = "emergency_actions"
_opened: dict[str, Workspace] = {}


class OpenedWorkspace(WorkspaceResource):
    """Hands out a workspace that a benchmark has opened."""

    def open(self) -> Workspace:
        """Return it."""
        return _opened[self.portfolio]


def product_job(workspace: Workspace) -> dg.JobDefinition:
    """Return the daily pipeline of a workspace."""
    key = str(workspace.folder)
    _opened[key] = workspace
    definitions = build_definitions(workspace, OpenedWorkspace(portfolio=key))
    return definitions.resolve_job_def("daily_pipeline")


def empty_job(workspace: Workspace) -> dg.JobDefinition:
    """Return a job with the same assets, dependencies and checks, in which nothing happens."""
    sessions = session_partitions(workspace.portfolio, workspace.portfolio_calendars)
    assets = [_emptied(asset, sessions) for asset in ASSETS if _LEFT_OUT not in _names(asset)]
    job = dg.define_asset_job("empty", selection=dg.AssetSelection.all())
    definitions = dg.Definitions(assets=assets, jobs=[job], executor=dg.in_process_executor)
    return definitions.resolve_job_def("empty")


def execute(
    job: dg.JobDefinition, session: date, instance: dg.DagsterInstance
) -> dg.ExecuteInProcessResult:
    """Run a job for a session as `ballast run` does; it must succeed."""
    return job.execute_in_process(
        partition_key=session.isoformat(), instance=instance, run_config=_QUIET
    )


@contextmanager
def persistent_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """Open a Dagster instance on SQLite files with the product's settings."""
    if not home.exists():
        home.mkdir(parents=True)
        shutil.copy(REPOSITORY / "pipelines" / "dagster.yaml", home)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def _emptied(asset: dg.AssetsDefinition, sessions: dg.PartitionsDefinition) -> dg.AssetsDefinition:  # type: ignore[type-arg]
    checks = list(asset.check_specs)
    specs = list(asset.specs)

    @dg.multi_asset(
        name=asset.node_def.name, specs=specs, check_specs=checks, partitions_def=sessions
    )
    def nothing() -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        for spec in specs:
            own = [check for check in checks if check.asset_key == spec.key]
            yield dg.MaterializeResult(
                asset_key=spec.key,
                check_results=[
                    dg.AssetCheckResult(passed=True, asset_key=spec.key, check_name=check.name)
                    for check in own
                ],
            )

    return nothing


def _names(asset: dg.AssetsDefinition) -> set[str]:
    return {key.to_user_string() for key in asset.keys}
