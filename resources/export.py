"""Files for a tax adviser: lots, realised gains and their sums, as CSV and Parquet."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from ballast.books.lots.book import gains_by_year
from resources.durable_files import write_durably
from resources.lake import Lake


def export_taxes(lake: Lake, session: str, folder: Path, year: int | None = None) -> list[Path]:
    """Write the tables of a session; files that are there are replaced whole.

    Parameters
    ----------
    session : str
        Partition of the tables.
    year : int, optional
        Only gains of this tax year; lots are those that are open at the end of the session.

    Returns
    -------
    list of Path
        The files, for each table a CSV with exact amounts and a Parquet file.

    Raises
    ------
    NotPublishedError
        If the session was not run.
    """
    snapshot = lake.snapshot(["realised_gains", "tax_lots"], partition=session)
    gains, lots = snapshot.read("realised_gains", session), snapshot.read("tax_lots", session)
    if year is not None:
        gains = gains.filter(pl.col("tax_year") == year)
    tables = {
        f"realised-gains-{year or 'all'}": gains,
        f"gains-by-year-{year or 'all'}": gains_by_year(gains),
        f"open-lots-{session}": lots,
    }
    folder = folder.resolve()
    written = []
    for name, table in tables.items():
        written += [folder / f"{name}.csv", folder / f"{name}.parquet"]
        write_durably(written[-2], table.write_csv().encode(), below=folder.parent)
        write_durably(written[-1], _parquet(table), below=folder.parent)
    return written


def _parquet(table: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    table.write_parquet(content)
    return content.getvalue()
