"""The outlook of the market: by how much expectations are shifted because of fear, the yield curve and valuation.

Each input shifts along a line between named points, flat outside them, so that a small change of an input never makes
a large one of the shift. An unknown input shifts nothing, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from ballast.errors import MarketDataError

_LIMIT = 0.20
_OLDEST = timedelta(days=30)
# Input: its values, and the shift at each of them.
_CURVES: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "vix": ((0.0, 15.0, 30.0, 50.0), (0.05, 0.0, 0.0, -0.10)),
    "yield_slope": ((-0.03, -0.01, 0.01, 0.03), (-0.15, 0.0, 0.0, 0.045)),
    "price_earnings": ((14.0, 18.0, 26.0, 39.0), (0.05, 0.0, 0.0, -0.10)),
}
# Beyond these a value is a mistake, for instance percent in place of a share.
_POSSIBLE = {"vix": (0.0, 200.0), "yield_slope": (-0.2, 0.2), "price_earnings": (1.0, 1000.0)}
# Below the header.
_FIRST_LINE = 2
_COLUMNS = {"known_on": pl.Date} | dict.fromkeys(_CURVES, pl.Float64)


@dataclass(frozen=True)
class Outlook:
    """Shift of the expectations as a share of the target return, and what it is made of."""

    shift: float
    explanation: str


NO_OUTLOOK = Outlook(0.0, "no outlook is configured, so that nothing is shifted")


def outlook_of(inputs: Mapping[str, float | None]) -> Outlook:
    """Return the shift that some inputs ask for.

    Parameters
    ----------
    inputs : mapping of str to float
        `vix` in points, `yield_slope` (ten years less three months) as a share, `price_earnings` of the index.

    Returns
    -------
    Outlook
        The sum of the shifts, within ±0.20.
    """
    total, parts = 0.0, []
    for name, (values, shifts) in _CURVES.items():
        value = inputs.get(name)
        if value is None or not np.isfinite(value):
            parts.append(f"{name} unknown")
            continue
        shift = float(np.interp(value, values, shifts))
        total += shift
        parts.append(f"{name} {value:g}: {shift:+.3f}")
    return Outlook(min(max(total, -_LIMIT), _LIMIT), ", ".join(parts))


def read_outlook(path: Path, session: date) -> Outlook:
    """Return the outlook of the newest row of a file that was known at the end of a session.

    Parameters
    ----------
    path : Path
        CSV with the columns known_on, vix, yield_slope, price_earnings in any order; a value may be empty.

    Raises
    ------
    MarketDataError
        If the file cannot be read or has other columns; if a row has no day, that of another, or an impossible value.
    """
    rows = _rows(path)
    known = rows.filter(
        (pl.col("known_on") <= session) & (pl.col("known_on") >= session - _OLDEST)
    ).sort("known_on")
    if known.is_empty():
        return Outlook(0.0, f"the outlook knows nothing of the {_OLDEST.days} days before")
    newest = known.row(-1, named=True)
    found = outlook_of({name: newest[name] for name in _CURVES})
    return Outlook(found.shift, f"as of {newest['known_on']}: {found.explanation}")


def _rows(path: Path) -> pl.DataFrame:
    """Return the rows of the file, each with its line."""
    try:
        found = pl.read_csv(
            path, schema_overrides=_COLUMNS, row_index_name="line", row_index_offset=_FIRST_LINE
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _refused(path, f"cannot read the outlook: {error}") from error
    columns = found.columns[1:]
    if sorted(columns) != sorted(_COLUMNS):
        raise _refused(path, f"the outlook has the columns {', '.join(columns)}")
    missing = found.filter(pl.col("known_on").is_null()).select(
        "line", what=pl.lit("known_on is missing")
    )
    repeated = found.filter(
        pl.col("known_on").is_not_null() & ~pl.col("known_on").is_first_distinct()
    ).select("line", what=pl.format("{} is there twice", "known_on"))
    impossible = [
        found.filter(~pl.col(name).is_between(least, most)).select(
            "line", what=pl.lit(f"{name} is ") + pl.col(name).map_elements("{:g}".format, pl.String)
        )
        for name, (least, most) in _POSSIBLE.items()
    ]
    wrong = pl.concat([missing, repeated, *impossible]).sort("line", "what")
    if wrong.height:
        line, what = wrong.row(0)
        raise _refused(path, f"line {line}: {what}")
    return found


def _refused(path: Path, what: str) -> MarketDataError:
    ranges = ", ".join(f"{name} {least:g} to {most:g}" for name, (least, most) in _POSSIBLE.items())
    return MarketDataError(
        what,
        where=str(path),
        remedy=(
            f"Give it the columns {', '.join(_COLUMNS)}, one row a day, values within {ranges} or empty; or leave out"
            " optimiser.outlook."
        ),
    )
