"""What every way to keep a price history must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date
from pathlib import Path

import polars as pl


class HistoryStore(ABC):
    """One way to keep a price history in a folder."""

    is_durable = True
    is_peer = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)

    @abstractmethod
    def load(self, bars: pl.DataFrame) -> None:
        """Store all bars; there are none yet."""

    @abstractmethod
    def append(self, bars: pl.DataFrame) -> None:
        """Store the bars of a new session."""

    @abstractmethod
    def correct(self, bars: pl.DataFrame) -> None:
        """Replace bars of a past session; `known_on` is the session of the correction."""

    @abstractmethod
    def one_symbol(self, symbol: str) -> pl.DataFrame:
        """Return the current bars of a symbol, by session."""

    @abstractmethod
    def one_day(self, session: date) -> pl.DataFrame:
        """Return the current bars of a session, by symbol."""

    @abstractmethod
    def everything(self, *, ordered: bool) -> pl.DataFrame:
        """Return all current bars, by symbol and session if that is asked for."""

    def close(self) -> None:  # noqa: B027
        """Release what is open, so that the folder can be removed."""

    def checkpoint(self) -> None:  # noqa: B027
        """Write what is only logged to where it belongs."""

    def megabytes(self) -> float:
        """Return the size on disk."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return sum(path.stat().st_size for path in files) / 1e6
