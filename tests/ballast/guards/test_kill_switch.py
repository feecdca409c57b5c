"""The fold of the kill switch's events."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.guards.drawdown import drawdown_guard
from ballast.guards.kill_switch import (
    EVERYTHING,
    Switch,
    kill_switch_rows,
    latches,
    peak_restarts,
    switch_of,
)
from ballast.guards.losses import daily_loss_guard
from ballast.guards.status import status_of
from ballast.settings import GuardSettings
from ballast.tables import KillSwitchEvents
from tests.ballast.builders import at, day, framewise, table
from tests.ballast.guards.accounts import SESSION, SETTINGS, returned, worth

steps = st.lists(
    st.tuples(
        st.sampled_from(["one", "two", EVERYTHING]),
        st.sampled_from(["reset", "reduce_only", "halt"]),
    ),
    max_size=12,
)


def events(*changes: tuple[str, str], restarts: bool = False) -> pl.DataFrame:
    """Events by scope and what happened: `reset`, or the level of a latch."""
    return KillSwitchEvents.validate(
        table(
            KillSwitchEvents,
            [
                {
                    "sequence": number, "event_id": str(number), "scope": scope,
                    "kind": "reset" if change == "reset" else "latch",
                    "level": None if change == "reset" else change, "session": day(number),
                    "reason": f"reason {number}", "requested_by": "somebody", "run_id": "run",
                    "restarts_peak": restarts, "recorded_at": at(number),
                }
                for number, (scope, change) in enumerate(changes)
            ],
        )
    )  # fmt: skip


@framewise
@given(changes=steps)
def test_only_a_reset_of_its_own_scope_ends_a_latch(changes: list[tuple[str, str]]) -> None:
    folded = events(*changes)
    for account in ("one", "two"):
        levels = []
        for scope in (account, EVERYTHING):
            own = [change for place, change in changes if place == scope]
            since = own[len(own) - own[::-1].index("reset") :] if "reset" in own else own
            levels += since
        expected = "halt" if "halt" in levels else "reduce_only" if levels else None
        assert switch_of(folded, account).level == expected
        # The order of the rows says nothing; their sequence does.
        assert switch_of(folded.reverse(), account) == switch_of(folded, account)


@framewise
@given(changes=steps, more=st.sampled_from(["reduce_only", "halt"]))
def test_another_latch_never_loosens_a_switch(changes: list[tuple[str, str]], more: str) -> None:
    before = switch_of(events(*changes), "one")
    after = switch_of(events(*changes, ("one", more)), "one")
    for origin in ("plan", "emergency", "guard", "anything"):
        assert before.lets_through(origin) or not after.lets_through(origin)


@pytest.mark.parametrize(
    ("level", "passing"),
    [
        (None, {"plan", "emergency", "guard"}),
        ("reduce_only", {"emergency", "guard"}),
        ("halt", set()),
    ],
)
def test_what_each_level_lets_through(level: str | None, passing: set[str]) -> None:
    switch = Switch() if level is None else switch_of(events(("one", level)), "one")
    assert {o for o in ("plan", "emergency", "guard") if switch.lets_through(o)} == passing


def test_the_stricter_of_account_and_everything_holds() -> None:
    both = events((EVERYTHING, "halt"), ("one", "reduce_only"))
    assert switch_of(both, "one").level == "halt"
    reset = events((EVERYTHING, "halt"), ("one", "reduce_only"), (EVERYTHING, "reset"))
    assert switch_of(reset, "one") == Switch("reduce_only", "reason 1", day(1))
    assert not switch_of(reset, "two").is_latched


def test_a_tripped_switch_is_a_row_of_the_guards() -> None:
    status = status_of(kill_switch_rows(events(("one", "halt")), ["one", "two"]))
    assert [str(state) for state in status["state"]] == ["halt", "ok"]
    assert "reason 0" in status["explanation"][0]


def test_a_halt_and_an_acting_drawdown_trip_the_switch_where_the_settings_say_so() -> None:
    status = status_of(
        daily_loss_guard(returned(-0.07), SETTINGS, SESSION),
        drawdown_guard(worth("79000", "100000"), SETTINGS),
    )
    found = {latch.guard: latch for latch in latches(status, SETTINGS)}
    assert (found["daily_loss"].level, found["drawdown"].level) == ("halt", "reduce_only")
    assert found["daily_loss"].episode == f"daily_loss-{SESSION}"
    never = GuardSettings(latch_on_daily_loss=False, latch_on_drawdown=False)
    assert latches(status, never) == []


def test_what_is_unknown_or_milder_trips_nothing() -> None:
    for daily, equity in ((None, None), (-0.0499, "80100"), (0.0, "99")):
        status = status_of(
            daily_loss_guard(returned(daily), SETTINGS, SESSION),
            drawdown_guard(worth(equity, equity and "100000"), SETTINGS).filter(
                pl.col("guard") == ("drawdown" if equity != "99" else "minimum_equity")
            ),
        )
        assert latches(status, SETTINGS) == []


def test_the_newest_restart_of_the_account_or_of_all_counts() -> None:
    found = events(("one", "reset"), (EVERYTHING, "reset"), ("two", "reset"), restarts=True)
    assert peak_restarts(found, ["one", "two", "three"]) == {
        "one": day(1), "two": day(2), "three": day(1),
    }  # fmt: skip
    assert peak_restarts(events(("one", "reset")), ["one"]) == {}
    assert isinstance(peak_restarts(found, ["one"])["one"], date)
