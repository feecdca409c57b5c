"""The daily report says what is known, and says of the rest that it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from ballast.reconciliation.compare import SEVERITY
from ballast.reporting.daily import DailyFacts, daily_report, daily_summary
from ballast.tables import (
    Drawdowns,
    PeriodReturns,
    Plans,
    Positions,
    Prices,
    Recommendations,
    Reconciliation,
    Regimes,
)
from tests.ballast.builders import D, Row, cash, day, position, prices, table


def compared(item: str, outcome: str, **more: Any) -> Row:
    return {
        "account_id": "main", "item": item, "field": "quantity", "outcome": outcome,
        "severity": SEVERITY[outcome], "explanation": f"About {item}.",
    } | more  # fmt: skip


def regime(name: str | None, distance: float | None, reserve: float) -> pl.DataFrame:
    row = {
        "index_symbol": "IDX", "session": day(0), "close": 100.0, "moving_average": 95.0,
        "distance": distance, "regime": name, "reserve_share": reserve,
    }  # fmt: skip
    return table(Regimes, [row])


def plan(status: str, reason: str = "because", **more: Any) -> Row:
    return {
        "account_id": "main", "session": day(0), "status": status, "reason": reason, "steps": 0,
        "base_currency": "EUR", "inputs_hash": "x",
    } | more  # fmt: skip


def step(number: int, side: str, symbol: str, quantity: str, price: str, reason: str) -> Row:
    return {
        "recommendation_id": str(number), "account_id": "main", "session": day(0), "step": number,
        "side": side, "symbol": symbol, "quantity": D(quantity), "price": D(price),
        "currency": "USD", "reason": reason,
    }  # fmt: skip


AAA = position("main", "AAA", "10", value="1500", value_base="1500") | {"weight": 0.6}
FACTS = DailyFacts(
    session=day(0),
    mode="research",
    positions=table(Positions, [AAA, cash("main", "EUR", "1000") | {"weight": 0.4}]),
    prices=prices({"AAA": "150"}),
    reconciliation=table(Reconciliation, [compared("AAA", "matched"), compared("EUR", "matched")]),
    regimes=regime("bull", 0.0734, 0.02),
    plans=table(Plans, [plan("at_target", "every weight is at its target")]),
    recommendations=table(Recommendations, []),
)


def section(title: str, **changes: Any) -> str:
    """Render the report with other facts and return one of its sections; empty if it is not there."""
    text = daily_report(replace(FACTS, **changes))
    found = [part for part in text.split("\n## ") if part.startswith(title)]
    return found[0].rstrip() if found else ""


def test_the_report_names_its_session_and_ends_with_a_newline() -> None:
    text = daily_report(FACTS)
    assert text.startswith("# Ballast, session 2020-01-01\n")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_what_is_known_is_said_with_its_currency() -> None:
    held = section("What is held")
    assert "**main**: 2,500.00 EUR in 1 securities and cash (1,000.00 EUR)" in held
    assert "AAA 60.0%" in held


def test_only_the_largest_holdings_are_listed_largest_first() -> None:
    rows = [
        position("main", f"S{n}", "1", value_base="1") | {"weight": 0.1 * n}
        for n in range(9, 0, -1)
    ]
    held = section("What is held", positions=table(Positions, rows))
    assert "largest: S9 90.0%, S8 80.0%, S7 70.0%, S6 60.0%, S5 50.0%, S4 40.0%" in held
    assert "S3" not in held


def test_an_unknown_value_is_unknown_and_never_a_number() -> None:
    unvalued = position("main", "BBB", "5")
    positions = table(Positions, [AAA | {"weight": None}, unvalued, cash("main", "EUR", "1000")])
    assert "**main**: unknown EUR" in section("What is held", positions=positions)
    assert "main BBB: its value in EUR" in section("What is not known", positions=positions)


def test_full_agreement_is_counted() -> None:
    assert "**main**: yes, all 2 compared figures agree" in section("Does it match")


def test_a_blocked_account_says_so_and_shows_both_sides() -> None:
    rows = [
        compared("AAA", "quantity_mismatch", local_value=D(10), broker_value=D(12)),
        compared("EUR", "matched"),
    ]
    text = section("Does it match", reconciliation=table(Reconciliation, rows))
    assert "**main**: no, planning is stopped" in text
    assert (
        "AAA quantity: quantity_mismatch (critical), book 10.00, broker 12.00. About AAA." in text
    )
    assert "EUR" not in text


@pytest.mark.parametrize("outcome", ["unavailable", "inconclusive"])
def test_an_account_that_could_not_be_judged_is_stopped_with_unknown_figures(outcome: str) -> None:
    rows = [compared("account", outcome)]
    text = section("Does it match", reconciliation=table(Reconciliation, rows))
    assert "no, planning is stopped" in text
    assert "book unknown, broker unknown" in text


@pytest.mark.parametrize("outcome", ["cost_mismatch", "cash_mismatch"])
def test_a_difference_that_does_not_stop_planning_is_still_listed(outcome: str) -> None:
    text = section(
        "Does it match", reconciliation=table(Reconciliation, [compared("AAA", outcome)])
    )
    assert "**main**: almost" in text
    assert outcome in text


def test_the_worst_differences_come_first_and_what_is_left_out_is_counted() -> None:
    rows = [compared(f"A{n}", "cost_mismatch") for n in range(9)]
    rows += [compared("EUR", "cash_mismatch"), compared("ZZZ", "missing_local")]
    lines = section("Does it match", reconciliation=table(Reconciliation, rows)).splitlines()
    assert "ZZZ" in lines[2]
    assert "EUR" in lines[3]
    assert lines[-1] == "  - and 3 more"


def test_every_account_is_listed() -> None:
    rows = [compared("AAA", "matched"), compared("AAA", "unavailable", account_id="other")]
    text = section("Does it match", reconciliation=table(Reconciliation, rows))
    assert "**main**: yes" in text
    assert "**other**: no, planning is stopped" in text


def test_the_regime_is_said_with_its_distance_and_reserve() -> None:
    text = section("Which regime")
    assert "**bull**: IDX is +7.3% from its moving average (2020-01-01): keep 2% in cash" in text


def test_an_unknown_regime_is_unknown_and_still_asks_for_its_reserve() -> None:
    text = section("Which regime", regimes=regime(None, None, 0.05))
    assert "unknown (too little history of IDX): keep 5% in cash" in text
    assert "unknown: no index close" in section("Which regime", regimes=table(Regimes, []))


@pytest.mark.parametrize("status", ["at_target", "blocked", "unknown"])
def test_an_account_without_a_plan_says_why(status: str) -> None:
    text = section("What to do", plans=table(Plans, [plan(status, "AAA unavailable")]))
    assert f"**main**: nothing ({status}: AAA unavailable)" in text


def test_the_steps_of_a_plan_are_listed_in_their_order() -> None:
    planned = plan(
        "planned",
        steps=3,
        fees=D("4.5"),
        cash_before=D(1000),
        cash_after=D(200),
        reserve=D(150),
        narrative="The plan rebalances.",
    )
    steps = [
        step(3, "buy", "AAA", "1200", "150.5", "under its target"),
        step(1, "sell", "BBB", "0.5", "3", "over its target"),
        step(2, "exchange", "EUR/USD", "1234.5", "1.1", "to pay for it"),
    ]
    text = section(
        "What to do", plans=table(Plans, [planned]), recommendations=table(Recommendations, steps)
    )
    assert text.splitlines()[1:] == [
        "- **main**: 3 steps, fees 4.50 EUR, cash 1,000.00 → 200.00 EUR (reserve 150.00)",
        "  The plan rebalances.",
        "   1. sell 0.5 BBB at 3.00 USD: over its target",
        "   2. exchange 1,234.50 EUR into USD at 1.10: to pay for it",
        "   3. buy 1200 AAA at 150.50 USD: under its target",
    ]


def test_stale_and_missing_prices_are_listed_and_whether_they_are_traded_on() -> None:
    stale = {
        "symbol": "BBB",
        "currency": "USD",
        "price": D(5),
        "price_session": day(-9),
        "is_stale": True,
    }
    rows = [
        stale | {"sessions_old": 2, "blocks_planning": False},
        stale | {"symbol": "CCC", "sessions_old": 4, "blocks_planning": True},
        *prices({"DDD": None, "EEE": "7"}).iter_rows(named=True),
    ]
    assert section("What is not known", prices=table(Prices, rows)).splitlines()[1:] == [
        "- BBB: last price from 2019-12-23, 2 sessions old",
        "- CCC: last price from 2019-12-23, 4 sessions old; not traded on",
        "- DDD: no price is known",
    ]


def test_where_everything_is_known_nothing_is_said_to_be_unknown() -> None:
    assert section("What is not known") == ""


@pytest.mark.parametrize(
    ("mode", "said"), [("research", "Nothing was sent"), ("paper", "orders go to the paper broker")]
)
def test_the_report_says_whether_orders_were_sent(mode: str, said: str) -> None:
    assert said in section("Where to look next", mode=mode)


def test_the_summary_is_one_line_per_account_and_one_for_the_regime() -> None:
    assert daily_summary(FACTS).splitlines() == [
        "- **main**: 2,500.00 EUR, matches the broker, at_target, 0 steps",
        "- regime: **bull**",
    ]


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([], ", not known to match the broker,"),
        (["unavailable"], ", not known to match the broker,"),
        (["matched", "inconclusive"], ", not known to match the broker,"),
        (["matched", "quantity_mismatch"], ", does not match the broker,"),
        (["missing_local", "inconclusive"], ", does not match the broker,"),
        (["matched", "cash_mismatch"], ", almost matches the broker,"),
    ],
)
def test_the_summary_claims_a_match_only_where_everything_was_compared_and_agrees(
    outcomes: list[str], said: str
) -> None:
    rows = [compared(f"A{n}", outcome) for n, outcome in enumerate(outcomes)]
    other = compared("AAA", "matched", account_id="other")
    report = table(Reconciliation, [*rows, other])
    assert said in daily_summary(replace(FACTS, reconciliation=report))


def test_the_summary_says_unknown_for_unknown() -> None:
    positions = table(Positions, [position("main", "BBB", "5")])
    without = replace(FACTS, plans=FACTS.plans.clear(), regimes=FACTS.regimes.clear())
    text = daily_summary(replace(without, positions=positions))
    assert "**main**: unknown EUR" in text
    assert "not planned" in text
    assert "regime: **unknown**" in text


def test_a_report_about_nothing_at_all_is_still_a_report() -> None:
    empty = DailyFacts(
        session=day(0), mode="research",
        **{name: getattr(FACTS, name).clear() for name in (
            "positions", "prices", "reconciliation", "regimes", "plans", "recommendations",
        )},
    )  # fmt: skip
    assert "unknown: no index close is known" in daily_report(empty)


def returned(subject: str, day_return: float | None, drawdown: float | None) -> dict[str, Any]:
    return {
        "level": "account", "subject": subject, "session": day(0), "daily_return": day_return,
        "drawdown": drawdown,
    }  # fmt: skip


def test_returns_are_told_for_the_session_the_month_and_the_year() -> None:
    periods = [
        {"level": "account", "subject": "main", "period": period, "first_day": day(0),
         "total_return": value}
        for period, value in (("month", -0.0123), ("year", 0.2))
    ]  # fmt: skip
    told = section(
        "What it returned",
        returns=table(Drawdowns, [returned("main", 0.0046, -0.031)]),
        periods=table(PeriodReturns, periods),
    )
    assert "**main**: session +0.46%, month -1.23%, year +20.00%; drawdown -3.1%" in told


def test_an_unknown_return_is_called_unknown_and_never_zero() -> None:
    told = section("What it returned", returns=table(Drawdowns, [returned("main", None, None)]))
    assert "session unknown, month unknown, year unknown; drawdown unknown" in told


def test_nothing_is_told_of_returns_before_there_are_any() -> None:
    assert section("What it returned") == ""
