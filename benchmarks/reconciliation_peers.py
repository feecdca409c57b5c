"""Ways to tell where two sides differ; run as a program, one of them in a process of its own, for its memory."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from ballast.money import AMOUNT, from_units
from ballast.reconciliation.pairing import differences, unequal_rows
from resources.frames import register

KEY = ["account_id", "symbol"]
_TOLERANCES = {"quantity": Decimal(0), "price": Decimal("0.0001")}
_KINDS = 4
# Of so many rows, one differs in each of the four kinds: 0.1 % together.
_ROWS_PER_FAULT = 4_000
_HELD, _LISTED, _STEP = 100, 5_000, 37
_UNIT = 100_000_000

Work = Callable[[], int]


def sides(count: int, seed: int = 7) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return both sides with interned keys: accounts of 100 of 5,000 securities, the broker's in any order.

    Of the faults a quarter is missing on either side, a quarter differs in quantity and a quarter in price.
    """
    draw = np.random.default_rng(seed)
    accounts = np.repeat(np.arange(count // _HELD), _HELD)
    first = np.repeat(draw.integers(0, _LISTED, count // _HELD), _HELD)
    symbols = (first + np.tile(np.arange(_HELD) * _STEP, count // _HELD)) % _LISTED
    quantities = draw.integers(1, 1_000, count) * _UNIT
    prices = draw.integers(100, 50_000, count) * (_UNIT // 100)
    kinds = np.array_split(draw.permutation(count)[: faults_in(count)], _KINDS)
    other_quantities, other_prices = quantities.copy(), prices.copy()
    other_quantities[kinds[0]] += _UNIT
    other_prices[kinds[1]] += _UNIT // 20
    local = _frame(accounts, symbols, quantities, prices)
    broker = _frame(accounts, symbols, other_quantities, other_prices)
    order = draw.permutation(count)
    return (
        local[np.setdiff1d(np.arange(count), kinds[2])],
        broker[order[~np.isin(order, kinds[3])]],
    )


def faults_in(count: int) -> int:
    """Return the number of differences that `sides` plants."""
    return _KINDS * (count // _ROWS_PER_FAULT)


def with_texts(side: pl.DataFrame) -> pl.DataFrame:
    """Give the keys the names that brokers use."""
    return side.with_columns(
        account_id=pl.format("U{}", pl.col("account_id") + 1_000_000),
        symbol=pl.format("SYM{}", pl.col("symbol") + 10_000),
    )


def _frame(
    accounts: np.ndarray, symbols: np.ndarray, quantities: np.ndarray, prices: np.ndarray
) -> pl.DataFrame:
    columns = {
        "account_id": accounts, "symbol": symbols, "quantity": quantities, "price": prices,
    }  # fmt: skip
    return pl.DataFrame(columns).with_columns(from_units(pl.col("quantity", "price")).cast(AMOUNT))


def ours(local: pl.DataFrame, broker: pl.DataFrame) -> Work:
    """Every difference, typed, with both values."""
    # The compiled code is loaded once per process.
    unequal_rows(local.head(9), broker.head(9), KEY, list(_TOLERANCES), is_large=True)
    found = differences(local, broker, KEY, _TOLERANCES)
    kinds = found.group_by("field", "kind").len()["len"].to_list()
    assert len(kinds) == _KINDS, found
    assert len(set(kinds)) == 1, found
    return lambda: differences(local, broker, KEY, _TOLERANCES).height


def polars_join(local: pl.DataFrame, broker: pl.DataFrame) -> Work:
    """A full join, and a filter; nothing is named."""
    return lambda: _joined(local.lazy(), broker.lazy()).collect().height


def polars_streaming(local: pl.DataFrame, broker: pl.DataFrame) -> Work:
    """The same in the streaming engine."""
    return lambda: _joined(local.lazy(), broker.lazy()).collect(engine="streaming").height


def _joined(local: pl.LazyFrame, broker: pl.LazyFrame) -> pl.LazyFrame:
    names = ("account_id", "quantity", "price")
    return local.join(broker, on=KEY, how="full").filter(
        pl.col("account_id").is_null()
        | pl.col("account_id_right").is_null()
        | pl.any_horizontal(pl.col(name) != pl.col(f"{name}_right") for name in names)
    )


_SQL = """
SELECT l.*, b.* FROM local l FULL JOIN broker b ON l.account_id = b.account_id AND l.symbol = b.symbol
WHERE l.account_id IS NULL OR b.account_id IS NULL OR l.quantity <> b.quantity OR l.price <> b.price
"""


def duckdb_frames(local: pl.DataFrame, broker: pl.DataFrame) -> Work:
    """A full outer join over the frames."""
    connection = duckdb.connect()
    register(connection, "local", local)
    register(connection, "broker", broker)
    return lambda: len(connection.execute(_SQL).fetchall())


def duckdb_tables(local: pl.DataFrame, broker: pl.DataFrame) -> Work:
    """The same over tables of its own; that they have to be loaded first is not counted."""
    connection = duckdb.connect()
    for name, side in (("local", local), ("broker", broker)):
        register(connection, "given", side)
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        connection.unregister("given")
    return lambda: len(connection.execute(_SQL).fetchall())


def pandas_merge(local: pl.DataFrame, broker: pl.DataFrame) -> Work:
    """An outer merge with its indicator; amounts are whole numbers of units, which pandas can hold."""
    import pandas as pd

    amounts = pl.col("quantity", "price").to_physical().cast(pl.Int64)
    mine, yours = (
        pd.DataFrame({column.name: column.to_numpy() for column in side.with_columns(amounts)})
        for side in (local, broker)
    )

    def work() -> int:
        both = mine.merge(yours, on=KEY, how="outer", indicator=True)
        differs = (
            (both["_merge"] != "both")
            | (both["quantity_x"] != both["quantity_y"])
            | (both["price_x"] != both["price_y"])
        )
        return len(both[differs])

    return work


def dictionary_loop(local: pl.DataFrame, broker: pl.DataFrame) -> Work:
    """The predecessor's design: both sides by key in dictionaries, and one branch after another for each key."""
    mine, yours = local.rows(), broker.rows()

    def work() -> int:
        by_key = {(row[0], row[1]): row for row in mine}
        other_by_key = {(row[0], row[1]): row for row in yours}
        found = []
        for key in by_key.keys() | other_by_key.keys():
            one, other = by_key.get(key), other_by_key.get(key)
            if one is None:
                found.append((key, "missing_local"))
            elif other is None:
                found.append((key, "missing_broker"))
            elif one[2] != other[2]:
                found.append((key, "quantity"))
            elif one[3] != other[3]:
                found.append((key, "price"))
        return len(found)

    return work


OURS, OURS_INTERNED = "ours", "ours, interned ids"
POLARS, POLARS_STREAMING = "Polars full join", "Polars full join, streaming"
DUCKDB, DUCKDB_TABLES = "DuckDB full join", "DuckDB full join, own tables"
PANDAS, LOOP, DATACOMPY = "pandas merge", "dictionary loop", "datacompy"

ON_TEXTS: dict[str, Callable[[pl.DataFrame, pl.DataFrame], Work]] = {
    OURS: ours, POLARS: polars_join, POLARS_STREAMING: polars_streaming, DUCKDB: duckdb_frames,
    DUCKDB_TABLES: duckdb_tables, PANDAS: pandas_merge, LOOP: dictionary_loop,
}  # fmt: skip
ON_IDS: dict[str, Callable[[pl.DataFrame, pl.DataFrame], Work]] = {
    OURS_INTERNED: ours,
    f"{POLARS}, interned ids": polars_join,
    f"{DUCKDB}, interned ids": duckdb_frames,
}


def read(folder: Path, kind: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the sides in a folder; the kind of their keys is texts or ids."""
    local, broker = (
        pl.read_parquet(folder / f"{side}_{kind}.parquet").rechunk() for side in ("local", "broker")
    )
    return local, broker


def measure(name: str, folder: Path, rounds: int) -> dict[str, object]:
    """Time one engine on the sides in a folder; returns milliseconds per round and the peak of the memory in MB."""
    kind = "ids" if name in ON_IDS else "texts"
    local, broker = read(folder, kind)
    work = (ON_IDS | ON_TEXTS)[name](local, broker)
    taken, found = [], 0
    for _ in range(rounds):
        started = time.perf_counter()
        found = work()
        taken.append((time.perf_counter() - started) * 1e3)
    return {"ms": taken, "found": found, "peak_mb": peak_mb()}


def peak_mb() -> float:
    """Return the most memory that this process had in use."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1e3


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
