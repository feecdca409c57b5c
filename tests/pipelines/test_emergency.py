"""Negative cash: the sensor sees it, the job repairs it or says what would."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.order_metadata import in_order
from tests.demonstration import SESSION, Demonstration, failed_checks

PAPER = ('mode = "research"', 'mode = "paper"')


def overdraw(demonstration: Demonstration, account: str, amount: int, currency: str) -> None:
    demonstration.workspace.paper.move_cash(
        account, currency, Decimal(-amount), SESSION, f"withdraw-{currency}-{amount}"
    )
    assert demonstration.run(job="reconcile_accounts").success


def tick(demonstration: Demonstration, name: str) -> dg.RunRequest | str:
    sensor = demonstration.definitions.resolve_sensor_def(name)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(
            instance=instance,
            resources={"workspace": demonstration.resource},
            repository_def=demonstration.definitions.get_repository_def(),
        )
        data = sensor.evaluate_tick(context)
    if data.run_requests:
        (request,) = data.run_requests
        return request
    assert data.skip_message is not None
    return data.skip_message


def balances(demonstration: Demonstration, account: str) -> dict[str, Decimal]:
    return demonstration.workspace.paper.balances(account, SESSION)


@pytest.fixture
def folder(researched: Path, tmp_path: Path) -> Path:
    """A folder in which the session was run in research mode."""
    shutil.copytree(researched, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_the_sensor_says_why_nothing_happens(tmp_path: Path) -> None:
    demonstration = Demonstration.create(tmp_path)
    assert "No broker balances have been published" in str(
        tick(demonstration, "negative_cash_sensor")
    )
    assert demonstration.run().success
    assert tick(demonstration, "negative_cash_sensor") == (
        "No broker balance is negative in session 2020-08-20."
    )


def test_the_sensor_asks_once_per_state_of_the_balances(folder: Path) -> None:
    demonstration = Demonstration.create(folder)
    overdraw(demonstration, "europe", 30000, "EUR")
    first = tick(demonstration, "negative_cash_sensor")
    again = tick(demonstration, "negative_cash_sensor")
    assert isinstance(first, dg.RunRequest)
    assert isinstance(again, dg.RunRequest)
    assert first.run_key == again.run_key
    assert first.partition_key == SESSION.isoformat()
    overdraw(demonstration, "europe", 100, "EUR")
    changed = tick(demonstration, "negative_cash_sensor")
    assert isinstance(changed, dg.RunRequest)
    assert changed.run_key != first.run_key


def test_research_mode_stores_advice_and_sends_nothing(folder: Path) -> None:
    demonstration = Demonstration.create(folder)
    overdraw(demonstration, "europe", 30000, "EUR")
    before = balances(demonstration, "europe")
    result = demonstration.run(job="emergency_rebalance")
    assert failed_checks(result) == {"no_account_is_short_of_cash"}
    assert result.success
    advice = demonstration.workspace.recommendations.of("europe", "emergency")
    assert advice[0]["side"] == "exchange"
    assert advice[0]["symbol"] == "USD/EUR"
    assert balances(demonstration, "europe") == before
    assert demonstration.workspace.orders.table().is_empty()


def test_advice_is_dismissed_when_the_need_is_gone_and_a_new_need_is_seen_again(
    folder: Path,
) -> None:
    demonstration = Demonstration.create(folder)
    book = demonstration.workspace.recommendations
    overdraw(demonstration, "europe", 30000, "EUR")
    demonstration.run(job="emergency_rebalance")
    first = {row["origin_id"] for row in book.of("europe", "emergency")}
    demonstration.workspace.paper.move_cash(
        "europe", "EUR", Decimal(30000), SESSION, "deposit-again"
    )
    demonstration.run(job="emergency_rebalance")
    assert book.of("europe", "emergency") == []
    assert book.of("europe", "emergency", "dismissed")
    overdraw(demonstration, "europe", 31000, "EUR")
    demonstration.run(job="emergency_rebalance")
    second = {row["origin_id"] for row in book.of("europe", "emergency")}
    assert second
    assert second.isdisjoint(first)


@pytest.mark.parametrize(("amount", "currency"), [(30000, "EUR"), (60000, "EUR"), (20000, "USD")])
def test_paper_mode_repairs_until_no_balance_is_negative(
    folder: Path, amount: int, currency: str
) -> None:
    research = Demonstration.create(folder)
    overdraw(research, "europe", amount, currency)
    assert min(balances(research, "europe").values()) < 0
    no_wait = ("[regime]", "[reconciliation]\nfill_quiet_time = 0\n\n[regime]")
    demonstration = Demonstration.create(folder, PAPER, no_wait)
    result = demonstration.run(job="emergency_rebalance")
    assert failed_checks(result) == set()
    assert min(balances(demonstration, "europe").values()) >= 0
    assert isinstance(tick(demonstration, "fills_sensor"), dg.RunRequest)
    assert demonstration.run(job="reconcile_accounts").success
    assert set(demonstration.read("reconciliation_report")["outcome"]) == {"matched"}
    assert "No broker balance is negative" in str(tick(demonstration, "negative_cash_sensor"))


def test_exchange_comes_before_sale_and_nothing_is_sold_that_is_not_needed(folder: Path) -> None:
    research = Demonstration.create(folder)
    overdraw(research, "europe", 60000, "EUR")
    demonstration = Demonstration.create(folder, PAPER)
    demonstration.run(job="emergency_rebalance")
    orders = in_order(demonstration.read("emergency_actions"))
    sides = orders["side"].to_list()
    assert sides[0] == "exchange"
    assert "sell" in sides
    assert set(orders["state"]) == {"filled"}
    # The account is repaired, not liquidated.
    rates = demonstration.read("exchange_rates").filter(pl.col("to_currency") == "EUR")
    in_euros = dict(rates.select("from_currency", "rate").rows())
    cash = balances(demonstration, "europe")
    assert sum(amount * in_euros[currency] for currency, amount in cash.items()) < 3000


def test_repairing_again_repeats_nothing(folder: Path) -> None:
    research = Demonstration.create(folder)
    overdraw(research, "europe", 60000, "EUR")
    demonstration = Demonstration.create(folder, PAPER)
    demonstration.run(job="emergency_rebalance")
    orders = demonstration.workspace.orders.table()
    cash = balances(demonstration, "europe")
    demonstration.run(job="emergency_rebalance")
    assert demonstration.workspace.orders.table().equals(orders)
    assert balances(demonstration, "europe") == cash


def test_the_timeline_tells_the_episode_from_need_to_repair(folder: Path) -> None:
    research = Demonstration.create(folder)
    overdraw(research, "europe", 60000, "EUR")
    demonstration = Demonstration.create(folder, PAPER)
    demonstration.run(job="emergency_rebalance")
    steps = demonstration.read("emergency_steps")
    phases = steps["phase"].to_list()
    assert (phases[0], phases[-1]) == ("opened", "repaired")
    assert set(phases[1:-1]) == {"exchange", "sell"}
    # What is missing never rises from step to step.
    assert steps["shortfall"].is_sorted(descending=True)
    orders = demonstration.read("emergency_actions")
    assert set(steps["client_order_id"].drop_nulls()) == set(orders["client_order_id"])
    # A repair passes the same gate, and only what it may bypass is bypassed.
    answers = demonstration.workspace.gate_log.table(SESSION)
    bypassed = answers.filter(pl.col("verdict") == "bypassed")
    assert set(bypassed["layer"]) == {"frequency"} or set(bypassed["layer"]) == set()


def test_a_reserve_is_topped_up_like_a_negative_balance(folder: Path) -> None:
    reserve = ("[regime]", '[emergency]\nreserve = "1000"\n\n[regime]')
    research = Demonstration.create(folder, reserve)
    cash = balances(research, "europe")["EUR"]
    overdraw(research, "europe", int(cash) - 300, "EUR")
    assert isinstance(tick(research, "negative_cash_sensor"), dg.RunRequest)
    demonstration = Demonstration.create(folder, PAPER, reserve)
    demonstration.run(job="emergency_rebalance")
    assert balances(demonstration, "europe")["EUR"] >= 1000


def test_a_detour_over_the_pairs_that_are_offered_repairs_as_well(folder: Path) -> None:
    pairs = (
        'opening = "demonstration"',
        'opening = "demonstration"\ncurrency_pairs = ["USD/HKD", "EUR/HKD"]',
    )
    research = Demonstration.create(folder, pairs)
    overdraw(research, "europe", 30000, "EUR")
    demonstration = Demonstration.create(folder, PAPER, pairs)
    assert failed_checks(demonstration.run(job="emergency_rebalance")) == set()
    exchanged = demonstration.read("emergency_actions").filter(pl.col("side") == "exchange")
    assert "USD/EUR" not in exchanged["symbol"]
    assert {"USD/HKD", "HKD/EUR"} <= set(exchanged["symbol"])


def test_an_account_that_cannot_pay_says_so(folder: Path) -> None:
    research = Demonstration.create(folder)
    overdraw(research, "europe", 400000, "EUR")
    demonstration = Demonstration.create(folder, PAPER)
    result = demonstration.run(job="emergency_rebalance")
    (materialization,) = result.asset_materializations_for_node("emergency_actions")
    said = materialization.metadata["outcome"].value["europe"]  # type: ignore[index,call-overload]
    assert str(said).startswith("cannot_pay: Short of ")
    assert failed_checks(result) == {"no_account_is_short_of_cash"}
