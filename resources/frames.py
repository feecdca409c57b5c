"""The two bridges between Polars and DuckDB, over the Arrow capsule protocol and without pyarrow."""

from __future__ import annotations

import duckdb
import polars as pl


class _ArrowStream:
    """The least that DuckDB needs to read a frame."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def from_duckdb(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """Return the rows of a DuckDB relation as a frame."""
    return pl.DataFrame(relation)


def register(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Make a frame visible to SQL under a name."""
    connection.register(name, _ArrowStream(frame))
