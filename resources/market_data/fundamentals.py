"""Fundamental figures and opinions of analysts with the day on which each became known: from nowhere or a file.

resources/market_data/yahoo_fundamentals.py asks Yahoo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import polars as pl

from ballast.errors import MarketDataError
from ballast.money import RATE, approximate
from ballast.planning.scores.fundamentals import METRICS, POSSIBLE
from ballast.tables import Fundamentals, polars_schema

NONE, YAHOO = "none", "yahoo"
_COLUMNS = ("symbol", "known_on", "metric", "value")
_KEY = ["symbol", "metric", "known_on"]


class FundamentalsSource(Protocol):
    """Figures with the day on which they became known."""

    def fundamentals(
        self, symbols: Sequence[str], session: date, remembered: pl.DataFrame
    ) -> pl.DataFrame:
        """Return what was known of some securities at the end of a session, as `Fundamentals`.

        Parameters
        ----------
        symbols : sequence of str
            Securities.
        session : date
            Nothing that became known later is returned.
        remembered : pl.DataFrame
            `Fundamentals` that this session or the newest one before it published, for a source that knows only the
            present.

        Raises
        ------
        MarketDataError
            If the source failed or holds a row that cannot be trusted.
        """
        ...


class NoFundamentals:
    """Knows nothing."""

    def fundamentals(
        self,
        symbols: Sequence[str],  # noqa: ARG002
        session: date,  # noqa: ARG002
        remembered: pl.DataFrame,  # noqa: ARG002
    ) -> pl.DataFrame:
        """Return no rows."""
        return Fundamentals.create_empty()


@dataclass(frozen=True)
class FundamentalsFile:
    """A CSV with the columns symbol, known_on, metric and value; docs/scores.md names the metrics.

    Parameters
    ----------
    path : Path
        Read anew each time, so that rows that were added count at once.
    """

    path: Path

    def fundamentals(
        self,
        symbols: Sequence[str],
        session: date,
        remembered: pl.DataFrame,  # noqa: ARG002
    ) -> pl.DataFrame:
        """Return the rows up to a session; one bad row and the whole file is refused."""
        rows = self._rows()
        known = rows.filter(pl.col("symbol").is_in(list(symbols)) & (pl.col("known_on") <= session))
        return Fundamentals.validate(Fundamentals.cast(known.sort(_KEY)))

    def _rows(self) -> pl.DataFrame:
        texts = self._texts()
        rows = texts.select(
            "line",
            pl.col("symbol").str.strip_chars(),
            pl.col("known_on").str.strip_chars().str.to_date("%Y-%m-%d", strict=False),
            pl.col("metric").str.strip_chars(),
            pl.col("value").str.strip_chars().cast(RATE, strict=False),
        )
        problem = (
            pl.when(pl.col("symbol").fill_null("") == "")
            .then(pl.lit("symbol is empty"))
            .when(pl.col("known_on").is_null())
            .then(pl.lit("known_on is no day (YYYY-MM-DD)"))
            .when(~pl.col("metric").is_in(METRICS).fill_null(False))
            .then(pl.lit(f"metric is none of {', '.join(METRICS)}"))
            .when(pl.col("value").is_null())
            .then(pl.lit("value is no number"))
            .when(_is_impossible())
            .then(pl.lit("value is impossible for this metric"))
            .when(pl.struct(_KEY).is_duplicated())
            .then(pl.lit("symbol, metric and known_on are there twice"))
        )
        bad = rows.with_columns(problem=problem).filter(pl.col("problem").is_not_null())
        if not bad.is_empty():
            first = bad.row(0, named=True)
            others = f" ({bad.height - 1} more)" if bad.height > 1 else ""
            raise self._refusal(f"line {first['line']}: {first['problem']}{others}")
        return rows.select(polars_schema(Fundamentals).names())

    def _texts(self) -> pl.DataFrame:
        try:
            texts = pl.read_csv(self.path, infer_schema=False, row_index_name="line", glob=False)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self._refusal(f"it cannot be read: {error}") from error
        if missing := [name for name in _COLUMNS if name not in texts.columns]:
            raise self._refusal(f"it lacks the columns {', '.join(missing)}")
        # The first line below the header is the second of the file.
        return texts.with_columns(pl.col("line") + 2)

    def _refusal(self, what: str) -> MarketDataError:
        return MarketDataError(
            f"the file of fundamentals is refused: {what}",
            where=f"market_data.fundamentals = {self.path}",
            remedy=f"Its columns are {', '.join(_COLUMNS)}; correct it and run the session again.",
        )


def _is_impossible() -> pl.Expr:
    return pl.any_horizontal(
        (pl.col("metric") == metric) & ~approximate(pl.col("value")).is_between(lowest, highest)
        for metric, (lowest, highest) in POSSIBLE.items()
    )
