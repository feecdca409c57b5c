"""What a person sees of the regime, and the checks beside it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.demonstration import QUIET, Demonstration

CRASH = date(2020, 3, 16)
CONFIDENT = ('index = "^GSPC"', 'index = "^GSPC"\nleast_confidence = 1.0')
BY_MODEL = ('index = "^GSPC"', 'index = "^GSPC"\nmethod = "markov"')
BY_RULE = ('index = "^GSPC"', 'index = "^GSPC"\nmethod = "rule"')
REGIONS = ('index = "^GSPC"', 'index = "^GSPC"\nregions = { China = "EEM", Japan = "SPY" }')


def materialised(
    folder: Path, *changes: tuple[str, str]
) -> tuple[Demonstration, dict[str, Any], dict[str, dg.AssetCheckEvaluation]]:
    """Return the demonstration, the metadata of the regime and its checks."""
    demonstration = Demonstration.create(folder, *changes)
    graph = demonstration.definitions
    job = graph.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            partition_key=CRASH.isoformat(),
            asset_selection=[
                dg.AssetKey(name)
                for name in (
                    "securities",
                    "historical_data",
                    "corporate_actions",
                    "regime_detection",
                )
            ],
            instance=instance,
            run_config=QUIET,
        )
    assert result.success
    (event,) = [
        each
        for each in result.get_asset_materialization_events()
        if each.asset_key == dg.AssetKey("regime_detection")
    ]
    metadata = {name: value.value for name, value in event.materialization.metadata.items()}
    checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    return demonstration, metadata, checks


@pytest.fixture(scope="module")
def crash(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Demonstration, dict[str, Any], dict[str, dg.AssetCheckEvaluation]]:
    return materialised(tmp_path_factory.mktemp("regime"), BY_MODEL)


def test_the_crash_is_a_bear_market_to_the_model_and_to_the_rule(crash: Any) -> None:
    demonstration, metadata, checks = crash
    assert (metadata["regime"], metadata["method"]) == ("bear", "markov")
    assert (metadata["rule"], metadata["model"]) == ("bear", "bear")
    assert metadata["cash_reserve"] == "5%"
    assert metadata["probability"] == "bull 0%, sideways 0%, bear 100%"
    assert checks["regime_is_known"].passed
    assert checks["regime_is_confident"].passed
    table = demonstration.read("regime_detection", CRASH)
    assert table.height == 260
    assert table.row(-1, named=True)["session"] == CRASH


def test_the_record_is_computed_on_the_history_that_is_known(crash: Any) -> None:
    _, metadata, _ = crash
    assert "**markov**: saw 3 of 3 falls of 10% and more" in metadata["record"]
    assert "**rule**: saw" in metadata["record"]
    falls = metadata["drawdowns"].splitlines()[2:]
    assert [line.split("|")[1].strip().replace("\u2011", "-") for line in falls] == [
        "2018-01-26", "2018-09-20", "2020-02-19",
    ]  # fmt: skip
    newest = metadata["switches"].splitlines()[2]
    assert "2020\u201102\u201126" in newest
    assert "bear" in newest


def test_a_confidence_below_the_configured_one_warns(tmp_path: Path) -> None:
    _, _, checks = materialised(tmp_path, CONFIDENT)
    confident = checks["regime_is_confident"]
    assert not confident.passed
    assert confident.severity == dg.AssetCheckSeverity.WARN
    assert "the rule says bear, the model bear" in (confident.description or "")


def test_the_rule_can_decide(tmp_path: Path) -> None:
    demonstration, metadata, _ = materialised(tmp_path, BY_RULE)
    assert metadata["method"] == "rule"
    assert set(demonstration.read("regime_detection", CRASH)["method"]) == {"rule"}


def test_regions_have_a_regime_of_their_own(tmp_path: Path) -> None:
    demonstration, metadata, _ = materialised(tmp_path, REGIONS)
    assert metadata["regions"] == "China: bear, Japan: bear"
    table = demonstration.read("regime_detection", CRASH)
    assert table["index_symbol"].unique(maintain_order=True).to_list() == ["EEM", "SPY", "^GSPC"]
    assert metadata["rows"].count("EEM") == 0
