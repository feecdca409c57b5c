"""What YahooFundamentals returns and remembers, through the real yfinance and libcurl, from Yahoo on loopback."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from ballast.errors import MarketDataError
from ballast.tables import Fundamentals, polars_schema
from resources import clock
from resources.market_data.yahoo import YahooMarketData
from resources.market_data.yahoo_fundamentals import YahooFundamentals
from tests.ballast.builders import D
from tests.fakes.yahoo import MALFORMED, SERVER_ERROR, TOO_MANY_REQUESTS, FakeYahoo

FRIDAY = date(2024, 6, 7)
NOTHING = Fundamentals.create_empty()
PROFILE: dict[str, dict[str, object]] = {
    "quoteType": {"symbol": "PLAIN", "quoteType": "EQUITY"},
    "summaryDetail": {
        "currency": "USD", "trailingPE": 30.0, "forwardPE": 25, "payoutRatio": 0.25, "maxAge": 1,
    },
    "financialData": {
        "profitMargins": -0.1, "debtToEquity": 150.5, "currentRatio": 1.1,
        "recommendationMean": 1.9, "recommendationKey": "buy", "targetMeanPrice": 120.0,
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    set_today(monkeypatch, FRIDAY)


def set_today(monkeypatch: pytest.MonkeyPatch, day: date, hour: int = 22, minute: int = 0) -> None:
    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: moment)
    monkeypatch.setattr(clock, "today", lambda: day)


def next_close(session: date) -> datetime:
    """Weekends follow Fridays, and the exchange closes at eight."""
    following = session + timedelta(days=3 if session.weekday() == 4 else 1)
    return datetime(following.year, following.month, following.day, 20, tzinfo=UTC)


@pytest.fixture
def figures(yahoo: FakeYahoo, source: YahooMarketData) -> YahooFundamentals:
    yahoo.profiles["PLAIN"] = PROFILE
    return YahooFundamentals(source, next_close)


def without(*names: str) -> dict[str, Mapping[str, object]]:
    return {
        module: {name: value for name, value in fields.items() if name not in names}
        for module, fields in PROFILE.items()
    }


def values(frame: pl.DataFrame) -> dict[str, float]:
    return dict(frame.select("metric", pl.col("value").cast(float)).iter_rows())


def test_what_yahoo_shows_is_known_from_the_session_on(figures: YahooFundamentals) -> None:
    found = figures.fundamentals(["PLAIN"], FRIDAY, NOTHING)
    assert found.schema == polars_schema(Fundamentals)
    assert found["known_on"].unique().to_list() == [FRIDAY]
    assert values(found) == {
        "trailing_pe": 30.0, "forward_pe": 25.0, "profit_margin": -0.1, "debt_to_equity": 150.5,
        "current_ratio": 1.1, "payout_ratio": 0.25, "recommendation": 1.9, "target_price": 120.0,
    }  # fmt: skip


def test_what_yahoo_does_not_show_is_left_out(yahoo: FakeYahoo, figures: YahooFundamentals) -> None:
    yahoo.profiles["PLAIN"] = {
        **without("forwardPE", "targetMeanPrice"),
        "defaultKeyStatistics": {},
    }
    found = values(figures.fundamentals(["PLAIN"], FRIDAY, NOTHING))
    assert {"forward_pe", "target_price"} & set(found) == set()
    assert len(found) == 6


@pytest.mark.parametrize("shown", ["Infinity", None, {}, "n/a"])
def test_a_word_is_no_figure(yahoo: FakeYahoo, figures: YahooFundamentals, shown: object) -> None:
    yahoo.profiles["PLAIN"] = {**PROFILE, "summaryDetail": {"currency": "USD", "trailingPE": shown}}
    assert "trailing_pe" not in values(figures.fundamentals(["PLAIN"], FRIDAY, NOTHING))


def test_an_impossible_figure_is_left_out(yahoo: FakeYahoo, figures: YahooFundamentals) -> None:
    shown: dict[str, object] = {
        "recommendationMean": 0.0,
        "targetMeanPrice": 0.0,
        "currentRatio": 2,
    }
    yahoo.profiles["PLAIN"] = {**PROFILE, "financialData": shown}
    found = values(figures.fundamentals(["PLAIN"], FRIDAY, NOTHING))
    assert {"recommendation", "target_price"} & set(found) == set()
    assert found["current_ratio"] == 2.0


def test_a_target_in_pence_becomes_pounds(yahoo: FakeYahoo, figures: YahooFundamentals) -> None:
    yahoo.profiles["PLAIN"] = {**PROFILE, "summaryDetail": {"currency": "GBp"}}
    assert values(figures.fundamentals(["PLAIN"], FRIDAY, NOTHING))["target_price"] == 1.2


def test_a_fund_has_no_figures_and_that_is_no_error(
    yahoo: FakeYahoo, figures: YahooFundamentals
) -> None:
    yahoo.profiles["FUND"] = {"quoteType": {"symbol": "FUND", "quoteType": "ETF"}}
    assert figures.fundamentals(["FUND"], FRIDAY, NOTHING).is_empty()


@pytest.mark.parametrize(
    "day", [FRIDAY - timedelta(days=1), FRIDAY + timedelta(days=4), FRIDAY + timedelta(days=400)]
)
def test_a_session_that_is_not_the_newest_is_never_told_what_yahoo_shows_now(
    yahoo: FakeYahoo, figures: YahooFundamentals, monkeypatch: pytest.MonkeyPatch, day: date
) -> None:
    set_today(monkeypatch, day)
    assert figures.fundamentals(["PLAIN"], FRIDAY, NOTHING).is_empty()
    assert not yahoo.server.requests


@pytest.mark.parametrize(
    ("days", "hour", "minute", "is_told"),
    [
        (0, 22, 0, True), (1, 0, 20, True), (2, 23, 59, True), (3, 0, 20, True),
        (3, 19, 59, True), (3, 20, 0, False), (3, 23, 30, False), (4, 0, 20, False),
    ],
)  # fmt: skip
def test_figures_are_of_the_session_only_until_the_next_one_has_closed(
    yahoo: FakeYahoo, figures: YahooFundamentals, monkeypatch: pytest.MonkeyPatch,
    days: int, hour: int, minute: int, is_told: bool,
) -> None:  # fmt: skip
    set_today(monkeypatch, FRIDAY + timedelta(days=days), hour, minute)
    found = figures.fundamentals(["PLAIN"], FRIDAY, NOTHING)
    assert found.height == (8 if is_told else 0)
    assert yahoo.summaries_asked == (["PLAIN"] if is_told else [])


def test_what_was_seen_lately_is_remembered_and_not_asked_again(
    yahoo: FakeYahoo, figures: YahooFundamentals, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = figures.fundamentals(["PLAIN"], FRIDAY, NOTHING)
    assert yahoo.summaries_asked == ["PLAIN"]
    yahoo.profiles["PLAIN"] = {**PROFILE, "summaryDetail": {"currency": "USD", "trailingPE": 5.0}}
    # Also by a second run of the same session.
    for days in (0, 3, 6):
        session = FRIDAY + timedelta(days=days)
        set_today(monkeypatch, session)
        assert figures.fundamentals(["PLAIN"], session, seen).equals(seen)
    assert yahoo.summaries_asked == ["PLAIN"]


def test_after_a_week_new_figures_take_the_place_of_old_ones_and_others_stay(
    yahoo: FakeYahoo, figures: YahooFundamentals, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = figures.fundamentals(["PLAIN"], FRIDAY, NOTHING)
    week_later = FRIDAY + timedelta(days=7)
    set_today(monkeypatch, week_later)
    changed = {**without("forwardPE"), "financialData": {"profitMargins": 0.3}}
    yahoo.profiles["PLAIN"] = changed
    found = figures.fundamentals(["PLAIN"], week_later, seen)
    known_on = dict(found.select("metric", "known_on").iter_rows())
    assert values(found)["profit_margin"] == 0.3
    assert known_on["profit_margin"] == week_later
    assert values(found)["forward_pe"] == 25.0
    assert known_on["forward_pe"] == FRIDAY


def test_what_others_or_later_sessions_knew_is_not_remembered(figures: YahooFundamentals) -> None:
    row = {"symbol": "PLAIN", "metric": "trailing_pe", "known_on": FRIDAY, "value": D(1)}
    remembered = pl.DataFrame(
        [row | {"symbol": "OTHER"}, row | {"known_on": FRIDAY + timedelta(days=3)}],
        schema=polars_schema(Fundamentals),
    )
    assert values(figures.fundamentals(["PLAIN"], FRIDAY, remembered))["trailing_pe"] == 30.0


def test_a_limited_rate_is_waited_for(yahoo: FakeYahoo, figures: YahooFundamentals) -> None:
    yahoo.faults.extend([TOO_MANY_REQUESTS, None])
    assert figures.fundamentals(["PLAIN"], FRIDAY, NOTHING).height == 8


@pytest.mark.parametrize("fault", [TOO_MANY_REQUESTS, SERVER_ERROR, MALFORMED])
def test_a_failure_is_an_error_that_names_the_symbol(
    yahoo: FakeYahoo, figures: YahooFundamentals, fault: object
) -> None:
    yahoo.lasting_fault = fault  # type: ignore[assignment]
    with pytest.raises(MarketDataError, match="PLAIN"):
        figures.fundamentals(["PLAIN"], FRIDAY, NOTHING)


def test_an_unknown_symbol_is_an_error_that_names_it(figures: YahooFundamentals) -> None:
    with pytest.raises(MarketDataError, match="NOPE"):
        figures.fundamentals(["NOPE"], FRIDAY, NOTHING)


@pytest.mark.parametrize(
    "profile",
    [without("quoteType"), without("currency"), {"quoteType": {}}],
    ids=["no kind", "no currency", "empty"],
)
def test_an_answer_that_cannot_be_understood_is_an_error(
    yahoo: FakeYahoo, figures: YahooFundamentals, profile: dict[str, dict[str, object]]
) -> None:
    yahoo.profiles["PLAIN"] = profile
    with pytest.raises(MarketDataError, match="PLAIN"):
        figures.fundamentals(["PLAIN"], FRIDAY, NOTHING)
