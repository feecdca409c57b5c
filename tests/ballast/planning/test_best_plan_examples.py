"""The best plan of single accounts: objectives, taxes, worst prices, and what there is nothing to do for."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ballast.planning.best_plan import best_plan, permitted
from ballast.planning.case import PlanningCase, SecurityFacts
from ballast.planning.plan import plan_account
from ballast.planning.standing import Judge
from ballast.planning.tables import plans_table
from ballast.settings import CostSettings, PlannerSettings
from ballast.trading.sales import SaleLot
from tests.ballast.planning.accounts import (
    account,
    afterwards,
    candidate,
    carry_out,
)


def _case(facts: object, **changes: object) -> PlanningCase:
    usual = PlanningCase(
        account=facts,  # type: ignore[arg-type]
        securities=(),
        group_targets={},
        rates={},
        costs=CostSettings(),
        planner=PlannerSettings(),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def test_with_the_objective_targets_every_gap_is_closed_whatever_the_score_says() -> None:
    facts = account(
        candidate("A", quantity=Decimal(300)),
        candidate("B", target=Decimal("0.5")),
        cash={"EUR": Decimal(1000)},
    )
    usual = _case(facts)
    by_targets = replace(usual, planner=PlannerSettings(objective="targets"))
    best = best_plan(by_targets)
    expected = plan_account(permitted(by_targets), usual.market, maximum_trades=20)
    assert best.plan == expected
    assert best.orders["A"] == -300
    assert best.after is not None


def test_a_blocked_account_and_one_that_is_worth_nothing_say_why() -> None:
    blocked = replace(account(cash={"EUR": Decimal(1)}), blocked_because="why")
    assert best_plan(_case(blocked)).plan.status == "blocked"
    empty = best_plan(_case(account(candidate("A", target=Decimal(1)))))
    assert (empty.plan.status, empty.plan.reason) == ("at_target", "the account is worth nothing")


def test_purchases_give_way_where_the_exchange_costs_more_than_is_left() -> None:
    facts = account(
        candidate("A", currency="USD", price=Decimal("33.33"), target=Decimal(1)),
        cash={"EUR": Decimal(10_000)},
    )
    best = best_plan(
        _case(facts, rates={"EUR/USD": Decimal("1.1"), "USD/EUR": Decimal("0.909090909091")})
    )
    assert best.orders["A"] > 0
    assert best.plan.cash_after is not None
    assert best.plan.cash_after >= 0


def test_a_tiny_improvement_is_not_worth_a_plan() -> None:
    facts = account(
        candidate("A", quantity=Decimal(93)),
        candidate("B", target=Decimal("0.07")),
        cash={"EUR": Decimal(700)},
    )
    patient = replace(_case(facts), planner=PlannerSettings(minimum_improvement=0.5))
    assert best_plan(_case(facts)).orders
    best = best_plan(patient)
    assert not best.orders
    assert "raises the score by enough" in best.plan.reason


@pytest.mark.parametrize("profile", ["balanced", "conservative", "aggressive"])
def test_a_profile_decides_what_counts(profile: str) -> None:
    case = replace(
        _case(account(candidate("A", target=Decimal("0.5")), cash={"EUR": Decimal(5_000)})),
        planner=PlannerSettings(profile=profile),  # type: ignore[arg-type]
    )
    best = best_plan(case)
    assert best.orders
    assert best.after is not None
    assert best.before is not None
    assert best.after.score > best.before.score


def test_taxes_are_set_aside_whatever_the_objective_and_not_spent_by_the_next_plan() -> None:
    facts = account(
        candidate("OLD", quantity=Decimal(500)),
        candidate("NEW", target=Decimal("0.98")),
        cash={"EUR": Decimal(1000)},
        reserve_share=Decimal("0.02"),
    )
    lots = (
        SecurityFacts("OLD", return_score=0.0, lots=(SaleLot(Decimal(500), Decimal(10)),)),
        SecurityFacts("NEW", return_score=1.0),
    )
    for objective in ("score", "targets"):
        planner = PlannerSettings(objective=objective)  # type: ignore[arg-type]
        best = best_plan(_case(facts, securities=lots, planner=planner))
        assert best.taxes == Decimal("0.25") * 500 * 90
        assert best.plan.cash_after is not None
        assert best.plan.reserve is not None
        assert best.plan.cash_after - best.taxes >= best.plan.reserve
        left = afterwards(facts, carry_out(best.plan, best.case.market))
        owing = replace(left, owed=best.taxes)
        assert not best_plan(_case(owing, planner=planner)).orders


def test_both_objectives_leave_the_reserve_at_the_worst_price() -> None:
    facts = account(
        candidate("A", target=Decimal(1)),
        cash={"EUR": Decimal(50_000)},
        reserve_share=Decimal("0.02"),
    )
    for objective in ("score", "targets"):
        planner = PlannerSettings(objective=objective)  # type: ignore[arg-type]
        best = best_plan(_case(facts, planner=planner, slippage=Decimal("0.05")))
        assert best.plan.cash_after is not None
        assert best.plan.reserve is not None
        worse = best.orders["A"] * 100 * Decimal("0.05") * Decimal("1.002")
        assert best.plan.cash_after - worse >= best.plan.reserve


def test_the_best_of_what_can_be_paid_is_taken_where_prices_may_slip() -> None:
    facts = account(
        candidate("AAA", target=Decimal("0.6")),
        candidate("BBB", target=Decimal("0.38")),
        candidate("CCC", target=Decimal("0.55")),
        cash={"EUR": Decimal(100_000)},
    )
    scores = tuple(
        SecurityFacts(symbol, return_score=score)
        for symbol, score in (("AAA", 0.5), ("BBB", 0.9), ("CCC", 0.9))
    )
    case = _case(facts, securities=scores, slippage=Decimal("0.015"))
    best = best_plan(case)
    assert best.is_proved
    drafting = case.drafting
    for chosen in ({"AAA": 380}, {"BBB": 240, "CCC": 350}, {"BBB": 240, "AAA": 370}):
        orders = {symbol: Decimal(units) for symbol, units in chosen.items()}
        draft = drafting.draft(orders)
        if drafting.is_funded(draft):
            fees = drafting.fees(drafting.trades(draft), ())
            other = Judge.of(case).after(orders, draft.cash, fees)
            assert best.after is not None
            assert best.after.score >= other.score - 1e-6


def test_an_account_with_one_entry_per_position_opens_and_closes_whole_positions() -> None:
    facts = account(
        candidate("HELD", quantity=Decimal(40), target=Decimal("0.8")),
        candidate("MUCH", quantity=Decimal(60), target=Decimal("0.2")),
        candidate("NEW", target=Decimal("0.1")),
        candidate("GONE", quantity=Decimal(10)),
        cash={"EUR": Decimal(3_000)},
    )
    for objective in ("score", "targets"):
        planner = PlannerSettings(objective=objective)  # type: ignore[arg-type]
        best = best_plan(_case(facts, planner=planner, single_position=True))
        assert set(best.orders) <= {"NEW", "GONE"}
        assert best.orders.get("GONE", Decimal(-10)) == -10


def test_an_account_without_targets_buys_one_helping_a_session() -> None:
    facts = account(candidate("Q", quantity=Decimal(5)), cash={"EUR": Decimal(99_500)})
    best = best_plan(_case(facts, securities=(SecurityFacts("Q", quality=0.9),)))
    assert best.orders == {"Q": 20}


def test_more_sets_than_can_be_counted_are_still_a_row_of_a_table() -> None:
    every = [candidate(f"S{n:03}", target=Decimal("0.008")) for n in range(120)]
    facts = account(*every, cash={"EUR": Decimal(200_000)})
    planner = PlannerSettings(opportunities_per_category=40, maximum_trades=100, depth=1)
    table = plans_table([best_plan(_case(facts, planner=planner))])
    assert table["sets_searched"][0] > 0
