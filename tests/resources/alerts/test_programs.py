"""Broadcasts for programs, through the real client to a real Redis server."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import redis

from ballast.alerts import Broadcast, discrepancy_broadcast, result_broadcast
from ballast.settings import AlertSettings
from resources.alerts import AlertDesk, DeliverySummary
from resources.store import Store
from tests.fakes.redis_server import PASSWORD, RedisServer
from tests.resources.alerts.desks import Clock, alert, deliveries, everything_stored

_MOMENT = datetime(2024, 3, 1, 9, 30, tzinfo=UTC)


@dataclass
class Listener:
    """What a program hears, and what it finds in the stream later."""

    client: redis.Redis
    subscription: Any

    def heard(self) -> list[tuple[str, dict[str, Any]]]:
        found = []
        while (message := self.subscription.get_message(timeout=0.2)) is not None:
            if message["type"] == "message":
                found.append((message["channel"], json.loads(message["data"])))
        return found

    def kept(self) -> list[tuple[str, dict[str, Any]]]:
        entries: Any = self.client.xrange("ballast:reconciliation")
        return [(entry["channel"], json.loads(entry["payload"])) for _, entry in entries]


@pytest.fixture
def listener(redis_server: RedisServer) -> Iterator[Listener]:
    with redis_server.client() as client:
        client.flushall()
        subscription = client.pubsub()
        subscription.subscribe("reconciliation:result", "reconciliation:discrepancy")
        for _ in range(2):
            assert subscription.get_message(timeout=5)["type"] == "subscribe"
        yield Listener(client, subscription)
        subscription.close()


def _desk(store: Store, url: str | None, clock: Clock | None = None, **limits: Any) -> AlertDesk:
    environment = {} if url is None else {"BALLAST_REDIS_URL": url}
    return AlertDesk(store, AlertSettings(**limits), environment, clock or Clock())


def _result(run_id: str = "run-1") -> Broadcast:
    return result_broadcast(
        run_id=run_id,
        account_id="europe",
        timestamp=_MOMENT,
        is_clean=False,
        discrepancy_count=1,
        positions_checked=14,
        duration_ms=12.5,
        context={"trigger": "periodic"},
    )


def _discrepancy() -> Broadcast:
    return discrepancy_broadcast(
        run_id="run-1",
        discrepancy_type="missing_local",
        severity="critical",
        symbol="MSFT",
        local_value=None,
        broker_value=Decimal("90"),
        timestamp=_MOMENT,
        account_id="europe",
    )


def test_listeners_hear_each_message_and_the_stream_keeps_it(
    store: Store, redis_server: RedisServer, listener: Listener
) -> None:
    desk = _desk(store, redis_server.url)
    assert desk.post([], [_result(), _discrepancy()]) == 2
    assert desk.deliver() == DeliverySummary(delivered=2, failed=0, waiting=0)
    heard = dict(listener.heard())
    assert heard == {
        "reconciliation:result": {
            "run_id": "run-1",
            "account_id": "europe",
            "timestamp": "2024-03-01T09:30:00+00:00",
            "is_clean": False,
            "discrepancy_count": 1,
            "positions_checked": 14,
            "duration_ms": 12.5,
            "context": {"trigger": "periodic"},
        },
        "reconciliation:discrepancy": {
            "run_id": "run-1",
            "type": "missing_local",
            "severity": "critical",
            "symbol": "MSFT",
            "local_value": None,
            "broker_value": "90",
            "timestamp": "2024-03-01T09:30:00+00:00",
            "account_id": "europe",
        },
    }
    assert dict(listener.kept()) == heard


def test_a_message_is_published_once_however_often_it_is_posted(
    store: Store, redis_server: RedisServer, listener: Listener
) -> None:
    desk = _desk(store, redis_server.url)
    assert [desk.post([], [_result(), _result()]), desk.post([], [_result()])] == [1, 0]
    desk.deliver()
    desk.deliver()
    assert len(listener.heard()) == len(listener.kept()) == 1


def test_a_message_that_was_sent_just_before_the_process_died_is_not_sent_again(
    store: Store, redis_server: RedisServer, listener: Listener
) -> None:
    clock = Clock()
    desk = _desk(store, redis_server.url, clock)
    desk.post([], [_result()])
    desk._programs.send([_result()])
    clock.advance(minutes=10)
    assert desk.deliver().delivered == 1
    assert len(listener.heard()) == len(listener.kept()) == 1


def test_the_stream_keeps_only_the_newest_messages(
    store: Store, redis_server: RedisServer, listener: Listener
) -> None:
    desk = _desk(store, redis_server.url, stream_length=100)
    desk.post([], [_result(f"run-{number}") for number in range(230)])
    assert desk.deliver().delivered == 230
    assert len(listener.kept()) == 100
    assert len(listener.heard()) == 230


def test_messages_are_published_in_the_order_in_which_they_were_posted(
    store: Store, redis_server: RedisServer, listener: Listener
) -> None:
    clock = Clock()
    desk = _desk(store, redis_server.url, clock)
    for number in range(5):
        desk.post([], [_result(f"run-{number}")])
        clock.advance(seconds=1)
    desk.deliver()
    assert [message["run_id"] for _, message in listener.kept()] == [f"run-{n}" for n in range(5)]


def test_where_no_server_is_configured_nothing_is_kept_and_the_log_says_so(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    desk = _desk(store, None)
    assert desk.post([alert("a")], [_result(), _discrepancy()]) == 1
    assert desk.deliver() == DeliverySummary(0, 0, 0)
    assert deliveries(store) == {}
    assert "BALLAST_REDIS_URL is not set: 2 broadcasts dropped" in caplog.text


def test_a_server_that_is_away_is_tried_again_when_it_is_back(
    store: Store, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    clock = Clock()
    desk = _desk(store, redis_server.url, clock)
    desk.post([], [_result()])
    redis_server.stop()
    try:
        summary = desk.deliver()
    finally:
        redis_server.start()
    assert (summary.delivered, summary.failed, summary.waiting) == (0, 1, 1)
    assert "ConnectionError" in summary.problems[0]
    assert PASSWORD not in caplog.text + str(summary) + everything_stored(store)
    clock.advance(minutes=1)
    assert desk.deliver() == DeliverySummary(1, 0, 0)
    with redis_server.client() as client:
        assert client.xlen("ballast:reconciliation") == 1


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("redis://:wr0ng-Passw0rd@127.0.0.1:{port}/0", "invalid username-password"),
        ("http://:s3cret-Passw0rd@127.0.0.1:{port}/0", "Redis URL must specify"),
    ],
)
def test_a_server_that_refuses_is_a_failure_that_names_no_password(
    store: Store,
    redis_server: RedisServer,
    caplog: pytest.LogCaptureFixture,
    url: str,
    complaint: str,
) -> None:
    caplog.set_level(1)
    desk = _desk(store, url.format(port=redis_server.port))
    desk.post([], [_result()])
    summary = desk.deliver()
    assert complaint in summary.problems[0]
    assert "Passw0rd" not in caplog.text + str(summary) + repr(desk) + everything_stored(store)


def test_published_messages_are_forgotten_after_a_time_and_alerts_never(
    either_store: Store, redis_server: RedisServer, listener: Listener
) -> None:
    store = either_store
    clock = Clock()
    desk = _desk(store, redis_server.url, clock, keep_broadcasts=1)
    desk.post([alert("a")], [_result()])
    desk.deliver()
    clock.advance(hours=23)
    desk.deliver()
    assert desk.post([], [_result()]) == 0
    clock.advance(hours=2)
    desk.deliver()
    assert deliveries(store) == {}
    assert "Cash differs" in everything_stored(store)


def test_trying_the_routes_asks_the_server_and_publishes_nothing(
    store: Store, redis_server: RedisServer, listener: Listener
) -> None:
    assert _desk(store, redis_server.url).try_routes(alert("a")) == {"redis": None}
    (problem,) = _desk(store, "redis://127.0.0.1:1/0").try_routes(alert("a")).values()
    assert "ConnectionError" in str(problem)
    assert listener.heard() == listener.kept() == []
