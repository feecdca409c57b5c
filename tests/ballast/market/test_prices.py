"""The last known price of every security, and how old it is in sessions of its own exchange."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.calendars import TradingCalendars
from ballast.errors import ConfigurationError
from ballast.market.prices import latest_prices
from ballast.tables import Prices
from tests.ballast.builders import D, Row, bar, bars, daily_calendars, day, framewise, securities

LIMIT = 3
EVERY_DAY = daily_calendars("XNYS")


def priced(
    *rows: Row, on: int, calendars: TradingCalendars = EVERY_DAY, limit: int = LIMIT
) -> dict[str, Row]:
    frame = latest_prices(
        bars(*rows), securities("AAA", "BBB"), calendars, day(on), stale_limit=limit
    )
    Prices.validate(frame)
    return {row["symbol"]: row for row in frame.iter_rows(named=True)}


def test_the_last_close_is_the_price() -> None:
    price = priced(bar("AAA", day(1), 11.0), bar("AAA", day(0), 10.0), on=1)["AAA"]
    assert (price["price"], price["price_session"], price["sessions_old"]) == (D(11), day(1), 0)
    assert not price["is_stale"]
    assert not price["blocks_planning"]


def test_a_security_that_was_never_quoted_has_no_price_and_blocks() -> None:
    price = priced(bar("AAA", day(0), 10.0), on=0)["BBB"]
    assert price["price"] is price["price_session"] is price["sessions_old"] is None
    assert price["is_stale"]
    assert price["blocks_planning"]


def test_nothing_quoted_at_all_leaves_every_security_listed_and_blocked() -> None:
    assert {symbol: row["blocks_planning"] for symbol, row in priced(on=0).items()} == {
        "AAA": True,
        "BBB": True,
    }


@pytest.mark.parametrize(
    ("age", "is_stale", "blocks"), [(0, False, False), (1, True, False), (3, True, False), (4, True, True)]
)  # fmt: skip
def test_a_price_is_stale_after_one_session_and_blocks_beyond_the_limit(
    age: int, is_stale: bool, blocks: bool
) -> None:
    price = priced(bar("AAA", day(0), 10.0), on=age)["AAA"]
    assert (price["is_stale"], price["blocks_planning"]) == (is_stale, blocks)


def test_a_limit_of_zero_blocks_any_stale_price_but_not_a_fresh_one() -> None:
    assert not priced(bar("AAA", day(1), 10.0), on=1, limit=0)["AAA"]["blocks_planning"]
    assert priced(bar("AAA", day(0), 10.0), on=1, limit=0)["AAA"]["blocks_planning"]


@framewise
@given(st.sets(st.integers(0, 15)), st.sets(st.integers(0, 15), min_size=1), st.integers(15, 16))
def test_age_counts_only_days_on_which_its_own_exchange_was_open(
    open_on: set[int], quoted: set[int], now: int
) -> None:
    calendars = TradingCalendars(
        {"XNYS": tuple(day(n) for n in sorted(open_on)), "XAMS": tuple(day(n) for n in range(20))}
    )
    price = priced(*(bar("AAA", day(n), 10.0 + n) for n in quoted), on=now, calendars=calendars)
    expected = sum(1 for n in open_on if max(quoted) < n <= now)
    assert price["AAA"]["sessions_old"] == expected
    assert price["AAA"]["is_stale"] == (expected > 0)
    assert price["AAA"]["blocks_planning"] == (expected > LIMIT)
    assert price["AAA"]["price"] == D(10 + max(quoted))


def test_a_price_is_exact_to_the_sixth_decimal() -> None:
    assert priced(bar("AAA", day(0), 0.1 + 0.2), on=0)["AAA"]["price"] == D("0.3")


def test_each_security_keeps_its_currency_and_exchange() -> None:
    table = securities("AAA", currency="HKD", exchange="XHKG")
    calendars = TradingCalendars({"XHKG": (day(0), day(4)), "XNYS": ()})
    frame = latest_prices(bars(bar("AAA", day(0), 1)), table, calendars, day(3), stale_limit=3)
    assert frame.select("currency", "sessions_old").rows() == [("HKD", 0)]


def test_an_exchange_without_calendar_is_an_error_and_not_a_fresh_price() -> None:
    with pytest.raises(ConfigurationError, match="XLON"):
        latest_prices(
            bars(bar("AAA", day(0), 1.0)),
            securities("AAA", exchange="XLON"),
            EVERY_DAY,
            day(0),
            stale_limit=3,
        )


@framewise
@given(st.sets(st.integers(0, 5), min_size=1), st.data())
def test_row_order_is_irrelevant(quoted: set[int], data: st.DataObject) -> None:
    rows = [bar(symbol, day(n), 10.0 + n) for n in quoted for symbol in ("AAA", "BBB")]
    shuffled = data.draw(st.permutations(rows))
    table, reversed_table = securities("AAA", "BBB"), securities("BBB", "AAA")
    assert_frame_equal(
        latest_prices(bars(*shuffled), reversed_table, EVERY_DAY, day(5), stale_limit=3),
        latest_prices(bars(*rows), table, EVERY_DAY, day(5), stale_limit=3),
    )


def test_bars_of_unlisted_securities_are_ignored() -> None:
    frame = latest_prices(
        bars(bar("ZZZ", day(0), 1.0)), securities("AAA"), EVERY_DAY, day(0), stale_limit=3
    )
    assert frame.select(pl.col("symbol")).rows() == [("AAA",)]
