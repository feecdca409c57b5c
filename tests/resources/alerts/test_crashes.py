"""Processes that die or meet while they deliver: nothing is lost, and nobody is told what another is telling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import Barrier as ThreadBarrier
from threading import Thread

import pytest

from resources.alerts import outbox
from resources.alerts.people import PeopleChannel
from resources.store import Store, sqlite_url
from tests.fakes.http import LoopbackServer, Reply
from tests.resources.alerts.desks import START, Clock, alert, deliveries, desk_of, titles
from tests.resources.crashes import SPAWN, die, die_at_call, run_until_it_dies

_NAMES = "abcdefghijkl"


def _between_alert_and_delivery() -> None:
    outbox.insert_unknown = die_at_call(2, outbox.insert_unknown)  # type: ignore[attr-defined]


def _before_it_is_sent() -> None:
    PeopleChannel.send = die  # type: ignore[method-assign, assignment]


def _after_it_was_sent() -> None:
    outbox.settle = die  # type: ignore[assignment]


def _post_and_deliver(url: str, address: str, prepare: Callable[[], None]) -> None:
    with closing(Store(url)) as store:
        prepare()
        desk = desk_of(store, {"chat": address})
        desk.post([alert("a")])
        desk.deliver()


@pytest.mark.parametrize(
    ("moment", "was_posted", "arrivals"),
    [
        (_between_alert_and_delivery, False, 1),
        (_before_it_is_sent, True, 1),
        # A chat cannot be asked what it was told, so it is told again rather than not at all.
        (_after_it_was_sent, True, 2),
    ],
)
def test_an_alert_survives_a_kill_at(
    tmp_path: Path,
    web: LoopbackServer,
    moment: Callable[[], None],
    was_posted: bool,
    arrivals: int,
) -> None:
    address = web.url.replace("http", "json")
    store_url = sqlite_url(tmp_path / "ballast.db")
    Store(store_url).close()
    run_until_it_dies(_post_and_deliver, store_url, address, moment)
    with closing(Store(store_url)) as store:
        assert len(deliveries(store)) == int(was_posted)
        clock = Clock()
        desk = desk_of(store, {"chat": address}, clock)
        assert desk.post([alert("a")]) == int(not was_posted)
        if was_posted:
            # Whoever died might still be sending.
            assert desk.deliver().delivered == 0
            clock.advance(seconds=301)
        assert desk.deliver().delivered == 1
        assert desk.deliver().waiting == 0
    assert len(web.requests) == arrivals


def _deliver_at_once(url: str, address: str, together: Barrier) -> None:
    with closing(Store(url)) as store:
        together.wait(60)
        desk_of(store, {"chat": address}).deliver()


def test_two_processes_that_deliver_at_once_tell_each_alert_once(
    store_url: str,
) -> None:
    # Slow enough that both meet at every alert.
    with (
        LoopbackServer(lambda _request: Reply(b"{}", delay=0.03)) as server,
        closing(Store(store_url)) as store,
    ):
        address = server.url.replace("http", "json")
        desk_of(store, {"chat": address}).post([alert(name) for name in _NAMES])
        together = SPAWN.Barrier(2)
        processes = [
            SPAWN.Process(target=_deliver_at_once, args=(store_url, address, together))
            for _ in range(2)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
        assert [process.exitcode for process in processes] == [0, 0]
        assert {row["status"] for row in deliveries(store).values()} == {"delivered"}
        arrived = Counter(titles(request.body for request in server.requests))
    assert arrived == {f"Cash differs ({name})": 1 for name in _NAMES}


def test_a_lease_that_passed_on_is_not_settled_by_who_lost_it(either_store: Store) -> None:
    store = either_store
    desk_of(store, {"chat": "json://127.0.0.1:1"}).post([alert("a")])
    lease = timedelta(minutes=5)
    retrying = outbox.Retrying(lease, lease, lease)
    (slow,) = outbox.claim(store, "chat", START, lease, 1, is_broadcast=False)
    assert outbox.claim(store, "chat", START, lease, 1, is_broadcast=False) == []
    later = START + lease
    (quick,) = outbox.claim(store, "chat", later, lease, 1, is_broadcast=False)
    outbox.settle(store, [(quick, None)], later, retrying)
    outbox.settle(store, [(slow, "too late")], later, retrying)
    row = deliveries(store)["a", "chat"]
    assert (row["status"], row["last_error"], row["attempts"]) == ("delivered", None, 2)


def test_posting_and_delivering_from_many_threads_tells_each_alert_once(
    either_store: Store,
) -> None:
    store = either_store
    with LoopbackServer(lambda _request: Reply(b"{}")) as server:
        address = server.url.replace("http", "json")
        together = ThreadBarrier(4)

        def work() -> None:
            desk = desk_of(store, {"chat": address})
            together.wait(60)
            for name in _NAMES[:6]:
                desk.post([alert(name)])
                desk.deliver()

        threads = [Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        arrived = Counter(titles(request.body for request in server.requests))
    assert arrived == {f"Cash differs ({name})": 1 for name in _NAMES[:6]}
