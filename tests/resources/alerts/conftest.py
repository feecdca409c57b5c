"""Servers that alerts are sent to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.store import Store
from tests.fakes.http import LoopbackServer, Reply
from tests.fakes.redis_server import RedisServer, running_redis
from tests.resources.alerts.desks import Clock
from tests.resources.migrated import empty_store


@pytest.fixture
def either_store(store_url: str) -> Iterator[Store]:
    """An empty store, once on SQLite and once on Postgres: for what depends on locks and types."""
    opened = Store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store on SQLite."""
    opened = empty_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def web() -> Iterator[LoopbackServer]:
    """A service that accepts everything."""
    with LoopbackServer(lambda _request: Reply(b"{}")) as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()
