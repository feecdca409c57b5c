"""What happens when something is wrong: exactly what is affected stops, and it says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from ballast.books.broker_events import Fill
from ballast.books.postings import postings_of
from ballast.errors import BrokerUnavailableError, ConfigurationError
from resources.brokers.protocol import Broker
from resources.market_data.recorded import RecordedMarketData
from tests.demonstration import SESSION, Demonstration, failed_checks


def test_a_critical_difference_stops_planning_of_that_account_only(tmp_path: Path) -> None:
    demonstration = Demonstration.create(tmp_path)
    book_a_fill_that_the_broker_never_made(demonstration, "america")
    result = demonstration.run()
    assert result.success
    assert "no_critical_differences" in failed_checks(result)
    plans = {row["account_id"]: row for row in demonstration.read("account_plans").to_dicts()}
    assert plans["america"]["status"] == "blocked"
    assert "SPY quantity_mismatch" in plans["america"]["reason"]
    assert plans["europe"]["status"] == "planned"
    steps = demonstration.read("planner_recommendations")
    assert set(steps["account_id"]) == {"europe"}


def test_planning_does_not_run_when_no_account_is_reconciled(tmp_path: Path) -> None:
    demonstration = Demonstration.create(tmp_path)
    for account in ("america", "europe"):
        book_a_fill_that_the_broker_never_made(demonstration, account)
    result = demonstration.run()
    assert not result.success
    assert "some_account_may_be_planned" in failed_checks(result)
    assert not demonstration.snapshot().has("planner_recommendations", SESSION.isoformat())
    assert demonstration.snapshot().has("reconciliation_report", SESSION.isoformat())


def test_a_broker_that_cannot_be_asked_is_unavailable_and_not_flat(tmp_path: Path) -> None:
    demonstration = Demonstration.create(tmp_path, wrap_brokers=cutting_off("america"))
    result = demonstration.run()
    assert result.success
    report = demonstration.read("reconciliation_report").filter(pl.col("account_id") == "america")
    assert report["outcome"].to_list() == ["unavailable"]
    assert "does not mean that the account is empty" in report["explanation"][0]
    plans = dict(demonstration.read("account_plans").select("account_id", "status").iter_rows())
    assert plans == {"america": "blocked", "europe": "planned"}


def test_the_books_recover_when_the_broker_answers_again(tmp_path: Path) -> None:
    Demonstration.create(tmp_path, wrap_brokers=cutting_off("america")).run()
    recovered = Demonstration.create(tmp_path)
    assert recovered.run().success
    assert set(recovered.read("reconciliation_report")["outcome"]) == {"matched"}


def test_bad_bars_are_quarantined_by_rule_and_the_rest_goes_on(tmp_path: Path) -> None:
    def flaw(bars: pl.DataFrame) -> pl.DataFrame:
        is_last = pl.col("session") == SESSION
        negative = is_last & (pl.col("symbol") == "SPY")
        crossed = is_last & (pl.col("symbol") == "ORCL")
        bars = bars.with_columns(
            close=pl.when(negative).then(-1.0).otherwise("close"),
            high=pl.when(crossed).then(pl.col("low") - 1).otherwise("high"),
        )
        twice = bars.filter(is_last & (pl.col("symbol") == "WM")).with_columns(pl.col("close") + 1)
        return pl.concat([bars, twice])

    demonstration = Demonstration.create(tmp_path, source=Flawed(flaw))
    result = demonstration.run()
    assert "bars_pass_the_quality_gates" in failed_checks(result)
    findings = demonstration.read("quality_findings").filter("is_quarantined")
    rules = dict(findings.select("symbol", "rule").iter_rows())
    assert rules["WM"] == "duplicate_session"
    assert rules["SPY"] == "prices_are_positive"
    assert rules["ORCL"] == "high_and_low_enclose_open_and_close"
    prices = demonstration.read("prices").filter(pl.col("symbol").is_in(["SPY", "ORCL", "WM"]))
    assert (prices["price_session"] < SESSION).all()
    assert prices["is_stale"].all()


def test_row_order_and_repeated_rows_change_nothing(tmp_path: Path) -> None:
    def shuffle(bars: pl.DataFrame) -> pl.DataFrame:
        return pl.concat([bars, bars.head(500)]).sample(fraction=1.0, shuffle=True, seed=7)

    plain = Demonstration.create(tmp_path / "plain")
    shuffled = Demonstration.create(tmp_path / "shuffled", source=Flawed(shuffle))
    assert plain.run().success
    assert shuffled.run().success
    assert plain.published(SESSION) == shuffled.published(SESSION)


def test_a_late_correction_replaces_the_bar_and_is_reported(tmp_path: Path) -> None:
    wrong = date(2020, 8, 18)

    def mistake(bars: pl.DataFrame) -> pl.DataFrame:
        is_wrong = (pl.col("session") == wrong) & (pl.col("symbol") == "SPY")
        return bars.with_columns(close=pl.when(is_wrong).then(pl.col("low")).otherwise("close"))

    before = Demonstration.create(tmp_path, source=Flawed(mistake))
    assert before.run(date(2020, 8, 19)).success
    after = Demonstration.create(tmp_path)
    result = after.run()
    materialization = next(
        event
        for event in result.asset_materializations_for_node("historical_data")
        if event.asset_key.to_user_string() == "historical_data"
    )
    assert materialization.metadata["corrected_bars"].value == 1
    segment = after.read("historical_data")
    corrected = segment.filter((pl.col("session") == wrong) & (pl.col("symbol") == "SPY"))
    assert corrected["known_on"].to_list() == [SESSION]


def test_a_holding_without_a_price_leaves_the_value_unknown_and_the_account_unplanned(
    tmp_path: Path,
) -> None:
    def without_history(bars: pl.DataFrame) -> pl.DataFrame:
        return bars.filter(pl.col("symbol") != "WM")

    # The broker still knows the price: its market is its own.
    demonstration = Demonstration.create(tmp_path)
    demonstration.workspace.paper.positions("america", SESSION)
    blind = Demonstration.create(tmp_path, source=Flawed(without_history))
    blind.run()
    positions = blind.read("positions_snapshot").filter(pl.col("account_id") == "america")
    held = positions.filter(pl.col("commodity") == "WM").row(0, named=True)
    assert held["value_base"] is None
    assert held["quantity"] == 70
    assert positions["weight"].null_count() == positions.height
    plans = {row["account_id"]: row for row in blind.read("account_plans").to_dicts()}
    assert plans["america"]["status"] == "blocked"
    assert "a price or a rate is missing for WM" in plans["america"]["reason"]
    assert plans["europe"]["status"] == "planned"


def test_a_missing_exchange_rate_is_an_error_that_names_the_currency(tmp_path: Path) -> None:
    demonstration = Demonstration.create(
        tmp_path, ("history_start = 2015-01-01", "history_start = 2015-01-01\nrate_age_limit = 1")
    )
    # Monday's fixing is not published on the recorded Easter Monday, and Friday's is too old.
    result = demonstration.run(date(2020, 4, 13))
    assert not result.success
    failure = next(event for event in result.all_events if event.is_step_failure)
    message = failure.event_specific_data.error.cause.message  # type: ignore[union-attr]
    assert "no exchange rate for HKD, USD within 1 days of 2020-04-13" in message


def test_an_unknown_setting_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"planner\.maximum_trade: Extra inputs"):
        Demonstration.create(tmp_path, ("[regime]", "[planner]\nmaximum_trade = 3\n[regime]"))


def book_a_fill_that_the_broker_never_made(demonstration: Demonstration, account: str) -> None:
    fill = Fill(
        fill_id="never-made",
        account_id=account,
        symbol="SPY" if account == "america" else "ASML.AS",
        quantity=Decimal(5),
        price=Decimal(100),
        currency="USD" if account == "america" else "EUR",
        fee=Decimal(0),
        fee_currency="USD",
        filled_at=datetime(2020, 7, 1, 15, tzinfo=UTC),
    )
    demonstration.workspace.ledger.append(postings_of([fill], source="by-hand"))


def cutting_off(account: str) -> Callable[[Mapping[str, Broker]], dict[str, Broker]]:
    return lambda brokers: {**brokers, account: CutOff(brokers[account])}


class CutOff:
    """A broker whose line is dead."""

    def __init__(self, broker: Broker) -> None:
        self.name = broker.name

    def __getattr__(self, question: str) -> Callable[..., object]:
        def fail(*_arguments: object) -> object:
            raise BrokerUnavailableError("the line is dead", where=question, remedy="Try later.")

        return fail


@dataclass(frozen=True)
class Flawed:
    """The recorded source with flaws put in."""

    flaw: Callable[[pl.DataFrame], pl.DataFrame]

    def bars(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        return self.flaw(RecordedMarketData().bars(symbols, first, last))

    def corporate_actions(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        return RecordedMarketData().corporate_actions(symbols, first, last)
