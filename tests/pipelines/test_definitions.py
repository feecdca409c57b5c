"""What Dagster is told: names, descriptions, partitions, schedules; and that loading it is cheap."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from ballast.errors import ConfigurationError
from pipelines.execution import Runner
from pipelines.sessions import closed_days
from tests.demonstration import REPOSITORY, Demonstration

ASSET_KEYS = {
    "statement_import", "securities", "historical_data", "corporate_actions", "prices", "exchange_rates", "postings",
    "tax_lots", "realised_gains", "positions_snapshot", "portfolio_performance",
    "risk_metrics", "security_scores", "broker_positions", "broker_balances", "reconciliation_report",
    "regime_detection", "target_weights", "planner_recommendations", "orders", "executions",
    "emergency_actions", "daily_report", "guard_status", "guard_actions", "accepted_adjustments",
}  # fmt: skip
HEAVY = ("yfinance", "pandas", "matplotlib", "exchange_calendars", "numba", "sklearn", "cvxpy")


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    return Demonstration.create(tmp_path_factory.mktemp("definitions"))


@pytest.fixture(scope="module")
def specs(demonstration: Demonstration) -> list[dg.AssetSpec]:
    return demonstration.definitions.resolve_all_asset_specs()


def test_the_assets_have_the_names_that_people_know(specs: list[dg.AssetSpec]) -> None:
    assert {spec.key.to_user_string() for spec in specs} == ASSET_KEYS


def test_every_asset_is_described_owned_grouped_and_typed(specs: list[dg.AssetSpec]) -> None:
    for spec in specs:
        name = spec.key.to_user_string()
        assert spec.description, name
        assert len(spec.description) > 40, name
        assert spec.group_name, name
        assert spec.owners == ["team:portfolio"], name
        assert spec.kinds, name
        columns = spec.metadata["dagster/column_schema"].columns
        assert all(column.description for column in columns), name


def test_every_asset_but_the_configured_ones_has_a_check(demonstration: Demonstration) -> None:
    checked = {
        key.asset_key.to_user_string()
        for key in demonstration.definitions.resolve_asset_graph().asset_check_keys
    }
    unchecked = {"securities", "corporate_actions", "exchange_rates"}
    unchecked |= {"broker_positions", "daily_report", "accepted_adjustments"}
    assert ASSET_KEYS - checked == unchecked


def test_jobs_schedules_and_sensors_have_the_names_that_people_look_for(
    demonstration: Demonstration,
) -> None:
    definitions = demonstration.definitions
    jobs = {job.name for job in definitions.resolve_all_job_defs()}
    assert {
        "daily_pipeline", "emergency_rebalance", "sync_prices", "reconcile_accounts",
        "import_statements", "accept_proposals", "deliver_alerts", "daily_maintenance",
        "weekly_maintenance", "health_check", "sync_cycle", "sync_portfolio", "sync_historical",
        "sync_securities_data", "rebuild_universe", "sync_recommendations", "plan_portfolio",
        "rebalance", "execute_plan", "place_order", "cancel_order", "clear_stuck_orders",
        "run_guards", "trip_kill_switch", "reset_kill_switch",
    } <= jobs  # fmt: skip
    repository = definitions.get_repository_def()
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "negative_cash_sensor",
        "fills_sensor",
        "statement_inbox_sensor",
        "startup_reconciliation_sensor",
        "inconclusive_sensor",
        "guard_sensor",
        "drift_sensor",
        "cash_accumulation_sensor",
        "run_failure_alert_sensor",
        "run_result_sensor",
        "alert_delivery_sensor",
    }
    assert {schedule.name for schedule in repository.schedule_defs} == {
        "daily_pipeline_after_close",
        "periodic_reconciliation",
        "sync_cycle_every_few_minutes",
        "execute_plan_in_trading_hours",
        "daily_maintenance",
        "weekly_maintenance",
        "health_check",
    }


def test_every_job_is_described(demonstration: Demonstration) -> None:
    for job in demonstration.definitions.resolve_all_job_defs():
        if not job.name.startswith("__"):
            assert job.description, job.name
            assert len(job.description) > 20, job.name


def test_recorded_data_is_backed_up_and_otherwise_left_in_peace(
    demonstration: Demonstration,
) -> None:
    schedules = demonstration.definitions.get_repository_def().schedule_defs
    running = {each.name for each in schedules if each.default_status.value == "RUNNING"}
    assert running == {"daily_maintenance", "weekly_maintenance"}


@pytest.mark.parametrize(
    ("name", "tick", "key"),
    [
        (
            "daily_maintenance",
            datetime(2026, 1, 3, 3, tzinfo=UTC),
            "daily_maintenance:2026-01-03T03",
        ),
        (
            "weekly_maintenance",
            datetime(2026, 1, 4, 4, tzinfo=UTC),
            "weekly_maintenance:2026-01-04T04",
        ),
        ("health_check", datetime(2026, 1, 4, 4, 10, tzinfo=UTC), "health_check:2026-01-04T04"),
    ],
)
def test_each_tick_of_maintenance_asks_for_one_run(
    demonstration: Demonstration, name: str, tick: datetime, key: str
) -> None:
    schedule = demonstration.definitions.resolve_schedule_def(name)
    context = dg.build_schedule_context(
        scheduled_execution_time=tick,
        repository_def=demonstration.definitions.get_repository_def(),
    )
    (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.run_key == key
    assert schedule.job_name == name


def test_an_emergency_goes_before_everything_else(demonstration: Demonstration) -> None:
    job = demonstration.definitions.resolve_job_def("emergency_rebalance")
    assert int(job.tags["dagster/priority"]) > 0


def test_the_newest_partition_is_the_newest_recorded_session(demonstration: Demonstration) -> None:
    assert Runner(demonstration.workspace).newest_session() == date(2020, 8, 20)


def test_partitions_are_the_days_on_which_an_exchange_trades(demonstration: Demonstration) -> None:
    partitions = Runner(demonstration.workspace).partitions
    keys = set(partitions.get_partition_keys())
    assert "2020-04-13" in keys - {
        "2020-04-10"
    }  # Easter Monday: New York trades; Good Friday: nobody.
    assert "2020-04-10" not in keys
    assert "2020-07-03" in keys  # New York is closed, Amsterdam and Hong Kong trade.
    assert not any(date.fromisoformat(key).weekday() >= 5 for key in keys)


def test_closed_days_are_those_without_any_session(demonstration: Demonstration) -> None:
    workspace = demonstration.workspace
    closed = closed_days(
        workspace.portfolio_calendars,
        workspace.portfolio.exchanges,
        date(2020, 4, 6),
        date(2020, 4, 13),
    )
    assert closed == [date(2020, 4, 10), date(2020, 4, 11), date(2020, 4, 12)]


def test_a_day_without_a_session_is_refused_with_a_remedy(demonstration: Demonstration) -> None:
    with pytest.raises(ConfigurationError, match="2020-04-12 is not a session"):
        Runner(demonstration.workspace).run("daily_pipeline", date(2020, 4, 12))


@pytest.mark.parametrize(
    ("tick", "session"),
    [
        (datetime(2020, 8, 21, 0, 20, tzinfo=UTC), "2020-08-20"),
        (datetime(2020, 8, 16, 0, 20, tzinfo=UTC), None),
        (datetime(2020, 4, 11, 0, 20, tzinfo=UTC), None),
        (datetime(2026, 11, 20, 0, 20, tzinfo=UTC), None),
    ],
)
def test_the_schedule_asks_for_the_session_that_has_just_ended(
    demonstration: Demonstration, tick: datetime, session: str | None
) -> None:
    schedule = demonstration.definitions.resolve_schedule_def("daily_pipeline_after_close")
    context = dg.build_schedule_context(
        scheduled_execution_time=tick,
        repository_def=demonstration.definitions.get_repository_def(),
    )
    data = schedule.evaluate_tick(context)
    if session is None:
        assert not data.run_requests
        assert "is not a session" in str(data.skip_message)
    else:
        (request,) = data.run_requests or []
        assert request.partition_key == session


def test_a_live_portfolio_is_scheduled_and_must_stay_fresh(tmp_path: Path) -> None:
    live = Demonstration.create(
        tmp_path, ("last = 2020-08-20                    # the newest", "# the newest")
    )
    schedules = live.definitions.get_repository_def().schedule_defs
    stopped = {each.name for each in schedules if each.default_status.value != "RUNNING"}
    # Nothing is traded in research mode, so that nothing has to be in the books within minutes.
    assert stopped == {"periodic_reconciliation", "execute_plan_in_trading_hours"}
    assert all(spec.freshness_policy for spec in live.definitions.resolve_all_asset_specs())


def test_loading_the_definitions_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, pipelines.definitions as d; d.definitions();"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    environment = {"BALLAST_PORTFOLIO": str(_copy(tmp_path)), "PATH": "/usr/bin:/bin"}
    for _ in range(2):  # The first load remembers the calendars.
        loaded = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    assert loaded.stdout.strip() == "[]"


def _copy(folder: Path) -> Path:
    path = folder / "portfolio.toml"
    path.write_text((REPOSITORY / "portfolio.toml").read_text())
    return path
