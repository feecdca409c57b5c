"""What plans were computed from, kept and found again."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ballast.errors import NotPublishedError
from ballast.planning.case import PlanningCase, case_from_json
from ballast.settings import CostSettings, PlannerSettings
from resources.plan_archive import PlanArchive
from resources.recommendations import PLAN, RecommendationBook
from resources.store import Store
from tests.ballast.planning.accounts import account, candidate

_CASE = PlanningCase(
    account(candidate("A", target=Decimal("0.5")), cash={"EUR": Decimal("10.50")}),
    (), {}, {"EUR/USD": Decimal("1.1")}, CostSettings(), PlannerSettings(),
)  # fmt: skip


@pytest.fixture
def archive(store: Store) -> PlanArchive:
    return PlanArchive(store)


def test_a_plan_is_found_by_its_hash_with_its_inputs_and_steps(archive: PlanArchive) -> None:
    steps = "é" * random.Random(1).randint(1, 9_999)
    archive.keep(_CASE, steps, "1.2.3")
    found = archive.find(_CASE.inputs_hash)
    assert (found.steps, found.code_version) == (steps, "1.2.3")
    assert case_from_json(found.inputs).inputs_hash == _CASE.inputs_hash


def test_a_plan_that_is_kept_stays_as_it_was(archive: PlanArchive) -> None:
    archive.keep(_CASE, "first", "1")
    archive.keep(_CASE, "second", "2")
    assert archive.find(_CASE.inputs_hash).steps == "first"


def test_a_plan_is_found_by_any_of_its_recommendations(archive: PlanArchive, store: Store) -> None:
    other = replace(_CASE, configuration="other")
    archive.keep(_CASE, "this", "1")
    archive.keep(other, "that", "1")
    name = f"a:2020-08-20:{other.inputs_hash}:1"
    row = {
        "recommendation_id": name, "account_id": "a", "origin": PLAN,
        "origin_id": other.inputs_hash, "session": date(2020, 8, 20), "step": 1, "side": "buy",
        "symbol": "A", "quantity": Decimal(1), "reason": "", "weight_before": None,
        "weight_after": None, "inputs_hash": other.inputs_hash, "portfolio_hash": None,
        "status": "pending",
    }  # fmt: skip
    RecommendationBook(store).store_plan("a", date(2020, 8, 20), [row])
    assert archive.find(name).steps == "that"


def test_what_is_not_kept_is_said_with_a_remedy(archive: PlanArchive) -> None:
    with pytest.raises(NotPublishedError, match="no inputs are kept for 'unknown'"):
        archive.find("unknown")
