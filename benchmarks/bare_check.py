"""Whether the bare script has done the same as the product: every table of a session, and its report."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from resources.frames import from_duckdb
from resources.workspace import Workspace

# The segment that a session adds to the history; the bare script holds all of it in one table.
_BY_SEGMENT = ("historical_data", "historical_data_by_session", "corporate_actions")


def check_same(workspace: Workspace, session: date, database: Path) -> None:
    """Refuse to compare what differs.

    Raises
    ------
    AssertionError
        If a table that has rows is missing in the file, or differs in a column that both have.
    """
    key = session.isoformat()
    snapshot = workspace.lake.snapshot(partition=key)
    with duckdb.connect(database, read_only=True) as connection:
        names = {
            name
            for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        }
        for asset, _ in sorted(snapshot.entries):
            ours = snapshot.read(asset, key)
            if asset in _BY_SEGMENT or ours.is_empty():
                continue
            if asset not in names:
                raise AssertionError(f"the bare script has no table {asset}")
            if not _is_same(ours, from_duckdb(connection.sql(f"SELECT * FROM {asset}"))):
                raise AssertionError(f"the bare script has another table {asset}")


def _is_same(ours: pl.DataFrame, bare: pl.DataFrame) -> bool:
    columns = [name for name in ours.columns if name in bare.columns]
    ours = ours.select(columns)
    return ours.sort(columns).equals(bare.select(columns).cast(dict(ours.schema)).sort(columns))
