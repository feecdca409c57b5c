"""Look-ahead: a history that grew day by day shows each day what a history loaded at once shows for it.

The source of these tests never restates anything; each security has gaps, spikes, jumps that stay, flawed and repeated
bars, and splits with and without a bar on their ex date, as hypothesis likes. Twelve securities share an example, so
that frames are worth their cost.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.market.history import as_of, combine, new_versions, windows
from ballast.market.quality import judge
from tests.ballast.builders import (
    Row,
    actions,
    bar,
    bars,
    day,
    observed,
    split,
)

LIMIT = 0.40
DAYS = 9
SYMBOLS = [f"S{number:02}" for number in range(12)]

# A close against the level that the splits so far imply; None is a gap, words are flawed bars.
happenings = st.one_of(
    st.sampled_from([1.0, 1.1, 0.9]),
    st.sampled_from(
        [1.0, 1.5, 2.0, 3.0, 0.6, 0.4, 0.1, 10.0, 1.2, None, "flawed", "twice", "equal"]
    ),
)
stories = st.lists(happenings, min_size=DAYS, max_size=DAYS)
split_days = st.dictionaries(st.integers(1, DAYS - 1), st.sampled_from(["2", "4", "0.1"]), max_size=2)  # fmt: skip
lives = st.lists(st.tuples(stories, split_days), min_size=len(SYMBOLS), max_size=len(SYMBOLS))


def raw_bars(symbol: str, story: list, ratios: dict[int, str]) -> list[Row]:
    rows, level = [], 100.0
    for number, happening in enumerate(story):
        level /= float(ratios.get(number, "1"))
        match happening:
            case None:
                pass
            case "flawed":
                rows.append(bar(symbol, day(number), level) | {"close": -level})
            case "twice":
                rows += [bar(symbol, day(number), level), bar(symbol, day(number), level * 1.01)]
            case "equal":
                rows += [bar(symbol, day(number), level)] * 2
            case float(factor):
                rows.append(bar(symbol, day(number), level * factor))
    return rows


def run(
    history: pl.DataFrame, source: pl.DataFrame, events: pl.DataFrame, number: int, overlap: int
) -> pl.DataFrame:
    """Do what the asset does on a session: ask, judge, keep what is new."""
    session = day(number)
    known = as_of(history, session)
    asked = windows(known, SYMBOLS, session, history_start=day(0), overlap=timedelta(days=overlap))
    answers = [
        source.filter(pl.col("symbol").is_in(symbols), pl.col("session").is_between(start, session))
        for start, symbols in asked.items()
    ]
    so_far = events.filter(pl.col("ex_date") <= session)
    judged = judge(pl.concat(answers), known, so_far, jump_limit=LIMIT)
    return combine([history, new_versions(known, judged.accepted, session)])


@settings(max_examples=25, deadline=None)
@given(lives, st.sampled_from([0, 1, 3, 20]), st.sets(st.integers(0, DAYS - 2)))
def test_a_history_grown_day_by_day_is_the_one_loaded_at_once(
    lives_of: list, overlap: int, days_without_run: set[int]
) -> None:
    parts = dict(zip(SYMBOLS, lives_of, strict=True))
    source = observed(*(row for name, life in parts.items() for row in raw_bars(name, *life)))
    events = actions(
        *(
            split(name, day(ex), r)
            for name, (_, ratios) in parts.items()
            for ex, r in ratios.items()
        )
    )
    at_once = run(bars(), source, events, DAYS - 1, overlap)
    grown = bars()
    for number in range(DAYS):
        if number in days_without_run:
            continue
        grown = run(grown, source, events, number, overlap)
        assert_frame_equal(as_of(grown, day(number)), as_of(at_once, day(number)))
    for number in range(DAYS):
        assert_frame_equal(as_of(grown, day(number)), as_of(at_once, day(number)))


@settings(max_examples=25, deadline=None)
@given(lives, st.integers(0, DAYS - 1))
def test_running_a_session_again_changes_nothing(lives_of: list, number: int) -> None:
    parts = dict(zip(SYMBOLS, lives_of, strict=True))
    source = observed(*(row for name, life in parts.items() for row in raw_bars(name, *life)))
    once = run(bars(), source, actions(), number, 3)
    assert_frame_equal(run(once, source, actions(), number, 3), once)
