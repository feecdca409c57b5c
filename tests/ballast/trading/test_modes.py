"""Who may send orders where: the whole truth table, and what each refusal tells to do."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from ballast.trading.modes import LIVE_VARIABLE, refusal

TODAY, YESTERDAY = date(2020, 8, 20), date(2020, 8, 19)
MODES = ("research", "paper", "live")
BROKERS = ("paper", "statements", "ibkr")
CONFIRMATIONS: tuple[tuple[str, ...], ...] = ((), ("america",), ("europe",), ("america", "europe"))
NEWEST = (TODAY, date(2020, 8, 21), None)
# Mode, broker, whether the environment names the account, whether the session is the newest, and whether the portfolio
# has a last session, so that all of it is history: all others are refused.
ALLOWED = {
    *(("paper", "paper", confirmed, newest, True) for confirmed in (True, False) for newest in (True, False)),
    *(("paper", "paper", confirmed, True, False) for confirmed in (True, False)),
    ("live", "paper", True, True, False),
    ("live", "ibkr", True, True, False),
}  # fmt: skip


def asked(
    mode: str,
    broker: str = "ibkr",
    confirmed: tuple[str, ...] = ("europe",),
    session: date = TODAY,
    newest: date | None = TODAY,
    has_an_end: bool = False,
) -> str | None:
    return refusal(
        mode, "europe", broker,
        confirmed=confirmed, session=session, newest=newest, has_an_end=has_an_end,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "broker", "confirmed", "newest", "has_an_end"),
    list(product(MODES, BROKERS, CONFIRMATIONS, NEWEST, (True, False))),
)
def test_orders_go_only_where_the_table_says(
    mode: str, broker: str, confirmed: tuple[str, ...], newest: date | None, has_an_end: bool
) -> None:
    said = asked(mode, broker, confirmed, newest=newest, has_an_end=has_an_end)
    facts = (mode, broker, "europe" in confirmed, newest == TODAY, has_an_end)
    assert (said is None) == (facts in ALLOWED)
    assert said is None or said.endswith((".", ")."))


@pytest.mark.parametrize("broker", BROKERS)
def test_research_mode_names_the_setting_whatever_else_is_missing(broker: str) -> None:
    said = asked("research", broker, (), YESTERDAY)
    assert said is not None
    assert 'mode = "paper" or "live"' in said


@pytest.mark.parametrize("mode", ["paper", "live"])
def test_an_account_known_by_its_statements_takes_no_orders_and_is_named(mode: str) -> None:
    said = asked(mode, "statements")
    assert said is not None
    assert "europe" in said
    assert "statements" in said


def test_paper_mode_names_the_real_broker_and_the_mode_that_trades_there() -> None:
    said = asked("paper", "ibkr")
    assert said is not None
    assert "ibkr" in said
    assert 'mode = "live"' in said


def test_live_mode_names_the_variable_that_confirms_the_account() -> None:
    for confirmed in ((), ("america",), ("EUROPE",), ("europe2",)):
        said = asked("live", confirmed=confirmed)
        assert said is not None
        assert f"{LIVE_VARIABLE}=europe" in said


@pytest.mark.parametrize(("mode", "broker"), [("live", "ibkr"), ("paper", "paper")])
def test_orders_are_for_the_newest_session_and_both_sessions_are_named(
    mode: str, broker: str
) -> None:
    said = asked(mode, broker, session=YESTERDAY)
    assert said is not None
    assert "2020-08-19" in said
    assert "2020-08-20" in said
    assert "today" in said


def test_history_is_for_paper_orders_and_live_mode_names_the_setting_that_ends_it() -> None:
    assert asked("paper", "paper", (), YESTERDAY, has_an_end=True) is None
    said = asked("live", has_an_end=True)
    assert said is not None
    assert "remove sessions.last" in said


@pytest.mark.parametrize("mode", ["", "LIVE", "Paper", "dry-run"])
@pytest.mark.parametrize("broker", ["paper", "ibkr"])
def test_an_unknown_mode_sends_nothing(mode: str, broker: str) -> None:
    said = asked(mode, broker)
    assert said is not None
    assert repr(mode) in said
