"""The health of a workspace: what is judged how, and what is said before anything was run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from resources.health import health_of, judge_backup, judge_disk, judge_market_data
from tests.demonstration import Demonstration


def test_the_limits_of_health() -> None:
    assert [judge_disk(size * 1024**2) for size in (199, 200, 2047, 2048)] == [
        "failing", "degraded", "degraded", "ok",
    ]  # fmt: skip
    assert [judge_market_data(behind, 3) for behind in (0, 1, 3, 4)] == [
        "ok", "degraded", "degraded", "failing",
    ]  # fmt: skip
    moment = datetime(2024, 1, 3, tzinfo=UTC)
    assert [judge_backup(moment - age, moment) for age in (timedelta(days=2), timedelta(days=3))] == [
        "ok", "degraded",
    ]  # fmt: skip


def test_before_the_first_run_it_says_what_to_run(tmp_path: Path) -> None:
    components = {
        each.component: each for each in health_of(Demonstration.create(tmp_path).workspace)
    }
    assert components["store"].status == components["lake"].status == "ok"
    assert "run daily_pipeline" in components["market data"].sentence
    assert components["broker of europe"].status == "degraded"


def test_a_folder_of_backups_that_holds_none_is_told_of(tmp_path: Path) -> None:
    workspace = Demonstration.create(tmp_path).workspace
    (workspace.backups.folder / "20240102T030000.000000Z").mkdir(parents=True)
    (backup,) = (each for each in health_of(workspace) if each.component == "backup")
    assert backup.status == "degraded"
    assert "no backup that can be read" in backup.sentence
