"""The history of the configuration: a version each time that it changed."""

from __future__ import annotations

import pytest

from ballast.configuration import Portfolio, parse
from ballast.errors import ConfigurationError
from resources.configurations import ConfigurationHistory, changes, readable
from resources.store import Store

_TEXT = """
[planner]
depth = 5
[[accounts]]
id = "one"
broker = "statements"
number = "U1234567"
[[securities]]
symbol = "^GSPC"
name = "Index"
exchange = "XNYS"
currency = "USD"
kind = "index"
"""


def _portfolio(text: str = _TEXT) -> Portfolio:
    return parse(text, where="test")


@pytest.fixture
def history(store: Store) -> ConfigurationHistory:
    return ConfigurationHistory(store)


def test_a_version_is_kept_only_when_something_changed(history: ConfigurationHistory) -> None:
    shallow = _portfolio(_TEXT.replace("depth = 5", "depth = 3"))
    assert [history.record(p) for p in (_portfolio(), _portfolio(), shallow)] == [1, 1, 2]
    # What returns is a version of its own: the history says what was in force when.
    assert history.record(_portfolio()) == 3
    newest, _, first = history.versions()
    assert (newest.version, first.version) == (3, 1)
    assert newest.fingerprint == first.fingerprint


def test_what_changed_between_two_versions_is_shown_line_by_line(
    history: ConfigurationHistory,
) -> None:
    history.record(_portfolio())
    history.record(_portfolio(_TEXT.replace("depth = 5", "depth = 3")))
    found = changes(history.content(1), history.content(2))
    assert [line.replace(" ", "") for line in found if line[0] in "+-"] == [
        '-"depth":5,', '+"depth":3,',
    ]  # fmt: skip
    assert changes(history.content(1), history.content(1)) == []


def test_account_numbers_are_left_out(history: ConfigurationHistory) -> None:
    history.record(_portfolio())
    assert "U1234567" not in history.content(1)
    assert "U1234567" not in readable(_portfolio())


def test_a_version_that_there_is_not_is_an_error(history: ConfigurationHistory) -> None:
    with pytest.raises(ConfigurationError, match="no version 7"):
        history.content(7)
