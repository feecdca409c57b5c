"""Random accounts whose securities have scores, to plan by score."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

from ballast.planning.case import PlanningCase, SecurityFacts
from ballast.settings import PlannerSettings
from ballast.trading.sales import SaleLot
from tests.ballast.planning.accounts import Case

_COUNTRIES = ("Netherlands", "United States", "China", None)


def planning_case(
    case: Case, chance: random.Random, planner: PlannerSettings | None = None, **facts: object
) -> PlanningCase:
    """Return the planning case of an account: scores, groups and lots by chance, some of them unknown."""
    securities = tuple(
        _facts(case, number, chance) for number in range(len(case.account.candidates))
    )
    groups = sorted({s.group for s in securities if s.group})
    settings = PlannerSettings(maximum_trades=case.maximum_trades) if planner is None else planner
    usual = PlanningCase(
        account=case.account,
        securities=securities,
        group_targets={group: round(chance.uniform(0, 1 / len(groups)), 3) for group in groups},
        rates={f"{a}/{b}": rate for (a, b), rate in case.costs.rates.by_pair.items()},
        costs=case.costs.settings,
        planner=settings,
    )
    return replace(usual, **facts)  # type: ignore[arg-type]


def _facts(case: Case, number: int, chance: random.Random) -> SecurityFacts:
    candidate = case.account.candidates[number]
    country = chance.choice(_COUNTRIES)

    def known() -> float | None:
        return None if chance.random() < 0.2 else round(chance.random(), 3)

    cost = Decimal(str(round(chance.uniform(0.5, 2.0), 2))) * (candidate.price or Decimal(1))
    cost = cost.quantize(Decimal("0.00000001"))
    is_windfall = chance.random() < 0.2
    return SecurityFacts(
        symbol=candidate.symbol,
        name=f"Company {number}",
        country=country,
        group=country,
        return_score=known(),
        promise_score=known(),
        stability_score=known(),
        dividend_yield=chance.choice([None, 0.0, 0.02, 0.05]),
        quality=known(),
        average_cost=cost if candidate.quantity else None,
        windfall_share=0.4 if is_windfall else None,
        windfall_score=0.8 if is_windfall else None,
        windfall_reason="it gained far more than expected" if is_windfall else None,
        no_purchase=None if candidate.allow_buy else "the portfolio file does not allow to buy it",
        no_sale=None if candidate.allow_sell else "the portfolio file does not allow to sell it",
        lots=(SaleLot(candidate.quantity, cost),) if candidate.quantity > 0 else (),
    )
