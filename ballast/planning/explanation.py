"""What explains a plan, as tables: its opportunities, the plans beside it, and what its score is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

import polars as pl

from ballast.money import ZERO
from ballast.planning.alternatives import OtherPlan, other_plans, outcome_of
from ballast.planning.best_plan import BestPlan
from ballast.planning.problem import PROFILES
from ballast.planning.search.effects import (
    DIVERSIFICATION_SHARE,
    DIVIDEND_SHARE,
    QUALITY_SHARE,
)
from ballast.tables import PlanAlternatives, PlanComponents, PlanOpportunities, polars_schema

_COSTS = "costs and taxes"
Row = dict[str, object]


def opportunities_table(plans: Sequence[BestPlan]) -> pl.DataFrame:
    """Return every opportunity with what became of it, as `PlanOpportunities`."""
    rows: list[Row] = []
    for best in plans:
        for opportunity in best.opportunities:
            outcome = outcome_of(best, opportunity)
            rows.append(
                {
                    "account_id": best.case.account.account_id,
                    "symbol": opportunity.symbol,
                    "side": opportunity.side,
                    "extent": "part" if opportunity.is_part else "whole",
                    "category": opportunity.category,
                    "quantity": abs(opportunity.quantity),
                    "value_base": opportunity.value,
                    "fee_base": opportunity.fee,
                    "tax_base": opportunity.tax,
                    "priority": opportunity.priority,
                    "tags": ", ".join(opportunity.tags),
                    "reason": opportunity.reason,
                    "outcome": outcome.kind,
                    "outcome_reason": outcome.reason,
                    "score_change": outcome.score_change,
                }
            )
    frame = pl.DataFrame(rows, schema=polars_schema(PlanOpportunities))
    return PlanOpportunities.validate(frame.sort("account_id", maintain_order=True))


def alternatives_table(plans: Sequence[BestPlan]) -> pl.DataFrame:
    """Return the plans beside each recommended one, as `PlanAlternatives`."""
    rows = [_other(best, other) for best in plans for other in other_plans(best)]
    frame = pl.DataFrame(rows, schema=polars_schema(PlanAlternatives))
    return PlanAlternatives.validate(frame.sort("account_id", maintain_order=True))


def components_table(plans: Sequence[BestPlan]) -> pl.DataFrame:
    """Return the parts of the score before and after each plan, as `PlanComponents`.

    The contributions of an account add up to what its plan changes the score by.
    """
    rows: list[Row] = []
    for best in plans:
        if best.before is None or best.after is None:
            continue
        account, contributed = best.case.account.account_id, 0.0
        for component, weight in _weights(best.case.planner.profile).items():
            before, after = best.before.components[component], best.after.components[component]
            contribution = weight * (after - before)
            contributed += contribution
            rows.append(
                {
                    "account_id": account,
                    "component": component,
                    "weight": weight,
                    "before": before,
                    "after": after,
                    "contribution": contribution,
                }
            )
        rest = best.after.score - best.before.score - contributed
        spent = (best.plan.fees or ZERO) + best.taxes
        left = (best.plan.value_before or ZERO) - spent
        share = float(spent / left) if left > ZERO else 0.0
        rows.append(
            {
                "account_id": account,
                "component": _COSTS,
                "weight": best.case.planner.cost_penalty,
                "before": 0.0,
                "after": share,
                "contribution": rest,
            }
        )
    frame = pl.DataFrame(rows, schema=polars_schema(PlanComponents))
    return PlanComponents.validate(frame.sort("account_id", maintain_order=True))


def _weights(profile: str) -> Mapping[str, float]:
    weights = PROFILES[profile]
    return {
        "return": weights.expected_return,
        "promise": weights.promise,
        "stability": weights.stability,
        "diversification": weights.diversification * DIVERSIFICATION_SHARE,
        "dividend": weights.diversification * DIVIDEND_SHARE,
        "quality": weights.diversification * QUALITY_SHARE,
    }


def _other(best: BestPlan, other: OtherPlan) -> Row:
    evaluation = other.evaluation
    tracking = float(evaluation.tracking[0])
    orders = {trade.symbol: trade.quantity for trade in other.trades}
    return {
        "account_id": best.case.account.account_id,
        "view": other.view,
        "rank": other.rank,
        "trades": ", ".join(trade.named for trade in other.trades) or "nothing",
        "count": len(other.trades),
        "score": float(evaluation.score[0]),
        "improvement": float(evaluation.improvement[0]),
        "cost": float(evaluation.cost[0]),
        "tax": float(evaluation.tax[0]),
        "turnover": float(evaluation.turnover[0]),
        "tracking": tracking if isfinite(tracking) else None,
        "is_chosen": orders == best.orders,
    }
