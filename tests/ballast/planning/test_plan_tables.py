"""Plans as tables: what a person reads, and what is carried out row by row."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.planning.account import Account
from ballast.planning.best_plan import BestPlan, best_plan
from ballast.planning.case import PlanningCase
from ballast.planning.explanation import alternatives_table, components_table, opportunities_table
from ballast.planning.tables import plans_table, recommendations_table
from ballast.settings import CostSettings, PlannerSettings
from ballast.settings.planner import Objective
from tests.ballast.planning.accounts import (
    Case,
    account,
    afterwards,
    candidate,
    cases,
    cash_of,
    value_of,
    worth,
)
from tests.ballast.planning.scored import planning_case
from tests.ballast.trading.markets import Venue

_BY_TARGETS = PlannerSettings(objective="targets", maximum_trades=100)
_ORDER = {"sell": 0, "exchange": 1, "buy": 2}


@settings(max_examples=60, deadline=None)
@given(cases(), st.randoms(use_true_random=False), st.sampled_from(["score", "targets"]))
def test_the_rows_carried_out_in_order_lead_where_they_say(
    case: Case, chance: random.Random, objective: Objective
) -> None:
    planner = _BY_TARGETS.model_copy(update={"objective": objective})
    best = best_plan(planning_case(case, chance, planner))
    table = recommendations_table([best])
    assert table["step"].to_list() == list(range(1, best.plan.steps + 1))
    assert table["side"].to_list() == sorted(table["side"], key=_ORDER.__getitem__)
    candidates = {c.symbol: c for c in case.account.candidates}
    venue = Venue(
        case.costs, dict(case.account.cash), {s: c.quantity for s, c in candidates.items()}
    )
    score = None if best.before is None else best.before.score
    for row in table.iter_rows(named=True):
        assert row["score_before"] == score
        score = row["score_after"]
        if row["side"] == "exchange":
            source, target = row["symbol"].split("/")
            venue.exchange(source, target, row["quantity"])
        else:
            trade = venue.sell if row["side"] == "sell" else venue.buy
            trade(row["symbol"], row["quantity"], row["price"], row["currency"])
        now = afterwards(case.account, venue)
        assert abs(Fraction(row["cash_after_base"]) - cash_of(now, case.costs)) < Fraction(1, 10**6)
    if table.height and best.after is not None:
        assert score == pytest.approx(best.after.score, abs=1e-6)
    value_after = value_of(afterwards(case.account, venue), case.costs)
    if value_after < 1:
        return  # Shares of next to nothing say nothing.
    for row in table.filter(table["side"] != "exchange").iter_rows(named=True):
        held = worth(candidates[row["symbol"]], venue.held[row["symbol"]], case.account, case.costs)
        assert row["weight_after"] == pytest.approx(float(held / value_after), rel=1e-3, abs=1e-4)
        assert row["reason"]


def test_an_identifier_is_made_of_account_session_inputs_and_step() -> None:
    best = _buying()
    table = recommendations_table([best])
    assert table["recommendation_id"].to_list() == [f"a:2020-08-20:{best.case.inputs_hash}:1"]
    assert table["inputs_hash"].to_list() == [best.case.inputs_hash]


def test_a_narrative_names_the_weight_before_the_target_and_the_weight_after() -> None:
    table = recommendations_table([_buying()])
    assert table["reason"].to_list() == ["at 0.0% it is below the target of 50.0%"]
    assert table["narrative"].to_list() == [
        "Buy 5,450 EUR of A: at 0.0% it is below the target of 50.0%. This brings it to 49.2%."
    ]


def test_a_sale_of_what_nobody_wants_says_so() -> None:
    best = _by_targets(account(candidate("A", quantity=Decimal(10))))
    assert recommendations_table([best])["narrative"].to_list() == [
        "Sell 1,000 EUR of A, 100% of the position: it is not among the targets of this account."
        " About 250 EUR of tax on the gain are set aside."
    ]


def test_every_account_has_a_row_whether_it_was_planned_or_not() -> None:
    stopped = replace(account(cash={"EUR": Decimal(1)}), account_id="b", blocked_because="why")
    plans = [_by_targets(stopped), _buying()]
    table = plans_table(plans)
    assert table.select("account_id", "status", "steps", "reason").rows() == [
        ("a", "planned", 1, "1 step towards the targets"),
        ("b", "blocked", 0, "why"),
    ]
    assert table["value_before"].to_list() == [Decimal(11_100), None]
    assert table["score_after"].is_null().to_list() == [False, True]
    assert recommendations_table(plans)["account_id"].to_list() == ["a"]


@pytest.mark.parametrize("objective", ["score", "targets"])
def test_a_holding_without_a_price_leaves_the_account_unplanned(objective: Objective) -> None:
    planner = _BY_TARGETS.model_copy(update={"objective": objective})
    unknown = account(candidate("A", quantity=Decimal(1), price=None), cash={"EUR": Decimal(9)})
    for facts in (unknown, replace(unknown, blocked_because="why")):
        best = best_plan(PlanningCase(facts, (), {}, {}, CostSettings(), planner))
        assert recommendations_table([best]).is_empty()
        (row,) = plans_table([best]).to_dicts()
        assert row["status"] in {"unknown", "blocked"}
        assert row["score_before"] is None
        assert opportunities_table([best]).is_empty()
        assert alternatives_table([best]).is_empty()
        assert components_table([best]).is_empty()


def _buying() -> BestPlan:
    return _by_targets(
        account(
            candidate("A", target=Decimal("0.5"), price=Decimal(109)), cash={"EUR": Decimal(11_100)}
        )
    )


def _by_targets(facts: Account) -> BestPlan:
    return best_plan(PlanningCase(facts, (), {}, {}, CostSettings(), _BY_TARGETS))
