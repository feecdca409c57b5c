"""The loss of a session and sales at a loss in a row."""

from __future__ import annotations

import polars as pl
import pytest

from ballast.guards.losses import losing_streaks, loss_streak_guard, session_returns
from ballast.tables import Drawdowns
from tests.ballast.builders import day, table
from tests.ballast.guards.accounts import EARLIER, SESSION, SETTINGS, state
from tests.ballast.guards.trades import gains, ledger_of


@pytest.mark.parametrize(
    ("results", "streak"),
    [
        ([], 0), ([5], 0), ([-5], 1), ([-5, -5, 0], 0), ([9, -1, -1, -1], 3), ([-1, 9, -1], 1),
        ([-1, None, -1], 3), ([None], 1), ([-1, -1, -1, -1], 4),
    ],
)  # fmt: skip
def test_the_streak_is_counted_back_from_the_last_sale(
    results: list[int | None], streak: int
) -> None:
    found = losing_streaks(gains(*results), ledger_of(results), ["one", "two"])
    assert found["streak"].to_list() == [streak, 0]


def test_the_lots_of_one_sale_are_one_sale() -> None:
    lots = pl.concat([gains(-5), gains(-5), gains(-5)])
    assert losing_streaks(lots, ledger_of([-5]), ["one"])["streak"].to_list() == [1]


def test_the_block_ends_with_the_session_of_the_last_sale() -> None:
    for closed_on, expected in ((SESSION, "block_buys"), (EARLIER, "warn")):
        sold = gains(-1, -1, -1, closed_on=closed_on)
        streaks = losing_streaks(sold, ledger_of([-1, -1, -1]), ["one"])
        assert state(loss_streak_guard(streaks, SETTINGS, SESSION)) == expected


def test_the_return_of_another_session_is_not_that_of_this_one() -> None:
    growth = table(
        Drawdowns,
        [{"level": "account", "subject": "one", "session": day(0), "daily_return": -0.9}],
    )
    found = session_returns(growth, ["one", "new"], ["one"], day(1))
    assert found.rows() == [("new", None, False), ("one", None, True)]


def test_a_start_is_told_from_an_unknown_return() -> None:
    growth = table(
        Drawdowns,
        [
            {"level": "account", "subject": "start", "session": day(0)},
            {"level": "account", "subject": "gap", "session": day(0), "unknown_reason": "no price"},
            {"level": "total", "subject": "gap", "session": day(0), "daily_return": 0.5},
        ],
    )
    found = session_returns(growth, ["gap", "start"], ["gap", "start"], day(0))
    assert dict(found.select("account_id", "has_begun").iter_rows()) == {
        "gap": True, "start": False,
    }  # fmt: skip
    assert found["daily_return"].null_count() == 2
