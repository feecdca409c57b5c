"""Short accounts, and the sensor that asks for their repair: at the reserve's border, and again while it lasts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.session_run import SessionRun
from ballast.market.exchange_rates import Rates
from ballast.tables import BrokerBalances, ExchangeRates
from pipelines import sensors
from pipelines.sensors import short_accounts
from resources.clock import now
from tests.ballast.builders import D, Row, framewise, table
from tests.demonstration import SESSION, Demonstration
from tests.pipelines.test_emergency import PAPER, tick

BASES = {"europe": "EUR", "america": "USD"}
RATES = Rates({("EUR", "EUR"): D(1), ("USD", "USD"): D(1), ("EUR", "USD"): D(2), ("USD", "EUR"): D("0.5")})  # fmt: skip
RESERVE = ("[regime]", '[emergency]\nreserve = "1000"\n\n[regime]')
NAME = "negative_cash_sensor"


def balance(account: str, currency: str, amount: str | Decimal) -> Row:
    return {"account_id": account, "currency": currency, "balance": D(amount)}


def short(*rows: Row, reserve: str = "0") -> list[str]:
    return short_accounts(table(BrokerBalances, rows), D(reserve), BASES, RATES)


@pytest.mark.parametrize(("amount", "is_short"), [("0", False), ("-0.01", True), ("0.01", False)])
def test_without_a_reserve_a_balance_is_short_below_zero(amount: str, is_short: bool) -> None:
    assert (short(balance("europe", "EUR", amount)) == ["europe"]) == is_short


@pytest.mark.parametrize(
    ("account", "currency", "enough"),
    [
        ("europe", "EUR", "1000"),
        ("europe", "USD", "2000"),
        ("america", "USD", "1000"),
        ("america", "EUR", "500"),
    ],
)
def test_a_reserve_is_converted_from_the_accounts_base_to_the_balances_currency(
    account: str, currency: str, enough: str
) -> None:
    assert short(balance(account, currency, enough), reserve="1000") == []
    below = D(enough) - D("0.01")
    assert short(balance(account, currency, below), reserve="1000") == [account]


def test_one_short_currency_is_enough_and_each_account_is_named_once() -> None:
    rows = [
        balance("europe", "USD", "-1"), balance("europe", "EUR", "-1"),
        balance("america", "USD", "-1"), balance("america", "EUR", "1000"),
    ]  # fmt: skip
    assert short(*rows) == ["america", "europe"]
    assert short() == []


def test_a_currency_without_a_rate_is_short_when_it_is_overdrawn_and_hides_nobody_else() -> None:
    overdrawn = balance("europe", "USD", "-1")
    assert short(balance("america", "XXX", "5"), overdrawn) == ["europe"]
    for reserve in ("0", "1000"):
        assert short(balance("america", "XXX", "5"), overdrawn, reserve=reserve) == ["europe"]
        found = short(balance("america", "XXX", "-5"), overdrawn, reserve=reserve)
        assert found == ["america", "europe"]


def test_an_account_that_is_configured_no_more_is_not_repaired() -> None:
    for reserve in ("0", "1000"):
        rows = (balance("closed", "EUR", "-1"), balance("europe", "EUR", "-1"))
        assert short(*rows, reserve=reserve) == ["europe"]


@framewise
@given(
    st.lists(
        st.builds(
            balance,
            st.sampled_from(["america", "europe"]),
            st.sampled_from(["EUR", "USD"]),
            st.integers(-5000, 5000).map(str),
        ),
        max_size=4,
        unique_by=lambda row: (row["account_id"], row["currency"]),
    ),
    st.integers(0, 2000),
    st.integers(0, 2000),
)
def test_a_greater_reserve_never_makes_fewer_accounts_short(
    rows: list[Row], one: int, other: int
) -> None:
    less, more = sorted((one, other))
    assert set(short(*rows, reserve=str(less))) <= set(short(*rows, reserve=str(more)))
    assert short(*rows, reserve=str(less)) == short(*reversed(rows), reserve=str(less))


@pytest.fixture
def created(tmp_path: Path) -> Callable[..., Demonstration]:
    def create(*changes: tuple[str, str]) -> Demonstration:
        return Demonstration.create(tmp_path, *changes)

    return create


def publish(demonstration: Demonstration, *rows: Row, rates: bool = True) -> None:
    run = SessionRun(demonstration.workspace, SESSION, "balances")
    run.publish(run.table("broker_balances", table(BrokerBalances, rows), BrokerBalances))
    if rates:
        pairs = [
            {"from_currency": source, "to_currency": target, "rate": rate, "rate_date": SESSION}
            for (source, target), rate in RATES.by_pair.items()
        ]
        run.publish(run.table("exchange_rates", table(ExchangeRates, pairs), ExchangeRates))


def later(monkeypatch: pytest.MonkeyPatch, **span: float) -> None:
    moment: datetime = now() + timedelta(**span)
    monkeypatch.setattr(sensors, "now", lambda: moment)


def run_key(demonstration: Demonstration) -> str:
    request = tick(demonstration, NAME)
    assert isinstance(request, dg.RunRequest), request
    assert request.run_key is not None
    return request.run_key


def test_balances_without_the_rates_of_their_session_are_waited_for(
    created: Callable[..., Demonstration],
) -> None:
    demonstration = created()
    publish(demonstration, balance("europe", "EUR", "-1"), rates=False)
    assert tick(demonstration, NAME) == (
        "No exchange rates of session 2020-08-20; run daily_pipeline."
    )


def test_a_balance_at_the_reserve_is_left_alone_and_one_below_it_is_repaired(
    created: Callable[..., Demonstration],
) -> None:
    demonstration = created(RESERVE)
    publish(demonstration, balance("europe", "EUR", "1000"), balance("america", "EUR", "500"))
    assert tick(demonstration, NAME) == "No broker balance is below 1000 in session 2020-08-20."
    publish(demonstration, balance("europe", "EUR", "999"), balance("america", "EUR", "499"))
    request = tick(demonstration, NAME)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["ballast/accounts"] == "america,europe"
    assert request.partition_key == "2020-08-20"
    assert str(request.run_key).startswith("negative_cash:america+europe:2020-08-20:")


def test_research_mode_advises_once_per_state_however_long_it_lasts(
    created: Callable[..., Demonstration], monkeypatch: pytest.MonkeyPatch
) -> None:
    demonstration = created()
    publish(demonstration, balance("europe", "EUR", "-1"))
    first = run_key(demonstration)
    later(monkeypatch, hours=3)
    assert run_key(demonstration) == first
    publish(demonstration, balance("europe", "EUR", "-2"))
    assert run_key(demonstration) != first


def test_paper_mode_tries_again_every_ten_minutes_and_not_for_ever(
    created: Callable[..., Demonstration], monkeypatch: pytest.MonkeyPatch
) -> None:
    demonstration = created(PAPER)
    publish(demonstration, balance("europe", "EUR", "-1"))
    keys = []
    for minutes in (0, 9, 10.5, 19, 20.5, 60.5, 600):
        with monkeypatch.context() as patched:
            later(patched, minutes=minutes)
            keys.append(run_key(demonstration))
    first = keys[0].removesuffix(":0")
    assert keys == [f"{first}:{attempt}" for attempt in (0, 0, 1, 1, 2, 6, 6)]


def test_a_repaired_account_is_asked_for_no_more(created: Callable[..., Demonstration]) -> None:
    demonstration = created(PAPER)
    publish(demonstration, balance("europe", "EUR", "-1"))
    run_key(demonstration)
    publish(demonstration, balance("europe", "EUR", "0"))
    assert tick(demonstration, NAME) == "No broker balance is negative in session 2020-08-20."
