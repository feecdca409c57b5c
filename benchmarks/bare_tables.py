"""The one DuckDB file of the bare script."""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl

from ballast.market import history
from resources.frames import from_duckdb, register

# The tables of a session, by name.
Tables = dict[str, pl.DataFrame]


class File:
    """Tables of the file; bars and postings are added to, all others are those of the newest session."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, session: date) -> None:
        self._connection = connection
        self._session = session
        names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        self._names = {name for (name,) in names}

    def bars(self) -> pl.DataFrame:
        """Return the newest version of every bar, by symbol and session."""
        if "bars" not in self._names:
            return history.combine([])
        rows = from_duckdb(
            self._connection.sql(
                f"SELECT * FROM bars WHERE known_on <= DATE '{self._session}'"
                " ORDER BY symbol, session, known_on"
            )
        )
        is_same = (pl.col("session") == pl.col("session").shift(-1)) & (
            pl.col("symbol") == pl.col("symbol").shift(-1)
        )
        return rows.filter(~is_same.fill_null(False))

    def read(self, name: str, empty: pl.DataFrame) -> pl.DataFrame:
        """Return all rows of a table."""
        if name not in self._names:
            return empty
        rows = from_duckdb(self._connection.sql(f"SELECT * FROM {name}"))
        return rows.select(empty.columns).cast(dict(empty.schema))

    def append(self, name: str, frame: pl.DataFrame) -> None:
        """Add rows."""
        register(self._connection, "new", frame)
        if name in self._names:
            self._connection.execute(f"INSERT INTO {name} SELECT * FROM new")
        else:
            self._connection.execute(f"CREATE TABLE {name} AS SELECT * FROM new")
            self._names.add(name)

    def replace(self, tables: Tables) -> None:
        """Write tables of the session."""
        for name, frame in tables.items():
            register(self._connection, "new", frame)
            self._connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM new")
