"""The search of a case: which opportunities it chooses from, and the sets that it found, the best first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from ballast.planning.case import PlanningCase
from ballast.planning.opportunities import CATEGORIES, Opportunity
from ballast.planning.problem import problem_of
from ballast.planning.search import Found, Problem, search, search_deeper
from ballast.planning.search.selection import select

# Sets that are tried in turn where cents or exchanges make the best one impossible.
_KEEP = 25


@dataclass(frozen=True)
class Searched:
    """A search, what it chose from (the trades of its problem, in this order), and what it found."""

    trades: tuple[Opportunity, ...]
    problem: Problem
    found: Found

    def ranked(self, minimum_improvement: float) -> Iterator[tuple[list[Opportunity], float]]:
        """Return the sets that improve the score by enough, and by how much, the best first."""
        gains = self.found.evaluation.improvement
        for row, gain in zip(self.found.sequences, gains, strict=True):
            chosen = [self.trades[int(trade)] for trade in row if trade >= 0]
            if not chosen or gain < minimum_improvement:
                return
            yield chosen, float(gain)


def search_sets(case: PlanningCase, every: Sequence[Opportunity]) -> Searched:
    """Search all sets of the opportunities that nothing stops."""
    considered = _considered(case, [o for o in every if o.stopped_by is None])
    problem = problem_of(case, considered)
    planner, most = case.planner, min(case.planner.maximum_trades, len(considered))
    found = search(problem, depth=min(planner.depth, planner.maximum_trades), keep=_KEEP)
    if most > found.depth:
        found = search_deeper(problem, depth=most, start=found)
    return Searched(considered, problem, found)


def orders_of(chosen: Sequence[Opportunity]) -> dict[str, Decimal]:
    """Return signed quantities by symbol."""
    return {opportunity.symbol: opportunity.quantity for opportunity in chosen}


def _considered(case: PlanningCase, allowed: Sequence[Opportunity]) -> tuple[Opportunity, ...]:
    """Return the most urgent opportunities of each category, from different countries where there are too many."""
    limit, kept = case.planner.opportunities_per_category, []
    for category in CATEGORIES:
        own = [o for o in allowed if o.category == category]
        if len(own) <= limit:
            kept += own
            continue
        rows = pl.DataFrame([
            {
                "symbol": o.symbol,
                "category": category,
                "priority": o.priority,
                "country": case.facts[o.symbol].country,
                "industry": case.facts[o.symbol].industry,
            }
            for o in own
        ], schema_overrides={"country": pl.String, "industry": pl.String})  # fmt: skip
        names = set(select(rows, limit, case.planner.diversity_weight)["symbol"])
        kept += [o for o in own if o.symbol in names]
    return tuple(kept)
