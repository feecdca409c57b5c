"""The outbox: nothing is lost, nothing is told twice, and a failure is recorded instead of raised."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.alerts import DeliverySummary
from resources.alerts.outbox import Retrying
from resources.store import Store
from tests.fakes.http import LoopbackServer, Reply, Request
from tests.resources.alerts.desks import (
    START,
    Clock,
    Routes,
    alert,
    deliveries,
    desk_of,
    statuses,
    titles,
)
from tests.resources.migrated import empty_store


def _hook(server: LoopbackServer, path: str = "hook") -> str:
    return server.url.replace("http", "json") + "/" + path


def _arrived(server: LoopbackServer) -> list[str]:
    return titles(request.body for request in server.requests)


def test_an_alert_arrives_on_every_route_that_takes_it(store: Store, web: LoopbackServer) -> None:
    routes = Routes().add("everything", _hook(web, "everything"), least_severity="info")
    routes.add("phone", _hook(web, "phone"), least_severity="critical")
    routes.add("guards", _hook(web, "guards"), kinds=["drawdown"])
    desk = routes.desk(store)
    assert desk.post([alert("a", "warning"), alert("b", "critical")]) == 2
    assert desk.deliver() == DeliverySummary(delivered=3, failed=0, waiting=0)
    arrived = sorted(
        (request.path, title) for request, title in zip(web.requests, _arrived(web), strict=True)
    )
    assert arrived == [
        ("/everything", "Cash differs (a)"),
        ("/everything", "Cash differs (b)"),
        ("/phone", "Cash differs (b)"),
    ]


def test_the_same_alert_is_told_once_however_often_it_is_posted(
    either_store: Store, web: LoopbackServer
) -> None:
    store = either_store
    desk = desk_of(store, {"chat": _hook(web)})
    assert desk.post([alert("a"), alert("a"), alert("b")]) == 2
    assert desk.deliver().delivered == 2
    assert desk.post([alert("b"), alert("c")]) == 1
    assert desk.deliver().delivered == 1
    assert desk.deliver() == DeliverySummary(0, 0, 0)
    assert sorted(_arrived(web)) == [f"Cash differs ({name})" for name in "abc"]


def test_an_alert_is_kept_even_where_nobody_is_told(store: Store) -> None:
    desk = desk_of(store, {})
    assert desk.post([alert("a")]) == 1
    assert desk.post([alert("a")]) == 0
    assert desk.deliver() == DeliverySummary(0, 0, 0)


def test_a_new_route_is_not_told_of_old_alerts(store: Store, web: LoopbackServer) -> None:
    desk_of(store, {}).post([alert("old")])
    desk = desk_of(store, {"chat": _hook(web)})
    assert desk.post([alert("old"), alert("new")]) == 1
    desk.deliver()
    assert _arrived(web) == ["Cash differs (new)"]


def test_a_session_long_ago_is_no_news_unless_it_is_the_present(
    store: Store, web: LoopbackServer
) -> None:
    recorded = replace(alert("recorded"), session=date(2020, 8, 20))
    backfilled = replace(alert("backfilled"), session=date(2020, 8, 9))
    desk = desk_of(store, {"chat": _hook(web)})
    assert desk.post([recorded]) == 1
    desk = replace(desk, last_session=date(2020, 8, 20))
    assert desk.post([recorded, backfilled, replace(recorded, alert_id="told")]) == 2
    assert statuses(store) == {("told", "chat"): "waiting"}


def test_a_failed_delivery_is_recorded_and_retried_when_it_is_due(
    either_store: Store, clock: Clock
) -> None:
    store = either_store
    answers = [500, 200]
    with LoopbackServer(lambda _request: Reply(b"{}", status=answers.pop(0))) as server:
        desk = desk_of(store, {"chat": _hook(server)}, clock)
        desk.post([alert("a")])
        first = desk.deliver()
        assert (first.delivered, first.failed, first.waiting) == (0, 1, 1)
        assert "error=500" in first.problems[0]
        row = deliveries(store)["a", "chat"]
        assert (row["status"], row["attempts"]) == ("failed", 1)
        assert "error=500" in row["last_error"]
        assert row["next_attempt_at"] == START + timedelta(seconds=30)

        clock.advance(seconds=29)
        assert desk.deliver() == DeliverySummary(0, 0, 1)
        clock.advance(seconds=1)
        assert desk.deliver() == DeliverySummary(1, 0, 0)
        row = deliveries(store)["a", "chat"]
        assert (row["status"], row["attempts"], row["last_error"]) == ("delivered", 2, None)
        assert row["delivered_at"] == clock.moment


def test_what_stays_undeliverable_is_given_up_in_the_end(store: Store, clock: Clock) -> None:
    with LoopbackServer(lambda _request: Reply(status=503)) as server:
        desk = desk_of(store, {"chat": _hook(server)}, clock)
        desk.post([alert("a")])
        while desk.deliver().waiting:
            clock.advance(hours=6)
        row = deliveries(store)["a", "chat"]
        assert row["status"] == "given_up"
        assert "error=503" in row["last_error"]
        assert clock.moment - START == timedelta(hours=72)
        tried = len(server.requests)
        assert tried == row["attempts"]
        clock.advance(days=30)
        assert desk.deliver() == DeliverySummary(0, 0, 0)
        assert len(server.requests) == tried


def test_a_route_that_fails_holds_up_no_other_and_costs_one_attempt_a_round(
    store: Store, web: LoopbackServer, clock: Clock
) -> None:
    with LoopbackServer(lambda _request: Reply(status=500)) as broken:
        desk = desk_of(store, {"broken": _hook(broken), "chat": _hook(web)}, clock)
        desk.post([alert(name) for name in "abc"])
        summary = desk.deliver()
        assert (summary.delivered, summary.failed, summary.waiting) == (3, 1, 3)
        assert len(broken.requests) == 1
        # The one that failed does not keep the others from being tried.
        desk.deliver()
        desk.deliver()
        assert sorted(_arrived(broken)) == [f"Cash differs ({name})" for name in "abc"]


def test_a_service_that_is_not_there_is_a_failure_like_any_other(
    store: Store, web: LoopbackServer
) -> None:
    web.close()
    desk = desk_of(store, {"chat": _hook(web)})
    desk.post([alert("a")])
    summary = desk.deliver()
    assert (summary.failed, summary.waiting) == (1, 1)
    assert summary.problems[0].startswith("route chat: the service did not accept it")


def test_a_route_whose_variable_is_missing_says_so(store: Store) -> None:
    desk = desk_of(store, {"chat": None})
    problem = "route chat: BALLAST_ALERTS_CHAT is not set"
    assert desk.deliver() == DeliverySummary(0, 0, 0, (problem,))
    desk.post([alert("a")])
    assert desk.deliver() == DeliverySummary(0, 1, 1, (problem,))
    assert deliveries(store)["a", "chat"]["last_error"] == "BALLAST_ALERTS_CHAT is not set"


def test_an_address_that_no_service_understands_says_so(store: Store) -> None:
    desk = desk_of(store, {"chat": "nosuchservice://secret-address"})
    desk.post([alert("a")])
    (problem,) = desk.deliver().problems
    assert "BALLAST_ALERTS_CHAT holds no single address that apprise understands" in problem
    assert "secret-address" not in problem


def test_what_waits_for_a_route_that_was_removed_is_given_up(either_store: Store) -> None:
    store = either_store
    desk_of(store, {"chat": None}).post([alert("a")])
    assert desk_of(store, {}).deliver() == DeliverySummary(0, 0, 0)
    row = deliveries(store)["a", "chat"]
    assert (row["status"], row["last_error"]) == ("given_up", "the route is no longer configured")


def test_one_line_is_what_a_title_has(store: Store, web: LoopbackServer) -> None:
    desk = desk_of(store, {"chat": _hook(web)})
    two_lines = alert("a")
    object.__setattr__(two_lines, "title", "Cash differs\r\nBcc: everybody@example.org")
    desk.post([two_lines])
    desk.deliver()
    assert _arrived(web) == ["Cash differs Bcc: everybody@example.org"]


def test_the_wait_doubles_up_to_its_limit() -> None:
    retrying = Retrying(timedelta(seconds=30), timedelta(hours=1), timedelta(days=3))
    waits = [int(retrying.delay(attempts).total_seconds()) for attempts in range(1, 10)]
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


@given(
    first=st.integers(1, 3600),
    longest=st.integers(1, 86_400),
    attempts=st.integers(1, 10**6),
)
def test_the_wait_never_shrinks_nor_exceeds_its_limit(
    first: int, longest: int, attempts: int
) -> None:
    retrying = Retrying(timedelta(seconds=first), timedelta(seconds=longest), timedelta(days=1))
    assert timedelta(0) < retrying.delay(attempts) <= retrying.delay(attempts + 1)
    assert retrying.delay(attempts) <= timedelta(seconds=longest)


_posts = st.lists(st.sampled_from("abcde"), min_size=1, max_size=4)
_steps = st.lists(
    st.one_of(
        _posts.map(lambda names: ("post", names)),
        st.just(("deliver", [])),
        st.just(("break", [])),
        st.just(("mend", [])),
    ),
    max_size=12,
)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_steps)
def test_whatever_happens_each_alert_is_accepted_exactly_once(
    steps: list[tuple[str, list[str]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    accepted: list[bytes] = []
    state = {"broken": False}

    def answer(request: Request) -> Reply:
        if state["broken"]:
            return Reply(status=500)
        accepted.append(request.body)
        return Reply(b"{}")

    clock = Clock()
    store = empty_store(tmp_path_factory.mktemp("outbox"))
    with LoopbackServer(answer) as server:
        desk = desk_of(store, {"chat": _hook(server)}, clock)
        posted: set[str] = set()
        for action, names in steps:
            if action == "post":
                assert desk.post([alert(name) for name in names]) == len(set(names) - posted)
                posted |= set(names)
            elif action == "deliver":
                desk.deliver()
            else:
                state["broken"] = action == "break"
            clock.advance(minutes=5)
        state["broken"] = False
        clock.advance(hours=2)
        assert desk.deliver().waiting == 0
    store.close()
    assert sorted(titles(accepted)) == [f"Cash differs ({name})" for name in sorted(posted)]


def test_delivering_takes_no_lock_when_nothing_is_due(
    store: Store, web: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_of(store, {"chat": _hook(web)})
    desk.post([alert("a")])
    desk.deliver()
    assert statuses(store) == {("a", "chat"): "delivered"}
    monkeypatch.setattr(Store, "write", lambda _store: pytest.fail("took the lock"))
    assert desk.deliver() == DeliverySummary(0, 0, 0)
