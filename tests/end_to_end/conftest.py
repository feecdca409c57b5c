"""One running UI for all end-to-end tests, and the sessions that they look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.server import Ui, running_ui

_CRASH = "2020-03-16"


@pytest.fixture(scope="session")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """The UI on data that nobody else uses."""
    with running_ui(tmp_path_factory.mktemp("ui")) as running:
        yield running


@pytest.fixture(scope="session")
def crash_session(ui: Ui) -> str:
    """A session in the crash of March 2020 whose daily pipeline was launched over GraphQL and succeeded."""
    ui.wait_for_success(ui.launch("daily_pipeline", _CRASH))
    return _CRASH
