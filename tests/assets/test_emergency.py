"""Repairs in trouble: faults of the broker, orders of others, processes that died, two processes at once."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.emergency import repair
from assets.emergency_situation import Emergency
from assets.order_desk import OrderDesk
from assets.session_run import SessionRun
from ballast.errors import BrokerUnavailableError
from resources.brokers.protocol import OrderStatus
from tests.assets.desks import PAPER, desk_on, order
from tests.demonstration import SESSION, Demonstration

Open = Callable[..., SessionRun]
ACCOUNT = "europe"


@pytest.fixture
def opened(researched: Path, tmp_path: Path) -> Open:
    def open_run(**short: int) -> SessionRun:
        """A run in paper mode whose account lacks some of its currencies; the others are as they were."""
        run = desk_on(tmp_path, researched, PAPER).run
        for currency, missing in short.items():
            balance = run.workspace.paper.balances(ACCOUNT, SESSION)[currency]
            run.workspace.paper.move_cash(
                ACCOUNT, currency, -balance - missing, SESSION, f"short-{currency}"
            )
        return run

    return open_run


def cash(run: SessionRun) -> dict[str, Decimal]:
    return run.workspace.paper.balances(ACCOUNT, SESSION)


def orders(run: SessionRun) -> pl.DataFrame:
    return run.workspace.orders.table(ACCOUNT).filter(pl.col("origin") == "emergency")


def phases(run: SessionRun) -> list[str]:
    return run.workspace.episodes.timeline()["phase"].to_list()


class Around:
    """The paper broker, but for what a test replaces."""

    def __init__(self, inside: Any, **replaced: Callable[..., Any]) -> None:
        self.inside = inside
        self.replaced = replaced

    def __getattr__(self, name: str) -> Any:
        return self.replaced.get(name) or getattr(self.inside, name)


def around(run: SessionRun, **replaced: Callable[..., Any]) -> None:
    run.workspace.brokers[ACCOUNT] = Around(run.workspace.brokers[ACCOUNT], **replaced)


def test_a_question_that_is_not_answered_once_sells_nothing_while_cash_is_there(
    opened: Open,
) -> None:
    run = opened(USD=5000)
    real, asked = run.workspace.brokers[ACCOUNT], []

    def balances(account_id: str, session: Any) -> dict[str, Decimal]:
        asked.append(session)
        # The first question is the repair's, the second the gate's.
        if len(asked) == 2:
            raise BrokerUnavailableError("no answer", where="balances", remedy="Ask again.")
        return real.balances(account_id, session)

    around(run, balances=balances)
    assert repair(run)[ACCOUNT].outcome == "stopped"
    assert orders(run).is_empty()
    assert repair(run)[ACCOUNT].outcome == "repaired"
    assert orders(run)["side"].unique().to_list() == ["exchange"]


def test_an_exchange_that_was_filled_in_part_is_used_again_before_anything_is_sold(
    opened: Open,
) -> None:
    run = opened(USD=5000)
    real = run.workspace.brokers[ACCOUNT]
    (run.workspace.folder / "faults.csv").write_text(
        f"fault_id,account_id,session,kind,factor\ncut,{ACCOUNT},{SESSION},order_cut,0.5\n"
    )
    script = ('opening = "demonstration"', 'opening = "demonstration"\nfaults = "faults.csv"')
    opened_again = Demonstration.create(run.workspace.folder, PAPER, script)
    faulty = SessionRun(opened_again.workspace, SESSION, "run")
    assert repair(faulty)[ACCOUNT].outcome == "repaired"
    assert orders(faulty).sort("client_order_id")["state"].to_list() == ["cancelled", "filled"]
    assert orders(faulty)["side"].unique().to_list() == ["exchange"]
    assert real.balances(ACCOUNT, SESSION)["USD"] >= 0


def test_cash_that_an_open_purchase_will_take_is_left_to_it(opened: Open) -> None:
    run = opened(USD=6000)
    # Of 23,733 euros 18,000 are promised; the rest goes, and only then something is sold.
    run.workspace.orders.write(order("open", "buy", "UNA.AS", "360", price=Decimal(50)))
    assert repair(run)[ACCOUNT].outcome == "repaired"
    assert max(orders(run).filter(pl.col("side") == "exchange")["quantity"].to_list()) > 4900
    assert cash(run)["EUR"] > 18_000
    assert cash(run)["USD"] >= 0


def test_what_stops_the_whole_account_ends_the_run_and_is_said_once(opened: Open) -> None:
    run = opened(EUR=2000, USD=0, HKD=0)
    run.workspace.kill_switch.trip(
        "*", reason="a rumour", requested_by="me", session=SESSION, run_id="trip"
    )
    for _ in range(3):
        report = repair(run)[ACCOUNT]
        assert report.outcome == "stopped"
        assert "a rumour" in report.why
    assert phases(run) == ["opened", "blocked"]
    assert run.workspace.gate_log.table(SESSION)["attempt"].unique().to_list() == [1]


def test_what_was_decided_and_not_sent_is_decided_anew(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened(EUR=2000, USD=0, HKD=0)

    def die(*_arguments: object) -> OrderStatus:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("resources.orders.OrderBook._send", die)
        with pytest.raises(KeyboardInterrupt):
            repair(run)
    assert orders(run)["state"].to_list() == ["intent"]
    run.workspace.paper.move_cash(ACCOUNT, "EUR", Decimal(50_000), SESSION, "the owner pays in")
    assert repair(run)[ACCOUNT].outcome == "repaired"
    assert orders(run)["state"].to_list() == ["cancelled"]
    assert cash(run)["EUR"] == 48_000


def test_two_repairs_at_once_repair_once(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    run = opened(USD=1000)
    looked = Emergency.situation
    rivals = [SessionRun(run.workspace, SESSION, "rival")]

    def look_while_another_acts(*arguments: Any) -> Any:
        seen = looked(*arguments)
        if rivals:
            repair(rivals.pop())
        return seen

    monkeypatch.setattr(Emergency, "situation", look_while_another_acts)
    assert repair(run)[ACCOUNT].outcome in {"repaired", "not short of cash"}
    assert orders(run)["state"].to_list() == ["filled"]


def test_a_currency_without_a_rate_is_one_accounts_trouble(opened: Open) -> None:
    run = opened(EUR=0)
    run.workspace.paper.move_cash("america", "USD", Decimal(-28_000), SESSION, "short")
    real = run.workspace.brokers[ACCOUNT]

    def balances(account_id: str, session: Any) -> dict[str, Decimal]:
        return {**real.balances(account_id, session), "NOK": Decimal("-0.01")}

    around(run, balances=balances)
    reports = repair(run)
    assert reports[ACCOUNT].outcome == "unknown"
    assert "NOK" in reports[ACCOUNT].why
    assert reports["america"].outcome == "repaired"
    opened_step = run.workspace.episodes.timeline().filter(pl.col("account_id") == ACCOUNT)
    assert opened_step["shortfall"].to_list() == [None]


def test_what_the_broker_refused_is_not_tried_again_by_the_next_run(opened: Open) -> None:
    run = opened(EUR=2000, USD=0, HKD=0)
    refused: list[str] = []
    real = run.workspace.brokers[ACCOUNT]

    def submit(intent: Any) -> OrderStatus:
        if len(refused) < 1:
            refused.append(intent.symbol)
        if intent.symbol in refused:
            return OrderStatus(intent.client_order_id, "rejected", "not today")
        return real.submit(intent)

    around(run, submit=submit)
    assert repair(run)[ACCOUNT].outcome == "repaired"
    states = dict(orders(run).select("symbol", "state").iter_rows())
    assert states[refused[0]] == "rejected"
    assert sum(state == "filled" for state in states.values()) == len(states) - 1
    situation = Emergency(run, ACCOUNT, OrderDesk(run).facts, _costs(run)).refused_so_far(
        "cash-europe-1"
    )
    assert situation == frozenset(refused)


def _costs(run: SessionRun) -> Any:
    costs = OrderDesk(run).facts.costs
    assert costs is not None
    return costs
