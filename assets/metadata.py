"""Metadata that a person wants to see: tables, plots and column descriptions in Dagster's terms."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl

from ballast.tables import describe_columns, polars_schema

_LARGEST_PLOT = 100_000


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


def table_metadata(row_count: int, shown: pl.DataFrame) -> dict[str, Any]:
    """Return the row count and some rows as a table."""
    return {"dagster/row_count": row_count, "rows": dg.MetadataValue.md(markdown_table(shown))}


def markdown_table(frame: pl.DataFrame) -> str:
    """Render a small frame as a Markdown table; unknown values are shown as such."""
    if frame.is_empty():
        return "*no rows*"
    header = "| " + " | ".join(frame.columns) + " |"
    ruler = "|" + "---|" * frame.width
    lines = ["| " + " | ".join(_cell(value) for value in row) + " |" for row in frame.iter_rows()]
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


def data_version(frame: pl.DataFrame) -> dg.DataVersion:
    """Return a hash of the rows, so that an unchanged table is recognised."""
    digest = hashlib.sha256(frame.write_csv().encode()).hexdigest()
    return dg.DataVersion(digest[:16])


def _cell(value: object) -> str:
    if value is None:
        return "*unknown*"
    if isinstance(value, Decimal):
        text = f"{value:,.6f}".rstrip("0").rstrip(".")
        return text if text != "-0" else "0"
    if isinstance(value, float):
        return f"{value:,.4f}"
    return str(value).replace("|", "\\|")
