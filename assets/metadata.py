"""Metadata that a person wants to see: tables, plots and column descriptions in Dagster's terms."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl

from ballast.tables import describe_columns, polars_schema

_LARGEST_PLOT = 100_000
_SHARES = ("weight", "share", "distance")
_KEEP_DIGITS = (
    "price", "rate", "average_cost", "unit_cost", "quantity", "ratio", "amount", "lot",
    "local_value", "broker_value", "difference", "tolerance",
)  # fmt: skip
# Does not break a date in a narrow column.
_HYPHEN = "\u2011"


def column_schema(schema: type[dy.Schema]) -> dg.TableSchema:
    """Return a table's columns with their types and descriptions."""
    types = polars_schema(schema)
    columns = schema.columns()
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=name,
                type=str(types[name]),
                description=description,
                constraints=dg.TableColumnConstraints(
                    nullable=columns[name].nullable, unique=False
                ),
            )
            for name, description in describe_columns(schema).items()
        ]
    )


def definition_metadata(schema: type[dy.Schema]) -> dict[str, Any]:
    """Return what is known of an asset before it is materialised."""
    return {"dagster/column_schema": column_schema(schema)}


def column_lineage(sources: Mapping[str, list[tuple[str, str]]]) -> dg.TableColumnLineage:
    """Return which columns of which assets a column is made of."""
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(asset_key=dg.AssetKey(asset), column_name=name)
                for asset, name in inputs
            ]
            for column, inputs in sources.items()
        }
    )


def check(
    name: str,
    asset: str,
    *,
    passed: bool,
    session: date,
    found: str,
    rows: pl.DataFrame | None = None,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
) -> dg.AssetCheckResult:
    """Return a check's result with what was found in a sentence, because the UI shows nothing else unasked.

    Parameters
    ----------
    session : date
        Named in the description, because the UI keeps only the newest result whatever session it was for.
    rows : pl.DataFrame, optional
        The rows concerned.
    """
    facts: dict[str, Any] = {}
    if rows is not None:
        facts = {
            "rows_concerned": rows.height,
            "rows": dg.MetadataValue.md(markdown_table(rows.head(40))),
        }
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=asset,
        check_name=name,
        severity=severity,
        description=f"{session}: {found}",
        metadata=facts,
    )


def table_metadata(row_count: int, shown: pl.DataFrame) -> dict[str, Any]:
    """Return the row count and some rows as a table."""
    return {"dagster/row_count": row_count, "rows": dg.MetadataValue.md(markdown_table(shown))}


def markdown_table(frame: pl.DataFrame) -> str:
    """Render a small frame as a Markdown table.

    Unknown values are shown as such. What a column holds is told by its name: weights and shares are percentages,
    prices, rates, costs and quantities keep their digits, other amounts are shown to the cent.
    """
    if frame.is_empty():
        return "*no rows*"
    header = "| " + " | ".join(frame.columns) + " |"
    ruler = "|" + "---|" * frame.width
    lines = ["| " + " | ".join(map(_cell, frame.columns, row)) + " |" for row in frame.iter_rows()]
    return "\n".join([header, ruler, *lines])


def plot(png: bytes, title: str) -> dg.MarkdownMetadataValue:
    """Embed a picture so that the UI shows it.

    Raises
    ------
    ValueError
        If it is larger than the event log should carry.
    """
    if len(png) > _LARGEST_PLOT:
        raise ValueError(f"the plot {title!r} has {len(png)} bytes, more than {_LARGEST_PLOT}")
    encoded = base64.b64encode(png).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{encoded})")


def _cell(column: str, value: object) -> str:
    if value is None:
        return "*unknown*"
    if isinstance(value, Decimal):
        return _amount(column, value)
    if isinstance(value, float):
        is_share = any(word in column for word in _SHARES)
        return f"{value:.1%}" if is_share else f"{value:,.2f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M").replace("-", _HYPHEN)
    if isinstance(value, date):
        return value.isoformat().replace("-", _HYPHEN)
    return str(value).replace("|", "\\|")


def _amount(column: str, value: Decimal) -> str:
    if not any(word in column for word in _KEEP_DIGITS):
        return f"{value:,.2f}"
    text = f"{value:,.6f}".rstrip("0").rstrip(".")
    return text if text != "-0" else "0"
