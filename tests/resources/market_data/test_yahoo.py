"""What YahooMarketData returns, through the real yfinance and libcurl, from Yahoo on loopback."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

import polars as pl

from ballast.tables import CorporateActions, polars_schema
from resources import clock
from resources.market_data.protocol import OBSERVED_COLUMNS, MarketData
from tests.fakes.yahoo import FakeYahoo, Listing
from tests.resources.market_data.yahoo_listings import (
    FRIDAY,
    LATER,
    MONDAY,
    PLAIN,
    SPLIT,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
)


def column(frame: pl.DataFrame, name: str) -> dict[date, object]:
    return dict(zip(frame["session"], frame[name], strict=True))


# Bars


def test_bars_have_the_observed_columns_and_types(source: MarketData) -> None:
    bars = source.bars(["PLAIN"], MONDAY, FRIDAY)
    assert tuple(bars.columns) == OBSERVED_COLUMNS
    assert bars.row(0, named=True) == {
        "symbol": "PLAIN", "session": MONDAY, "open": 100.0, "high": 100.0, "low": 100.0,
        "close": 100.0, "volume": 10.0, "is_total_return": False, "source": "yahoo",
    }  # fmt: skip


def test_bars_of_several_symbols_come_sorted_and_once_each(source: MarketData) -> None:
    bars = source.bars(["SPLIT", "PLAIN", "SPLIT"], MONDAY, TUESDAY)
    assert bars.select("symbol", "session").rows() == [
        ("PLAIN", MONDAY), ("PLAIN", TUESDAY), ("SPLIT", MONDAY), ("SPLIT", TUESDAY),
    ]  # fmt: skip


def test_no_symbols_are_no_bars_and_no_questions(yahoo: FakeYahoo, source: MarketData) -> None:
    bars = source.bars([], MONDAY, FRIDAY)
    assert bars.is_empty()
    assert tuple(bars.columns) == OBSERVED_COLUMNS
    assert source.corporate_actions([], MONDAY, FRIDAY).is_empty()
    assert not yahoo.server.requests


def test_the_window_includes_its_first_and_last_day_and_nothing_else(source: MarketData) -> None:
    bars = source.bars(["PLAIN"], TUESDAY, THURSDAY)
    assert bars["session"].to_list() == [TUESDAY, WEDNESDAY, THURSDAY]


def test_bars_before_a_split_are_shown_as_traded(source: MarketData) -> None:
    bars = source.bars(["SPLIT"], MONDAY, FRIDAY)
    traded = [200.0, 202.0, 102.0, 103.0, 104.0]
    for name in ("open", "high", "low", "close"):
        assert bars[name].to_list() == traded
    assert bars["volume"].to_list() == [5.0, 10.0, 30.0, 40.0, 50.0]


def test_bars_do_not_change_when_the_share_splits_later(
    yahoo: FakeYahoo, source: MarketData
) -> None:
    before = source.bars(["PLAIN"], MONDAY, FRIDAY)
    yahoo.listings["PLAIN"] = Listing(
        closes={day: close / 10 for day, close in PLAIN.closes.items() if close} | {LATER: 12.0},
        volumes={day: volume * 10 for day, volume in PLAIN.volumes.items() if volume},
        splits={LATER: (10, 1)},
    )
    assert source.bars(["PLAIN"], MONDAY, FRIDAY).equals(before)


def test_a_split_on_a_day_without_a_quote_does_not_touch_the_session_before(
    yahoo: FakeYahoo, source: MarketData
) -> None:
    closes = {day: close for day, close in SPLIT.closes.items() if day != WEDNESDAY}
    yahoo.listings["SPLIT"] = Listing(closes=closes, splits=SPLIT.splits)
    bars = source.bars(["SPLIT"], MONDAY, FRIDAY)
    assert column(bars, "close") == {MONDAY: 200.0, TUESDAY: 202.0, THURSDAY: 103.0, FRIDAY: 104.0}


def test_a_null_close_is_a_missing_bar(yahoo: FakeYahoo, source: MarketData) -> None:
    yahoo.listings["PLAIN"] = Listing(closes={**PLAIN.closes, WEDNESDAY: None})
    bars = source.bars(["PLAIN"], MONDAY, FRIDAY)
    assert bars["session"].to_list() == [MONDAY, TUESDAY, THURSDAY, FRIDAY]


def test_a_null_close_on_an_ex_date_is_still_a_missing_bar(
    yahoo: FakeYahoo, source: MarketData
) -> None:
    yahoo.listings["PLAIN"] = Listing(
        closes={**PLAIN.closes, WEDNESDAY: None}, dividends={WEDNESDAY: 0.5}
    )
    assert WEDNESDAY not in source.bars(["PLAIN"], MONDAY, FRIDAY)["session"].to_list()
    actions = source.corporate_actions(["PLAIN"], MONDAY, FRIDAY)
    assert actions["ex_date"].to_list() == [WEDNESDAY]


def test_an_unknown_volume_is_null_and_not_zero(yahoo: FakeYahoo, source: MarketData) -> None:
    yahoo.listings["PLAIN"] = Listing(closes=PLAIN.closes, volumes={TUESDAY: 20})
    bars = source.bars(["PLAIN"], MONDAY, TUESDAY)
    assert column(bars, "volume") == {MONDAY: None, TUESDAY: 20.0}


def test_pence_become_pounds(yahoo: FakeYahoo, source: MarketData) -> None:
    yahoo.listings["VOD.L"] = Listing(
        closes={MONDAY: 70.12, TUESDAY: 71.0},
        volumes={MONDAY: 1000, TUESDAY: 1000},
        dividends={TUESDAY: 4.5},
        currency="GBp",
        time_zone="Europe/London",
        opens_at=time(8),
    )
    bars = source.bars(["VOD.L"], MONDAY, TUESDAY)
    assert bars["close"].to_list() == [0.7012, 0.71]
    assert bars["volume"].to_list() == [1000.0, 1000.0]
    actions = source.corporate_actions(["VOD.L"], MONDAY, TUESDAY)
    assert actions["amount"].to_list() == [Decimal("0.045")]


def test_the_session_is_the_day_at_the_exchange(yahoo: FakeYahoo, source: MarketData) -> None:
    # Ten in the morning in Auckland is still the day before in UTC.
    yahoo.listings["AIR.NZ"] = Listing(
        closes={TUESDAY: 0.55, WEDNESDAY: 0.56},
        dividends={WEDNESDAY: 0.02},
        currency="NZD",
        time_zone="Pacific/Auckland",
        opens_at=time(10),
    )
    bars = source.bars(["AIR.NZ"], TUESDAY, TUESDAY)
    assert column(bars, "close") == {TUESDAY: 0.55}
    actions = source.corporate_actions(["AIR.NZ"], WEDNESDAY, WEDNESDAY)
    assert actions["ex_date"].to_list() == [WEDNESDAY]


def test_a_window_without_sessions_of_a_known_symbol_is_empty(source: MarketData) -> None:
    saturday, sunday = FRIDAY + timedelta(days=1), FRIDAY + timedelta(days=2)
    bars = source.bars(["PLAIN"], saturday, sunday)
    assert bars.is_empty()
    assert tuple(bars.columns) == OBSERVED_COLUMNS


def test_a_window_in_the_future_of_a_living_symbol_is_empty(
    yahoo: FakeYahoo, source: MarketData
) -> None:
    today = clock.today()
    yahoo.listings["PLAIN"] = Listing(closes={today - timedelta(days=3): 100.0})
    assert source.bars(["PLAIN"], today + timedelta(days=30), today + timedelta(days=40)).is_empty()


# Corporate actions


def test_corporate_actions_are_those_of_the_share_on_the_ex_date(source: MarketData) -> None:
    actions = source.corporate_actions(["SPLIT"], MONDAY, FRIDAY)
    assert actions.schema == polars_schema(CorporateActions)
    assert actions.drop("source", "symbol").rows() == [
        # Before the split every one of today's two shares stood for half a share.
        (TUESDAY, "dividend", None, Decimal("0.5")),
        (WEDNESDAY, "split", Decimal(2), None),
        (THURSDAY, "dividend", None, Decimal("0.3")),
    ]
    assert set(actions["source"]) == {"yahoo"}


def test_corporate_actions_stop_at_the_last_day_but_know_later_splits(source: MarketData) -> None:
    actions = source.corporate_actions(["SPLIT"], MONDAY, TUESDAY)
    assert actions.select("ex_date", "kind", "amount").rows() == [
        (TUESDAY, "dividend", Decimal("0.5"))
    ]
