"""A password that is also a name hides nothing that Dagster must find again."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from tests.demonstration import QUIET, REPOSITORY


@pytest.mark.parametrize(
    "password", ["prices", "dagster", "message", "ASSET_MATERIALIZATION", "morning", "run_id"]
)
def test_names_survive_a_password_that_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    shutil.copy(REPOSITORY / "pipelines" / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("BALLAST_STORE_URL", f"postgresql://ballast:{password}@db/ballast")

    @dg.asset(check_specs=[dg.AssetCheckSpec("morning", asset="prices")])
    def prices() -> dg.MaterializeResult:
        return dg.MaterializeResult(
            metadata={"note": f"<{password}>", "dagster/row_count": 3},
            check_results=[dg.AssetCheckResult(passed=True, description=f"<{password}>")],
        )

    with dg.DagsterInstance.get() as instance:
        ran = dg.materialize([prices], instance=instance, run_config=QUIET)
        kept = instance.get_latest_materialization_event(dg.AssetKey("prices"))
        assert kept is not None
        assert kept.run_id == ran.run_id
        assert kept.asset_materialization is not None
        metadata = kept.asset_materialization.metadata
        assert metadata["note"].value == "<***>"
        assert metadata["dagster/row_count"].value == 3
        (check,) = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey("prices"), "morning"), limit=5
        )
        assert check.event is not None
        event = check.event.dagster_event
        assert event is not None
        assert event.asset_check_evaluation_data.description == "<***>"
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.SUCCESS


def test_no_file_of_what_a_step_prints_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(REPOSITORY / "pipelines" / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))

    @dg.op
    def act(context: dg.OpExecutionContext) -> None:
        context.log.info("kept with the events")

    @dg.job
    def job() -> None:
        act()

    with dg.DagsterInstance.get() as instance:
        done = job.execute_in_process(instance=instance)
        said = [entry.user_message for entry in instance.all_logs(done.run_id)]
    assert "kept with the events" in said
    assert not list(tmp_path.rglob("*.err"))
