"""The health of a portfolio that is live, where sessions go on and Dagster's daemons have to run."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster._daemon.types import DaemonHeartbeat

from pipelines.health import whole_health
from resources.clock import now
from resources.health import Health
from resources.lake_files import Table
from tests.demonstration import Demonstration

LIVE = ("last = 2020-08-20 ", "# last = 2020-08-20 ")


@pytest.fixture
def live(tmp_path: Path) -> Demonstration:
    return Demonstration.create(tmp_path / "work", LIVE)


def _component(demonstration: Demonstration, instance: dg.DagsterInstance, name: str) -> Health:
    components = whole_health(demonstration.workspace, instance)
    return next(each for each in components if each.component == name)


def test_daemons_that_are_not_heard_of_are_named_until_they_are(
    live: Demonstration, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        silent = _component(live, instance, "daemons")
        assert silent.status == "degraded"
        assert "scheduler" in silent.sentence
        for kind in instance.get_required_daemon_types():
            instance.add_daemon_heartbeat(DaemonHeartbeat(now().timestamp(), kind, None, []))
        assert _component(live, instance, "daemons").status == "ok"


def test_prices_that_are_far_behind_fail_the_check(live: Demonstration) -> None:
    live.workspace.lake.publish(
        [Table("prices", "2020-08-20", pl.DataFrame({"symbol": ["A"]}))],
        run_id="r",
        code_version="1",
        as_of="2020-08-20",
    )
    with dg.DagsterInstance.ephemeral() as instance:
        assert _component(live, instance, "market data").status == "failing"
