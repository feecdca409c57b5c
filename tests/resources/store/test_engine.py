"""The store: opening it, reading and writing at the same time, and the two kinds of insert."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.errors import StoreError
from resources.store import Store, insert_unknown, open_store, sqlite_url, upsert
from resources.store.engine import HEAD_REVISION
from resources.store.schema import current_publications, paper_accounts
from resources.store.trading_schema import order_events

# Both must have seen the empty store before either begins to change it.
_OPEN_IN_STEP = """
import sys
from alembic import command
from resources.store import Store, engine
look = engine._revision
def look_and_wait(connection):
    found = look(connection)
    print(found, flush=True)
    sys.stdin.readline()
    return found
engine._revision = look_and_wait
Store(sys.argv[1])
"""
_secrets = st.text("abcdefghijklmnopqrstuvwxyz", min_size=12, max_size=20)


def _event(sequence: int, state: str = "sent") -> dict[str, object]:
    return {
        "client_order_id": "order",
        "sequence": sequence,
        "kind": "written",
        "state": state,
        "detail": None,
        "recorded_at": datetime(2024, 1, 2, tzinfo=UTC),
    }


def _states(store: Store) -> list[str]:
    with store.read() as connection:
        query = sa.select(order_events.c.state).order_by(order_events.c.sequence)
        return list(connection.scalars(query))


def _count(store: Store) -> int:
    return len(_states(store))


def test_two_processes_that_open_a_new_store_at_once_both_succeed(store_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _OPEN_IN_STEP, store_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "None\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[1] for process in processes] == ["", ""]
    assert [process.returncode for process in processes] == [0, 0]
    with Store(store_url).read() as connection:
        versions = connection.scalars(sa.text("SELECT version_num FROM alembic_version")).all()
    assert versions == [HEAD_REVISION]


def test_a_process_opens_a_store_once(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "folder" / "ballast.db")
    assert open_store(url) is open_store(url)


def test_known_rows_inserted_again_change_nothing(store: Store) -> None:
    with store.write() as connection:
        assert insert_unknown(connection, order_events, [_event(1), _event(2)]) == 2
    with store.write() as connection:
        again = [_event(2, "cancelled"), _event(3, "filled"), _event(3, "filled")]
        assert insert_unknown(connection, order_events, again) == 1
        assert insert_unknown(connection, order_events, []) == 0
    assert _states(store) == ["sent", "sent", "filled"]


def test_more_rows_than_one_statement_takes_are_all_inserted(store: Store) -> None:
    with store.write() as connection:
        rows = [_event(sequence) for sequence in range(5000)]
        assert insert_unknown(connection, order_events, rows) == 5000
    assert _count(store) == 5000


def test_upsert_replaces_what_is_there_and_adds_what_is_not(store: Store) -> None:
    with store.write() as connection:
        upsert(connection, order_events, [_event(1), _event(2)])
        upsert(connection, order_events, [_event(2, "filled"), _event(3, "filled")])
        upsert(connection, order_events, [])
    assert _states(store) == ["sent", "filled", "filled"]


def test_a_write_that_fails_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            upsert(connection, order_events, [_event(1)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert _states(store) == []


def test_a_read_sees_one_moment_while_others_write(store: Store) -> None:
    count = sa.select(sa.func.count()).select_from(order_events)
    with store.read() as connection:
        before = connection.scalar(count)
        with store.write() as writer:
            upsert(writer, order_events, [_event(1)])
        assert connection.scalar(count) == before == 0
    assert _count(store) == 1


def test_writers_take_turns_so_that_read_and_write_is_one_step(store: Store) -> None:
    def increase() -> None:
        for _ in range(20):
            with store.write() as connection:
                number = connection.scalar(sa.select(current_publications.c.publication_id))
                row = {"asset": "a", "partition": "p", "publication_id": (number or 0) + 1}
                upsert(connection, current_publications, [row])

    threads = [threading.Thread(target=increase) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        assert connection.scalar(sa.select(current_publications.c.publication_id)) == 80


def test_a_closed_store_can_be_opened_again(store_url: str) -> None:
    first = Store(store_url)
    with first.write() as connection:
        upsert(connection, paper_accounts, [{"account_id": "a", "advanced_to": None}])
    first.close()
    second = Store(store_url)
    with second.read() as connection:
        assert connection.scalars(sa.select(paper_accounts.c.account_id)).all() == ["a"]
    second.close()


def test_a_database_that_cannot_be_reached_is_refused_with_a_remedy() -> None:
    with pytest.raises(StoreError, match="cannot be opened") as refused:
        Store("postgresql://user:correct-horse@127.0.0.1:1/ballast")
    assert "correct-horse" not in str(refused.value)


def test_a_store_that_a_newer_version_has_changed_is_refused(store_url: str) -> None:
    newer = Store(store_url)
    with newer.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    newer.close()
    with pytest.raises(StoreError, match="unknown to this version"):
        Store(store_url)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:{}@host/ballast",
        "mysql://host/ballast?password={}",
        "sqlite://user:{}@host",
        "sqlite://?password={}",
        "postgres://user:{}@host/ballast",
        "postgresql://user@host:{}/ballast",
        "{}",
    ],
)
@settings(max_examples=25, deadline=None)
@given(secret=_secrets)
def test_the_password_of_an_unsupported_url_is_never_shown(url: str, secret: str) -> None:
    with pytest.raises(StoreError) as refused:
        Store(url.format(secret))
    shown = "".join(map(str, [refused.value, refused.value.__cause__, refused.value.__dict__]))
    assert secret not in shown
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
