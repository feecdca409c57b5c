"""The gates of the price history: each by its name, and none by another's."""

from __future__ import annotations

import math
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.calendars import TradingCalendars
from ballast.market.quality import gaps, judge
from ballast.tables import Bars, QualityFindings
from tests.ballast.builders import (
    Row,
    actions,
    bar,
    bars,
    daily_calendars,
    day,
    framewise,
    observed,
    securities,
    split,
)

LIMIT = 0.40
NO_ACTIONS = actions()
NOTHING_KNOWN = bars()


def series(*closes: float | None, first: int = 0, symbol: str = "AAA") -> list[Row]:
    """Return a bar a day; None is a day without one."""
    return [
        bar(symbol, day(first + number), close)
        for number, close in enumerate(closes)
        if close is not None
    ]


def judged(
    *rows: Row, context: pl.DataFrame = NOTHING_KNOWN, events: pl.DataFrame = NO_ACTIONS
) -> tuple[dict[int, int], dict[int, set[str]]]:
    """Return, by day number, when each accepted bar is known, and the rules found."""
    result = judge(observed(*rows), context, events, jump_limit=LIMIT)
    QualityFindings.validate(result.findings)
    known = {
        number_of(session): number_of(known_on)
        for session, known_on in result.accepted.select("session", "known_on").iter_rows()
    }
    found: dict[int, set[str]] = {}
    for session, rule in result.findings.select("session", "rule").iter_rows():
        found.setdefault(number_of(session), set()).add(rule)
    return known, found


def number_of(session: date) -> int:
    return (session - day(0)).days


def quarantined(*rows: Row) -> set[int]:
    result = judge(observed(*rows), NOTHING_KNOWN, NO_ACTIONS, jump_limit=LIMIT)
    return {number_of(s) for s in result.findings.filter(pl.col("is_quarantined"))["session"]}


def test_ordinary_bars_are_accepted_and_known_at_the_end_of_their_own_session() -> None:
    assert judged(*series(100, 110, 90, 95)) == ({0: 0, 1: 1, 2: 2, 3: 3}, {})


def test_identical_rows_are_one_bar() -> None:
    assert judged(*series(100, 101), *series(100, 101)) == ({0: 0, 1: 1}, {})


def test_two_different_bars_for_one_session_are_both_kept_out() -> None:
    known, found = judged(*series(100, 101), bar("AAA", day(1), 102))
    assert (known, found) == ({0: 0}, {1: {"duplicate_session"}})


@pytest.mark.parametrize(
    ("flaw", "rule"),
    [
        ({"close": -1.0}, "prices_are_positive"),
        ({"close": 0.0}, "prices_are_positive"),
        ({"close": math.nan}, "prices_are_positive"),
        ({"close": math.inf}, "prices_are_positive"),
        ({"open": 0.0}, "prices_are_positive"),
        ({"high": math.inf}, "high|inf"),
        ({"low": -5.0}, "prices_are_positive"),
        ({"close": None}, "close|nullability"),
        ({"high": 99.0}, "high_and_low_enclose_open_and_close"),
        ({"low": 101.0}, "high_and_low_enclose_open_and_close"),
        ({"open": 150.0}, "high_and_low_enclose_open_and_close"),
        ({"open": 50.0}, "high_and_low_enclose_open_and_close"),
    ],
)
def test_a_flawed_bar_is_kept_out_under_the_name_of_its_rule(flaw: Row, rule: str) -> None:
    known, found = judged(bar("AAA", day(0), 100.0), bar("AAA", day(1), 100.0) | flaw)
    assert known == {0: 0}
    assert rule in found[1]


@pytest.mark.parametrize("missing", [None, math.nan])
@pytest.mark.parametrize("name", ["open", "high", "low", "volume"])
def test_a_bar_may_lack_everything_but_its_close(name: str, missing: float | None) -> None:
    result = judge(
        observed(bar("AAA", day(0), 100.0) | {name: missing}),
        NOTHING_KNOWN,
        NO_ACTIONS,
        jump_limit=LIMIT,
    )
    assert result.accepted[name].to_list() == [None]
    assert result.findings.is_empty()


def test_a_bound_may_miss_the_close_by_what_sources_round_away() -> None:
    assert judged(bar("AAA", day(0), 100.0) | {"high": 99.9995})[1] == {}
    assert judged(bar("AAA", day(0), 100.0) | {"high": 99.998})[1] != {}


@pytest.mark.parametrize("spike", [150.0, 1000.0, 55.0, 1.0])
def test_a_jump_that_the_next_bar_takes_back_is_a_spike(spike: float) -> None:
    assert judged(*series(100, spike, 100)) == ({0: 0, 2: 2}, {1: {"spike"}})


@pytest.mark.parametrize("level", [150.0, 1000.0, 55.0, 1.0])
def test_a_jump_that_stays_is_let_in_and_known_one_session_later(level: float) -> None:
    known, found = judged(*series(100, level, level * 1.01))
    assert (known, found) == ({0: 0, 1: 2, 2: 2}, {1: {"jump_confirmed"}})
    assert quarantined(*series(100, level, level * 1.01)) == set()


def test_a_jump_in_the_newest_bar_is_kept_out_until_the_next_session() -> None:
    assert judged(*series(100, 160)) == ({0: 0}, {1: {"jump_unconfirmed"}})
    assert quarantined(*series(100, 160)) == {1}


def test_a_jump_is_confirmed_by_the_next_bar_however_late_it_comes() -> None:
    assert judged(*series(100, 160, None, None, 165))[0] == {0: 0, 1: 4, 4: 4}


def test_a_second_jump_in_the_same_direction_confirms_the_first() -> None:
    known, found = judged(*series(100, 200, 400, 410))
    assert known == {0: 0, 1: 2, 2: 3, 3: 3}
    assert found == {1: {"jump_confirmed"}, 2: {"jump_confirmed"}}


def test_an_ordinary_bar_between_two_spikes_is_none() -> None:
    known, found = judged(*series(100, 300, 100, 300, 100))
    assert known == {0: 0, 2: 2, 4: 4}
    assert found == {1: {"spike"}, 3: {"spike"}}


def test_a_move_of_exactly_the_limit_needs_no_confirmation() -> None:
    assert judged(*series(100, 140))[1] == {}
    assert judged(*series(100, 60))[1] == {}
    assert judged(*series(100, 140.1))[1] == {1: {"jump_unconfirmed"}}
    assert judged(*series(100, 59.9))[1] == {1: {"jump_unconfirmed"}}


def test_the_first_bar_of_a_security_has_nothing_to_jump_from() -> None:
    assert judged(*series(100)) == ({0: 0}, {})


def test_the_newest_known_bar_before_is_what_the_first_observed_one_jumps_from() -> None:
    context = bars(*series(90, 100))
    assert judged(*series(160, first=2), context=context) == ({}, {2: {"jump_unconfirmed"}})
    assert judged(*series(110, first=2), context=context) == ({2: 2}, {})


def test_known_bars_of_observed_sessions_are_no_context() -> None:
    context = bars(*series(100, 500))
    assert judged(*series(101, first=1), context=context) == ({1: 1}, {})


def test_securities_are_judged_each_by_itself() -> None:
    rows = [*series(100, 500, 100), *series(7, 7, 7, symbol="BBB")]
    result = judge(observed(*rows), NOTHING_KNOWN, NO_ACTIONS, jump_limit=LIMIT)
    assert result.findings.select("symbol", "rule").rows() == [("AAA", "spike")]
    assert result.accepted.filter(symbol="BBB").height == 3


@pytest.mark.parametrize(("ratio", "after"), [("4", 25.0), ("0.1", 1000.0), ("1.5", 66.7)])
def test_a_split_explains_the_jump_of_its_ex_date(ratio: str, after: float) -> None:
    events = actions(split("AAA", day(1), ratio))
    assert judged(*series(100, after, after), events=events) == ({0: 0, 1: 1, 2: 2}, {})


def test_a_split_explains_the_jump_when_its_ex_date_has_no_bar() -> None:
    events = actions(split("AAA", day(1), "4"))
    assert judged(*series(100, None, 25), events=events) == ({0: 0, 2: 2}, {})


def test_two_splits_between_two_bars_count_both() -> None:
    events = actions(split("AAA", day(1), "2"), split("AAA", day(2), "5"))
    assert judged(*series(100, None, None, 10), events=events) == ({0: 0, 3: 3}, {})


def test_a_split_does_not_explain_what_it_did_not_cause() -> None:
    events = actions(split("AAA", day(1), "4"), split("BBB", day(2), "4"))
    assert judged(*series(100, 25, 6), events=events)[1] == {2: {"jump_unconfirmed"}}
    assert judged(*series(100, 100), events=events)[1] == {1: {"jump_unconfirmed"}}


def test_a_dividend_explains_no_jump() -> None:
    events = actions({"symbol": "AAA", "ex_date": day(1), "kind": "dividend", "amount": 50})
    assert judged(*series(100, 50), events=events)[1] == {1: {"jump_unconfirmed"}}


closes = st.lists(
    st.sampled_from([100.0, 120.0, 150.0, 300.0, 40.0, -1.0, None]), min_size=1, max_size=8
)


@framewise
@given(closes, closes, st.data())
def test_row_order_is_irrelevant(one: list, other: list, data: st.DataObject) -> None:
    rows = [*series(*one), *series(*other, symbol="BBB"), *series(*one[:2])]
    shuffled = data.draw(st.permutations(rows))
    first, second = (
        judge(observed(*order), NOTHING_KNOWN, NO_ACTIONS, jump_limit=LIMIT)
        for order in (rows, shuffled)
    )
    assert_frame_equal(first.findings, second.findings)
    by_bar = ["symbol", "session"]
    assert_frame_equal(first.accepted.sort(by_bar), second.accepted.sort(by_bar))


@framewise
@given(closes)
def test_every_bar_is_accepted_or_quarantined_and_never_both(values: list) -> None:
    rows = series(*values)
    result = judge(observed(*rows), NOTHING_KNOWN, NO_ACTIONS, jump_limit=LIMIT)
    Bars.validate(result.accepted)
    accepted = {number_of(session) for session in result.accepted["session"]}
    assert accepted | quarantined(*rows) == {number_of(row["session"]) for row in rows}
    assert not accepted & quarantined(*rows)


@framewise
@given(closes, st.sampled_from([0.5, 2.0, 1024.0]))
def test_the_scale_of_the_prices_is_irrelevant(values: list, factor: float) -> None:
    scaled = [None if close is None else close * factor for close in values]
    assert judged(*series(*scaled)) == judged(*series(*values))


def test_nothing_observed_is_nothing_found() -> None:
    assert judged() == ({}, {})


some_days = st.sets(st.integers(0, 12))


def found_gaps(rows: list[Row], first: int, last: int, calendars: TradingCalendars) -> set[int]:
    frame = gaps(bars(*rows), securities("AAA", "BBB"), calendars, day(first), day(last))
    QualityFindings.validate(frame)
    assert not frame["is_quarantined"].any()
    assert set(frame["rule"]) <= {"gap"}
    assert set(frame["symbol"]) <= {"AAA"}
    return {number_of(session) for session in frame["session"]}


@framewise
@given(some_days, some_days, st.integers(0, 12), st.integers(0, 12))
def test_a_gap_is_a_session_without_bar_after_the_first_quote(
    quoted: set[int], open_on: set[int], first: int, last: int
) -> None:
    calendars = TradingCalendars({"XNYS": tuple(day(number) for number in sorted(open_on))})
    rows = [bar("AAA", day(number), 100) for number in quoted]
    expected = {
        number
        for number in range(first, last + 1)
        if quoted and number > min(quoted) and number in open_on and number not in quoted
    }
    assert found_gaps(rows, first, last, calendars) == expected


def test_a_missing_newest_bar_is_a_gap() -> None:
    assert found_gaps(series(100, 101), 0, 2, daily_calendars("XNYS")) == {2}
