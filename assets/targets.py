"""The asset of the weights that are wanted."""

import dagster as dg

from assets.metadata import definition_metadata
from assets.session_run import SessionRun
from ballast.configuration import target_weights_table
from ballast.tables import TargetWeights
from resources.workspace_resource import WorkspaceResource


@dg.asset(
    group_name="insight",
    kinds={"polars", "parquet"},
    deps=["securities"],
    metadata=definition_metadata(TargetWeights),
)
def target_weights(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """The wanted share of each account's value per security, from the portfolio file."""
    run = SessionRun.of(context, workspace)
    table = target_weights_table(run.workspace.portfolio)
    run.publish(run.table("target_weights", table, TargetWeights))
    return run.result("target_weights", table, rows=table)
