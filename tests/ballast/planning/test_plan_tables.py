"""Plans as tables: what a person reads, and what is carried out row by row."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings

from ballast.planning.plan import AccountPlan, plan_account
from ballast.planning.tables import plans_table, recommendations_table
from ballast.settings import CostSettings
from ballast.trading.costs import Costs
from tests.ballast.planning.accounts import (
    Case,
    account,
    afterwards,
    candidate,
    cases,
    cash_of,
    plan_of,
    value_of,
    worth,
)
from tests.ballast.trading.markets import Venue, rates_from

_HASHES = {"a": "hash-a", "b": "hash-b"}
_ORDER = {"sell": 0, "exchange": 1, "buy": 2}


@settings(max_examples=60, deadline=None)
@given(cases())
def test_the_rows_carried_out_in_order_lead_where_they_say(case: Case) -> None:
    plan = plan_of(case)
    table = recommendations_table([plan], case.costs.rates, _HASHES)
    assert table["step"].to_list() == list(range(1, plan.steps + 1))
    assert table["side"].to_list() == sorted(table["side"], key=_ORDER.__getitem__)
    candidates = {c.symbol: c for c in case.account.candidates}
    venue = Venue(
        case.costs, dict(case.account.cash), {s: c.quantity for s, c in candidates.items()}
    )
    for row in table.iter_rows(named=True):
        if row["side"] == "exchange":
            source, target = row["symbol"].split("/")
            venue.exchange(source, target, row["quantity"])
        else:
            trade = venue.sell if row["side"] == "sell" else venue.buy
            trade(row["symbol"], row["quantity"], row["price"], row["currency"])
        now = afterwards(case.account, venue)
        assert abs(Fraction(row["cash_after_base"]) - cash_of(now, case.costs)) < Fraction(1, 10**6)
    value_after = value_of(afterwards(case.account, venue), case.costs)
    if value_after < 1:
        return  # Shares of next to nothing say nothing.
    for row in table.filter(table["side"] != "exchange").iter_rows(named=True):
        held = worth(candidates[row["symbol"]], venue.held[row["symbol"]], case.account, case.costs)
        assert row["weight_after"] == pytest.approx(float(held / value_after), rel=1e-3, abs=1e-4)
        assert row["reason"]


def test_an_identifier_is_made_of_account_session_inputs_and_step(costs: Costs) -> None:
    table = recommendations_table([_buying(costs)], costs.rates, _HASHES)
    assert table["recommendation_id"].to_list() == ["a:2020-08-20:hash-a:1"]
    assert table["inputs_hash"].to_list() == ["hash-a"]


def test_a_reason_names_the_weight_before_the_target_and_the_weight_after(costs: Costs) -> None:
    table = recommendations_table([_buying(costs)], costs.rates, _HASHES)
    assert table["reason"].to_list() == [
        "At 0.0% it is below the target of 50.0%; this brings it to 49.2%."
    ]


def test_a_sale_of_what_nobody_wants_says_so(costs: Costs) -> None:
    plan = plan_account(account(candidate("A", quantity=Decimal(10))), costs, maximum_trades=1)
    table = recommendations_table([plan], costs.rates, _HASHES)
    assert table["reason"].to_list() == ["Not among the targets of this account: sell it."]


def test_every_account_has_a_row_whether_it_was_planned_or_not(costs: Costs) -> None:
    stopped = replace(account(cash={"EUR": Decimal(1)}), account_id="b", blocked_because="why")
    plans = [plan_account(stopped, costs, maximum_trades=1), _buying(costs)]
    table = plans_table(plans, _HASHES)
    assert table.select("account_id", "status", "steps", "reason").rows() == [
        ("a", "planned", 1, "1 step towards the targets"),
        ("b", "blocked", 0, "why"),
    ]
    assert table["value_before"].to_list() == [Decimal(11_100), None]
    assert recommendations_table(plans, costs.rates, _HASHES)["account_id"].to_list() == ["a"]


def _buying(costs: Costs) -> AccountPlan:
    facts = account(
        candidate("A", target=Decimal("0.5"), price=Decimal(109)), cash={"EUR": Decimal(11_100)}
    )
    return plan_account(facts, costs, maximum_trades=1)


@pytest.fixture
def costs() -> Costs:
    return Costs(CostSettings(), rates_from({"EUR": 1}))
