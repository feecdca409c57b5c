"""The recorded data as the pipeline sees it: prices of the day and exact rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from ballast.errors import MarketDataError
from ballast.tables import CorporateActions, ReferenceRates, polars_schema
from resources.market_data.protocol import OBSERVED_COLUMNS
from resources.market_data.recorded import RecordedMarketData, RecordedReferenceRates

FIRST, LAST = date(2010, 1, 1), date(2022, 12, 31)
DAY = date(2020, 8, 20)


def test_apple_closed_at_473_dollars_before_its_split_of_2020() -> None:
    bars = RecordedMarketData().bars(["AAPL"], DAY, DAY)
    assert tuple(bars.columns) == OBSERVED_COLUMNS
    assert bars["close"].to_list() == [473.10]


def test_a_recorded_split_shows_in_the_prices_as_traded() -> None:
    bars = RecordedMarketData().bars(["AAPL"], date(2020, 8, 28), date(2020, 8, 31))
    before, after = bars["close"]
    assert before / after == pytest.approx(4, rel=0.05)


def test_bars_include_the_first_and_the_last_day() -> None:
    bars = RecordedMarketData().bars(["MSFT", "AAPL"], DAY, date(2020, 8, 21))
    assert bars.select("symbol", "session").rows() == [
        ("AAPL", DAY), ("AAPL", date(2020, 8, 21)), ("MSFT", DAY), ("MSFT", date(2020, 8, 21)),
    ]  # fmt: skip


def test_an_unknown_symbol_is_an_error_that_names_it() -> None:
    with pytest.raises(MarketDataError, match="NOPE"):
        RecordedMarketData().bars(["AAPL", "NOPE"], DAY, DAY)
    with pytest.raises(MarketDataError, match="NOPE"):
        RecordedMarketData().corporate_actions(["NOPE"], DAY, DAY)


def test_dividends_are_per_share_of_the_ex_date() -> None:
    actions = RecordedMarketData().corporate_actions(["AAPL"], date(2012, 8, 9), date(2012, 8, 9))
    assert actions.schema == polars_schema(CorporateActions)
    # Apple paid 2.65 dollars on each share of 2012, which are 28 shares of today.
    [amount] = actions["amount"]
    assert amount.quantize(Decimal("0.01")) == Decimal("2.65")


def test_a_total_return_series_has_no_dividends() -> None:
    source = RecordedMarketData()
    assert source.bars(["KO"], FIRST, LAST)["is_total_return"].all()
    actions = source.corporate_actions(["KO", "AAPL"], FIRST, LAST)
    paying = actions.filter(pl.col("kind") == "dividend")["symbol"]
    assert set(paying) == {"AAPL"}


def test_a_reference_rate_is_exactly_the_published_one() -> None:
    rates = RecordedReferenceRates().reference_rates(["USD", "EUR"], DAY, DAY)
    assert rates.schema == polars_schema(ReferenceRates)
    assert rates.rows() == [(DAY, "USD", Decimal("1.1850"))]


def test_an_unrecorded_currency_is_an_error_that_names_it() -> None:
    with pytest.raises(MarketDataError, match="XXX"):
        RecordedReferenceRates().reference_rates(["USD", "XXX"], DAY, DAY)
