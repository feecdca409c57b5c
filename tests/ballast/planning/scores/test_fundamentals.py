"""Fundamental figures as known on a session."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from ballast.money import exact
from ballast.planning.scores.fundamentals import METRICS, fundamentals_as_of, newest_known
from ballast.tables import Fundamentals
from tests.ballast.builders import Row, actions, split, table
from tests.ballast.planning.scores.histories import SESSION


def figure(metric: str, value: float, days_ago: int = 0, symbol: str = "S") -> Row:
    day = SESSION - timedelta(days=days_ago)
    return {"symbol": symbol, "metric": metric, "known_on": day, "value": exact(value)}


def known(*rows: Row, events: pl.DataFrame | None = None) -> dict[str, Any]:
    facts = table(Fundamentals, rows)
    found = fundamentals_as_of(
        facts, actions() if events is None else events, SESSION, oldest_days=120
    )
    return found.row(0, named=True) if found.height else {}


def test_the_newest_known_figure_counts() -> None:
    rows = [figure("profit_margin", 0.1, 30), figure("profit_margin", 0.2, 3)]
    assert known(*rows)["profit_margin"] == 0.2


def test_what_became_known_later_is_not_known() -> None:
    rows = [figure("profit_margin", 0.1, 30), figure("profit_margin", 0.2, -1)]
    assert known(*rows)["profit_margin"] == 0.1


def test_an_old_figure_is_missing_although_an_older_version_was_young_once() -> None:
    assert known(figure("profit_margin", 0.1, 121)) == {}
    assert known(figure("profit_margin", 0.1, 120))["profit_margin"] == 0.1


def test_every_metric_is_a_column_even_if_nobody_states_it() -> None:
    row = known(figure("profit_margin", 0.1))
    stated = set(METRICS) - {"trailing_pe", "forward_pe"} | {"symbol", "price_earnings"}
    assert set(row) == stated
    assert row["current_ratio"] is None


@pytest.mark.parametrize(
    ("trailing", "forward", "expected"),
    [
        (20.0, 10.0, 15.0),
        (20.0, None, 20.0),
        (20.0, -5.0, 20.0),
        (20.0, 0.0, 20.0),
        (None, 10.0, 10.0),
        (None, -10.0, None),
        (-4.0, 10.0, -4.0),
        (None, None, None),
    ],
)
def test_the_price_in_earnings_is_the_mean_of_trailing_and_expected(
    trailing: float | None, forward: float | None, expected: float | None
) -> None:
    rows = [figure("profit_margin", 0.1)]
    rows += [] if trailing is None else [figure("trailing_pe", trailing)]
    rows += [] if forward is None else [figure("forward_pe", forward)]
    assert known(*rows)["price_earnings"] == expected


def test_a_price_target_of_before_a_split_is_restated() -> None:
    events = actions(
        split("S", SESSION - timedelta(days=20), "2"),
        split("S", SESSION - timedelta(days=10), "4"),
        split("S", SESSION + timedelta(days=1), "3"),
        split("T", SESSION - timedelta(days=1), "7"),
    )
    assert known(figure("target_price", 100.0, 30), events=events)["target_price"] == 12.5
    # Known on the day of the split, it is in new shares.
    assert known(figure("target_price", 100.0, 20), events=events)["target_price"] == 25.0
    assert known(figure("profit_margin", 0.1, 30), events=events)["profit_margin"] == 0.1


def test_newest_known_keeps_one_row_per_figure() -> None:
    rows = [
        figure("profit_margin", 0.1, 30), figure("profit_margin", 0.2, 3),
        figure("current_ratio", 1.5, 400), figure("profit_margin", 0.3, 3, "A"),
    ]  # fmt: skip
    found = newest_known(table(Fundamentals, rows), SESSION)
    assert found.select("symbol", "metric", pl.col("value").cast(float)).rows() == [
        ("A", "profit_margin", 0.3), ("S", "current_ratio", 1.5), ("S", "profit_margin", 0.2),
    ]  # fmt: skip
    assert newest_known(table(Fundamentals, rows), date(2000, 1, 1)).is_empty()
