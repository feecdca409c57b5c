"""Match events with open lots and return both as frames; open lots can be carried on to the events of a later day."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from ballast.books.lots import kernel
from ballast.books.lots.instruments import Array, Groups, by_instrument, codes_of
from ballast.books.lots.reach import set_aside
from ballast.money import AMOUNT, from_units
from ballast.settings import LotMethod

METHODS: Mapping[str, int] = {
    "fifo": kernel.FIFO, "lifo": kernel.LIFO, "hifo": kernel.HIFO, "lofo": kernel.LOFO,
    "average": kernel.AVERAGE,
}  # fmt: skip

# Below this the loop as it is needs less time than importing the compiler.
_WORTH_COMPILING = 50_000
# Beyond this, with a bit to spare for rounding, amounts go the way of unlimited integers.
_LARGEST = 1 << 62

_LOT: dict[str, pl.DataType | type[pl.DataType]] = {
    "account_id": pl.String, "symbol": pl.String, "lot_id": pl.String, "acquired_on": pl.Date,
    "opened_at": pl.Datetime("us", "UTC"), "currency": pl.String, "origin": pl.String,
    "quantity_acquired": AMOUNT, "quantity": AMOUNT, "amount": AMOUNT,
}  # fmt: skip
_MATCH: dict[str, pl.DataType | type[pl.DataType]] = {
    "account_id": pl.String, "symbol": pl.String, "lot_id": pl.String, "closing_id": pl.String,
    "kind": pl.String, "is_short_sale": pl.Boolean, "acquired_on": pl.Date, "closed_on": pl.Date,
    "closed_at": pl.Datetime("us", "UTC"), "quantity": AMOUNT, "lot_currency": pl.String,
    "currency": pl.String, "lot_amount": AMOUNT, "closing_amount": AMOUNT,
}  # fmt: skip

NO_LOTS = pl.DataFrame(schema=pl.Schema(_LOT))
NO_MATCHES = pl.DataFrame(schema=pl.Schema(_MATCH))


@dataclass(frozen=True)
class Matched:
    """Lots that are open afterwards, and which lots each closing event used.

    Parameters
    ----------
    lots : pl.DataFrame
        account_id, symbol, lot_id, acquired_on, opened_at, currency, origin, quantity_acquired and quantity (signed),
        amount (paid for a long lot, received for a short one, never signed; null when unknown).
    matches : pl.DataFrame
        account_id, symbol, lot_id, closing_id, kind, is_short_sale, acquired_on, closed_on, closed_at, quantity, the
        slices lot_amount and closing_amount (null when unknown), and their currencies.
    """

    lots: pl.DataFrame
    matches: pl.DataFrame


def match(
    events: pl.DataFrame, methods: Mapping[str, LotMethod], carried: pl.DataFrame = NO_LOTS
) -> Matched:
    """Match events with the lots that were open before them and with those that they open.

    Parameters
    ----------
    events : pl.DataFrame
        As `lot_events` returns them, without conversions.
    methods : mapping of str to LotMethod
        Per account; FIFO where none is named.
    carried : pl.DataFrame
        Open lots of an earlier result. Those of securities without an event are returned as they are.
    """
    if events.is_empty():
        return Matched(carried, NO_MATCHES)
    aside = set_aside(carried, events, methods)
    reached = aside.reached()
    rows = _rows(events, reached)
    groups = by_instrument(rows)
    # Numbers of currencies, which a restatement may give to lots of which nothing was known.
    currencies = codes_of(rows["currency"])
    results = _run(rows, groups, methods, currencies)
    names = pl.DataFrame({"number": currencies, "currency": rows["currency"]}).unique()
    is_open = _integers(results.lots.quantities) != 0
    opened = groups.order[is_open.to_numpy()]
    lots = _open_lots(rows[opened], results, is_open, names)
    return Matched(
        aside.put_back(lots, opened < reached.height), _matches(rows, groups, results, names)
    )


def _rows(events: pl.DataFrame, carried: pl.DataFrame) -> pl.DataFrame:
    """Put carried lots before the events."""
    rows = events.select(
        "account_id", "symbol", "kind", "operation", "quantity", "amount", "currency",
        "chosen_lot",
        lot_id="posting_id",
        opened_at="occurred_at",
        traded_on="traded_on",
        # What was transferred without its day may have been held for any time.
        acquired_on=pl.when(pl.col("kind") == "transfer")
        .then("acquired_on")
        .otherwise(pl.coalesce("acquired_on", "traded_on")),
        quantity_acquired=pl.lit(None, dtype=AMOUNT),
    )  # fmt: skip
    if carried.is_empty():
        return rows
    lots = carried.with_columns(
        kind="origin", operation=pl.lit(kernel.CARRIED, dtype=pl.Int64),
        chosen_lot=pl.lit(None, dtype=pl.String), traded_on=pl.coalesce("acquired_on", pl.col("opened_at").dt.date()),
    )  # fmt: skip
    return pl.concat([lots.select(rows.columns), rows])


@dataclass(frozen=True)
class _Results:
    """What the loop filled, as NumPy arrays or lists of unlimited integers, in the order of the groups."""

    lots: kernel.Lots
    matches: kernel.Matches


def _run(
    rows: pl.DataFrame, groups: Groups, methods: Mapping[str, LotMethod], currencies: Array
) -> _Results:
    accounts = rows["account_id"][groups.firsts].to_list()
    numbers = [METHODS[methods.get(account, "fifo")] for account in accounts]
    starts = groups.starts.tolist()
    units = rows.select(
        "operation",
        pl.col("quantity").to_physical(),
        pl.col("amount").to_physical().fill_null(0),
        is_known=pl.col("amount").is_not_null(),
        chosen=_chosen(rows, groups),
        currency=pl.Series(currencies),
        day=pl.coalesce("acquired_on", "traded_on").to_physical(),
    )
    # What an instrument holds is never more than the sum of its events.
    sizes = units.select(pl.col("quantity", "amount").cast(pl.Float64).abs()).to_numpy()
    fits = np.add.reduceat(sizes[groups.order], groups.starts[:-1]).max() < _LARGEST / 2
    if fits and (rows.height >= _WORTH_COMPILING or _is_compiled()):
        given = [column.cast(pl.Int64).to_numpy()[groups.order] for column in units]
        return _compiled(starts, numbers, given)
    ordered = units[groups.order]
    columns: list[Any] = [starts, numbers, *(column.to_list() for column in ordered)]
    return _filled(kernel.Events._make(columns), rows.height, kernel.match, _zeros, _zeros)


def _is_compiled() -> bool:
    """Say whether this process has the compiled loop already, which is then faster for any book."""
    module = sys.modules.get("ballast.books.lots.compiled")
    return module is not None and bool(module.match.signatures)


def _compiled(starts: list[int], numbers: list[int], given: list[Array]) -> _Results:
    # Imported where it pays: the compiler takes a quarter of a second to load.
    from ballast.books.lots import compiled

    events = kernel.Events._make(
        [
            np.array(starts, np.int64),
            np.array(numbers, np.int64),
            *given,
        ]
    )
    integers, floats = partial(np.zeros, dtype=np.int64), partial(np.zeros, dtype=np.float64)
    return _filled(events, len(given[0]), compiled.match, integers, floats)


def _zeros(count: int) -> list[int]:
    return [0] * count


def _filled(
    events: kernel.Events,
    count: int,
    loop: Callable[..., int],
    integers: Callable[[int], Any],
    floats: Callable[[int], Any],
) -> _Results:
    # An event opens a lot or uses some up, and a lot is used up once; returns of capital may need more.
    room = count + count // 8 + 1024
    while True:
        lots = kernel.Lots._make([*(integers(count) for _ in range(7)), floats(count)])
        matches = kernel.Matches._make(integers(room) for _ in range(6))
        found = loop(events, lots, matches, integers(kernel.STATE_SIZE))
        if found >= 0:
            return _Results(lots, kernel.Matches._make(column[:found] for column in matches))
        room *= 4


def _chosen(rows: pl.DataFrame, groups: Groups) -> pl.Series:
    """Return per event the place of the row that opened the lot which the owner named, or -1."""
    if rows["chosen_lot"].null_count() == rows.height:
        return pl.Series(np.full(rows.height, -1, np.int64))
    places = np.empty(rows.height, np.int64)
    places[groups.order] = np.arange(rows.height)
    opened = rows.select("account_id", "symbol", chosen_lot="lot_id", place=pl.Series(places))
    found = rows.select("account_id", "symbol", "chosen_lot").join(
        opened, on=["account_id", "symbol", "chosen_lot"], how="left", maintain_order="left"
    )
    return found["place"].fill_null(-1)


def _open_lots(
    rows: pl.DataFrame, results: _Results, is_open: pl.Series, names: pl.DataFrame
) -> pl.DataFrame:
    state = pl.DataFrame(
        {
            "side": _integers(results.lots.sides),
            "acquired": _integers(results.lots.acquired),
            "left": _integers(results.lots.quantities),
            "worth": _integers(results.lots.amounts),
            "is_known": _integers(results.lots.are_known),
            "number": _integers(results.lots.currencies),
        }
    ).filter(is_open)
    before = pl.col("quantity_acquired") - pl.when(pl.col("quantity_acquired").is_not_null()).then(
        pl.col("quantity")
    )
    is_known = pl.col("is_known") != 0
    return (
        pl.concat([rows.drop("currency"), state], how="horizontal")
        .join(names, on="number", how="left", maintain_order="left")
        .with_columns(
            origin=pl.when(~is_known)
            .then(pl.lit("unknown"))
            .when(pl.col("is_known") == kernel.RESTATED)
            .then(pl.lit("stated"))
            .otherwise(pl.col("kind").replace(_ORIGINS)),
            quantity_acquired=(
                from_units(pl.col("acquired") * pl.col("side")) + before.fill_null(0)
            ).cast(AMOUNT),
            quantity=from_units(pl.col("left") * pl.col("side")),
            amount=pl.when(is_known).then(from_units(pl.col("worth"))),
        )
        .select(list(_LOT))
    )


_ORIGINS = {
    "transfer": "stated", "adjustment": "stated", "cash_in_lieu": "trade", "assignment": "trade",
    "exercise": "trade", "expiry": "trade", "split": "unknown",
}  # fmt: skip


def _matches(
    rows: pl.DataFrame, groups: Groups, results: _Results, names: pl.DataFrame
) -> pl.DataFrame:
    lot, closing = _integers(results.matches.lots), _integers(results.matches.events)
    if not len(lot):
        return NO_MATCHES
    opened = rows.select("account_id", "symbol", "lot_id", "acquired_on")[groups.order[lot]]
    closed = rows.select(
        "kind",
        "currency",
        closing_id="lot_id",
        closed_on="traded_on",
        closed_at="opened_at",
        is_closing_known=pl.col("amount").is_not_null(),
    )[groups.order[closing]]
    amounts = pl.DataFrame(
        {
            "side": _integers(results.lots.sides)[lot],
            "units": _integers(results.matches.quantities),
            "lot_units": _integers(results.matches.lot_amounts),
            "closing_units": _integers(results.matches.event_amounts),
            "number": _integers(results.matches.currencies),
        }
    )
    return (
        pl.concat([opened, closed, amounts], how="horizontal")
        .join(
            names.rename({"currency": "lot_currency"}),
            on="number",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            is_short_sale=pl.col("side") < 0,
            quantity=from_units(pl.col("units")),
            lot_amount=pl.when(pl.col("number") != kernel.UNKNOWN).then(
                from_units(pl.col("lot_units"))
            ),
            closing_amount=pl.when("is_closing_known").then(from_units(pl.col("closing_units"))),
        )
        .select(list(_MATCH))
    )


def _integers(values: Any) -> pl.Series:
    if isinstance(values, np.ndarray):
        return pl.Series(values)
    return pl.Series(
        values, dtype=pl.Int128 if any(abs(v) >= _LARGEST for v in values) else pl.Int64
    )
