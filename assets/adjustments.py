"""Asset of the corrections that a person has accepted, or taken back: materialise it with the ids of proposals."""

import dagster as dg
import polars as pl
from pydantic import Field

from assets.metadata import definition_metadata
from assets.session_run import SessionRun
from ballast.tables import Decisions
from resources.workspace_resource import WorkspaceResource


class DecisionsToTake(dg.Config):
    """Which proposals are accepted or taken back, by whom and why."""

    accept: list[str] = Field(
        default_factory=list, description="Ids of proposals to book, from reconciliation_report."
    )
    reverse: list[str] = Field(
        default_factory=list, description="Ids of accepted proposals to take back."
    )
    decided_by: str = Field("", description="Who decides.")
    reason: str = Field("", description="Why.")


@dg.asset(
    group_name="control",
    kinds={"sql", "parquet"},
    deps=["reconciliation_report"],
    metadata=definition_metadata(Decisions),
)
def accepted_adjustments(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource, config: DecisionsToTake
) -> dg.MaterializeResult:
    """Book proposals that a person accepts, or take booked ones back; without ids it only lists what was decided."""
    run = SessionRun.of(context, workspace)
    proposals = run.workspace.proposals
    new = 0
    if config.accept:
        new += proposals.accept(config.accept, by=config.decided_by, reason=config.reason)
    if config.reverse:
        new += proposals.reverse(
            config.reverse, by=config.decided_by, reason=config.reason, session=run.session
        )
    table = Decisions.validate(
        Decisions.cast(proposals.table().filter(pl.col("session") <= run.session))
    )
    run.publish(run.table("accepted_adjustments", table, Decisions))
    return run.result(
        "accepted_adjustments",
        table,
        rows=table.sort("session", descending=True).head(60),
        metadata={
            "new_postings": new,
            "waiting": table.filter(pl.col("status") == "proposed").height,
        },
    )
