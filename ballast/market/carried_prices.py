"""The last close of many securities on many sessions at once, carried forward and never backward.

Prices are kept as one dense series per figure, security after security, so that millions of look-ups are one gather.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from ballast.money import exact_column

_NO_DAY = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class CarriedPrices:
    """Last close and its session, of every security on every session.

    Parameters
    ----------
    symbols : tuple of str
        Securities, in the order of the series.
    sessions : int
        Number of sessions per security.
    price : pl.Series
        Exact amounts in the quotation currency; null before the first close.
    price_session : pl.Series
        When that price was observed.
    """

    symbols: tuple[str, ...]
    sessions: int
    price: pl.Series
    price_session: pl.Series

    def look_up(self, rows: pl.DataFrame, symbol: str, at: str) -> pl.DataFrame:
        """Add price and price_session to rows that name a symbol and the number of a session; null if not kept."""
        number = rows[symbol].cast(pl.Enum(self.symbols), strict=False).to_physical()
        place = number.cast(pl.Int64) * self.sessions + rows[at]
        return rows.with_columns(
            price=self.price.gather(place), price_session=self.price_session.gather(place)
        )


def carried_prices(
    symbols: Sequence[str], sessions: Sequence[date], bars: pl.DataFrame, actions: pl.DataFrame
) -> CarriedPrices:
    """Return the last close so far of every security on every session.

    Parameters
    ----------
    symbols : sequence of str
        Securities wanted; no name twice.
    sessions : sequence of date
        Ascending. A bar of another day counts from the next session on.
    bars : pl.DataFrame
        `Bars` as known on the as-of day, closes as traded, one row per symbol and session, in any order.
    actions : pl.DataFrame
        `CorporateActions`; a close from before a split is divided by its ratio, because the quantities of later
        sessions are new shares.
    """
    days = np.array(sessions, dtype="datetime64[D]")
    grid = np.full((len(symbols), len(days)), np.nan)
    observed = np.full(grid.shape, _NO_DAY)
    numbered = bars.select(
        pl.col("symbol").cast(pl.Enum(symbols), strict=False).to_physical().alias("number"),
        "session",
        "close",
    ).drop_nulls()
    if not _ascends(numbered):
        numbered = numbered.sort("number", "session")
    seen = numbered["session"].to_numpy().astype("datetime64[D]")
    at = _first_at_or_after(days, seen)
    inside = at < len(days)
    number, at = numbered["number"].to_numpy()[inside], at[inside]
    # Each symbol's sessions ascend, so that of several bars before a session the last one stays.
    grid[number, at] = numbered["close"].to_numpy()[inside]
    observed[number, at] = seen[inside]
    _carry_forward(grid, observed)
    _restate(grid, observed, symbols, days, actions)
    price = pl.DataFrame({"price": grid.ravel()}).select(exact_column(pl.col("price")))
    return CarriedPrices(
        tuple(symbols), len(days), price["price"], pl.Series(observed.ravel()).cast(pl.Date)
    )


def _ascends(numbered: pl.DataFrame) -> bool:
    """Say whether rows are sorted by number and session, as the history gives them."""
    number = pl.col("number").cast(pl.Int64).diff()
    later = pl.col("session").diff() > pl.duration(days=0)
    return bool(numbered.select(((number > 0) | ((number == 0) & later)).all()).item())


def _first_at_or_after(days: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return the number of the first session on or after each day; far fewer searches than rows."""
    if len(seen) == 0:
        return np.empty(0, dtype=np.int64)
    first = seen.min()
    span = np.arange(first, seen.max() + 1)
    at: np.ndarray = np.searchsorted(days, span)[(seen - first).astype(np.int64)]
    return at


def _carry_forward(grid: np.ndarray, observed: np.ndarray) -> None:
    column = np.broadcast_to(np.arange(grid.shape[1]), grid.shape)
    last = np.maximum.accumulate(np.where(np.isnan(grid), 0, column), axis=1)
    grid[:] = np.take_along_axis(grid, last, axis=1)
    observed[:] = np.take_along_axis(observed, last, axis=1)


def _restate(
    grid: np.ndarray,
    observed: np.ndarray,
    symbols: Sequence[str],
    days: np.ndarray,
    actions: pl.DataFrame,
) -> None:
    """Express closes that were carried over a split in new shares."""
    numbers = {symbol: number for number, symbol in enumerate(symbols)}
    splits = actions.filter((pl.col("kind") == "split") & pl.col("symbol").is_in(list(symbols)))
    for symbol, ex_date, ratio in splits.select("symbol", "ex_date", "ratio").iter_rows():
        day = np.datetime64(ex_date, "D")
        after = np.s_[numbers[symbol], np.searchsorted(days, day) :]
        grid[after] /= np.where(observed[after] < day, float(ratio), 1.0)
