"""A close that is carried over a split is worth what it was, also where only statements tell of the split."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import polars as pl

from ballast.books.booked_splits import booked_splits, restated
from ballast.books.broker_events import BrokerEvent, Cancellation, SplitEvent
from ballast.books.postings import postings_of
from ballast.books.statement_import import SOURCE
from ballast.money import AMOUNT
from tests.ballast.books.statements.fixture_statements import full_year, history, one


def splits_of(events: Sequence[BrokerEvent]) -> list[tuple[str, date, Decimal]]:
    table = booked_splits(postings_of(events, source=SOURCE))
    return list(table.sort("ex_date").select("symbol", "ex_date", "ratio").iter_rows())


def test_the_ratio_is_what_is_held_after_per_what_was_held_before() -> None:
    assert splits_of(one(full_year().content()).events) == [
        ("ABC", date(2024, 8, 2), Decimal(2)),
        ("XYZ", date(2024, 9, 3), Decimal("0.125")),
    ]


def test_a_split_that_was_cancelled_never_happened() -> None:
    events = [event for year in history() for event in one(year).events]
    (split,) = [event for event in events if isinstance(event, SplitEvent)]
    assert splits_of(events) == [("ABC", date(2023, 5, 2), Decimal(4))]
    assert splits_of([*events, Cancellation("undone", split, split.occurred_at)]) == []


def test_closes_before_splits_are_of_the_units_after_them() -> None:
    events = one(full_year().content()).events
    days = [date(2024, 8, 1), date(2024, 8, 2)]
    closes = pl.DataFrame(
        {"symbol": ["ABC", "ABC"], "day": days, "close": [Decimal(60), Decimal(31)]},
        schema_overrides={"close": AMOUNT},
    )
    found = restated(closes, booked_splits(postings_of(events, source=SOURCE)))
    assert found["close"].to_list() == [30, 31]
    assert found.schema == closes.schema
