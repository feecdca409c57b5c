"""All opportunities of a case, by the path that fits the account."""

from __future__ import annotations

from ballast.money import ZERO
from ballast.planning.case import PlanningCase
from ballast.planning.opportunities.gaps import weight_gaps
from ballast.planning.opportunities.heuristics import heuristic_opportunities
from ballast.planning.opportunities.opportunity import CATEGORIES, Bench, Opportunity


def opportunities(case: PlanningCase) -> list[Opportunity]:
    """Return the opportunities of an account, those that are stopped too, by category, priority and symbol.

    An account with target weights closes its gaps; one without follows the rules of `heuristics`.
    """
    bench = Bench(case)
    found = weight_gaps(bench) if follows_targets(case) else heuristic_opportunities(bench)
    return sorted(found, key=_place)


def follows_targets(case: PlanningCase) -> bool:
    """Say whether an account is planned by target weights."""
    return case.targets_only or any(c.target != ZERO for c in case.account.candidates)


def _place(opportunity: Opportunity) -> tuple[int, float, str, bool, bool]:
    number = CATEGORIES.index(opportunity.category)
    return (
        number,
        -opportunity.priority,
        opportunity.symbol,
        opportunity.quantity > ZERO,
        opportunity.is_part,
    )
