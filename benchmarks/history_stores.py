"""Ways to keep a price history: ours, and what others use. All return the same rows in the same order."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from ballast.tables import CorporateActions
from benchmarks.history_contract import HistoryStore
from benchmarks.history_peers import (
    DuckDbByDate,
    DuckDbKeyed,
    DuckDbTable,
    MappedCube,
    ParquetByYear,
    ParquetByYearInDuckDb,
)
from resources.catalog import refresh_catalog
from resources.history import PriceHistory
from resources.lake import Lake
from resources.store import Store, sqlite_url

__all__ = ["STORES", "Ballast", "BallastWithCatalog", "HistoryStore"]

_NO_ACTIONS = CorporateActions.create_empty()


class Ballast(HistoryStore):
    """Ours: publications of the lake, each with its flushes to disk and its transaction in the store."""

    is_peer = False
    refreshes_catalog = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._last = date.min
        self._store = Store(sqlite_url(folder / "ballast.db"))
        after = self._refresh if self.refreshes_catalog else None
        self.history = PriceHistory(Lake(folder / "lake", self._store, after))

    def _refresh(self, lake: Lake) -> None:
        refresh_catalog(lake, self.folder / "catalog.duckdb")

    def load(self, bars: pl.DataFrame) -> None:
        self._publish(bars)

    def append(self, bars: pl.DataFrame) -> None:
        self._publish(bars)

    def correct(self, bars: pl.DataFrame) -> None:
        self._publish(bars)

    def _publish(self, bars: pl.DataFrame) -> None:
        self._last = max(self._last, bars["known_on"].max())  # type: ignore[type-var, assignment]
        self.history.publish(self._last, bars, _NO_ACTIONS, run_id="benchmark", code_version="1")

    def merge(self) -> bool:
        """Merge segments if there are many."""
        return self.history.merge(run_id="benchmark", code_version="1", as_of=self._last)

    def one_symbol(self, symbol: str) -> pl.DataFrame:
        return self.history.as_of(self._last, symbols=[symbol])

    def one_day(self, session: date) -> pl.DataFrame:
        return self.history.as_of(self._last, first=session, last=session)

    def everything(self, *, ordered: bool) -> pl.DataFrame:  # noqa: ARG002
        return self.history.as_of(self._last)

    def close(self) -> None:
        self._store.close()


class BallastWithCatalog(Ballast):
    """Ours, with the catalog that people open in DuckDB refreshed after each publication."""

    refreshes_catalog = True


STORES: dict[str, type[HistoryStore]] = {
    "ours": Ballast,
    "ours and the catalog": BallastWithCatalog,
    "DuckDB by symbol": DuckDbTable,
    "DuckDB by date": DuckDbByDate,
    "DuckDB with a key": DuckDbKeyed,
    "Parquet by year, Polars": ParquetByYear,
    "Parquet by year, DuckDB": ParquetByYearInDuckDb,
    "memory-mapped cube": MappedCube,
}
