"""The asset of imported statements: what was dropped into the inbox, and what became of it."""

from typing import Any

import dagster as dg
import polars as pl

from assets.metadata import check, definition_metadata, markdown_table
from assets.session_run import SessionRun
from ballast.money import to_amount
from ballast.tables import (
    StatementIdentities,
    StatementImports,
    StatementQuarantine,
    polars_schema,
)
from resources.workspace_resource import WorkspaceResource

# Name of the check, and of the identity as the statements' own arithmetic calls it.
IDENTITIES = {
    "change_in_nav_adds_up": "change in NAV adds up",
    "cash_adds_up_to_the_base_summary": "cash of all currencies is the base summary",
    "positions_and_cash_are_the_nav": "positions, cash and accruals are the NAV",
    "totals_are_the_sums_of_their_rows": "totals are the sums of their rows",
    "lots_add_up_to_their_position": "lots add up to their position",
    "quantities_follow_from_movements": "closing quantity follows from movements",
    "gains_follow_from_proceeds_and_basis": "proceeds, fee and basis are the realised gain",
    "cash_report_adds_up": "cash report adds up",
    "cash_follows_from_movements": "cash follows from movements",
}


@dg.asset(
    group_name="books",
    kinds={"csv", "xml", "sql"},
    metadata=definition_metadata(StatementImports),
    check_specs=[
        dg.AssetCheckSpec(
            "no_statement_is_refused",
            asset="statement_import",
            description="Every file in the inbox was imported; a refused one changes nothing in the books.",
        ),
        dg.AssetCheckSpec(
            "no_row_is_quarantined",
            asset="statement_import",
            description="Every row of every imported statement could be used.",
        ),
        *(
            dg.AssetCheckSpec(
                name,
                asset="statement_import",
                description=f"In every statement: {identity}.",
            )
            for name, identity in IDENTITIES.items()
        ),
    ],
)
def statement_import(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """Statements dropped into the inbox, each imported once or refused as a whole, with the reason."""
    run = SessionRun.of(context, workspace)
    book = run.workspace.statements
    book.import_folder(run.workspace.inbox)
    registered = book.table()
    files = _files(registered)
    sums, quarantine = _sums(registered), _quarantine(registered)
    run.publish(
        run.table("statement_import", files, StatementImports),
        run.table("statement_identities", sums, StatementIdentities),
        run.table("statement_quarantine", quarantine, StatementQuarantine),
    )
    refused = files.filter(pl.col("status") == "refused")
    broken = sums.filter(~pl.col("holds").fill_null(True))
    shown = files.drop("sha256").rename({"rows_imported": "imported", "rows_skipped": "skipped"})
    return run.result(
        "statement_import",
        files,
        rows=shown.head(40),
        metadata={
            "inbox": run.workspace.portfolio.statements.inbox.name,
            "refused": dg.MetadataValue.md(
                markdown_table(refused.select("file_name", "accounts", "detail"))
            ),
            "broken_sums": dg.MetadataValue.md(
                markdown_table(
                    broken.select("file_name", "name", "subject", "expected", "found", "difference")
                )
            ),
            "quarantined": dg.MetadataValue.md(markdown_table(quarantine.drop("sha256").head(40))),
            "not_checkable": sums["holds"].null_count(),
        },
        checks=[
            check(
                "no_statement_is_refused",
                "statement_import",
                passed=refused.is_empty(),
                session=run.session,
                found=f"{files.height} files, {refused.height} refused",
                rows=refused.select("file_name", "detail"),
                severity=dg.AssetCheckSeverity.ERROR,
            ),
            check(
                "no_row_is_quarantined",
                "statement_import",
                passed=quarantine.is_empty(),
                session=run.session,
                found=f"{quarantine.height} rows could not be used",
                rows=quarantine.select("file_name", "line", "section", "rule"),
            ),
            *(_identity_check(run, sums, name, identity) for name, identity in IDENTITIES.items()),
        ],
    )


def _identity_check(
    run: SessionRun, sums: pl.DataFrame, name: str, identity: str
) -> dg.AssetCheckResult:
    own = sums.filter(pl.col("name") == identity)
    broken = own.filter(~pl.col("holds").fill_null(True))
    checked = own["holds"].count()
    return check(
        name,
        "statement_import",
        passed=broken.is_empty(),
        session=run.session,
        found=f"{checked} sums checked, {broken.height} do not hold, {own.height - checked} not checkable",
        rows=broken.select("file_name", "account_id", "subject", "expected", "found", "difference"),
        severity=dg.AssetCheckSeverity.ERROR,
    )


def _files(registered: list[dict[str, Any]]) -> pl.DataFrame:
    names = polars_schema(StatementImports).names()
    rows = [
        {name: row.get(name) for name in names}
        | {
            "accounts": ", ".join(row["detail"]["accounts"]),
            "first_day": row["detail"]["first_day"],
            "last_day": row["detail"]["last_day"],
            "detail": row["detail"].get("refused") or _remarks(row["detail"]),
        }
        for row in registered
    ]
    texts = dict(polars_schema(StatementImports)) | {"first_day": pl.String, "last_day": pl.String}
    frame = pl.DataFrame(rows, schema=pl.Schema(texts))
    return frame.with_columns(pl.col("first_day", "last_day").str.to_date())


def _remarks(detail: dict[str, Any]) -> str:
    counted = [f"{count} rows: {reason}" for reason, count in detail["skipped"].items()]
    ignored = [f"{count} rows of section {name}" for name, count in detail["ignored"].items()]
    remarks = [*detail["warnings"], *counted, *ignored]
    return "; ".join(remarks) or "everything was read"


def _sums(registered: list[dict[str, Any]]) -> pl.DataFrame:
    rows = [
        {
            "sha256": row["sha256"],
            "file_name": row["file_name"],
            **each,
            "expected": None if each["expected"] is None else to_amount(each["expected"]),
            "found": None if each["found"] is None else to_amount(each["found"]),
        }
        for row in registered
        for each in row["detail"]["identities"]
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(StatementIdentities))
    key = ["sha256", "account_id", "name", "subject"]
    # Of several sums about one subject the worst one counts.
    return (
        frame.with_columns(difference=pl.col("found") - pl.col("expected"))
        .sort("holds", nulls_last=True)
        .unique(key, keep="first", maintain_order=True)
        .sort(key)
    )


def _quarantine(registered: list[dict[str, Any]]) -> pl.DataFrame:
    rows = [
        {"sha256": row["sha256"], "file_name": row["file_name"], **each}
        for row in registered
        for each in row["detail"]["quarantined"]
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(StatementQuarantine))
    return frame.unique(["sha256", "line", "rule"], maintain_order=True).sort("sha256", "line")
