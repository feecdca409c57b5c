"""The command line, as typed in a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.settings_reference import settings_reference
from tests.demonstration import REPOSITORY

pytestmark = pytest.mark.xdist_group("command_line")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("portfolio")
    (path / "portfolio.toml").write_text((REPOSITORY / "portfolio.toml").read_text())
    return path


@pytest.fixture(scope="module")
def first_run(folder: Path) -> subprocess.CompletedProcess[str]:
    return ballast(folder, "run")


def ballast(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # As a newcomer has it: no DAGSTER_HOME, no variable of ours.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BALLAST_", "DAGSTER_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "pipelines.command_line", *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_run_prints_the_report_and_keeps_its_history_in_the_project(
    folder: Path, first_run: subprocess.CompletedProcess[str]
) -> None:
    done = first_run
    assert done.returncode == 0, done.stderr
    assert "# Ballast, session 2020-08-20" in done.stdout
    assert "yes, all 54 compared figures agree" in done.stdout
    assert (folder / "data" / "dagster" / "dagster.yaml").exists()
    assert "enabled: false" in (folder / "data" / "dagster" / "dagster.yaml").read_text()
    assert (folder / "data" / "catalog.duckdb").exists()


def test_report_repeats_what_was_run(
    folder: Path, first_run: subprocess.CompletedProcess[str]
) -> None:
    assert ballast(folder, "report").stdout == first_run.stdout


def test_an_emergency_before_the_first_run_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "portfolio.toml").write_text((REPOSITORY / "portfolio.toml").read_text())
    refused = ballast(tmp_path, "emergency")
    assert refused.returncode == 1
    assert "Materialise exchange_rates for 2020-08-20" in refused.stderr


def test_a_day_without_a_session_is_refused(folder: Path) -> None:
    refused = ballast(folder, "run", "--session", "2020-04-12")
    assert refused.returncode == 2
    assert "2020-04-12 is not a session of this portfolio" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_backfill_names_the_regime_of_each_session(folder: Path) -> None:
    done = ballast(folder, "backfill", "2020-03-06", "2020-03-09")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert [line.split()[0] for line in lines] == ["2020-03-06", "2020-03-09"]
    assert "bear" in lines[-1]


def test_paper_cash_and_emergency_work_from_the_terminal(
    folder: Path, first_run: subprocess.CompletedProcess[str]
) -> None:
    moved = ballast(folder, "paper", "withdraw", "europe", "40000", "EUR")
    assert moved.returncode == 0, moved.stderr
    assert "-16,267.08 EUR" in moved.stdout
    unknown = ballast(folder, "paper", "withdraw", "nobody", "1", "EUR")
    assert unknown.returncode == 2
    assert "there is no account 'nobody'" in unknown.stderr
    repaired = ballast(folder, "emergency")
    assert repaired.returncode == 0, repaired.stderr
    assert "europe: advised" in repaired.stdout
    assert "Advised: exchange" in repaired.stdout
    assert "america: not short of cash" in repaired.stdout


def test_an_order_from_the_terminal_passes_the_gate_like_any_other(
    folder: Path, first_run: subprocess.CompletedProcess[str]
) -> None:
    asked = ("order", "europe", "sell", "ASML.AS", "2", "--reason", "a test", "--by", "me")
    stopped = ballast(folder, *asked)
    assert stopped.returncode == 1
    assert "Research mode only recommends" in stopped.stdout
    assert "stopped by mode" in ballast(folder, "orders").stdout
    text = (folder / "portfolio.toml").read_text()
    (folder / "portfolio.toml").write_text(text.replace('mode = "research"', 'mode = "paper"'))
    try:
        once = ballast(folder, *asked, "--request", "mine")
        assert (once.returncode, "filled" in once.stdout) == (0, True), once.stdout
        again = ballast(folder, *asked, "--request", "mine")
        assert "europe.person-mine.1: filled" in again.stdout
        assert ballast(folder, "orders").stdout.count(" filled") == 1
        assert "0 orders are in doubt" in ballast(folder, "settle").stdout
    finally:
        (folder / "portfolio.toml").write_text(text)
    nonsense = ballast(folder, *asked[:4], "two", "--reason", "a test", "--by", "me")
    assert nonsense.returncode == 2
    assert "no positive number of units" in nonsense.stderr


def test_a_broken_portfolio_file_is_refused_with_place_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "portfolio.toml").write_text('base_curency = "EUR"\n')
    refused = ballast(tmp_path, "run")
    assert refused.returncode == 2
    assert "base_curency: Extra inputs are not permitted" in refused.stderr
    assert "docs/settings.md" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_a_history_that_would_keep_secrets_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "portfolio.toml").write_text((REPOSITORY / "portfolio.toml").read_text())
    home = tmp_path / "data" / "dagster"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    assert "does not keep secrets out of Dagster's history" in ballast(tmp_path, "report").stderr
    (home / "dagster.yaml").unlink()
    for _ in range(2):
        assert "secrets" not in ballast(tmp_path, "report").stderr


def test_the_settings_reference_is_up_to_date() -> None:
    assert (REPOSITORY / "docs" / "settings.md").read_text() == settings_reference()
