"""How YahooMarketData fails: aloud, with the symbol, and never for longer than Yahoo does."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from curl_cffi.requests import Session
from curl_cffi.requests.exceptions import RequestException

from ballast.errors import MarketDataError
from resources import clock
from resources.market_data.protocol import MarketData
from resources.market_data.yahoo import YahooMarketData
from tests.fakes.http import Reply
from tests.fakes.yahoo import (
    MALFORMED,
    SERVER_ERROR,
    TOO_MANY_REQUESTS,
    FakeYahoo,
    Listing,
    LoopbackSession,
)
from tests.resources.market_data.yahoo_listings import (
    FRIDAY,
    MONDAY,
    PLAIN,
    SPLIT,
    TUESDAY,
    WEDNESDAY,
    WEEK,
)


def test_a_dividend_in_another_currency_is_an_error_only_inside_the_window(
    yahoo: FakeYahoo, source: MarketData
) -> None:
    yahoo.listings["HSBA.L"] = Listing(
        closes={MONDAY: 700.0, TUESDAY: 701.0, WEDNESDAY: 702.0},
        dividends={MONDAY: (0.1, "USD"), TUESDAY: (0.08, "GBP"), WEDNESDAY: (8.0, "")},
        currency="GBp",
        time_zone="Europe/London",
    )
    in_pounds = source.corporate_actions(["HSBA.L"], TUESDAY, FRIDAY)
    assert in_pounds["amount"].to_list() == [Decimal("0.08"), Decimal("0.08")]
    with pytest.raises(MarketDataError, match=r"HSBA\.L: the dividend of 2024-06-03 is in USD"):
        source.corporate_actions(["HSBA.L"], MONDAY, FRIDAY)


@pytest.mark.parametrize("ratio", [(0, 1), (1, 0), (0, 0), (-2, 1)])
def test_an_impossible_split_is_an_error(
    yahoo: FakeYahoo, source: MarketData, ratio: tuple[float, float]
) -> None:
    yahoo.listings["SPLIT"] = Listing(closes=SPLIT.closes, splits={WEDNESDAY: ratio})
    with pytest.raises(MarketDataError, match="SPLIT"):
        source.corporate_actions(["SPLIT"], MONDAY, FRIDAY)


def test_a_dividend_without_an_amount_is_an_error(yahoo: FakeYahoo, source: MarketData) -> None:
    yahoo.listings["PLAIN"] = Listing(
        closes=PLAIN.closes, dividends={TUESDAY: 0.5, WEDNESDAY: None}
    )
    with pytest.raises(MarketDataError, match="PLAIN"):
        source.corporate_actions(["PLAIN"], MONDAY, FRIDAY)


def test_a_negative_dividend_is_an_error(yahoo: FakeYahoo, source: MarketData) -> None:
    yahoo.listings["PLAIN"] = Listing(closes=PLAIN.closes, dividends={WEDNESDAY: -0.5})
    with pytest.raises(MarketDataError, match="PLAIN: impossible events"):
        source.corporate_actions(["PLAIN"], MONDAY, FRIDAY)


def test_an_unknown_symbol_is_an_error_that_names_it(source: MarketData) -> None:
    with pytest.raises(MarketDataError, match="NOPE"):
        source.bars(["PLAIN", "NOPE"], MONDAY, FRIDAY)
    with pytest.raises(MarketDataError, match="NOPE"):
        source.corporate_actions(["NOPE"], MONDAY, FRIDAY)


def test_a_symbol_without_any_quotes_is_an_error(source: MarketData) -> None:
    with pytest.raises(MarketDataError, match="PLAIN"):
        source.bars(["PLAIN"], date(2025, 6, 2), date(2025, 6, 6))


def test_a_symbol_with_null_quotes_only_is_an_error(yahoo: FakeYahoo, source: MarketData) -> None:
    yahoo.listings["PLAIN"] = Listing(closes=dict.fromkeys(WEEK), dividends={TUESDAY: 0.5})
    with pytest.raises(MarketDataError, match="no quotes"):
        source.bars(["PLAIN"], MONDAY, FRIDAY)


def test_quotes_without_a_currency_are_an_error(yahoo: FakeYahoo, source: MarketData) -> None:
    yahoo.listings["PLAIN"] = Listing(closes=PLAIN.closes, currency=None)
    with pytest.raises(MarketDataError, match="names no currency"):
        source.bars(["PLAIN"], MONDAY, FRIDAY)


def test_a_rate_limit_that_passes_is_only_a_delay(yahoo: FakeYahoo, source: MarketData) -> None:
    # The library repeats a failed request once by itself, so two of these are one refusal.
    yahoo.faults.extend([TOO_MANY_REQUESTS] * 2 + [None] + [TOO_MANY_REQUESTS] * 2)
    assert source.bars(["PLAIN"], MONDAY, FRIDAY).height == len(WEEK)


def test_a_lasting_rate_limit_is_an_error_after_bounded_retries(
    yahoo: FakeYahoo, source: MarketData
) -> None:
    yahoo.lasting_fault = TOO_MANY_REQUESTS
    with pytest.raises(MarketDataError, match="PLAIN: the rate was still limited after 2 retries"):
        source.bars(["PLAIN"], MONDAY, FRIDAY)
    assert len(yahoo.charts_asked) == 3 * 2


def test_retries_wait_longer_each_time(yahoo: FakeYahoo, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("resources.market_data.yahoo.time.sleep", waits.append)
    yahoo.lasting_fault = TOO_MANY_REQUESTS
    session = LoopbackSession(yahoo.server.url)
    source = YahooMarketData(session=session, pause=0, retries=3, backoff=15)
    with pytest.raises(MarketDataError):
        source.bars(["PLAIN"], MONDAY, FRIDAY)
    assert [wait for wait in waits if wait] == [15, 30, 60]


def test_symbols_are_asked_at_a_pace(yahoo: FakeYahoo, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("resources.market_data.yahoo.time.sleep", waits.append)
    source = YahooMarketData(session=LoopbackSession(yahoo.server.url), pause=60)
    source.bars(["PLAIN", "SPLIT"], MONDAY, FRIDAY)
    assert waits[0] == 0
    assert 50 < waits[1] <= 60


@pytest.mark.parametrize("answers_before_it", [0, 1])
@pytest.mark.parametrize("fault", [SERVER_ERROR, MALFORMED, Reply(b"null"), Reply(b"{}")])
def test_a_broken_answer_is_an_error_and_is_not_remembered(
    yahoo: FakeYahoo, source: MarketData, fault: Reply, answers_before_it: int
) -> None:
    # The first question is for the time zone, the second for the quotes; each is repeated once
    # after a bad status. The library alone would keep the failure for the same past range.
    yahoo.faults.extend([None] * answers_before_it + [fault] * 2)
    with pytest.raises(MarketDataError, match="PLAIN"):
        source.bars(["PLAIN"], MONDAY, FRIDAY)
    yahoo.faults.clear()
    assert source.bars(["PLAIN"], MONDAY, FRIDAY).height == len(WEEK)


def test_an_error_says_what_broke(yahoo: FakeYahoo, source: MarketData) -> None:
    yahoo.faults.extend([None, MALFORMED])
    with pytest.raises(MarketDataError, match="PLAIN: JSONDecodeError"):
        source.bars(["PLAIN"], MONDAY, FRIDAY)


def test_broken_answers_about_corporate_actions_are_errors(
    yahoo: FakeYahoo, source: MarketData
) -> None:
    for fault in (SERVER_ERROR, MALFORMED):
        yahoo.lasting_fault = fault
        with pytest.raises(MarketDataError, match="SPLIT"):
            source.corporate_actions(["SPLIT"], MONDAY, FRIDAY)
    yahoo.lasting_fault = None
    assert source.corporate_actions(["SPLIT"], MONDAY, FRIDAY).height == 3


def test_a_refused_connection_is_an_error(yahoo: FakeYahoo, source: MarketData) -> None:
    yahoo.server.close()
    with pytest.raises(MarketDataError, match="PLAIN: ConnectionError"):
        source.bars(["PLAIN"], MONDAY, FRIDAY)


def test_without_a_session_the_library_brings_its_own_and_its_failures_are_errors(
    yahoo: FakeYahoo,
) -> None:
    with pytest.raises(MarketDataError, match="PLAIN"):
        YahooMarketData(pause=0, retries=0).bars(["PLAIN"], MONDAY, FRIDAY)


# The library


def test_every_request_for_quotes_ends_in_the_future(yahoo: FakeYahoo, source: MarketData) -> None:
    source.bars(["PLAIN"], MONDAY, TUESDAY)
    ends = [int(chart.query["period2"]) for chart in yahoo.charts_asked if "period2" in chart.query]
    assert [end > clock.now().timestamp() for end in ends] == [True]


def test_nothing_is_written_to_the_home_of_the_user(source: MarketData) -> None:
    import platformdirs
    import yfinance

    source.bars(["PLAIN"], MONDAY, FRIDAY)
    for manager in (yfinance.cache._TzDBManager, yfinance.cache._CookieDBManager):
        place = Path(manager.get_location())
        assert place.stat().st_mode & 0o077 == 0
        assert not place.is_relative_to(platformdirs.user_cache_dir())


def test_importing_the_adapter_imports_neither_yfinance_nor_pandas() -> None:
    code = (
        "import sys, resources.market_data.yahoo\n"
        "print(sorted({'yfinance', 'pandas', 'curl_cffi', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_libcurl_cannot_leave_the_machine_in_these_tests() -> None:
    with pytest.raises(RequestException), Session() as session:
        session.get("https://192.0.2.1/", timeout=5)
