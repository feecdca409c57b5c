"""Sessions as plain data, against loops over days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.calendars import TradingCalendars, end_of_session
from ballast.errors import ConfigurationError
from tests.ballast.builders import arithmetic, day

numbers = st.integers(0, 30)
session_sets = st.sets(numbers)


def calendars(sessions: set[int]) -> TradingCalendars:
    return TradingCalendars({"XNYS": tuple(day(number) for number in sorted(sessions))})


def test_a_session_ends_at_midnight_utc_after_it() -> None:
    assert end_of_session(date(2020, 2, 29)) == datetime(2020, 3, 1, tzinfo=UTC)
    assert end_of_session(date(2020, 12, 31)).tzinfo is UTC


def test_an_evening_in_new_york_after_midnight_utc_belongs_to_the_next_day() -> None:
    eastern = timezone(timedelta(hours=-5))
    assert datetime(2020, 1, 2, 18, 59, tzinfo=eastern) < end_of_session(date(2020, 1, 2))
    assert datetime(2020, 1, 2, 19, 0, tzinfo=eastern) >= end_of_session(date(2020, 1, 2))


@arithmetic
@given(session_sets, numbers)
def test_a_day_is_a_session_exactly_when_it_is_listed(sessions: set[int], number: int) -> None:
    assert calendars(sessions).is_session("XNYS", day(number)) == (number in sessions)


@arithmetic
@given(session_sets, numbers, numbers)
def test_sessions_between_include_both_ends(sessions: set[int], first: int, last: int) -> None:
    expected = tuple(day(n) for n in range(31) if n in sessions and first <= n <= last)
    assert calendars(sessions).sessions_between("XNYS", day(first), day(last)) == expected


@arithmetic
@given(session_sets, numbers, numbers)
def test_age_counts_the_sessions_after_the_observation(
    sessions: set[int], seen: int, now: int
) -> None:
    expected = sum(1 for n in sessions if seen < n <= now)
    assert calendars(sessions).sessions_since("XNYS", day(seen), day(now)) == expected


def test_any_session_needs_one_open_exchange() -> None:
    both = TradingCalendars({"XNYS": (day(1),), "XAMS": (day(1), day(2))})
    assert both.any_session(["XNYS", "XAMS"], day(2))
    assert not both.any_session(["XNYS"], day(2))
    assert not both.any_session([], day(1))


def test_an_exchange_without_calendar_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"'XLON'.*XNYS"):
        calendars({1}).is_session("XLON", day(1))


@arithmetic
@given(session_sets, session_sets, numbers, numbers)
def test_sessions_of_any_exchange_are_listed_once_and_in_order(
    one: set[int], other: set[int], first: int, last: int
) -> None:
    both = TradingCalendars(
        {
            name: tuple(day(number) for number in sorted(sessions))
            for name, sessions in (("XNYS", one), ("XAMS", other))
        }
    )
    expected = [day(number) for number in sorted(one | other) if first <= number <= last]
    assert both.sessions_of_any(("XNYS", "XAMS"), day(first), day(last)) == expected
    assert both.sessions_of_any((), day(first), day(last)) == []
