"""The kill switch in the store: it latches over restarts, and nothing passes it but what it lets through."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from shutil import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.errors import ConfigurationError
from ballast.guards.kill_switch import EVERYTHING, Latch
from resources.kill_switch import KillSwitch
from resources.store import Store, sqlite_url
from tests.ballast.builders import framewise
from tests.resources.crashes import die, run_until_it_dies

SESSION, LATER = date(2024, 3, 5), date(2024, 3, 6)
LOSS = Latch("one", "halt", "The account lost 6 %.", "daily_loss-2024-03-05", "daily_loss")
FALL = Latch("one", "reduce_only", "The account fell.", "drawdown-start", "drawdown")


def trip(switch: KillSwitch, scope: str = "one", run_id: str = "run") -> bool:
    return switch.trip(scope, reason="a test", requested_by="me", session=SESSION, run_id=run_id)


def reset(switch: KillSwitch, scope: str = "one", run_id: str = "later", **more: bool) -> bool:
    return switch.reset(
        scope, reason="looked at it", requested_by="me", session=LATER, run_id=run_id, **more
    )


def test_it_stays_tripped_until_somebody_resets_it(store: Store) -> None:
    switch = KillSwitch(store)
    assert not switch.state("one").is_latched
    assert switch.latch(LOSS, SESSION, "run")
    assert switch.state("one").level == "halt"
    assert not switch.state("two").is_latched
    assert reset(switch)
    assert not switch.state("one").is_latched


def test_every_event_is_kept_with_who_why_when_and_in_which_run(store: Store) -> None:
    switch = KillSwitch(store)
    switch.latch(LOSS, SESSION, "run-1")
    reset(switch, run_id="run-2")
    events = switch.events()
    assert events.select("kind", "level", "requested_by", "run_id", "session").rows() == [
        ("latch", "halt", "guard daily_loss", "run-1", SESSION),
        ("reset", None, "me", "run-2", LATER),
    ]
    assert events["reason"].to_list() == [LOSS.reason, "looked at it"]
    assert events["recorded_at"].is_sorted()


def test_the_same_episode_trips_once_and_not_again_after_a_reset(store: Store) -> None:
    switch = KillSwitch(store)
    assert switch.latch(LOSS, SESSION, "run-1")
    assert not switch.latch(LOSS, SESSION, "run-2")
    reset(switch)
    assert not switch.latch(LOSS, SESSION, "run-3")
    assert not switch.state("one").is_latched
    assert switch.latch(FALL, SESSION, "run-4")


@pytest.mark.parametrize(
    ("reason", "person"), [("", "me"), ("  \n", "me"), ("why", ""), ("why", " ")]
)
def test_nobody_trips_or_resets_it_without_a_reason_and_a_name(
    store: Store, reason: str, person: str
) -> None:
    switch = KillSwitch(store)
    trip(switch)
    asked = {"reason": reason, "requested_by": person, "session": SESSION, "run_id": "x"}
    with pytest.raises(ConfigurationError, match="without a"):
        switch.reset("one", **asked)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="without a"):
        switch.trip("two", **asked)  # type: ignore[arg-type]
    assert switch.state("one").is_latched
    assert not switch.state("two").is_latched


def test_a_reset_of_what_is_not_tripped_names_what_is(store: Store) -> None:
    switch = KillSwitch(store)
    trip(switch, EVERYTHING)
    with pytest.raises(ConfigurationError, match=r"Tripped are: \*"):
        reset(switch)
    assert switch.state("one").is_latched


def test_a_reset_that_is_repeated_by_its_run_changes_nothing(store: Store) -> None:
    switch = KillSwitch(store)
    trip(switch)
    assert reset(switch, run_id="run-2")
    assert not reset(switch, run_id="run-2")
    assert switch.events().height == 2


def test_the_drawdown_may_be_measured_anew_without_a_tripped_switch(store: Store) -> None:
    switch = KillSwitch(store)
    assert reset(switch, restarts_peak=True)
    assert switch.events()["restarts_peak"].to_list() == [True]


def test_a_session_sees_only_the_events_up_to_it(store: Store) -> None:
    switch = KillSwitch(store)
    trip(switch)
    reset(switch)
    assert switch.events(SESSION)["kind"].to_list() == ["latch"]
    assert switch.events(LATER)["kind"].to_list() == ["latch", "reset"]


_steps = st.lists(
    st.tuples(
        st.sampled_from(["one", "two", EVERYTHING]),
        st.sampled_from(["trip", "reset", "empty reset", "restart"]),
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated store to copy, because migrating takes longer than anything that is tested here."""
    path = tmp_path_factory.mktemp("empty") / "ballast.db"
    Store(sqlite_url(path)).close()
    return path


# Each step commits to a disk.
@settings(framewise, max_examples=12)
@given(steps=_steps)
def test_whatever_happens_a_latch_ends_by_a_reset_with_a_reason_alone(
    empty_store: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]
) -> None:
    url = sqlite_url(Path(copy(empty_store, tmp_path_factory.mktemp("latched"))))
    store, latched = Store(url), set[str]()
    for number, (scope, step) in enumerate(steps):
        switch = KillSwitch(store)
        match step:
            case "trip":
                trip(switch, scope, f"run {number}")
                latched.add(scope)
            case "reset" if scope in latched:
                reset(switch, scope, f"run {number}")
                latched.discard(scope)
            case "empty reset":
                with pytest.raises(ConfigurationError):
                    switch.reset(
                        scope, reason="", requested_by="me", session=SESSION, run_id=str(number)
                    )
            case _:
                store.close()
                store = Store(url)
        for account in ("one", "two"):
            expected = bool(latched & {account, EVERYTHING})
            assert KillSwitch(store).state(account).is_latched == expected
    store.close()


def _latch_and_die(url: str) -> None:
    KillSwitch(Store(url)).latch(LOSS, SESSION, "run")
    die()


def test_a_process_that_is_killed_after_tripping_leaves_it_tripped(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "ballast.db")
    run_until_it_dies(_latch_and_die, url)
    store = Store(url)
    assert KillSwitch(store).state("one").reason == LOSS.reason
    store.close()
