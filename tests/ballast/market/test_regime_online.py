"""The model as time passed: nothing that is said for a session may depend on what came after it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.market.regime import online
from ballast.market.regime.markov import Floats
from ballast.market.regime.online import UNKNOWN, Days, ModelHistory, after_dwell, model_history
from tests.ballast.builders import arithmetic
from tests.ballast.market.market_states import THREE, recorded_index


def days(count: int) -> Days:
    return np.datetime64("2015-01-01") + np.arange(count)


def labelled(sessions: Days, returns: Floats, **options: int) -> ModelHistory:
    wanted = {"states": 3, "window": 2_520, "least": 504, "dwell": 3} | options
    return model_history(sessions, returns, **wanted)


def recorded() -> tuple[Days, Floats]:
    index = recorded_index()
    closes = index["close"].to_numpy()
    returns = np.r_[np.nan, np.round(np.diff(np.log(closes)), 12)]
    return index["session"].to_numpy().astype("datetime64[D]"), returns


def same(first: ModelHistory, second: ModelHistory, until: int) -> None:
    for name in ("names", "probabilities", "volatilities", "fitted_to"):
        np.testing.assert_array_equal(getattr(first, name)[:until], getattr(second, name)[:until])


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "_fits", online._Memory())
    monkeypatch.setattr(online, "_months", online._Memory())


def test_no_label_of_a_decade_changes_when_later_sessions_become_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sessions, returns = recorded()
    sessions, returns = sessions[: 504 + 2_540], returns[: 504 + 2_540]
    # Day after day, so that nothing later can hide in what is remembered, as copies that end there.
    forget(monkeypatch)
    newest = [
        labelled(sessions[:count].copy(), returns[:count].copy())
        for count in range(504, len(sessions) + 1)
    ]
    forget(monkeypatch)
    whole = labelled(sessions, returns)
    assert np.count_nonzero(whole.names != UNKNOWN) > 2_500
    for then in newest:
        same(then, whole, len(then.names))


def test_what_is_remembered_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    returns, _ = THREE.simulate(1_000, 1)
    remembered = [labelled(days(1_000), returns) for _ in range(2)]
    forget(monkeypatch)
    forgotten = labelled(days(1_000), returns)
    for each in remembered:
        same(each, forgotten, 1_000)


def test_little_is_remembered_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "_REMEMBERED", 2)
    memory: online._Memory[int] = online._Memory()
    made: list[int] = []

    def make(number: int) -> int:
        made.append(number)
        return number

    for number in (1, 2, 3, 3, 2, 1):
        assert memory.get(bytes([number]), lambda number=number: make(number)) == number
    assert made == [1, 2, 3, 1]


def test_what_was_used_last_is_forgotten_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "_REMEMBERED", 2)
    memory: online._Memory[int] = online._Memory()
    made: list[int] = []

    def make(number: int) -> int:
        made.append(number)
        return number

    for number in (1, 2, 1, 3, 1):
        memory.get(bytes([number]), partial(make, number))
    assert made == [1, 2, 3]


def test_the_months_of_many_indices_are_remembered() -> None:
    years, indices = 35, 20
    assert 12 * years * indices < online._REMEMBERED


def test_a_corrected_return_changes_no_label_before_it() -> None:
    returns, _ = THREE.simulate(900, 2)
    corrected = returns.copy()
    corrected[700] += 0.05
    before, after = labelled(days(900), returns), labelled(days(900), corrected)
    same(before, after, 700)
    assert (before.probabilities[700] != after.probabilities[700]).any()


def test_there_is_no_label_before_there_is_enough_history() -> None:
    returns, _ = THREE.simulate(700, 3)
    returns[5:105] = np.nan
    found = labelled(days(700), returns)
    # Fitted on the first session of the month after the 504th return.
    first = int(np.argmax(found.names != UNKNOWN))
    assert np.count_nonzero(~np.isnan(returns[:first])) >= 504
    assert days(700)[first].astype(object).day == 1
    assert (found.names[first:] != UNKNOWN).all()
    assert np.isnan(found.probabilities[:first]).all()
    np.testing.assert_allclose(found.probabilities[first:].sum(axis=1), 1.0)
    assert not np.isnan(found.volatilities[first:]).any()


def test_an_index_that_stands_still_has_no_label() -> None:
    found = labelled(days(700), np.zeros(700))
    assert (found.names == UNKNOWN).all()


def test_history_before_the_window_is_forgotten() -> None:
    returns, _ = THREE.simulate(1_400, 4)
    other = returns.copy()
    other[:200] *= 3.0
    first, second = (labelled(days(1_400), each, window=504) for each in (returns, other))
    # From the first January on whose fit does not reach back to what differs.
    year = days(1_400).astype("datetime64[Y]").astype(int) + 1970
    forgotten = int(np.argmax((year >= 2017) & (np.arange(1_400) >= 200 + 504)))
    assert forgotten < 800
    np.testing.assert_array_equal(first.probabilities[forgotten:], second.probabilities[forgotten:])


def test_the_same_returns_on_other_days_are_remembered_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    returns, _ = THREE.simulate(1_000, 6)
    calendars = (days(1_000), days(1_000) + 100, np.datetime64("2015-01-01") + 2 * np.arange(1_000))
    together = [labelled(calendar, returns) for calendar in calendars]
    for calendar, found in zip(calendars, together, strict=True):
        forget(monkeypatch)
        same(labelled(calendar, returns), found, 1_000)


@pytest.mark.parametrize(
    ("dwell", "kept"),
    [(0, "bsbbrrrb"), (1, "bsbbrrrb"), (2, "bbbbbrrr"), (3, "bbbbbbrr"), (4, "bbbbbbbb")],
)
def test_a_regime_counts_once_it_was_recognised_in_a_row(dwell: int, kept: str) -> None:
    letters = "bsr"
    names = np.array([letters.index(letter) for letter in "bsbbrrrb"])
    found = after_dwell(names, dwell)
    assert "".join(letters[name] for name in found) == kept


@arithmetic
@given(st.lists(st.integers(-1, 2), max_size=40), st.integers(0, 6))
def test_dwelling_never_names_what_was_not_recognised(names: list[int], dwell: int) -> None:
    found = after_dwell(np.array(names, dtype=np.int64), dwell).tolist()
    for at, name in enumerate(found):
        assert name in names[: at + 1]
        assert (name == UNKNOWN) == (names[at] == UNKNOWN)
        if at and name != found[at - 1] and UNKNOWN not in (name, found[at - 1]):
            assert set(names[at + 1 - max(dwell, 1) : at + 1]) == {name}
