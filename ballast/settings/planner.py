"""Section of the portfolio file: what the planner may do, and what it looks for."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from ballast.settings.types import Number, Share, StrictModel, Whole

Objective = Literal["score", "targets"]


class PlannerSettings(StrictModel):
    """How the best plan is found; docs/planner.md explains the search and the score."""

    objective: Objective = Field(
        "score",
        description=(
            "What the best plan is: `score` has the highest end-state score, costs deducted; `targets` closes every gap"
            " to the target weights, whatever the score says. An account may have its own."
        ),
    )
    profile: Literal["balanced", "conservative", "aggressive"] = Field(
        "balanced", description="Weights of the end-state score's components."
    )
    maximum_trades: Whole = Field(
        20, ge=1, le=100, description="Most purchases and sales in one plan, per account."
    )
    depth: Whole = Field(
        5,
        ge=1,
        le=7,
        description=(
            "Sets of up to so many trades are all looked at; larger ones by branch and bound, which leaves out only"
            " what cannot be better."
        ),
    )
    opportunities_per_category: Whole = Field(
        12, ge=1, le=40, description="Most trades of one category that the search chooses from."
    )
    diversity_weight: Share = Field(
        0.3,
        description="How much it counts, where a category has too many, that countries differ.",
    )
    minimum_gap: Share = Field(
        0.005, description="A smaller distance of a weight from its target is left alone."
    )
    minimum_improvement: Share = Field(
        0.0005, description="A plan whose score rises by less is not worth anybody's time."
    )
    cost_penalty: Share = Field(
        0.1, description="Score lost per unit of cost and tax, as a share of the account's value."
    )
    gain_tax: Decimal = Field(
        Decimal("0.25"),
        ge=0,
        le=1,
        description="Tax on a realised gain that a plan sets aside; a loss is not credited. Share.",
    )
    minimum_quality: Share = Field(
        0.5, description="Without targets: lowest quality score of what is bought."
    )
    averaging_quality: Share = Field(
        0.6, description="Without targets: the same for more of what has fallen."
    )
    averaging_loss: Share = Field(
        0.20, description="Without targets: how far below its cost a holding must have fallen."
    )
    opportunity_quality: Share = Field(
        0.7, description="Without targets: quality score from which a security is an opportunity."
    )
    group_band: Share = Field(
        0.05, description="Without targets: distance of a country group's weight from its target."
    )
    largest_rebalance_sale: Share = Field(
        0.30, description="Without targets: most of a holding that is sold to rebalance a group."
    )
    trade_share: Number = Field(
        0.02,
        ge=0.0,
        le=1.0,
        description=(
            "Without targets: size of a purchase as a share of the account's value; at least what keeps its cost within"
            " `costs.maximum_cost_ratio`."
        ),
    )
    largest_position: Share = Field(
        0.20,
        description="Without targets: weight beyond which nothing more of a security is bought.",
    )
