"""Whether an exchange trades at a moment: by the library's own answers, and on days that everybody knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import exchange_calendars
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources import trading_hours
from resources.trading_hours import first_close, market_at

EXCHANGES = ("XNYS", "XAMS", "XHKG", "XTKS")
_MINUTES_OF_A_YEAR = 365 * 24 * 60


class JanuaryOf2021(date):
    """A day from which the whole of 2020 can be seen."""

    @classmethod
    def today(cls) -> JanuaryOf2021:
        return cls(2021, 1, 10)


@pytest.fixture
def in_january_2021(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    trading_hours._calendar.cache_clear()
    monkeypatch.setattr(trading_hours, "date", JanuaryOf2021)
    yield
    trading_hours._calendar.cache_clear()


@cache
def oracle(exchange: str, side: str) -> Any:
    first = datetime.now(UTC).date() - timedelta(days=390)
    return exchange_calendars.get_calendar(exchange, start=first.isoformat(), side=side)


def minute_ago(minutes: int) -> datetime:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return now - timedelta(minutes=minutes)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(EXCHANGES), st.integers(0, _MINUTES_OF_A_YEAR))
def test_every_minute_of_the_last_year_is_judged_as_by_the_calendar_that_includes_both_sides(
    exchange: str, minutes: int
) -> None:
    moment = minute_ago(minutes)
    assert market_at(exchange, moment).is_open == oracle(exchange, "both").is_open_on_minute(moment)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(EXCHANGES), st.integers(0, 200), st.integers(-2, 2))
def test_the_minutes_around_each_bell_are_judged_as_by_that_calendar(
    exchange: str, sessions_ago: int, minutes: int
) -> None:
    calendar = oracle(exchange, "both")
    held = calendar.schedule.loc[: pd.Timestamp(minute_ago(0).date())].iloc[-1 - sessions_ago]
    for bell in (held["open"], held["break_start"], held["break_end"], held["close"]):
        if not pd.isna(bell):
            moment = bell.to_pydatetime() + timedelta(minutes=minutes)
            assert market_at(exchange, moment).is_open == calendar.is_open_on_minute(moment)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_librarys_usual_side_differs_in_the_minute_of_a_close_and_of_a_break_alone(
    exchange: str,
) -> None:
    usual = oracle(exchange, "left")
    last = usual.schedule.loc[: pd.Timestamp(minute_ago(0).date())].iloc[-2]
    first, final = last["open"].to_pydatetime(), last["close"].to_pydatetime()
    moments = [first + timedelta(minutes=n) for n in range(-3, (final - first).seconds // 60 + 4)]
    differing = {
        moment
        for moment in moments
        if market_at(exchange, moment).is_open != usual.is_open_on_minute(moment)
    }
    bells = {last["close"], last["break_start"]}
    assert differing == {bell.to_pydatetime() for bell in bells if not pd.isna(bell)}
    assert all(market_at(exchange, moment).is_open for moment in differing)


@pytest.mark.usefixtures("in_january_2021")
@pytest.mark.parametrize(
    ("exchange", "day", "opens"),
    [
        ("XNYS", date(2020, 7, 3), "opens 2020-07-06 09:30 America/New_York"),
        ("XNYS", date(2020, 11, 26), "opens 2020-11-27 09:30 America/New_York"),
        ("XAMS", date(2020, 4, 10), "opens 2020-04-14 09:00 Europe/Amsterdam"),
        ("XHKG", date(2020, 1, 27), "opens 2020-01-29 09:30 Asia/Hong_Kong"),
        ("XTKS", date(2020, 12, 31), "opens 2021-01-04 09:00 Asia/Tokyo"),
        # A weekend.
        ("XNYS", date(2020, 8, 22), "opens 2020-08-24 09:30 America/New_York"),
    ],
)
def test_a_day_without_a_session_says_when_the_next_one_opens(
    exchange: str, day: date, opens: str
) -> None:
    zone = ZoneInfo(opens.rpartition(" ")[2])
    for hour in (0, 9, 10, 12, 15, 23):
        market = market_at(exchange, datetime(day.year, day.month, day.day, hour, tzinfo=zone))
        assert not market.is_open
        assert market.exchange == exchange
        assert market.hours == f"no session on {day}; {opens}"


@pytest.mark.usefixtures("in_january_2021")
@pytest.mark.parametrize(
    ("exchange", "closes", "hours"),
    [
        # The day after Thanksgiving, and the day before Christmas.
        ("XNYS", datetime(2020, 11, 27, 18, 0, tzinfo=UTC), "09:30 to 13:00 America/New_York"),
        ("XNYS", datetime(2020, 12, 24, 18, 0, tzinfo=UTC), "09:30 to 13:00 America/New_York"),
        ("XAMS", datetime(2020, 12, 24, 13, 5, tzinfo=UTC), "09:00 to 14:05 Europe/Amsterdam"),
        # A morning without an afternoon has no break either.
        ("XHKG", datetime(2020, 12, 24, 4, 0, tzinfo=UTC), "09:30 to 12:00 Asia/Hong_Kong"),
    ],
)
def test_a_half_day_ends_with_its_early_close(exchange: str, closes: datetime, hours: str) -> None:
    at_close = market_at(exchange, closes)
    assert (at_close.is_open, at_close.hours) == (True, hours)
    assert not market_at(exchange, closes + timedelta(seconds=1)).is_open
    assert not market_at(exchange, closes + timedelta(hours=2)).is_open


@pytest.mark.usefixtures("in_january_2021")
def test_a_lunch_break_is_closed_between_its_two_bells_and_named() -> None:
    morning_ends = datetime(2020, 12, 23, 4, 0, tzinfo=UTC)
    afternoon_begins = morning_ends + timedelta(hours=1)
    second = timedelta(seconds=1)
    expected = [
        (morning_ends, True),
        (morning_ends + second, False),
        (afternoon_begins - second, False),
        (afternoon_begins, True),
    ]
    markets = [(moment, market_at("XHKG", moment)) for moment, _ in expected]
    assert [(moment, market.is_open) for moment, market in markets] == expected
    assert {market.hours for _, market in markets} == {
        "09:30 to 16:00 Asia/Hong_Kong, closed from 12:00 to 13:00"
    }


@pytest.mark.usefixtures("in_january_2021")
@pytest.mark.parametrize(
    ("exchange", "before", "after", "hours"),
    [
        # Clocks go forward in New York three weeks before they do in Amsterdam; Tokyo's never change.
        (
            "XNYS",
            datetime(2020, 3, 6, 14, 30, tzinfo=UTC),
            datetime(2020, 3, 9, 13, 30, tzinfo=UTC),
            "09:30 to 16:00 America/New_York",
        ),
        (
            "XAMS",
            datetime(2020, 3, 27, 8, 0, tzinfo=UTC),
            datetime(2020, 3, 30, 7, 0, tzinfo=UTC),
            "09:00 to 17:30 Europe/Amsterdam",
        ),
        (
            "XTKS",
            datetime(2020, 3, 6, 0, 0, tzinfo=UTC),
            datetime(2020, 3, 30, 0, 0, tzinfo=UTC),
            "09:00 to 15:00 Asia/Tokyo, closed from 11:30 to 12:30",
        ),
    ],
)
def test_an_exchange_opens_at_its_own_hour_on_both_sides_of_a_change_of_clocks(
    exchange: str, before: datetime, after: datetime, hours: str
) -> None:
    for opens in (before, after):
        assert not market_at(exchange, opens - timedelta(seconds=1)).is_open
        market = market_at(exchange, opens)
        assert (market.is_open, market.hours) == (True, hours)


@pytest.mark.usefixtures("in_january_2021")
def test_the_day_is_that_of_the_exchange_whatever_zone_the_moment_is_given_in() -> None:
    # Nine on Monday morning in Tokyo is still Sunday in New York.
    monday = datetime(2020, 8, 24, 9, 0, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert market_at("XTKS", monday.astimezone(ZoneInfo("America/New_York"))).is_open
    assert market_at("XNYS", monday).hours.startswith("no session on 2020-08-23")


@pytest.mark.parametrize(
    ("exchanges", "day", "closes"),
    [
        (("XNYS",), date(2020, 7, 6), datetime(2020, 7, 6, 20, tzinfo=UTC)),
        (("XNYS", "XAMS"), date(2020, 7, 6), datetime(2020, 7, 6, 15, 30, tzinfo=UTC)),
        # A holiday in New York, half a day, and a Sunday.
        (("XNYS", "XAMS"), date(2020, 11, 26), datetime(2020, 11, 26, 16, 30, tzinfo=UTC)),
        (("XNYS",), date(2020, 11, 27), datetime(2020, 11, 27, 18, tzinfo=UTC)),
        (("XNYS", "XAMS"), date(2020, 7, 5), datetime(2020, 7, 6, tzinfo=UTC)),
    ],
)
def test_the_first_close_of_a_day_is_that_of_the_exchange_that_closes_first(
    in_january_2021: None, exchanges: tuple[str, ...], day: date, closes: datetime
) -> None:
    assert first_close(exchanges, day) == closes
