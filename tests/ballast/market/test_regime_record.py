"""What became of the bear markets of a regime: falls seen, how late, false alarms, switches."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.market.regime import detected_regimes
from ballast.market.regime.record import LEAST_FALL, RegimeRecord, regime_record
from ballast.settings import RegimeSettings
from ballast.tables import Regimes
from tests.ballast.builders import day, framewise, table
from tests.ballast.market.market_states import LAST_RECORDED, recorded_index

LETTERS = {"u": "bull", "s": "sideways", "d": "bear", "?": None}


def record(closes: list[float], letters: str) -> RegimeRecord:
    rows = [
        {"index_symbol": "IDX", "session": day(n), "close": close, "regime": LETTERS[letter]}
        for n, (close, letter) in enumerate(zip(closes, letters, strict=True))
    ]
    return regime_record(table(Regimes, rows))


FALL = [100.0, 110.0, 104.0, 99.0, 95.0, 97.0, 111.0, 112.0]


def test_a_fall_is_seen_in_the_first_bear_session_from_the_peak_on() -> None:
    found = record(FALL, "uuuddddu")
    assert found.falls.rows(named=True) == [
        {
            "peak_session": day(1), "trough_session": day(4), "depth": pytest.approx(95 / 110 - 1),
            "sessions_to_trough": 3, "seen_session": day(3), "sessions_late": 2,
            "fallen_share": pytest.approx(99 / 110 - 1), "was_bear_before": False,
        }
    ]  # fmt: skip
    assert (found.seen, found.alarms, found.false_alarms, found.switches) == (1, 1, 0, 2)


def test_an_alarm_from_before_the_peak_is_not_late_and_says_that_it_was_there_before() -> None:
    found = record(FALL, "ddddduuu").falls.row(0, named=True)
    assert (found["sessions_late"], found["was_bear_before"]) == (0, True)


def test_an_alarm_after_the_trough_saw_nothing_and_is_false() -> None:
    found = record(FALL, "uuuuuddu")
    assert (found.seen, found.falls.height) == (0, 1)
    assert found.falls["seen_session"].to_list() == [None]
    assert (found.alarms, found.false_alarms, found.false_sessions) == (1, 1, 2)


def test_a_fall_that_is_too_small_makes_alarms_false() -> None:
    found = record([100.0, 91.0, 100.0, 101.0], "udud")
    assert found.falls.is_empty()
    assert (found.alarms, found.false_alarms, found.false_sessions) == (2, 2, 2)


def test_a_fall_that_still_lasts_counts() -> None:
    found = record([100.0, 95.0, 88.0], "uud")
    assert found.falls["trough_session"].to_list() == [day(2)]
    assert found.seen == 1


def test_only_sessions_since_the_regime_is_known_count() -> None:
    found = record([100.0, 80.0, 100.0, 101.0, 85.0], "???ud")
    assert found.falls["peak_session"].to_list() == [day(3)]
    assert found.sessions == 2
    assert found.switches_a_year == pytest.approx(126.0)


@pytest.mark.parametrize(("closes", "letters"), [([], ""), ([100.0, 80.0], "??")])
def test_without_a_known_regime_there_is_no_record(closes: list[float], letters: str) -> None:
    found = record(closes, letters)
    assert found.falls.is_empty()
    assert found.switches_a_year is None
    assert found.in_words == "no session with a known regime"


def test_the_record_in_words() -> None:
    assert record(FALL, "uuuddddu").in_words == (
        "saw 1 of 1 falls of 10% and more, 2 sessions late (median); 0 of 1 alarms false;"
        " 63.0 switches a year"
    )
    assert "late" not in record([100.0, 101.0], "uu").in_words


@framewise
@given(
    st.lists(
        st.tuples(st.sampled_from([80.0, 85.0, 95.0, 100.0, 104.0, 110.0]), st.sampled_from("usd")),
        min_size=1, max_size=40,
    )
)  # fmt: skip
def test_the_record_is_that_of_a_loop(days: list[tuple[float, str]]) -> None:
    closes, letters = [close for close, _ in days], "".join(letter for _, letter in days)
    found = record(closes, letters)
    falling, high, falls = set(), 0, []
    for n in range(1, len(closes) + 1):
        if n == len(closes) or closes[n] >= closes[high]:
            low = min(range(high, n), key=lambda at: closes[at])
            if closes[low] / closes[high] - 1 <= -LEAST_FALL:
                falls.append((high, low))
                falling |= set(range(high, low + 1))
            high = n
    assert found.falls.select("peak_session", "trough_session").rows() == [
        (day(peak), day(trough)) for peak, trough in falls
    ]
    spells = [(start, start + len(run)) for start, run in _runs(letters) if run[0] == "d"]
    assert found.alarms == len(spells)
    false = [spell for spell in spells if not falling & set(range(*spell))]
    assert found.false_alarms == len(false)
    assert found.false_sessions == sum(end - start for start, end in false)
    assert found.switches == len(list(_runs(letters))) - 1
    seen = [any(letters[n] == "d" for n in range(peak, low + 1)) for peak, low in falls]
    assert found.seen == sum(seen)


def _runs(letters: str) -> list[tuple[int, str]]:
    runs: list[tuple[int, str]] = []
    for at, letter in enumerate(letters):
        if runs and runs[-1][1][0] == letter:
            runs[-1] = (runs[-1][0], runs[-1][1] + letter)
        else:
            runs.append((at, letter))
    return runs


def test_either_method_can_be_held_against_the_index() -> None:
    rows = [
        {"session": day(n), "close": close, "rule_regime": "bear", "model_regime": "bull"}
        for n, close in enumerate([100.0, 80.0])
    ]
    frame = table(Regimes, rows, index_symbol="IDX").reverse()
    assert regime_record(frame, "rule_regime").seen == 1
    assert regime_record(frame, "model_regime").seen == 0


def test_on_the_recorded_index_the_model_sees_every_fall_and_the_crash_in_a_week() -> None:
    found = detected_regimes(recorded_index(), RegimeSettings(), LAST_RECORDED)
    known = found.filter(found["model_regime"].is_not_null())
    model, rule = (regime_record(known, column) for column in ("model_regime", "rule_regime"))
    peaks = [
        date(2015, 5, 21), date(2018, 1, 26), date(2018, 9, 20), date(2020, 2, 19), date(2022, 1, 3),
    ]  # fmt: skip
    assert model.falls["peak_session"].to_list() == rule.falls["peak_session"].to_list() == peaks
    assert model.seen == 5
    assert rule.seen < 5
    crash = model.falls.row(3, named=True)
    assert crash["sessions_late"] <= 5
    assert crash["fallen_share"] > -0.10
    assert model.switches_a_year is not None
    assert rule.switches_a_year is not None
    assert model.switches_a_year < rule.switches_a_year
