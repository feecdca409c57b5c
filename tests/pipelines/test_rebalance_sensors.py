"""Sensors that ask for a new plan: only after the last one, once per state, and with the reason why nothing happens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

from assets.session_run import SessionRun
from ballast.tables import ExchangeRates, Plans, Positions, Recommendations, TargetWeights
from tests.ballast.builders import D, Row, table
from tests.demonstration import SESSION, Demonstration
from tests.pipelines.test_emergency import tick

RULES = {"drift_sensor": "drift", "cash_accumulation_sensor": "cash"}
SENSORS = tuple(RULES)
RATES = {("EUR", "EUR"): "1", ("USD", "USD"): "1", ("EUR", "USD"): "2", ("USD", "EUR"): "0.5"}
# The smallest trade worth its cost: 2 euros of 1 %, of which 0.2 % go by themselves; twice that is asked for.
SMALLEST = {"europe": D(250), "america": D(500)}
OFF = ("[regime]", "[rebalancing]\non_events = false\n\n[regime]")
COARSE = ("[regime]", "[rebalancing]\ndrift_threshold = 0.2\ncash_multiple = 10.0\n\n[regime]")


@pytest.fixture
def created(tmp_path: Path) -> Callable[..., Demonstration]:
    def create(*changes: tuple[str, str]) -> Demonstration:
        return Demonstration.create(tmp_path, *changes)

    return create


def position(account: str, commodity: str, weight: float | None, value: str | None) -> Row:
    return {
        "account_id": account, "commodity": commodity, "weight": weight,
        "is_cash": commodity in {"EUR", "USD"}, "value_base": None if value is None else D(value),
    }  # fmt: skip


def publish_plan(
    demonstration: Demonstration,
    inputs_hash: str = "first",
    reserves: dict[str, Decimal | None] | None = None,
    session: date = SESSION,
) -> None:
    """A plan without steps, as planning publishes it, and what planning reads."""
    run = SessionRun(demonstration.workspace, session, f"plan-{inputs_hash}")
    known = {"europe": D(1000), "america": D(2000)} if reserves is None else reserves
    outcomes = table(
        Plans,
        [{"account_id": name, "reserve": reserve} for name, reserve in known.items()],
        session=session, status="at_target", reason="", steps=0, base_currency="EUR",
        inputs_hash=inputs_hash, objective="score", sets_searched=0, sets_feasible=0, depth=0,
        is_proved=False, narrative="", portfolio_hash="", settings_hash="", allocation_hash="",
    )  # fmt: skip
    targets = table(
        TargetWeights,
        [
            {"account_id": "europe", "symbol": "ASML.AS", "target_weight": 0.3},
            {"account_id": "america", "symbol": "SPY", "target_weight": 0.5},
        ],
    )
    rates = [
        {"from_currency": source, "to_currency": target, "rate": D(rate), "rate_date": session}
        for (source, target), rate in RATES.items()
    ]
    run.publish(
        run.table("planner_recommendations", table(Recommendations, []), Recommendations),
        run.table("account_plans", outcomes, Plans),
        run.table("target_weights", targets, TargetWeights),
        run.table("exchange_rates", table(ExchangeRates, rates), ExchangeRates),
    )


def publish_positions(demonstration: Demonstration, *rows: Row, session: date = SESSION) -> None:
    run = SessionRun(demonstration.workspace, session, "positions")
    frame = table(
        Positions, rows, quantity=D(1), currency="EUR", base_currency="EUR", is_price_stale=False
    )
    run.publish(run.table("positions_snapshot", frame, Positions))


def requested(demonstration: Demonstration, name: str) -> dg.RunRequest:
    request = tick(demonstration, name)
    assert isinstance(request, dg.RunRequest), request
    return request


DRIFTED = (position("europe", "ASML.AS", 0.36, "6000"), position("europe", "EUR", 0.64, "900"))
RICH = (position("europe", "ASML.AS", 0.31, "6000"), position("europe", "EUR", 0.69, "1500"))
NOTICED = list(zip(SENSORS, (DRIFTED, RICH), strict=True))
CALM = (position("europe", "ASML.AS", 0.31, "6000"), position("europe", "EUR", 0.69, "1499.99"))


@pytest.mark.parametrize("name", SENSORS)
def test_before_the_first_plan_nothing_is_asked(
    created: Callable[..., Demonstration], name: str
) -> None:
    demonstration = created()
    publish_positions(demonstration, *DRIFTED)
    assert tick(demonstration, name) == "Nothing has been planned yet; run daily_pipeline."


@pytest.mark.parametrize("name", SENSORS)
def test_what_is_switched_off_says_so_whatever_is_published(
    created: Callable[..., Demonstration], name: str
) -> None:
    demonstration = created(OFF)
    assert "on_events is off" in str(tick(demonstration, name))
    publish_plan(demonstration)
    publish_positions(demonstration, *DRIFTED, position("europe", "USD", 0.0, "9000"))
    assert tick(demonstration, name) == "rebalancing.on_events is off in the portfolio file."


@pytest.mark.parametrize(("name", "rows"), NOTICED)
def test_positions_that_the_plan_knew_are_not_planned_again(
    created: Callable[..., Demonstration], name: str, rows: tuple[Row, ...]
) -> None:
    demonstration = created()
    publish_positions(demonstration, *rows)
    publish_plan(demonstration)
    planned = "The positions of session 2020-08-20 are planned already."
    assert tick(demonstration, name) == planned
    # The same positions once more are no news either.
    publish_positions(demonstration, *rows)
    assert tick(demonstration, name) == planned


@pytest.mark.parametrize(("name", "rows"), NOTICED)
def test_a_plan_without_steps_settles_the_matter_as_one_with_steps(
    created: Callable[..., Demonstration], name: str, rows: tuple[Row, ...]
) -> None:
    demonstration = created()
    publish_plan(demonstration, "first")
    publish_positions(demonstration, *rows)
    requested(demonstration, name)
    # Its steps are the same as before: none. What it was computed from is not.
    publish_plan(demonstration, "second")
    assert "are planned already" in str(tick(demonstration, name))


def test_calm_positions_are_told_with_the_threshold(created: Callable[..., Demonstration]) -> None:
    demonstration = created()
    publish_plan(demonstration)
    publish_positions(demonstration, *CALM)
    assert tick(demonstration, "drift_sensor") == (
        "Every weight is within 5.0% of its target in session 2020-08-20."
    )
    assert tick(demonstration, "cash_accumulation_sensor") == (
        "No account has much cash above its reserve in session 2020-08-20."
    )


@pytest.mark.parametrize(("name", "rows"), NOTICED)
def test_each_state_of_the_positions_is_asked_for_once_and_the_settings_are_heard(
    created: Callable[..., Demonstration], name: str, rows: tuple[Row, ...]
) -> None:
    demonstration = created()
    publish_plan(demonstration)
    publish_positions(demonstration, *rows)
    first, again = requested(demonstration, name), requested(demonstration, name)
    assert first.run_key == again.run_key
    assert first.run_key is not None
    assert first.run_key.startswith(f"{RULES[name]}:europe:2020-08-20:")
    assert first.partition_key == SESSION.isoformat()
    changed = rows[1] | {"value_base": rows[1]["value_base"] + 1}
    publish_positions(demonstration, rows[0], changed)
    assert requested(demonstration, name).run_key != first.run_key
    assert isinstance(tick(created(COARSE), name), str)


def test_the_request_says_in_words_what_has_drifted(created: Callable[..., Demonstration]) -> None:
    demonstration = created()
    publish_plan(demonstration)
    publish_positions(demonstration, *DRIFTED, position("america", "SPY", 0.44, "1"))
    request = requested(demonstration, "drift_sensor")
    assert request.tags["ballast/why"] == (
        "SPY has 44.0% of america, its target is 50.0%; ASML.AS has 36.0% of europe, its target is 30.0%"
    )
    assert str(request.run_key).startswith("drift:america+europe:2020-08-20:")


def test_cash_is_measured_in_the_base_currency_of_each_account(
    created: Callable[..., Demonstration],
) -> None:
    demonstration = created()
    publish_plan(demonstration)
    least = D(2000) + 2 * SMALLEST["america"]
    publish_positions(demonstration, position("america", "USD", 1.0, str(least - D("0.01"))))
    assert "No account has much cash" in str(tick(demonstration, "cash_accumulation_sensor"))
    publish_positions(demonstration, position("america", "USD", 1.0, str(least)))
    request = requested(demonstration, "cash_accumulation_sensor")
    assert request.tags["ballast/why"] == (
        "america has 1000.00 of cash above its reserve, 1000.00 is enough to invest"
    )


def test_an_account_without_a_known_reserve_is_not_judged_by_its_cash(
    created: Callable[..., Demonstration],
) -> None:
    demonstration = created()
    publish_plan(demonstration, reserves={"europe": None, "america": D(0)})
    rich = position("europe", "EUR", 1.0, "90000")
    publish_positions(demonstration, rich)
    assert "No account has much cash" in str(tick(demonstration, "cash_accumulation_sensor"))
    publish_positions(demonstration, rich, position("america", "USD", 1.0, "90000"))
    request = requested(demonstration, "cash_accumulation_sensor")
    assert str(request.run_key).startswith("cash:america:")


@pytest.mark.parametrize("name", SENSORS)
def test_the_newest_planned_session_is_looked_at(
    created: Callable[..., Demonstration], name: str
) -> None:
    demonstration = created()
    before = date(2020, 8, 19)
    publish_plan(demonstration, session=before)
    publish_positions(demonstration, *DRIFTED, session=before)
    publish_positions(demonstration, *CALM)
    publish_plan(demonstration)
    publish_positions(demonstration, *DRIFTED, RICH[1] | {"commodity": "USD"}, session=before)
    assert tick(demonstration, name) == "The positions of session 2020-08-20 are planned already."
