"""The postings of a proposal as text in the store and back, exactly; and what takes them back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from ballast.calendars import end_of_session
from ballast.reconciliation.correcting import reversal
from ballast.tables import Postings, polars_schema


def postings_to_json(rows: Iterable[Any]) -> str:
    """Write postings with every amount as text, so that no digit is lost."""
    return json.dumps([{name: _text(value) for name, value in row.items()} for row in rows])


def postings_from_json(text: str) -> list[dict[str, Any]]:
    """Read postings that `postings_to_json` wrote."""
    schema = polars_schema(Postings)
    texts = pl.DataFrame(json.loads(text), schema=dict.fromkeys(schema.names(), pl.String))
    moments = pl.col("occurred_at").str.to_datetime(time_unit="us", time_zone="UTC")
    rest = {name: dtype for name, dtype in schema.items() if name != "occurred_at"}
    return texts.with_columns(moments).cast(rest).to_dicts()  # type: ignore[arg-type]


def reversing_rows(
    rows: Sequence[dict[str, Any]], session: date, reason: str
) -> list[dict[str, Any]]:
    """Return the postings that take back others as of the end of a session; what reversed is reversed itself."""
    moment = end_of_session(session) - timedelta(seconds=1)
    return [dict(reversal(row, moment, reason)) for row in rows]


def _text(value: object) -> str | None:
    return None if value is None else format(value, "f") if _is_amount(value) else str(value)


def _is_amount(value: object) -> bool:
    return hasattr(value, "as_tuple")
