"""What the UI is told: the same contract as in `test_ui.py`, without a browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.server import Ui

# One worker, because the UI is shared.
pytestmark = pytest.mark.xdist_group("browser")

GROUPS = {"market", "books", "control", "insight", "planning", "trading", "reporting"}
OUTSIDE_THE_DAILY_PIPELINE = {"emergency_actions", "guard_actions", "accepted_adjustments"}
WITH_A_PLOT = {
    "positions_snapshot", "portfolio_performance", "realised_gains", "regime_detection",
    "planner_recommendations", "security_scores",
}  # fmt: skip

_DEFINITIONS = """
{
  assetNodes {
    assetKey { path }
    description groupName kinds isPartitioned
    owners { __typename ... on TeamAssetOwner { team } }
    metadataEntries {
      label
      ... on TableSchemaMetadataEntry { schema { columns { name type description } } }
    }
    assetChecksOrError { ... on AssetChecks { checks { name description blocking } } }
  }
}
"""

_RESULTS = """
query ($sessions: [String!]) {
  assetNodes {
    assetKey { path }
    assetMaterializations(partitions: $sessions, limit: 1) {
      partition
      metadataEntries {
        label
        ... on IntMetadataEntry { intValue }
        ... on TextMetadataEntry { text }
        ... on MarkdownMetadataEntry { mdStr }
      }
    }
    assetChecksOrError { ... on AssetChecks { checks {
      name executionForLatestMaterialization { status }
    } } }
  }
}
"""

_AUTOMATION = """
{
  repositoriesOrError { ... on RepositoryConnection { nodes {
    sensors { name description targets { pipelineName } sensorState { status } }
    schedules { name description pipelineName scheduleState { status } }
  } } }
}
"""


def _by_asset(nodes: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {"/".join(node["assetKey"]["path"]): node for node in nodes}


@pytest.fixture(scope="module")
def definitions(ui: Ui) -> dict[str, dict[str, Any]]:
    return _by_asset(ui.query(_DEFINITIONS)["assetNodes"])


@pytest.fixture(scope="module")
def results(ui: Ui, crash_session: str) -> dict[str, dict[str, Any]]:
    nodes = _by_asset(ui.query(_RESULTS, sessions=[crash_session])["assetNodes"])
    return {name: node for name, node in nodes.items() if name not in OUTSIDE_THE_DAILY_PIPELINE}


def _metadata(node: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (materialization,) = node["assetMaterializations"]
    return {entry["label"]: entry for entry in materialization["metadataEntries"]}


def test_every_asset_says_what_it_is(definitions: dict[str, dict[str, Any]]) -> None:
    assert {node["groupName"] for node in definitions.values()} == GROUPS
    for name, node in definitions.items():
        assert node["description"], name
        assert node["kinds"], name
        assert node["isPartitioned"], name
        assert [owner["team"] for owner in node["owners"]] == ["portfolio"], name


def test_every_asset_describes_its_columns(definitions: dict[str, dict[str, Any]]) -> None:
    for name, node in definitions.items():
        entries = {entry["label"]: entry for entry in node["metadataEntries"]}
        columns = entries["dagster/column_schema"]["schema"]["columns"]
        assert columns, name
        for column in columns:
            assert column["type"], (name, column)
            assert column["description"], (name, column)


def test_every_check_says_what_it_checks(definitions: dict[str, dict[str, Any]]) -> None:
    checks = {
        check["name"]: check
        for node in definitions.values()
        for check in node["assetChecksOrError"]["checks"]
    }
    assert all(check["description"] for check in checks.values())
    assert [name for name, check in checks.items() if check["blocking"]] == [
        "some_account_may_be_planned",
    ]


def test_a_launched_session_materialises_the_whole_pipeline(
    results: dict[str, dict[str, Any]], crash_session: str
) -> None:
    for name, node in results.items():
        (materialization,) = node["assetMaterializations"]
        assert materialization["partition"] == crash_session
        metadata = _metadata(node)
        # In research mode no order is sent, nothing lies in the inbox, and in a crash the guards stop planning.
        is_empty = name in {"orders", "executions", "statement_import", "planner_recommendations"}
        assert metadata["dagster/row_count"]["intValue"] > 0 or is_empty, name
        assert metadata["rows"]["mdStr"], name


@pytest.mark.parametrize("asset", sorted(WITH_A_PLOT))
def test_plots_are_embedded(results: dict[str, dict[str, Any]], asset: str) -> None:
    assert "](data:image/png;base64," in _metadata(results[asset])["plot"]["mdStr"]


def test_the_crash_is_recognised_and_reported(results: dict[str, dict[str, Any]]) -> None:
    assert _metadata(results["regime_detection"])["regime"]["text"] == "bear"
    assert "bear" in _metadata(results["daily_report"])["report"]["mdStr"]


def test_every_check_was_evaluated(results: dict[str, dict[str, Any]]) -> None:
    for name, node in results.items():
        for check in node["assetChecksOrError"]["checks"]:
            evaluated = check["executionForLatestMaterialization"]
            assert evaluated is not None, (name, check)
            assert evaluated["status"] in {"SUCCEEDED", "FAILED"}, (name, check)


_SENSORS = (
    "negative_cash_sensor", "fills_sensor", "statement_inbox_sensor", "guard_sensor",
    "startup_reconciliation_sensor", "inconclusive_sensor", "run_failure_alert_sensor",
    "run_result_sensor", "alert_delivery_sensor", "drift_sensor", "cash_accumulation_sensor",
)  # fmt: skip


def test_sensors_run_and_the_schedule_of_recorded_data_does_not(ui: Ui) -> None:
    (repository,) = ui.query(_AUTOMATION)["repositoriesOrError"]["nodes"]
    sensors = {sensor["name"]: sensor for sensor in repository["sensors"]}
    statuses = {name: sensor["sensorState"]["status"] for name, sensor in sensors.items()}
    assert statuses == dict.fromkeys(_SENSORS, "RUNNING")
    assert [target["pipelineName"] for target in sensors["negative_cash_sensor"]["targets"]] == [
        "emergency_rebalance"
    ]
    schedules = {schedule["name"]: schedule for schedule in repository["schedules"]}
    daily = schedules["daily_pipeline_after_close"]
    assert daily["pipelineName"] == "daily_pipeline"
    assert daily["scheduleState"]["status"] == "STOPPED"
    for described in (*sensors.values(), *schedules.values()):
        assert described["description"], described["name"]
