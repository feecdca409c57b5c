"""The facts of an account: from tables to weights, lots and levels in its base currency, nothing of the future."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from ballast.configuration import Portfolio, parse, securities_table
from ballast.market.daily_rates import daily_rates
from ballast.market.returns import security_returns
from ballast.planning.targets import tables
from ballast.planning.targets.facts import TargetInputs, investment_levels, target_cases
from ballast.planning.targets.outlook import NO_OUTLOOK
from ballast.planning.targets.proposal import TargetCase, propose
from ballast.tables import (
    CorporateActions,
    ExchangeRates,
    Positions,
    Prices,
    ReferenceRates,
    SecurityScores,
    TargetWeights,
)
from tests.ballast.builders import D, bar, bars, day, dividend, split, table

SESSION = day(9)
FILE = """
[[accounts]]
id = "main"
{account}
[[securities]]
symbol = "^GSPC"
name = "Index"
exchange = "XNYS"
currency = "USD"
kind = "index"
[[securities]]
symbol = "AAPL"
name = "Apple"
exchange = "XNYS"
currency = "USD"
country = "United States"
preference = 1.5
maximum_weight = 0.3
[[securities]]
symbol = "ASML"
name = "ASML"
exchange = "XAMS"
currency = "EUR"
lot_size = "5"
[[securities]]
symbol = "OLD"
name = "Old"
exchange = "XAMS"
currency = "EUR"
allow_buy = false
"""


def portfolio(account: str = "") -> Portfolio:
    return parse(FILE.format(account=account), where="x")


def position(symbol: str, value: str | None, weight: float | None, **more: Any) -> dict[str, Any]:
    return {
        "account_id": "main", "commodity": symbol, "is_cash": False, "quantity": D(10),
        "currency": "EUR", "is_price_stale": False, "base_currency": "EUR",
        "value_base": None if value is None else D(value), "weight": weight,
    } | more  # fmt: skip


CASH = position("EUR", "6000", 0.6, is_cash=True)
HELD = (CASH, position("ASML", "4000", 0.4))


def inputs(*held: dict[str, Any], configured: Portfolio | None = None, **more: Any) -> TargetInputs:
    listed = securities_table(configured or portfolio())
    prices = [
        {
            "symbol": "AAPL",
            "currency": "USD",
            "price": D(100),
            "is_stale": False,
            "blocks_planning": False,
        },
        {
            "symbol": "ASML",
            "currency": "EUR",
            "price": D(80),
            "is_stale": False,
            "blocks_planning": False,
        },
        {
            "symbol": "OLD",
            "currency": "EUR",
            "price": None,
            "is_stale": True,
            "blocks_planning": True,
        },
    ]
    rates = [
        {"from_currency": source, "to_currency": target, "rate": D(rate), "rate_date": SESSION}
        for source, target, rate in (
            ("USD", "EUR", "0.8"), ("EUR", "USD", "1.25"), ("EUR", "EUR", "1"), ("USD", "USD", "1"),
        )
    ]  # fmt: skip
    scores = [
        {"symbol": "AAPL", "cagr_5y": 0.0, "cagr_10y": 0.3, "dividend_yield": 0.01, "quality": 0.6},
        {
            "symbol": "ASML",
            "cagr_5y": None,
            "cagr_10y": 0.2,
            "dividend_yield": None,
            "quality": 0.5,
        },
    ]
    history = bars(
        *(bar("AAPL", day(number), 100.0 + number) for number in range(10)),
        *(bar("ASML", day(number), 80.0 + number) for number in range(10)),
    )
    returns = security_returns(history, pl.DataFrame(CorporateActions.create_empty()))
    reference = [
        {"rate_date": day(number), "currency": "USD", "per_euro": D("1.25")} for number in range(10)
    ]
    known: dict[str, Any] = {
        "securities": listed,
        "positions": table(Positions, held or HELD),
        "prices": table(Prices, prices),
        "exchange_rates": table(ExchangeRates, rates),
        "scores": table(SecurityScores, scores, known_share=1.0, history_sessions=10),
        "returns": returns,
        "daily_rates": {
            "EUR": daily_rates(
                table(ReferenceRates, reference), ["EUR", "USD"], "EUR",
                [day(number) for number in range(10)], age_limit=7,
            )
        },
        "previous": pl.DataFrame(TargetWeights.create_empty()),
        "regime": "bull",
        "reserve_share": 0.02,
        "outlook": NO_OUTLOOK,
    }  # fmt: skip
    return TargetInputs(**(known | more))


def case(
    account: str = 'targets_from = "optimiser"', *held: dict[str, Any], **more: Any
) -> TargetCase:
    configured = portfolio(account)
    (found,) = target_cases(configured, inputs(*held, configured=configured, **more))
    return found


def facts(symbol: str, found: TargetCase) -> dict[str, Any]:
    return found.facts.filter(pl.col("symbol") == symbol).row(0, named=True)


def test_lots_are_weighed_in_base_currency() -> None:
    found = case()
    assert facts("AAPL", found)["lot_weight"] == pytest.approx(100 * 0.8 / 10_000)
    assert facts("ASML", found)["lot_weight"] == pytest.approx(5 * 80 / 10_000)
    assert found.account_value == pytest.approx(10_000)


def test_what_is_not_held_weighs_nothing_and_what_is_unknown_is_unknown() -> None:
    assert facts("AAPL", case())["current_weight"] == 0.0
    assert facts("ASML", case())["current_weight"] == 0.4
    unknown = case('targets_from = "optimiser"', CASH, position("ASML", None, None))
    assert unknown.account_value is None
    assert facts("ASML", unknown)["current_weight"] is None


def test_growth_over_five_years_counts_before_that_over_ten_and_zero_is_a_growth() -> None:
    found = case()
    assert facts("AAPL", found)["growth"] == 0.0
    assert facts("ASML", found)["growth"] == 0.2


def test_the_wishes_of_the_owner_arrive() -> None:
    found = facts("AAPL", case())
    assert (found["preference"], found["maximum_weight"], found["minimum_weight"]) == (
        1.5,
        0.3,
        None,
    )


@pytest.mark.parametrize(
    ("account", "symbols"),
    [
        ('targets_from = "optimiser"', ["AAPL", "ASML"]),
        ('targets_from = "optimiser"\nuniverse = ["AAPL", "OLD"]', ["AAPL", "ASML", "OLD"]),
        ("targets = { AAPL = 0.5 }", ["AAPL", "ASML"]),
        ("", ["ASML"]),
    ],
)
def test_the_choice_is_what_is_held_and_what_the_account_may_hold(
    account: str, symbols: list[str]
) -> None:
    assert case(account).facts["symbol"].to_list() == symbols


def test_a_price_that_must_not_be_traded_on_blocks_its_security() -> None:
    held = (CASH, position("OLD", "4000", 0.4))
    assert facts("OLD", case('targets_from = "optimiser"', *held))["is_blocked"]


def test_an_account_with_configured_targets_may_do_without_a_proposal() -> None:
    configured = parse("[optimiser]\npropose = false\n" + FILE.format(account=""), where="x")
    assert target_cases(configured, inputs(configured=configured)) == []


def test_previous_weights_are_those_of_the_account() -> None:
    before = [
        {"account_id": "main", "symbol": "AAPL", "target_weight": 0.5},
        {"account_id": "other", "symbol": "AAPL", "target_weight": 0.9},
    ]
    assert case(previous=table(TargetWeights, before)).previous == {"AAPL": 0.5}


def test_levels_are_in_base_currency_with_dividends_and_splits() -> None:
    history = bars(
        bar("AAPL", day(0), 100.0), bar("AAPL", day(1), 60.0), bar("AAPL", day(2), 59.0),
    )  # fmt: skip
    actions = table(CorporateActions, [split("AAPL", day(1), "2"), dividend("AAPL", day(2), "1")])
    reference = [
        {"rate_date": day(0), "currency": "USD", "per_euro": D("1.25")},
        {"rate_date": day(2), "currency": "USD", "per_euro": D("1.00")},
    ]
    sessions = [day(0), day(1), day(2)]
    rates = daily_rates(table(ReferenceRates, reference), ["USD"], "EUR", sessions, age_limit=7)
    found = investment_levels(
        security_returns(history, actions), securities_table(portfolio()), rates
    )
    assert found["level"].to_list() == pytest.approx([0.8, 0.8 * 1.2, 1.2])


def test_a_level_without_an_exchange_rate_is_unknown() -> None:
    history = bars(bar("AAPL", day(0), 100.0), bar("AAPL", day(20), 60.0))
    reference = [{"rate_date": day(0), "currency": "USD", "per_euro": D("1.25")}]
    rates = daily_rates(
        table(ReferenceRates, reference), ["USD"], "EUR", [day(0), day(20)], age_limit=7
    )
    none = pl.DataFrame(CorporateActions.create_empty())
    found = investment_levels(security_returns(history, none), securities_table(portfolio()), rates)
    assert found["level"].to_list() == [0.8, None]


def without_rates(costs: str, *accounts: str) -> tuple[Portfolio, TargetInputs]:
    file = FILE.format(account=accounts[0])
    more = "".join(f"[[accounts]]\n{account}\n" for account in accounts[1:])
    configured = parse(f'[costs]\ncurrency = "{costs}"\n{more}{file}', where="x")
    rates = pl.DataFrame(ExchangeRates.create_empty())
    return configured, inputs(configured=configured, exchange_rates=rates)


def test_without_the_rate_of_the_fees_there_is_no_proposal_but_a_reason() -> None:
    dollars = 'id = "america"\nbase_currency = "USD"\ntargets_from = "optimiser"'
    configured, given = without_rates("USD", "targets = { AAPL = 0.5 }", dollars)
    rates = given.daily_rates["EUR"]
    there, here = target_cases(configured, replace(given, daily_rates={"EUR": rates, "USD": rates}))
    assert (here.account_id, here.unknown) == ("main", "no exchange rate from USD to EUR")
    assert (there.account_id, there.unknown) == ("america", None)
    assert here.facts["expected_return"].is_null().all()
    found = propose(here, configured.optimiser, (), (), sessions_per_year=252)
    assert found.weights == {}
    assert found.attempts[-1].detail == "no exchange rate from USD to EUR"
    made = tables.followed_weights(configured, [found], given.positions, given.previous)
    assert made.select("symbol", "target_weight", "source").rows() == [("AAPL", 0.5, "configured")]


def test_an_account_in_the_currency_of_the_fees_needs_no_rate() -> None:
    configured, given = without_rates("EUR", 'targets_from = "optimiser"')
    (found,) = target_cases(configured, given)
    assert found.unknown is None


def test_without_past_rates_into_its_currency_an_account_has_no_proposal() -> None:
    found = case(daily_rates={})
    assert found.unknown == "no past exchange rates into EUR are known"


def test_rows_of_any_order_make_the_same_case() -> None:
    given = inputs()
    names = ("securities", "positions", "prices", "exchange_rates", "scores", "returns")
    mixed = {name: getattr(given, name).reverse() for name in names}
    here, there = case(), case(**mixed)
    assert here.facts.equals(there.facts)
    assert here.levels.equals(there.levels)
