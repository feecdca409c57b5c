"""What others keep a price history in: DuckDB, Parquet files, and as the floor a memory-mapped cube."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from ballast.tables import Bars, polars_schema
from benchmarks.history_contract import HistoryStore
from resources.frames import from_duckdb, register

_COLUMNS = polars_schema(Bars).names()
_KEY = ["symbol", "session"]
_NUMBERS = ("open", "high", "low", "close", "volume")


class DuckDbTable(HistoryStore):
    """A DuckDB table sorted at load; corrections by UPDATE of the rows that match."""

    order = "symbol, session"
    constraint = ""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._connection = duckdb.connect(folder / "history.duckdb")

    def load(self, bars: pl.DataFrame) -> None:
        register(self._connection, "new", bars)
        columns = ", ".join(
            f"{name} {kind}"
            for name, kind in zip(
                _COLUMNS,
                ["VARCHAR", "DATE", "DATE", *["DOUBLE"] * 5, "BOOLEAN", "VARCHAR"],
                strict=True,
            )
        )
        self._connection.execute(f"CREATE TABLE bars ({columns}{self.constraint})")
        self._connection.execute(f"INSERT INTO bars SELECT * FROM new ORDER BY {self.order}")
        self._connection.execute("CHECKPOINT")

    def append(self, bars: pl.DataFrame) -> None:
        register(self._connection, "new", bars)
        self._connection.execute("INSERT INTO bars SELECT * FROM new")

    def correct(self, bars: pl.DataFrame) -> None:
        register(self._connection, "new", bars)
        values = ", ".join(f"{name} = new.{name}" for name in _COLUMNS if name not in _KEY)
        self._connection.execute(
            f"MERGE INTO bars USING new USING (symbol, session) WHEN MATCHED THEN UPDATE SET {values}"
        )

    def one_symbol(self, symbol: str) -> pl.DataFrame:
        return self._read(f"WHERE symbol = '{symbol}' ORDER BY session")

    def one_day(self, session: date) -> pl.DataFrame:
        return self._read(f"WHERE session = DATE '{session}' ORDER BY symbol")

    def everything(self, *, ordered: bool) -> pl.DataFrame:
        return self._read("ORDER BY symbol, session" if ordered else "")

    def _read(self, rest: str) -> pl.DataFrame:
        return from_duckdb(self._connection.sql(f"SELECT * FROM bars {rest}"))

    def checkpoint(self) -> None:
        self._connection.execute("CHECKPOINT")

    def close(self) -> None:
        self._connection.close()


class DuckDbByDate(DuckDbTable):
    """The same table sorted by date."""

    order = "session, symbol"


class DuckDbKeyed(DuckDbTable):
    """The same table with a primary key; corrections by INSERT OR REPLACE."""

    constraint = ", PRIMARY KEY (symbol, session)"

    def correct(self, bars: pl.DataFrame) -> None:
        register(self._connection, "new", bars)
        self._connection.execute("INSERT OR REPLACE INTO bars SELECT * FROM new")


class ParquetByYear(HistoryStore):
    """One Parquet file per year, rewritten by replacement, read with a Polars scan; nothing is flushed to disk."""

    is_durable = False

    def load(self, bars: pl.DataFrame) -> None:
        for (year,), rows in bars.group_by(pl.col("session").dt.year()):
            self._write(year, rows)

    def append(self, bars: pl.DataFrame) -> None:
        self._rewrite(bars)

    def correct(self, bars: pl.DataFrame) -> None:
        self._rewrite(bars)

    def one_symbol(self, symbol: str) -> pl.DataFrame:
        return self._scan().filter(pl.col("symbol") == symbol).sort("session").collect()

    def one_day(self, session: date) -> pl.DataFrame:
        return self._scan().filter(pl.col("session") == session).sort("symbol").collect()

    def everything(self, *, ordered: bool) -> pl.DataFrame:
        return (self._scan().sort(_KEY) if ordered else self._scan()).collect()

    def _scan(self) -> pl.LazyFrame:
        return pl.scan_parquet(self.folder / "*.parquet")

    def _rewrite(self, bars: pl.DataFrame) -> None:
        year = bars["session"][0].year
        path = self._path(year)
        old = pl.read_parquet(path) if path.exists() else bars.clear()
        self._write(year, pl.concat([old.join(bars, on=_KEY, how="anti"), bars]))

    def _write(self, year: int, rows: pl.DataFrame) -> None:
        partial = self.folder / f"{year}.partial"
        rows.sort(_KEY).write_parquet(partial)
        partial.replace(self._path(year))

    def _path(self, year: int) -> Path:
        return self.folder / f"{year}.parquet"


class ParquetByYearInDuckDb(ParquetByYear):
    """The same files behind a DuckDB view."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._connection = duckdb.connect()
        self._connection.execute("SET parquet_metadata_cache = true")

    def load(self, bars: pl.DataFrame) -> None:
        super().load(bars)
        files = self.folder / "*.parquet"
        self._connection.execute(f"CREATE VIEW bars AS FROM read_parquet('{files}')")

    def one_symbol(self, symbol: str) -> pl.DataFrame:
        return self._read(f"WHERE symbol = '{symbol}' ORDER BY session")

    def one_day(self, session: date) -> pl.DataFrame:
        return self._read(f"WHERE session = DATE '{session}' ORDER BY symbol")

    def everything(self, *, ordered: bool) -> pl.DataFrame:
        return self._read("ORDER BY symbol, session" if ordered else "")

    def _read(self, rest: str) -> pl.DataFrame:
        return from_duckdb(self._connection.sql(f"SELECT * FROM bars {rest}"))

    def close(self) -> None:
        self._connection.close()


class MappedCube(HistoryStore):
    """The floor, not a peer: numbers in a memory-mapped cube of field, symbol and day, and nothing else."""

    is_peer = False
    spare_days = 64

    def load(self, bars: pl.DataFrame) -> None:
        self._symbols = bars["symbol"].unique().sort().to_list()
        self._days = bars["session"].unique().sort().to_list()
        shape = (len(_NUMBERS), len(self._symbols), len(self._days) + self.spare_days)
        self._cube = np.lib.format.open_memmap(
            self.folder / "cube.npy", mode="w+", dtype=np.float64, shape=shape
        )
        values = bars.select(_NUMBERS).to_numpy().T
        self._cube[:, :, : len(self._days)] = values.reshape(shape[0], shape[1], -1)
        self._cube.flush()

    def append(self, bars: pl.DataFrame) -> None:
        self._days.append(bars["session"][0])
        self._cube[:, :, len(self._days) - 1] = bars.select(_NUMBERS).to_numpy().T
        self._cube.flush()

    def correct(self, bars: pl.DataFrame) -> None:
        rows = [self._symbols.index(symbol) for symbol in bars["symbol"]]
        day = self._days.index(bars["session"][0])
        self._cube[:, rows, day] = bars.select(_NUMBERS).to_numpy().T
        self._cube.flush()

    def one_symbol(self, symbol: str) -> pl.DataFrame:
        return self._frame(self._cube[:, self._symbols.index(symbol), : len(self._days)])

    def one_day(self, session: date) -> pl.DataFrame:
        return self._frame(self._cube[:, :, self._days.index(session)])

    def everything(self, *, ordered: bool) -> pl.DataFrame:  # noqa: ARG002
        return self._frame(self._cube[:, :, : len(self._days)].reshape(len(_NUMBERS), -1))

    def _frame(self, values: np.ndarray) -> pl.DataFrame:  # type: ignore[type-arg]
        return pl.DataFrame(np.ascontiguousarray(values.T), schema=list(_NUMBERS))
