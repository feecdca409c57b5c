"""Asset of the reconciliation: whether the books agree with the brokers, why not, and what would make them agree."""

import dagster as dg
import polars as pl

from assets.metadata import check, definition_metadata, markdown_table, plot
from assets.reconciliation_run import Findings, reconcile_session
from assets.session_run import SessionRun
from ballast.reconciliation.compare import blocked_accounts
from ballast.reporting.reconciliation_charts import reconciliation_heat_map
from ballast.tables import (
    BrokerActivity,
    ExplainedLines,
    Proposals,
    ProposedPostings,
    Reconciliation,
)
from resources.workspace_resource import WorkspaceResource

_FIGURES = (
    "account_id", "item", "field", "outcome", "severity", "local_value", "broker_value",
    "difference", "cause",
)  # fmt: skip
_WORDS = ("account_id", "item", "field", "explanation")
# As much of an id as a table has room for; the whole is in the table of proposals.
_SHORT_ID = 8


class ReconciliationRequest(dg.Config):
    """Who asked for it, where a person did."""

    requested_by: str = ""


@dg.asset(
    group_name="control",
    kinds={"polars", "parquet"},
    deps=[
        "securities",
        "prices",
        "exchange_rates",
        "corporate_actions",
        "positions_snapshot",
        "postings",
        "tax_lots",
        "broker_positions",
        "broker_balances",
    ],
    metadata=definition_metadata(Reconciliation),
    check_specs=[
        dg.AssetCheckSpec(
            "some_account_may_be_planned",
            asset="reconciliation_report",
            blocking=True,
            description=(
                "Stops planning when no account is reconciled. An account with a critical difference, or one that could"
                " not be asked, is stopped by itself."
            ),
        ),
        dg.AssetCheckSpec(
            "no_critical_differences",
            asset="reconciliation_report",
            description="No account is stopped.",
        ),
        dg.AssetCheckSpec(
            "every_difference_is_explained",
            asset="reconciliation_report",
            description="Evidence accounts for every difference; what is unexplained needs a person.",
        ),
        dg.AssetCheckSpec(
            "no_difference_is_old",
            asset="reconciliation_report",
            description="No difference has been open for as long as reconciliation.escalate_after.",
        ),
    ],
)
def reconciliation_report(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource, config: ReconciliationRequest
) -> dg.MaterializeResult:
    """Every figure of the books against the brokers' own: what differs, why, since when, and what would end it."""
    run = SessionRun.of(context, workspace)
    found = reconcile_session(run, context.run.tags, config.requested_by)
    table = found.report
    run.publish(
        run.table("reconciliation_report", table, Reconciliation),
        run.table("reconciliation_lines", found.lines, ExplainedLines),
        run.table("reconciliation_proposals", found.proposals, Proposals),
        run.table("proposed_postings", found.proposed, ProposedPostings),
        run.table("broker_activity", found.activity, BrokerActivity),
    )
    differences = table.filter(pl.col("outcome") != "matched")
    return run.result(
        "reconciliation_report",
        table,
        rows=_figures(differences)
        if differences.height
        else table.head(40).select(*_FIGURES, "explanation"),
        metadata={
            "compared": table.height,
            "different": differences.height,
            "stopped_accounts": ", ".join(blocked_accounts(table)) or "none",
            "explanations": dg.MetadataValue.md(
                markdown_table(differences.select(_WORDS).head(60))
            ),
            "causes": dg.MetadataValue.md(markdown_table(_by_cause(differences))),
            "lines": dg.MetadataValue.md(markdown_table(found.lines.head(60))),
            "proposals": dg.MetadataValue.md(markdown_table(found.proposals.head(60))),
            "heat_map": plot(reconciliation_heat_map(found.history), "Accounts by session"),
            "trigger": dict(found.context),
        },
        checks=_checks(run, found, differences),
    )


def _checks(
    run: SessionRun, found: Findings, differences: pl.DataFrame
) -> list[dg.AssetCheckResult]:
    blocked = blocked_accounts(found.report)
    everyone = set(run.workspace.portfolio.base_currencies)
    stopped = "; ".join(f"{a} ({why})" for a, why in blocked.items())
    counted = f"{found.report.height} figures compared, {differences.height} different"
    in_words = f"{counted}, {f'stopped: {stopped}' if blocked else 'no account stopped'}"
    unexplained = differences.filter(pl.col("cause") == "unexplained")
    limits = run.workspace.portfolio.reconciliation.escalate_after
    old = differences.filter(pl.col("sessions_open") >= limits)
    return [
        check(
            "some_account_may_be_planned", "reconciliation_report",
            passed=set(blocked) != everyone, session=run.session, found=in_words,
            rows=_figures(differences), severity=dg.AssetCheckSeverity.ERROR,
        ),
        check(
            "no_critical_differences", "reconciliation_report",
            passed=not blocked, session=run.session, found=in_words,
            rows=_figures(differences), severity=dg.AssetCheckSeverity.ERROR,
        ),
        check(
            "every_difference_is_explained", "reconciliation_report",
            passed=unexplained.is_empty(), session=run.session,
            found=f"{differences.height} differences, {unexplained.height} unexplained",
            rows=_figures(unexplained),
        ),
        check(
            "no_difference_is_old", "reconciliation_report",
            passed=old.is_empty(), session=run.session,
            found=f"{old.height} differences open for {limits} sessions or more",
            rows=_figures(old),
        ),
    ]  # fmt: skip


def _figures(differences: pl.DataFrame) -> pl.DataFrame:
    ids = pl.col("proposals").str.split(", ").list.eval(pl.element().str.head(_SHORT_ID))
    return differences.select(
        *_FIGURES, pl.col("sessions_open").alias("open"), proposals=ids.list.join(", ")
    )


def _by_cause(differences: pl.DataFrame) -> pl.DataFrame:
    return (
        differences.group_by("cause", "outcome", "severity")
        .agg(differences=pl.len(), accounts=pl.col("account_id").n_unique())
        .sort("differences", "cause", "outcome", descending=[True, False, False])
    )
