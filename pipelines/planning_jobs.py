"""Jobs of planning for a person: compute a recommendation once more, and decline one."""

import dagster as dg
from pydantic import Field

from assets.metadata import markdown_table
from ballast.errors import ConfigurationError
from resources.workspace_resource import WorkspaceResource


class RecommendationChoice(dg.Config):
    """Which recommendation."""

    recommendation: str = Field(description="Its id, as planner_recommendations shows it.")


@dg.op(description="Compute a recommendation once more from its stored inputs, and compare it.")
def replay_one_recommendation(
    context: dg.OpExecutionContext, workspace: WorkspaceResource, config: RecommendationChoice
) -> None:
    """Fail if the plan is not identical, bit for bit."""
    from ballast.planning.replay import replay

    kept = workspace.open().plans.find(config.recommendation)
    found = replay(kept.inputs, kept.inputs_hash, kept.steps)
    shown = found.steps.select("step", "side", "symbol", "quantity", "price", "narrative")
    metadata: dict[str, str | bool | dg.MetadataValue] = {
        "inputs": kept.inputs_hash,
        "is_identical": found.is_identical,
        "steps": dg.MetadataValue.md(markdown_table(shown)),
        "differences": dg.MetadataValue.md(
            "\n".join(f"- {d}" for d in found.differences) or "none"
        ),
    }
    if not found.is_identical:
        raise dg.Failure(
            f"the plan differs from what was recommended (by version {kept.code_version}):"
            f" {'; '.join(found.differences)}",
            metadata=metadata,
            allow_retries=False,
        )
    context.add_output_metadata(metadata)
    context.log.info("%s is reproduced bit for bit", config.recommendation)


@dg.op(description="Decline a pending recommendation until the account's holdings or cash change.")
def dismiss_one_recommendation(
    context: dg.OpExecutionContext, workspace: WorkspaceResource, config: RecommendationChoice
) -> None:
    """Decline a recommendation."""
    if not workspace.open().recommendations.dismiss(config.recommendation):
        raise ConfigurationError(
            f"no recommendation {config.recommendation!r} is pending",
            where="recommendation",
            remedy="planner_recommendations lists their ids; what is executed or replaced stays so.",
        )
    context.log.info("%s is dismissed", config.recommendation)


@dg.job(description="Reproduce a stored recommendation from its stored inputs, bit for bit.")
def replay_recommendation() -> None:
    """Replay one recommendation."""
    replay_one_recommendation()


@dg.job(
    description="Decline one recommendation: it is not carried out, and not made again while nothing changes."
)
def dismiss_recommendation() -> None:
    """Dismiss one recommendation."""
    dismiss_one_recommendation()


PLANNING_JOBS = (replay_recommendation, dismiss_recommendation)
