"""What a schema class says, for Polars and for people."""

from __future__ import annotations

from functools import cache

import dataframely as dy
import polars as pl


def polars_schema(schema: type[dy.Schema]) -> pl.Schema:
    """Return the column types of a table."""
    # A copy, because the caller may change it.
    return pl.Schema(_schema_of(schema))


@cache
def _schema_of(schema: type[dy.Schema]) -> pl.Schema:
    return schema.create_empty().schema


def describe_columns(schema: type[dy.Schema]) -> dict[str, str]:
    """Return the description of every column, for the UI and the generated docs."""
    return {
        name: str((column.metadata or {}).get("description", ""))
        for name, column in schema.columns().items()
    }
