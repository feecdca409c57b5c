"""Recommendations and emergency episodes: what was advised, and what became of it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballast.planning.case import PlanningCase
from ballast.settings import CostSettings, PlannerSettings
from resources.episodes import EpisodeBook
from resources.plan_archive import PlanArchive
from resources.recommendations import EMERGENCY, PLAN, RecommendationBook
from resources.store import Store
from resources.store.trading_schema import emergency_episodes
from tests.ballast.planning.accounts import account

DAY = date(2020, 8, 20)
# The store outlives an example of a property; each example has an account of its own.
_numbers = itertools.count()


def _steps(
    plan: str, count: int, *, session: date = DAY, account: str = "a"
) -> list[dict[str, Any]]:
    return [
        _row(f"{account}:{session}:{plan}:{step}", account, PLAN, plan, session, step)
        for step in range(1, count + 1)
    ]


def _advice(episode: str, count: int, *, session: date = DAY) -> list[dict[str, Any]]:
    return [
        _row(f"{episode}:{session}:{step}", "a", EMERGENCY, episode, session, step)
        for step in range(1, count + 1)
    ]


def _row(
    identifier: str, account: str, origin: str, origin_id: str, session: date, step: int
) -> dict[str, Any]:
    return {
        "recommendation_id": identifier,
        "account_id": account,
        "origin": origin,
        "origin_id": origin_id,
        "session": session,
        "step": step,
        "side": "buy",
        "symbol": "A",
        "quantity": Decimal("0.1"),
        "reason": "below its target",
        "weight_before": None,
        "weight_after": 0.25,
        "inputs_hash": origin_id,
        "status": "pending",
        "portfolio_hash": None,
    }


def _of(book: RecommendationBook, status: str, origin: str = PLAN) -> list[tuple[str, int]]:
    return [(row["origin_id"], row["step"]) for row in book.of("a", origin, status)]


@pytest.fixture
def book(store: Store) -> RecommendationBook:
    return RecommendationBook(store)


@pytest.fixture
def episodes(store: Store) -> EpisodeBook:
    return EpisodeBook(store)


def test_what_was_stored_is_returned_exactly(book: RecommendationBook) -> None:
    rows = _steps("p", 1)
    book.store_plan("a", DAY, rows)
    assert book.of("a", PLAN) == rows


def test_steps_of_an_old_plan_are_superseded(book: RecommendationBook) -> None:
    book.store_plan("a", DAY, _steps("old", 2))
    book.store_plan("a", DAY, _steps("new", 1))
    assert _of(book, "pending") == [("new", 1)]
    assert _of(book, "superseded") == [("old", 1), ("old", 2)]


def test_an_empty_plan_supersedes_too(book: RecommendationBook) -> None:
    book.store_plan("a", DAY, _steps("old", 2))
    book.store_plan("a", DAY, [])
    assert _of(book, "pending") == []


def test_the_plan_of_a_later_session_supersedes_that_of_an_earlier_one(
    book: RecommendationBook,
) -> None:
    book.store_plan("a", DAY, _steps("today", 1))
    book.store_plan(
        "a", DAY + timedelta(days=1), _steps("next", 1, session=DAY + timedelta(days=1))
    )
    assert _of(book, "pending") == [("next", 1)]


def test_planning_an_earlier_session_again_leaves_later_plans_alone(
    book: RecommendationBook,
) -> None:
    book.store_plan("a", DAY, _steps("today", 1))
    earlier = DAY - timedelta(days=1)
    book.store_plan("a", earlier, [])
    assert _of(book, "pending") == [("today", 1)]


def test_a_plan_of_the_past_that_returns_is_not_pending_beside_the_present_one(
    book: RecommendationBook,
) -> None:
    tomorrow = DAY + timedelta(days=1)
    book.store_plan("a", DAY, _steps("today", 2))
    book.store_plan("a", tomorrow, _steps("next", 1, session=tomorrow))
    for plan in ("today", "another"):
        book.store_plan("a", DAY, _steps(plan, 2))
        assert _of(book, "pending") == [("next", 1)]
    assert {plan for plan, _ in _of(book, "superseded")} == {"today", "another"}


def test_the_same_plan_stored_again_changes_nothing(book: RecommendationBook) -> None:
    book.store_plan("a", DAY, _steps("p", 2))
    before = book.of("a", PLAN)
    book.store_plan("a", DAY, _steps("p", 2))
    assert book.of("a", PLAN) == before


def _held(rows: list[dict[str, Any]], portfolio: str) -> list[dict[str, Any]]:
    return [row | {"portfolio_hash": portfolio} for row in rows]


def test_what_a_person_dismissed_stays_so_in_every_plan_while_the_portfolio_is_the_same(
    book: RecommendationBook,
) -> None:
    first = _held(_steps("first", 2), "held")
    first[1] |= {"symbol": "B"}
    book.store_plan("a", DAY, first)
    assert book.dismiss(first[0]["recommendation_id"])
    assert _of(book, "pending") == [("first", 2)]
    # Other inputs, such as a new price, advise the same trade once more: it is not what the person wants.
    book.store_plan("a", DAY, _held(_steps("second", 1), "held"))
    assert _of(book, "pending") == []
    assert _of(book, "dismissed") == [("first", 1), ("second", 1)]
    book.store_plan("a", DAY, _held(_steps("third", 1), "something was bought"))
    assert _of(book, "pending") == [("third", 1)]


def test_a_plan_of_before_hashes_were_kept_does_not_dismiss_later_ones(
    book: RecommendationBook,
) -> None:
    book.store_plan("a", DAY, _steps("old", 1))
    book.dismiss("a:2020-08-20:old:1")
    book.store_plan("a", DAY, _held(_steps("new", 1), "held"))
    assert _of(book, "pending") == [("new", 1)]


def test_planning_an_earlier_session_again_does_not_revive_its_advice_after_an_empty_plan(
    book: RecommendationBook, store: Store
) -> None:
    tomorrow = DAY + timedelta(days=1)
    book.store_plan("a", DAY, _steps("today", 1))
    later = PlanningCase(
        replace(account(), account_id="a", session=tomorrow), (), {}, {}, CostSettings(),
        PlannerSettings(),
    )  # fmt: skip
    PlanArchive(store).keep(later, "[]", "1")
    book.store_plan("a", tomorrow, [])
    book.store_plan("a", DAY, _steps("today", 1))
    assert _of(book, "pending") == []


def test_only_what_is_pending_can_be_dismissed(book: RecommendationBook) -> None:
    book.store_plan("a", DAY, _steps("p", 1))
    book.mark_executed("a:2020-08-20:p:1")
    assert not book.dismiss("a:2020-08-20:p:1")
    assert not book.dismiss("nothing")
    assert _of(book, "executed") == [("p", 1)]


def test_a_plan_that_returns_is_pending_again(book: RecommendationBook) -> None:
    for plan in ("first", "second", "first"):
        book.store_plan("a", DAY, _steps(plan, 2))
    assert _of(book, "pending") == [("first", 1), ("first", 2)]
    assert _of(book, "superseded") == [("second", 1), ("second", 2)]


def test_an_executed_step_stays_executed(book: RecommendationBook) -> None:
    book.store_plan("a", DAY, _steps("first", 2))
    book.mark_executed(f"a:{DAY}:first:1")
    for plan in ("second", "first"):
        book.store_plan("a", DAY, _steps(plan, 2))
    assert _of(book, "executed") == [("first", 1)]
    assert _of(book, "pending") == [("first", 2)]


def test_a_plan_leaves_other_accounts_and_emergencies_alone(book: RecommendationBook) -> None:
    book.store_plan("b", DAY, _steps("theirs", 1, account="b"))
    book.store_emergency("cash-a-1", _advice("cash-a-1", 1))
    book.store_plan("a", DAY, _steps("ours", 1))
    assert [row["origin_id"] for row in book.of("b", PLAN)] == ["theirs"]
    assert _of(book, "pending", EMERGENCY) == [("cash-a-1", 1)]
    assert book.dismiss_emergency("a") == 1
    assert _of(book, "pending") == [("ours", 1)]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.just("plan"), st.tuples(st.sampled_from("pqr"), st.sampled_from([0, 0, 0, 1]))
            ),
            st.tuples(st.just("executed"), st.integers(0, 1)),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_after_any_history_what_is_pending_is_the_newest_plan_less_what_was_executed(
    book: RecommendationBook, history: Sequence[tuple[str, Any]]
) -> None:
    name = f"x{next(_numbers)}"
    executed: set[str] = set()
    last: list[str] = []
    newest: dict[date, list[str]] = {}
    for action, what in history:
        if action == "plan":
            session = DAY + timedelta(days=what[1])
            rows = _steps(what[0], 2, session=session, account=name)
            newest[session] = last = [row["recommendation_id"] for row in rows]
            book.store_plan(name, session, rows)
        elif last and last[what] not in executed:
            book.mark_executed(last[what])
            executed.add(last[what])
    advised = newest[max(newest)] if newest else []
    pending = [row["recommendation_id"] for row in book.of(name, PLAN)]
    assert pending == [identifier for identifier in advised if identifier not in executed]
    assert {row["recommendation_id"] for row in book.of(name, PLAN, "executed")} == executed


def test_new_advice_replaces_what_is_pending_of_the_episode(book: RecommendationBook) -> None:
    book.store_emergency("cash-a-1", _advice("cash-a-1", 3))
    book.mark_executed(f"cash-a-1:{DAY}:1")
    later = DAY + timedelta(days=1)
    book.store_emergency("cash-a-1", _advice("cash-a-1", 1, session=later))
    assert [row["session"] for row in book.of("a", EMERGENCY)] == [later]
    assert _of(book, "executed", EMERGENCY) == [("cash-a-1", 1)]


def test_a_dismissed_emergency_appears_again_under_a_new_episode(
    book: RecommendationBook, episodes: EpisodeBook
) -> None:
    # D-11: in the original a sale that was dismissed once was never visible again.
    first = episodes.open("a", DAY)
    book.store_emergency(first, _advice(first, 1))
    assert book.dismiss_emergency("a") == 1
    assert book.dismiss_emergency("a") == 0
    episodes.close(first, DAY, "repaired")
    second = episodes.open("a", DAY)
    assert second != first
    book.store_emergency(second, _advice(second, 1))
    assert _of(book, "pending", EMERGENCY) == [(second, 1)]
    assert _of(book, "dismissed", EMERGENCY) == [(first, 1)]


def test_an_account_has_one_open_episode_at_a_time(episodes: EpisodeBook) -> None:
    assert episodes.current("a") is None
    opened = episodes.open("a", DAY)
    assert episodes.open("a", DAY + timedelta(days=1)) == opened == episodes.current("a")
    other = episodes.open("b", DAY)
    assert other != opened
    episodes.close(opened, DAY, "repaired")
    assert episodes.current("a") is None
    assert episodes.current("b") == other


def test_episodes_opened_at_the_same_moment_are_one(episodes: EpisodeBook) -> None:
    found: list[str] = []
    start = threading.Barrier(4)

    def open_one() -> None:
        start.wait()
        found.append(episodes.open("a", DAY))

    threads = [threading.Thread(target=open_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert set(found) == {episodes.current("a")}


def test_an_episode_is_closed_once(episodes: EpisodeBook, store: Store) -> None:
    opened = episodes.open("a", DAY)
    episodes.close(opened, DAY, "repaired")
    episodes.close(opened, DAY + timedelta(days=1), "given up")
    with store.read() as connection:
        (row,) = connection.execute(emergency_episodes.select())
    assert (row.closed_session, row.outcome) == (DAY, "repaired")
