"""What explains a plan: what became of each opportunity, the plans beside it, and the parts of its score."""

from __future__ import annotations

import random
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.planning.alternatives import other_plans, outcome_of
from ballast.planning.best_plan import BestPlan, best_plan
from ballast.planning.case import SecurityFacts
from ballast.planning.explanation import (
    alternatives_table,
    components_table,
    opportunities_table,
)
from ballast.planning.search import evaluate
from ballast.settings import PlannerSettings
from tests.ballast.planning.accounts import Case, account, candidate, cases
from tests.ballast.planning.opportunities.cases import case_of
from tests.ballast.planning.scored import planning_case

_THOROUGH = PlannerSettings(depth=7, maximum_trades=7)
_chance = st.randoms(use_true_random=False)


def _example() -> BestPlan:
    facts = account(
        candidate("BAD", target=Decimal("0.3")),
        candidate("DEAR", target=Decimal("0.3"), price=Decimal(90_000)),
        candidate("GOOD", target=Decimal("0.3")),
        candidate("HELD", quantity=Decimal(30), target=Decimal(0)),
        candidate("STOP", target=Decimal("0.1")),
        cash={"EUR": Decimal(9_000)},
        reserve_floor=Decimal(7_500),
    )
    return best_plan(
        case_of(
            facts,
            SecurityFacts("GOOD", return_score=1.0),
            SecurityFacts("BAD", return_score=0.0, quality=0.1),
            SecurityFacts("HELD", no_sale="held too short"),
            SecurityFacts("STOP", no_purchase="cooling down"),
        )
    )


def test_every_opportunity_says_what_became_of_it() -> None:
    best = _example()
    table = opportunities_table([best])
    outcomes = dict(
        table.filter(pl.col("extent") == "whole").select("symbol", "outcome").iter_rows()
    )
    assert outcomes == {
        "GOOD": "planned", "BAD": "worse", "HELD": "stopped", "STOP": "stopped",
    }  # fmt: skip
    reasons = dict(table.select("symbol", "outcome_reason").iter_rows())
    assert reasons["STOP"] == "cooling down"
    assert "scores" in reasons["BAD"]


@settings(max_examples=40, deadline=None)
@given(cases(), _chance)
def test_an_opportunity_that_was_not_taken_would_have_been_no_better(
    drawn: Case, chance: random.Random
) -> None:
    best = best_plan(planning_case(drawn, chance, _THOROUGH))
    for opportunity in best.opportunities:
        outcome = outcome_of(best, opportunity)
        assert outcome.reason
        assert (outcome.kind == "stopped") == (opportunity.stopped_by is not None)
        if outcome.score_change is not None:
            assert outcome.score_change <= 1e-12


@settings(max_examples=40, deadline=None)
@given(cases(), _chance)
def test_no_plan_of_the_front_beats_another_and_none_beats_the_best_in_its_score(
    drawn: Case, chance: random.Random
) -> None:
    best = best_plan(planning_case(drawn, chance, _THOROUGH))
    front = [other for other in other_plans(best) if other.view == "pareto"]
    figures = [
        (
            -float(each.evaluation.score[0]), float(each.evaluation.cost[0]),
            float(each.evaluation.tax[0]), float(each.evaluation.turnover[0]),
            # Without targets it is not known, and compares nothing.
            float(np.nan_to_num(each.evaluation.tracking[0])),
        )
        for each in front
    ]  # fmt: skip
    for one in figures:
        for other in figures:
            assert one == other or any(a > b for a, b in zip(one, other, strict=True))
    if front and best.searched is not None:
        top = float(best.searched.found.evaluation.score[0])
        assert max(-figure[0] for figure in figures) == pytest.approx(top, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(cases(), _chance, st.sampled_from(["balanced", "conservative", "aggressive"]))
def test_the_contributions_add_up_to_the_change_of_the_score(
    drawn: Case, chance: random.Random, profile: str
) -> None:
    planner = _THOROUGH.model_copy(update={"profile": profile})
    best = best_plan(planning_case(drawn, chance, planner))
    table = components_table([best])
    if best.before is None or best.after is None:
        assert table.is_empty()
        return
    change = best.after.score - best.before.score
    assert table["contribution"].sum() == pytest.approx(change, abs=1e-9)
    parts = table.filter(pl.col("component") != "costs and taxes")
    spent = table.filter(pl.col("component") == "costs and taxes").row(0, named=True)
    assert spent["contribution"] == pytest.approx(-spent["weight"] * spent["after"], abs=1e-4)
    assert parts["weight"].sum() == pytest.approx(0.95)


def test_where_nothing_but_the_plan_was_found_there_are_no_runners_up() -> None:
    # One lot is worth the whole account: nothing can be paid, and doing nothing is all that is found.
    facts = account(
        candidate("A", target=Decimal("0.5"), price=Decimal(4_900)), cash={"EUR": Decimal(10_000)},
        reserve_floor=Decimal(5_090),
    )  # fmt: skip
    best = best_plan(case_of(facts))
    views = set(alternatives_table([best])["view"])
    assert not best.orders
    assert "next_best" not in views


def test_the_table_of_other_plans_marks_the_recommended_one() -> None:
    best = _example()
    table = alternatives_table([best])
    chosen = table.filter("is_chosen")
    assert chosen["view"][0] == "recommended"
    assert "next_best" not in chosen["view"].to_list()
    assert best.searched is not None
    again = evaluate(best.searched.problem, best.searched.found.sequences[:1])
    assert chosen["score"].unique().to_list() == [pytest.approx(float(again.score[0]), abs=1e-15)]
    assert {"least_cost", "least_turnover", "pareto"} <= set(table["view"])
