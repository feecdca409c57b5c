"""The drill: the same for the same seed, clean where nothing is wrong, and not blind where something is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from assets.session_run import SessionRun
from assets.sync import import_events
from pipelines.drill.commands import report
from pipelines.drill.coordinator import Tally, drill
from pipelines.drill.rehearsal import Findings, judge, need_of, needless_sales
from pipelines.drill.script import drills_of, faults_of
from pipelines.drill.workspace import DrillWorkspace, calm
from resources.store.schema import postings
from resources.store.trading_schema import executions
from resources.workspace import open_workspace
from tests.assets.desks import order
from tests.demonstration import REPOSITORY, SESSION, Demonstration

SESSIONS = [date(2020, 8, day) for day in (17, 18, 19, 20)]
ACCOUNTS = ("europe", "america")


@pytest.fixture
def run(researched: Path, tmp_path: Path) -> SessionRun:
    """A run on a copy in which one order was filled, and all is in the books."""
    shutil.copytree(researched, tmp_path, dirs_exist_ok=True)
    portfolio = calm(Demonstration.create(tmp_path).workspace.portfolio)
    opened = SessionRun(DrillWorkspace(portfolio, tmp_path), SESSION, "run")
    intent = order("mine", "sell", "ASML.AS", "2")
    opened.workspace.orders.place(intent, opened.workspace.broker("europe"))
    import_events(opened)
    return opened


def delete(run: SessionRun, table: sa.Table, *where: sa.ColumnElement[bool]) -> None:
    with run.workspace.store.write() as connection:
        assert connection.execute(sa.delete(table).where(*where)).rowcount


def test_the_same_seed_plays_the_same_drill() -> None:
    assert faults_of(3, ACCOUNTS, SESSIONS) == faults_of(3, ACCOUNTS, SESSIONS)
    assert drills_of(3, ACCOUNTS, SESSIONS, 40) == drills_of(3, ACCOUNTS, SESSIONS, 40)
    assert drills_of(3, ACCOUNTS, SESSIONS, 40) != drills_of(4, ACCOUNTS, SESSIONS, 40)
    days = [each.session for each in drills_of(3, ACCOUNTS, SESSIONS, 40)]
    assert days == sorted(days)
    assert set(days) == set(SESSIONS)


def test_what_agrees_is_found_to_agree(run: SessionRun) -> None:
    found = judge(run, Findings())
    assert (found.orders, found.lost, found.doubled, found.differences) == (1, (), (), ())


def test_an_order_that_only_the_broker_knows_is_found(run: SessionRun) -> None:
    run.workspace.paper.submit(order("second", "sell", "AAPL", "1"))
    found = judge(run, Findings())
    assert found.doubled == ("europe.second.1 is at the broker and not ours",)
    assert [item.split(":")[0] for item in found.differences] == ["europe AAPL", "europe USD"]


def test_a_posting_that_is_missing_and_a_fill_that_is_are_found(run: SessionRun) -> None:
    delete(run, postings, postings.c.commodity == "ASML.AS", postings.c.quantity == Decimal(-2))
    delete(run, executions, executions.c.symbol == "ASML.AS")
    found = judge(run, Findings())
    assert found.lost == ("europe.mine.1: 0 filled here, 2 there",)
    assert [item.split(":")[0] for item in found.differences] == ["europe ASML.AS"]


def test_a_sale_by_a_repair_is_needless_where_cash_was_there_and_not_where_it_was_not(
    run: SessionRun,
) -> None:
    paper, book = run.workspace.paper, run.workspace.orders
    for currency, left in (("HKD", "0"), ("USD", "-1000")):
        balance = paper.balances("europe", SESSION)[currency]
        paper.move_cash("europe", currency, Decimal(left) - balance, SESSION, f"leave-{currency}")
    ample = need_of(run, "europe")
    assert ample.free > 20 * ample.missing > 0
    assert needless_sales(run, "europe", ample) == []
    sale = order("repair", "sell", "AAPL", "1", origin="emergency")
    book.place(sale, run.workspace.broker("europe"))
    assert len(needless_sales(run, "europe", ample)) == 1
    scarce = replace(ample, free=ample.missing)
    assert needless_sales(run, "europe", scarce) == []
    # Orders of before are no orders of this repair.
    assert needless_sales(run, "europe", need_of(run, "europe")) == []


@pytest.mark.parametrize("problem", ["lost", "doubled", "differences", "needless"])
def test_a_drill_with_a_finding_is_not_clean_and_shows_it(problem: str) -> None:
    tally = Tally(runs=1, **{problem: ["this is it"]})
    assert not tally.is_clean
    assert "this is it" in report(tally)
    assert "Nothing was lost" in report(Tally(runs=1))


@pytest.fixture
def cannot_touch(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Point the environment at a store that must not be used."""
    monkeypatch.setenv("BALLAST_STORE_URL", "sqlite:////nonexistent/folder/store.db")
    return lambda: None


@pytest.mark.slow
def test_in_a_drill_nothing_is_lost_or_doubled_and_the_own_store_is_not_touched(
    cannot_touch: Callable[[], None],
) -> None:
    tally = drill(open_workspace(REPOSITORY / "portfolio.toml"), runs=60, seed=5)
    assert tally.is_clean, report(tally)
    assert tally.runs == 60
    assert tally.killed > 10
    assert tally.rivals > 3
    assert tally.orders > 60
    assert sum(tally.repairs.values()) > 5
