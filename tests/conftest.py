"""Fixtures that any test may use: an empty store on either database, and a lake on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from resources.lake import Lake
from resources.store import Store, sqlite_url
from tests import postgres
from tests.demonstration import Demonstration

# The same examples every time where a change is judged; new ones on every run at a desk.
settings.register_profile("judged", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("desk", deadline=None, print_blob=True)
settings.load_profile("judged" if os.environ.get("CI") else "desk")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    with postgres.running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database, once on SQLite and once on Postgres."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "ballast.db")
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    with server.fresh_database() as url:
        yield url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def lake(store: Store, tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", store)


@pytest.fixture(scope="session")
def researched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demonstration's session was run in research mode; to be copied, and never changed."""
    folder = tmp_path_factory.mktemp("researched")
    assert Demonstration.create(folder).run().success
    return folder
