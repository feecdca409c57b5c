"""A run that is killed at any moment leaves a state that the next run finishes: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tests.demonstration import REPOSITORY, SESSION, Demonstration

KILLS = 10
PAPER = ('mode = "research"', 'mode = "paper"')
# A plan that was cut short is planned anew at once, which the gate would put off for a while.
AT_ONCE = (
    "limit_frequency = false",
    "limit_frequency = false\nminimum_hold_days = 0\nbuy_cooldown_days = 0\nduplicate_minutes = 0\n"
    "duplicate_sale_hours = 0",
)


@pytest.mark.slow
def test_a_run_killed_at_random_moments_is_finished_by_the_next(tmp_path: Path) -> None:
    undisturbed = Demonstration.create(tmp_path / "undisturbed")
    assert undisturbed.run().success
    folder = tmp_path / "killed"
    killed = kill_repeatedly(folder)
    assert killed.run().success
    assert killed.published(SESSION) == undisturbed.published(SESSION)
    assert killed.stored_rows() == undisturbed.stored_rows()


@pytest.mark.slow
def test_trading_that_is_killed_at_random_moments_sends_nothing_twice(tmp_path: Path) -> None:
    undisturbed = Demonstration.create(tmp_path / "undisturbed", PAPER, AT_ONCE)
    killed = kill_repeatedly(tmp_path / "killed", PAPER, AT_ONCE)
    for demonstration in (undisturbed, killed):
        assert demonstration.run().success
        assert demonstration.run().success
        assert set(demonstration.read("account_plans")["status"]) == {"at_target"}
        assert set(demonstration.read("reconciliation_report")["outcome"]) == {"matched"}
    # A plan that was cut short is planned anew for the rest, which may move the last lot.
    assert holdings(killed).keys() == holdings(undisturbed).keys()
    for key, quantity in holdings(undisturbed).items():
        assert abs(holdings(killed)[key] - quantity) <= 1, key


@pytest.mark.slow
def test_a_first_run_killed_at_random_moments_is_finished_by_the_next(tmp_path: Path) -> None:
    undisturbed = Demonstration.create(tmp_path / "undisturbed")
    assert undisturbed.run().success
    generator = random.Random(7)
    for number in range(4):
        folder = tmp_path / f"killed{number}"
        kill_after(write_portfolio(folder), generator.uniform(1.5, 5.0))
        killed = Demonstration.create(folder)
        assert killed.run().success
        assert killed.published(SESSION) == undisturbed.published(SESSION)
        assert killed.stored_rows() == undisturbed.stored_rows()


def kill_repeatedly(folder: Path, *changes: tuple[str, str]) -> Demonstration:
    portfolio = write_portfolio(folder, *changes)
    generator = random.Random(20200820)
    for _ in range(KILLS):
        kill_after(portfolio, generator.uniform(0.5, 8.0))
    return Demonstration.create(folder, *changes)


def holdings(demonstration: Demonstration) -> dict[tuple[str, str], Decimal]:
    positions = demonstration.read("positions_snapshot").filter(~pl.col("is_cash"))
    rows = positions.select("account_id", "commodity", "quantity").iter_rows()
    return {(account, commodity): quantity for account, commodity, quantity in rows}


def write_portfolio(folder: Path, *changes: tuple[str, str]) -> Path:
    text = (REPOSITORY / "portfolio.toml").read_text()
    for before, after in changes:
        text = text.replace(before, after)
    folder.mkdir(parents=True)
    path = folder / "portfolio.toml"
    path.write_text(text)
    return path


def start(portfolio: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "BALLAST_PORTFOLIO": str(portfolio)}
    environment.pop("DAGSTER_HOME", None)
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.command_line", "run"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_after(portfolio: Path, seconds: float) -> None:
    process = start(portfolio)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
