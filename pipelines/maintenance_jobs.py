"""Jobs that keep Ballast in order: backups, housekeeping, proof that both are sound, and a look at its health."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

import dagster as dg
import polars as pl

from assets.metadata import markdown_table
from pipelines.health import whole_health
from resources.integrity import Finding, lake_findings, statement_findings, store_findings
from resources.restore import rehearse_restore
from resources.store.upkeep import shorten_log
from resources.workspace_resource import WorkspaceResource

# Longer than the longest read and the longest write of a run.
_GRACE = timedelta(days=1)
_SHOWN = 40


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Back up the store, the lake and the statements as of one moment, verified.",
)
def back_up(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Write a backup; one with gaps stops all that would remove something."""
    opened = workspace.open()
    backup = opened.backups.create(opened.store)
    rows = pl.DataFrame(sorted(backup.manifest.rows.items()), ["table", "rows"], orient="row")
    context.add_output_metadata(
        {
            "folder": dg.MetadataValue.path(str(backup.folder)),
            "files": len(backup.manifest.files),
            "bytes": backup.size,
            "rows": dg.MetadataValue.md(markdown_table(rows)),
        }
    )
    if gaps := backup.manifest.gaps:
        raise dg.Failure(
            f"{len(gaps)} files that the store refers to are missing or damaged, first {gaps[0]}; all else is backed"
            f" up in {backup.name}. Look for them in older backups: none of those is removed until then.",
            metadata={"gaps": dg.MetadataValue.json(list(gaps))},
            allow_retries=False,
        )


@dg.op(
    ins={"backed_up": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    description="Remove the oldest backups, each with everything in it; `maintenance.backups_kept` stay.",
)
def prune_backups(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Keep the newest backups."""
    opened = workspace.open()
    removed = opened.backups.prune(opened.portfolio.maintenance.backups_kept)
    kept = opened.backups.names()
    context.log.info("removed %d backups, kept %d", len(removed), len(kept))
    context.add_output_metadata({"removed": removed, "kept": kept})


@dg.op(
    ins={"pruned": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    description="Remove lake files that no publication refers to, after a grace period.",
)
def remove_unreferenced_files(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Collect the garbage of the lake."""
    removed = workspace.open().lake.collect_garbage(grace=_GRACE)
    context.log.info("removed %d unreferenced files", len(removed))
    context.add_output_metadata({"removed": len(removed)})


@dg.op(
    ins={"collected": dg.In(dg.Nothing)},
    description="Move SQLite's write-ahead log into the database; nothing to do on Postgres.",
)
def shorten_log_of_store(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Keep the log short."""
    if not shorten_log(workspace.open().store):
        context.log.info("somebody was reading; the rest is moved next time")


@dg.job(
    description="Every night: back up store, lake and statements, remove old backups and unreferenced files, and"
    " shorten the store's log."
)
def daily_maintenance() -> None:
    """Run the daily housekeeping; each step only if those before it succeeded."""
    shorten_log_of_store(remove_unreferenced_files(prune_backups(back_up())))


@dg.op(
    description="Read every row of the store and every published file, and compare them with what was recorded."
)
def check_integrity(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Fail if anything stored is not sound."""
    opened = workspace.open()
    findings = [
        *store_findings(opened.store),
        *lake_findings(opened.lake),
        *statement_findings(opened.store, opened.data / "statements"),
    ]
    _tell(context, findings, "what is stored", "docs/operations.md says how to restore a backup.")


@dg.op(
    description="Restore the newest backup into a folder of its own, read all of it, and remove the folder."
)
def try_restore(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Fail if the newest backup could not be restored."""
    backup = workspace.open().backups.newest()
    if backup is None:
        raise dg.Failure("There is no backup yet; run daily_maintenance.", allow_retries=False)
    _tell(
        context,
        rehearse_restore(backup),
        f"backup {backup.name}",
        "Run daily_maintenance for a new one.",
    )


@dg.job(
    description="Every week: read everything that is stored and compare it with its hashes, and prove that the newest"
    " backup can be restored."
)
def weekly_maintenance() -> None:
    """Run the weekly proofs; neither waits for the other."""
    check_integrity()
    try_restore()


@dg.op(
    description="Ask store, lake, market data, every broker, backups, disk and Dagster's daemons how they are."
)
def examine(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Show the health of every component; fail only if one is failing."""
    components = whole_health(workspace.open(), context.instance)
    table = pl.DataFrame([asdict(component) for component in components])
    failing = [each for each in components if each.status == "failing"]
    metadata = {"health": dg.MetadataValue.md(markdown_table(table))}
    if failing:
        sentences = " ".join(f"{each.component}: {each.sentence}" for each in failing)
        raise dg.Failure(sentences, metadata=metadata, allow_retries=False)
    context.add_output_metadata(metadata)


@dg.job(description="Ask every component how it is; fails only when one of them is failing.")
def health_check() -> None:
    """Examine everything."""
    examine()


def _tell(
    context: dg.OpExecutionContext, findings: Sequence[Finding], of: str, remedy: str
) -> None:
    if not findings:
        context.log.info("%s is sound", of)
        return
    table = pl.DataFrame([asdict(finding) for finding in findings])
    first = findings[0]
    raise dg.Failure(
        f"{len(findings)} findings in {of}, first {first.subject}: {first.problem}. {remedy}",
        metadata={"findings": dg.MetadataValue.md(markdown_table(table.head(_SHOWN)))},
        allow_retries=False,
    )


MAINTENANCE_JOBS = (daily_maintenance, weekly_maintenance, health_check)
