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
from ballast.settings import LotMethod

_INSTRUMENT = ["account_id", "symbol"]
# Units of all lots together stay below this, or are not added up.
_LARGEST = 1 << 62
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
        pieces = [piece for piece in self._pieces(lots, was_carried) if piece.height]
        whole = pl.concat(pieces) if pieces else lots
        return whole.rechunk() if whole.n_chunks() > _MOST_PIECES else whole

    def _pieces(self, lots: pl.DataFrame, was_carried: Array) -> Iterator[pl.DataFrame]:
        places = {(row[0], row[1]): (row[2], row[3]) for row in _runs(lots).iter_rows()}
        is_new = np.ones(lots.height, dtype=bool)
        carried_before = np.concatenate([[0], was_carried.cumsum()])
        done = 0
        for run in self.runs:
            start, end = places.get(run.instrument, (0, 0))
            is_new[start:end] = False
            opened = int(carried_before[end] - carried_before[start]) + start
            if run.start < run.rest:
                # What remains of the lots within reach is older than those out of reach.
                yield self.carried.slice(done, run.start - done)
                yield lots.slice(start, opened - start)
                yield self.carried.slice(run.rest, run.rest_end - run.rest)
                yield lots.slice(opened, end - opened)
            else:
                yield self.carried.slice(done, run.rest_end - done)
                yield lots.slice(start, end - start)
            done = run.end
        yield self.carried[done:]
        yield lots.filter(is_new)


def set_aside(
    carried: pl.DataFrame, events: pl.DataFrame, methods: Mapping[str, LotMethod]
) -> SetAside:
    """Find the carried lots that events can reach."""
    is_plain = (pl.col("operation") == kernel.TRADE) & pl.col("chosen_lot").is_null()
    wanted = events.group_by(_INSTRUMENT).agg(
        units=pl.col("quantity").to_physical().abs().sum(),
        is_plain=is_plain.all(),
    )
    runs = _runs(carried).join(wanted, on=_INSTRUMENT).sort("start")
    if runs.select(_INSTRUMENT).is_duplicated().any():
        ordered = carried.sort(_INSTRUMENT, maintain_order=True)
        return set_aside(ordered, events, methods)
    quantities = carried["quantity"].to_physical().cast(pl.Int64, strict=False)
    units = np.abs(quantities.to_numpy())
    can_add = quantities.null_count() == 0 and units.sum(dtype=np.float64) < _LARGEST
    totals = np.concatenate([[0], units.cumsum()]) if can_add else None
    days = (
        carried.select(pl.coalesce("acquired_on", pl.col("opened_at").dt.date()).to_physical())
        .to_series()
        .to_numpy()
    )
    # How often a lot is older than the one before it, which a transfer may have brought.
    returns = np.concatenate([[0], (days[1:] < days[:-1]).cumsum()])
    found = []
    for account, symbol, start, end, needed, plain in runs.iter_rows():
        rest, rest_end = end, end
        method = methods.get(account, "fifo")
        if totals is None or not plain or returns[start] != returns[end - 1]:
            pass
        elif method == "fifo":
            rest = min(int(totals.searchsorted(totals[start] + needed)), end)
        elif method == "lifo":
            rest = start
            rest_end = max(int(totals.searchsorted(totals[end] - needed, "right")) - 1, start)
        found.append(_Run((account, symbol), start, rest, rest_end, end))
    return SetAside(carried, found)


def _runs(lots: pl.DataFrame) -> pl.DataFrame:
    """Return account_id, symbol, start and end of the runs of lots of one instrument."""
    is_first = pl.any_horizontal(pl.col(_INSTRUMENT).ne_missing(pl.col(_INSTRUMENT).shift()))
    starts = lots.select(is_first).to_series().arg_true().cast(pl.Int64)
    return lots.select(_INSTRUMENT)[starts].with_columns(
        start=starts, end=starts.shift(-1, fill_value=lots.height)
    )
