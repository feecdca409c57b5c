"""The jobs of an operator, run for real on a demonstration that was run once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

from ballast.errors import BrokerUnavailableError
from pipelines.command_line import main
from pipelines.health import whole_health
from resources.brokers.protocol import Broker
from resources.health import Health
from resources.workspace import open_workspace
from tests.demonstration import QUIET, REPOSITORY, SESSION, Demonstration

LAST = "last = 2020-08-20 "
DAY_LATER = ("last = 2020-08-20 ", "last = 2020-08-21 ")
SYNC_JOBS = (
    "sync_historical", "sync_prices", "sync_portfolio", "sync_securities_data", "rebuild_universe",
    "sync_recommendations", "plan_portfolio", "sync_cycle",
)  # fmt: skip


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("history")
    demonstration = Demonstration.create(folder)
    assert demonstration.run().success
    demonstration.workspace.store.close()
    return folder


@pytest.fixture
def opened(history: Path, tmp_path: Path) -> Callable[..., Demonstration]:
    """Opens a copy of that state, with changes of the portfolio file and other parts."""
    folder = tmp_path / "work"
    shutil.copytree(history, folder)

    def create(*changes: tuple[str, str], **parts: object) -> Demonstration:
        return Demonstration.create(folder, *changes, **parts)

    return create


def run(demonstration: Demonstration, job: str) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return demonstration.definitions.resolve_job_def(job).execute_in_process(
            instance=instance, run_config=QUIET, raise_on_error=False
        )


def failed_steps(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Return the message of each step that failed."""
    return {
        str(event.step_key): str(event.step_failure_data.user_failure_data.description)
        for event in result.all_events
        if event.is_step_failure
    }


def health(demonstration: Demonstration) -> dict[str, Health]:
    with dg.DagsterInstance.ephemeral() as instance:
        components = whole_health(demonstration.workspace, instance)
    return {each.component: each for each in components}


def test_a_night_leaves_a_backup_that_can_be_worked_with_and_nothing_unneeded(
    opened: Callable[..., Demonstration], tmp_path: Path
) -> None:
    demonstration = opened(("[regime]", "[maintenance]\nbackups_kept = 1\n[regime]"))
    shelf = demonstration.workspace.backups
    abandoned = demonstration.workspace.lake.root / "prices" / "abandoned.parquet.partial"
    abandoned.write_bytes(b"half")
    long_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    os.utime(abandoned, (long_ago, long_ago))
    assert run(demonstration, "daily_maintenance").success
    (first,) = shelf.names()
    assert run(demonstration, "daily_maintenance").success
    (second,) = shelf.names()
    assert second > first
    assert not abandoned.exists()
    assert (demonstration.workspace.data / "ballast.db-wal").stat().st_size == 0

    assert run(demonstration, "weekly_maintenance").success
    assert [path.name for path in shelf.folder.iterdir()] == [second]

    shutil.copytree(shelf.folder, tmp_path / "moved")
    elsewhere = _restored(tmp_path / "moved" / second, tmp_path / "elsewhere")
    assert elsewhere.published(SESSION) == demonstration.published(SESSION)
    assert elsewhere.stored_rows() == demonstration.stored_rows()
    assert elsewhere.run(job="sync_cycle").success
    assert elsewhere.published(SESSION) == demonstration.published(SESSION)


def _restored(backup: Path, folder: Path) -> Demonstration:
    from resources.restore import restore

    demonstration = Demonstration.create(folder)
    restore(demonstration.workspace.backups.find(str(backup)), demonstration.workspace.data)
    return demonstration


def test_what_was_lost_fails_the_night_before_any_backup_is_removed(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened(("[regime]", "[maintenance]\nbackups_kept = 1\n[regime]"))
    shelf = demonstration.workspace.backups
    assert run(demonstration, "daily_maintenance").success
    (lost,) = demonstration.snapshot().paths("daily_report")
    lost.unlink()
    night = run(demonstration, "daily_maintenance")
    assert failed_steps(night).keys() == {"back_up"}
    assert lost.name in failed_steps(night)["back_up"]
    assert len(shelf.names()) == 2
    week = run(demonstration, "weekly_maintenance")
    assert failed_steps(week).keys() == {"check_integrity", "try_restore"}
    assert lost.name in failed_steps(week)["check_integrity"]


def test_a_week_without_a_backup_or_with_a_spoilt_one_fails(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened()
    without = failed_steps(run(demonstration, "weekly_maintenance"))
    assert without == {"try_restore": "There is no backup yet; run daily_maintenance."}
    backup = demonstration.workspace.backups.create(demonstration.workspace.store)
    assert run(demonstration, "weekly_maintenance").success
    (backup.folder / "ballast.db").write_bytes(b"")
    week = run(demonstration, "weekly_maintenance")
    assert [event.step_key for event in week.all_events if event.is_step_failure] == ["try_restore"]


def test_every_sync_job_can_be_repeated_and_changes_nothing_that_was_run(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened()
    published, rows = demonstration.published(SESSION), demonstration.stored_rows()
    for job in SYNC_JOBS:
        assert demonstration.run(job=job).success, job
    assert demonstration.published(SESSION) == published
    assert demonstration.stored_rows() == rows


def _cycle(demonstration: Demonstration, instance: dg.DagsterInstance) -> dg.RunRequest | str:
    schedule = demonstration.definitions.resolve_schedule_def("sync_cycle_every_few_minutes")
    with dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=datetime(2026, 1, 3, 12, 15, tzinfo=UTC),
        resources={"workspace": demonstration.resource},
        repository_def=demonstration.definitions.get_repository_def(),
    ) as context:
        data = schedule.evaluate_tick(context)
    requests = data.run_requests or []
    return requests[0] if requests else str(data.skip_message)


def test_a_cycle_is_of_the_newest_session_and_waits_for_the_one_before(
    opened: Callable[..., Demonstration], tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        before = Demonstration.create(tmp_path / "empty")
        assert "run daily_pipeline" in str(_cycle(before, instance))
        demonstration = opened()
        request = _cycle(demonstration, instance)
        assert isinstance(request, dg.RunRequest)
        assert request.partition_key == SESSION.isoformat()
        assert request.run_key == "cycle:2026-01-03T12:15:00+00:00"
        instance.create_run_for_job(
            demonstration.definitions.resolve_job_def("sync_cycle"),
            status=dg.DagsterRunStatus.STARTED,
        )
        assert _cycle(demonstration, instance) == "The cycle before is not done yet."


def test_everything_is_well_after_a_run_but_for_the_backup_that_is_missing(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened()
    components = health(demonstration)
    assert list(components) == [
        "store", "lake", "market data", "broker of europe", "broker of america", "backup", "disk",
        "daemons",
    ]  # fmt: skip
    assert {name for name, each in components.items() if each.status != "ok"} <= {"backup", "disk"}
    assert components["backup"].status == "degraded"
    assert "session 2020-08-20" in components["market data"].sentence
    demonstration.workspace.backups.create(demonstration.workspace.store)
    assert health(demonstration)["backup"].status == "ok"
    assert run(demonstration, "health_check").success


class _Silent:
    """A broker that answers nothing."""

    name = "silent"

    def balances(self, account_id: str, session: date) -> dict[str, Decimal]:
        raise BrokerUnavailableError("it does not answer", where=account_id, remedy="Ask later.")


@dataclass(frozen=True)
class _OneSilent:
    """Replaces the broker of one account."""

    account: str

    def __call__(self, brokers: Mapping[str, Broker]) -> dict[str, Broker]:
        return {**brokers, self.account: _Silent()}  # type: ignore[dict-item]


def test_a_broker_that_cannot_be_asked_is_told_of_and_stops_no_check(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened(wrap_brokers=_OneSilent("america"))
    components = health(demonstration)
    assert components["broker of america"] == Health(
        "broker of america", "degraded", "silent cannot be asked: it does not answer."
    )
    assert components["broker of europe"].status == "ok"
    assert run(demonstration, "health_check").success


def test_prices_that_are_behind_and_a_lost_table_are_seen(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened(DAY_LATER)
    market_data = health(demonstration)["market data"]
    assert market_data.status == "degraded"
    assert market_data.sentence.endswith("sessions since then that were not run: 1.")
    entries = demonstration.snapshot().entries.values()
    newest = max(entries, key=lambda entry: entry.publication_id)
    (demonstration.workspace.lake.root / newest.path).unlink()
    check = run(demonstration, "health_check")
    assert failed_steps(check)["examine"].startswith("lake: It cannot be read")


def test_a_store_that_does_not_answer_is_named_and_nothing_is_told_of_its_address(
    opened: Callable[..., Demonstration],
) -> None:
    demonstration = opened()
    with demonstration.workspace.store.write() as connection:
        connection.exec_driver_sql("DROP TABLE current_publications")
    components = health(demonstration)
    assert components["lake"] == Health("lake", "failing", "The database answers OperationalError.")
    assert components["disk"].status != "failing"


def test_backup_restore_and_health_from_the_terminal(
    history: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "terminal"
    shutil.copytree(history, folder)
    path = folder / "portfolio.toml"
    path.write_text((REPOSITORY / "portfolio.toml").read_text())
    monkeypatch.setenv("BALLAST_PORTFOLIO", str(path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))

    assert main(["restore", "newest"]) == 2
    assert "there is no backup yet" in capsys.readouterr().err
    assert main(["backup"]) == 0
    written = Path(capsys.readouterr().out.split(": ")[0])
    assert written.parent == folder / "backups"

    assert main(["restore", written.name]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert main(["restore", written.name, "--into", str(tmp_path / "copy")]) == 0
    assert (tmp_path / "copy" / "ballast.db").exists()

    assert main(["health"]) == 0
    said = capsys.readouterr().out
    assert "ok        store" in said
    assert "failing" not in said

    open_workspace(path).store.close()
    open_workspace.cache_clear()
    shutil.rmtree(folder / "data")
    assert main(["restore", "newest"]) == 0
    assert main(["report"]) == 0
    assert "# Ballast, session 2020-08-20" in capsys.readouterr().out
