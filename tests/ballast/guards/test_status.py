"""All guards in one table, and what they take out of a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ballast.guards.alerts import guard_alerts, latch_alert
from ballast.guards.drawdown import drawdown_guard
from ballast.guards.kill_switch import latches
from ballast.guards.logs import drawdown_alerts, position_snapshots
from ballast.guards.losses import daily_loss_guard
from ballast.guards.market import price_gap_guard
from ballast.guards.status import (
    blocked_by_guards,
    merged_reasons,
    out_of_the_ordinary,
    restricted,
    restricted_sides,
    status_of,
    watched_securities,
    worst_states,
)
from ballast.tables import Positions
from tests.ballast.builders import D, cash, position, table
from tests.ballast.guards.accounts import SESSION, SETTINGS, moved, returned, watched, worth
from tests.ballast.planning.accounts import account, candidate

FALLEN = status_of(
    drawdown_guard(worth("80000", "100000"), SETTINGS),
    daily_loss_guard(returned(-0.025), SETTINGS, SESSION),
    price_gap_guard(watched("A"), moved("115", "100"), SETTINGS),
)


def test_every_row_says_what_it_stops_in_words() -> None:
    assert FALLEN["effect"].str.len_chars().min() > 10  # type: ignore[operator]
    assert FALLEN["explanation"].str.len_chars().min() > 10  # type: ignore[operator]
    assert worst_states(FALLEN) == {"one": "act"}
    assert [str(state) for state in out_of_the_ordinary(FALLEN)["state"]] == [
        "act", "reduce_only", "block_sells",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("daily", "stopped"),
    [(0.0, set()), (-0.02, {"sell"}), (-0.03, {"buy", "sell"}), (None, {"buy", "sell"})],
)
def test_the_loss_of_a_session_takes_sides_out_of_the_plan(
    daily: float | None, stopped: set[str]
) -> None:
    status = status_of(daily_loss_guard(returned(daily), SETTINGS, SESSION))
    assert restricted_sides(status, "one", "A") == stopped
    assert restricted_sides(status, "two", "A") == set()
    assert (set(blocked_by_guards(status)) == {"one"}) == (stopped == {"buy", "sell"})


def test_a_guard_of_one_security_stops_that_security_only() -> None:
    status = status_of(price_gap_guard(watched("A"), moved("115", "100"), SETTINGS))
    assert blocked_by_guards(status) == {}
    own = replace(account(candidate("A"), candidate("B")), account_id="one")
    (planned,) = restricted([own], status)
    assert [(c.allow_buy, c.allow_sell) for c in planned.candidates] == [
        (False, False), (True, True),
    ]  # fmt: skip
    other = replace(own, account_id="two")
    assert restricted([other], status) == [other]


def test_two_guards_stop_together_what_each_stops() -> None:
    status = status_of(daily_loss_guard(returned(-0.025), SETTINGS, SESSION))
    streak = status.with_columns(guard=status["guard"] + "2", state=status["state"].cast(str))
    both = status_of(
        status.drop("effect"),
        streak.drop("effect").with_columns(
            state=status["state"].replace("block_sells", "block_buys")
        ),
    )
    assert set(blocked_by_guards(both)) == {"one"}


def test_the_reason_of_a_block_names_every_guard() -> None:
    blocked = blocked_by_guards(FALLEN)
    assert "drawdown act: The account is 20.00 % below its peak" in blocked["one"]
    assert "daily_loss block_sells" in blocked["one"]
    assert merged_reasons({"one": "a"}, {"one": "b", "two": "c"}) == {"one": "a; b", "two": "c"}


def test_what_is_held_or_wanted_and_may_be_traded_is_watched() -> None:
    held = table(Positions, [position("one", "A", "1"), cash("one", "EUR", "5")])
    found = watched_securities(held, [("one", "B"), ("one", "A"), ("two", "C")], ["A", "B"])
    assert found.rows() == [("one", "A"), ("one", "B")]


def test_the_same_episode_is_told_once_and_a_worse_one_again() -> None:
    first = guard_alerts(FALLEN, SESSION)
    assert [alert.severity for alert in first] == ["critical", "warning", "warning"]
    again = guard_alerts(status_of(drawdown_guard(worth("75000", "100000"), SETTINGS)), SESSION)
    assert again[0].alert_id == first[0].alert_id
    milder = guard_alerts(status_of(drawdown_guard(worth("84000", "100000"), SETTINGS)), SESSION)
    assert milder[0].alert_id != first[0].alert_id
    assert guard_alerts(status_of(drawdown_guard(worth("1000", "1000"), SETTINGS)), SESSION) == []


def test_a_tripped_switch_is_told_with_the_way_out() -> None:
    (latch,) = latches(FALLEN, SETTINGS)
    told = latch_alert(latch, SESSION)
    assert told.severity == "critical"
    assert "reset_kill_switch" in told.text


def test_the_snapshot_of_an_account_keeps_unknown_figures_unknown() -> None:
    amounts = {"value": "200", "value_base": "100", "unrealised_gain": "30"}
    known = [position("one", "A", "2", **amounts), cash("one", "EUR", "50")]
    row = position_snapshots(table(Positions, known), worth("150", "200"), FALLEN, SESSION)[0]
    assert (row["equity"], row["balance"], row["open_profit"]) == (D(150), D(50), D(15))
    assert (row["positions"], row["drawdown"]) == (1, D(20))
    blind = table(Positions, [*known, position("one", "B", "1")])
    assert position_snapshots(blind, worth(None, None), FALLEN, SESSION)[0]["open_profit"] is None


def test_a_fall_is_written_down_under_an_identity_that_lasts() -> None:
    status = status_of(drawdown_guard(worth("80000", "100000"), SETTINGS))
    (row,) = drawdown_alerts(status, [{"account_id": "one", "positions": 7}], SESSION, "paper")
    assert row["alert_id"] == "one.drawdown.execution.drawdown-2024-01-02"
    assert (row["kind"], row["threshold"], row["measured"]) == ("execution", D(20), D(20))
    assert (row["action"], row["positions"]) == ("closing of all positions ordered", 7)
