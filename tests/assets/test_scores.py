"""What the step of the scores remembers of fundamental figures."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import cast

import pytest

from assets.scores import _remembered
from assets.session_run import SessionRun
from ballast.tables import Fundamentals
from resources.lake import Lake
from resources.lake_files import Table
from resources.workspace import Workspace
from tests.ballast.builders import D, table


def remembered_on(lake: Lake, session: date) -> list[float]:
    workspace = cast(Workspace, SimpleNamespace(lake=lake))
    return _remembered(SessionRun(workspace, session, "run"))["value"].to_list()


@pytest.fixture
def published(lake: Lake) -> Lake:
    for day in (3, 5):
        known_on = date(2020, 8, day)
        row = {"symbol": "S", "metric": "trailing_pe", "known_on": known_on, "value": D(day)}
        figures = Table(
            "fundamentals", known_on.isoformat(), table(Fundamentals, [row]), Fundamentals
        )
        lake.publish([figures], run_id="run", code_version="1", as_of=known_on.isoformat())
    return lake


@pytest.mark.parametrize(
    ("day", "values"), [(2, []), (3, [3.0]), (4, [3.0]), (5, [5.0]), (9, [5.0])]
)
def test_the_newest_figures_up_to_the_session_are_remembered(
    published: Lake, day: int, values: list[float]
) -> None:
    assert remembered_on(published, date(2020, 8, day)) == values


def test_before_anything_is_published_nothing_is_remembered(lake: Lake) -> None:
    assert remembered_on(lake, date(2020, 8, 3)) == []
