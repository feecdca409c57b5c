"""Name the cause of each row of a comparison: a sum by its largest line, all else by what it follows from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from ballast.reconciliation.causes import CONSEQUENCE, NONE, UNEXPLAINED
from ballast.reconciliation.findings import Finding

# Fields whose differences are made of postings.
SUMS = ("quantity", "cash")
NO_DIFFERENCE = ("matched", "inconclusive", "unavailable")


def with_causes(
    comparison: pl.DataFrame,
    differing: pl.DataFrame,
    lines: pl.DataFrame,
    of_broker: Sequence[Finding],
) -> pl.DataFrame:
    """Add the columns cause, evidence, explained and unexplained to a comparison.

    Parameters
    ----------
    comparison, differing : pl.DataFrame
        `Comparison`, and its rows with a difference.
    lines : pl.DataFrame
        `ExplainedLines`.
    of_broker : sequence of Finding
        What the brokers' own accounts of events say about the books.
    """
    additive = _causes_of_sums(lines)
    derived = [
        {"account_id": row["account_id"], "item": row["item"], "field": row["field"]}
        | _cause_of_derived(row, differing, of_broker)
        for row in differing.filter(~pl.col("field").is_in(SUMS)).iter_rows(named=True)
    ]
    others = pl.DataFrame(
        derived,
        schema={
            "account_id": pl.String, "item": pl.String, "field": pl.String, "other_cause": pl.String,
            "other_evidence": pl.String,
        },
    )  # fmt: skip
    is_sum = pl.col("field").is_in(SUMS) & ~pl.col("outcome").is_in(NO_DIFFERENCE)
    return (
        comparison.join(additive, on=["account_id", "item"], how="left", maintain_order="left")
        .join(others, on=["account_id", "item", "field"], how="left", maintain_order="left")
        .with_columns(
            cause=pl.when(is_sum)
            .then(pl.col("cause"))
            .otherwise(pl.col("other_cause"))
            .fill_null(NONE),
            evidence=pl.when(is_sum).then(pl.col("evidence")).otherwise(pl.col("other_evidence")),
            explained=pl.when(is_sum).then(pl.col("explained")),
            unexplained=pl.when(is_sum).then(pl.col("unexplained")),
        )
        .drop("other_cause", "other_evidence")
    )


def _causes_of_sums(lines: pl.DataFrame) -> pl.DataFrame:
    """Name each sum by its largest line; one of which more than a cent is unexplained is unexplained as a whole."""
    is_open = pl.col("cause") == UNEXPLAINED
    largest = pl.col("cause").sort_by(pl.col("amount").abs(), descending=True, maintain_order=True)
    remains = pl.col("amount").filter(is_open).sum()
    return lines.group_by("account_id", "item", maintain_order=True).agg(
        cause=pl.when(is_open.any()).then(pl.lit(UNEXPLAINED)).otherwise(largest.first()),
        evidence=pl.when(pl.col("evidence").is_not_null().any()).then(
            pl.col("evidence").drop_nulls().unique(maintain_order=True).str.join(", ")
        ),
        explained=pl.col("amount").filter(~is_open).sum(),
        unexplained=remains,
    )


def _cause_of_derived(
    row: Mapping[str, object], differing: pl.DataFrame, of_broker: Sequence[Finding]
) -> dict[str, str | None]:
    """Explain what is no sum by what else differs, or by an event that the two sides book otherwise."""
    own = differing.filter(pl.col("account_id") == row["account_id"])
    additive = own.filter(pl.col("field").is_in(SUMS))
    if row["field"] == "equity":
        others = own.filter(pl.col("field").is_in([*SUMS, "currency"]))
    else:
        others = additive.filter((pl.col("item") == row["item"]) & (pl.col("field") == "quantity"))
    if not others.is_empty():
        names = [f"{item} {field}" for item, field in others.select("item", "field").iter_rows()]
        return {"other_cause": CONSEQUENCE, "other_evidence": ", ".join(names)}
    events = [
        finding
        for finding in of_broker
        if finding.account_id == row["account_id"] and row["item"] in finding.commodities
    ]
    if events:
        references = ", ".join(finding.evidence for finding in events)
        return {"other_cause": events[0].cause, "other_evidence": references}
    return {"other_cause": UNEXPLAINED, "other_evidence": None}
