"""datacompy on the sides in a folder: run by the Python of its own environment, because it pins another Polars."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import polars as pl
from datacompy import PolarsCompare

KEY = ["account_id", "symbol"]


def measure(folder: Path, rounds: int) -> dict[str, object]:
    """Return milliseconds per round, how many differences were found, and the peak of the memory in MB."""
    # Of exact decimals it compares less than a tenth as many a second, so it gets whole numbers of units.
    units = (pl.col("quantity", "price") * 100_000_000).cast(pl.Int64)
    local, broker = (
        pl.read_parquet(folder / f"{side}_texts.parquet").with_columns(units).rechunk()
        for side in ("local", "broker")
    )
    # What is loaded at first use is not counted.
    PolarsCompare(local.head(100), broker.head(100), join_columns=KEY, abs_tol=0.0001)
    taken, found = [], 0
    for _ in range(rounds):
        started = time.perf_counter()
        compared = PolarsCompare(local, broker, join_columns=KEY, abs_tol=0.0001)
        found = compared.df1_unq_rows.height + compared.df2_unq_rows.height
        found += sum(column["unequal_cnt"] for column in compared.column_stats)
        taken.append((time.perf_counter() - started) * 1e3)
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return {"ms": taken, "found": found, "peak_mb": int(line.split()[1]) / 1e3}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
