"""Set aside the open lots that no event of a day can reach: a day costs what it is, however long the history.

A sale by FIFO reaches the oldest lots, one by LIFO the youngest, each only as far as the units of all events go. The
other methods, splits and the like reach every lot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from ballast.books.lots import kernel
from ballast.books.lots.instruments import Array
from ballast.configuration import LotMethod

_INSTRUMENT = ["account_id", "symbol"]
# Units are compared as floats, with this much to spare.
_MARGIN = 1.000001
# A frame in more pieces than this is put together anew.
_MOST_PIECES = 500


@dataclass(frozen=True)
class _Run:
    """Lots of one instrument from `start` to `end`, of which those from `rest` to `rest_end` are out of reach."""

    instrument: tuple[str, str]
    start: int
    rest: int
    rest_end: int
    end: int


@dataclass(frozen=True)
class SetAside:
    """Carried lots, and which of them are within reach."""

    carried: pl.DataFrame
    runs: list[_Run]

    def reached(self) -> pl.DataFrame:
        """Return the lots within reach, in their order."""
        pieces = [
            self.carried[start:end]
            for run in self.runs
            for start, end in ((run.start, run.rest), (run.rest_end, run.end))
            if start < end
        ]
        return pl.concat(pieces) if pieces else self.carried[:0]

    def put_back(self, lots: pl.DataFrame, was_carried: Array) -> pl.DataFrame:
        """Return all lots that are open now; those of an instrument stay together and in the order of their opening.

        Parameters
        ----------
        lots : pl.DataFrame
            What is open of the lots within reach and of those that events opened, by instrument.
        was_carried : array
            Whether each of them is one of those within reach, which come first.
        """
        if self.carried.is_empty():
            return lots
        whole = pl.concat(list(self._pieces(lots, was_carried)))
        return whole.rechunk() if whole.n_chunks() > _MOST_PIECES else whole

    def _pieces(self, lots: pl.DataFrame, was_carried: Array) -> Iterator[pl.DataFrame]:
        places = {(row[0], row[1]): (row[2], row[3]) for row in _runs(lots).iter_rows()}
        is_new = np.ones(lots.height, dtype=bool)
        done = 0
        for run in self.runs:
            start, end = places.get(run.instrument, (0, 0))
            is_new[start:end] = False
            opened = start + int(was_carried[start:end].sum())
            if run.start < run.rest:
                # What remains of the lots within reach is older than those out of reach.
                yield self.carried[done : run.start]
                yield lots[start:opened]
                yield self.carried[run.rest : run.rest_end]
                yield lots[opened:end]
            else:
                yield self.carried[done : run.rest_end]
                yield lots[start:end]
            done = run.end
        yield self.carried[done:]
        yield lots.filter(is_new)


def set_aside(
    carried: pl.DataFrame, events: pl.DataFrame, methods: Mapping[str, LotMethod]
) -> SetAside:
    """Find the carried lots that events can reach."""
    is_plain = (pl.col("operation") == kernel.TRADE) & pl.col("chosen_lot").is_null()
    wanted = events.group_by(_INSTRUMENT).agg(
        units=pl.col("quantity").to_physical().cast(pl.Float64).abs().sum(),
        is_plain=is_plain.all(),
    )
    runs = _runs(carried).join(wanted, on=_INSTRUMENT).sort("start")
    if runs.select(_INSTRUMENT).is_duplicated().any():
        ordered = carried.sort(_INSTRUMENT, maintain_order=True)
        return set_aside(ordered, events, methods)
    units = carried["quantity"].to_physical().cast(pl.Float64).abs().to_numpy()
    days = carried["acquired_on"].to_physical().to_numpy()
    found = []
    for account, symbol, start, end, needed, plain in runs.iter_rows():
        rest, rest_end = end, end
        method = methods.get(account, "fifo")
        if plain and method in ("fifo", "lifo") and bool((np.diff(days[start:end]) >= 0).all()):
            if method == "fifo":
                rest = start + _count(units[start:end], needed)
            else:
                rest, rest_end = start, end - _count(units[start:end][::-1], needed)
        found.append(_Run((account, symbol), start, rest, rest_end, end))
    return SetAside(carried, found)


def _count(units: Array, needed: float) -> int:
    """Return how many of the first lots hold the units needed."""
    place = int(np.searchsorted(units.cumsum(), needed * _MARGIN)) + 1
    return min(place, len(units))


def _runs(lots: pl.DataFrame) -> pl.DataFrame:
    """Return account_id, symbol, start and end of the runs of lots of one instrument."""
    is_first = pl.any_horizontal(pl.col(_INSTRUMENT).ne_missing(pl.col(_INSTRUMENT).shift()))
    starts = lots.select(is_first).to_series().arg_true().cast(pl.Int64)
    return lots.select(_INSTRUMENT)[starts].with_columns(
        start=starts, end=starts.shift(-1, fill_value=lots.height)
    )
