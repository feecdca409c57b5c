"""A plan computed once more from what is kept of it."""

from __future__ import annotations

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.planning.best_plan import best_plan
from ballast.planning.replay import replay, steps_as_text
from ballast.planning.tables import recommendations_table
from ballast.settings import PlannerSettings
from ballast.settings.planner import Objective
from tests.ballast.planning.accounts import Case, cases
from tests.ballast.planning.scored import planning_case


@settings(max_examples=40, deadline=None)
@given(cases(), st.randoms(use_true_random=False), st.sampled_from(["score", "targets"]))
def test_the_same_inputs_lead_to_the_same_steps_to_the_last_bit(
    drawn: Case, chance: random.Random, objective: Objective
) -> None:
    case = planning_case(drawn, chance, PlannerSettings(objective=objective))
    steps = steps_as_text(recommendations_table([best_plan(case)]))
    again = replay(case.canonical_json(), case.inputs_hash, steps)
    assert again.is_identical, again.differences


@settings(max_examples=25, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_a_step_that_was_changed_is_named_and_so_are_other_inputs(
    drawn: Case, chance: random.Random
) -> None:
    case = planning_case(drawn, chance)
    rows = json.loads(steps_as_text(recommendations_table([best_plan(case)])))
    if rows:
        rows[-1]["quantity"] = "1"
        changed = replay(case.canonical_json(), case.inputs_hash, json.dumps(rows, sort_keys=True))
        assert f"step {len(rows)}: quantity" in changed.differences[0]
    fewer = replay(case.canonical_json(), case.inputs_hash, json.dumps([*rows, {}]))
    assert fewer.differences == (f"{len(rows)} steps, not {len(rows) + 1}",)
    other = replay(case.canonical_json(), "another", json.dumps(rows, sort_keys=True))
    assert "not another" in other.differences[0]
