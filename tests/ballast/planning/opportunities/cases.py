"""Cases whose opportunities are plain to see: one euro account, costs of 2 EUR and 0.2 %."""

from __future__ import annotations

from dataclasses import replace

from ballast.planning.account import Account
from ballast.planning.case import PlanningCase, SecurityFacts
from ballast.settings import CostSettings, PlannerSettings


def case_of(account: Account, *facts: SecurityFacts, **changes: object) -> PlanningCase:
    """Return a case without a rate but that of the euro with itself."""
    usual = PlanningCase(account, facts, {}, {}, CostSettings(), PlannerSettings())
    return replace(usual, **changes)  # type: ignore[arg-type]
