"""Section of the portfolio file: the limits at which a guard warns, stops or acts."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator

from ballast.settings.types import Flag, StrictModel, Whole


class GuardSettings(StrictModel):
    """The limits at which a guard warns, stops or acts. Shares: 0.05 is five percent."""

    drawdown_warning: Decimal = Field(
        Decimal("0.15"),
        gt=0,
        lt=1,
        description="Fall of an account below its peak, flows apart, from which on it warns. Share.",
    )
    drawdown_limit: Decimal = Field(
        Decimal("0.20"),
        gt=0,
        lt=1,
        description="Fall from which on the account's positions are closed. Share.",
    )
    minimum_equity: Decimal = Field(
        Decimal("100"),
        ge=0,
        description=("An account worth less is closed, too. Unit: base currency of the account."),
    )
    close_positions: Flag = Field(
        True,
        description=(
            "Whether a guard that acts closes positions: as orders in paper mode, as recommendations in research mode."
        ),
    )
    stop_loss: Decimal | None = Field(
        None,
        gt=0,
        lt=1,
        description="Loss against the average cost from which on one position is closed. Share; none: no stops.",
    )
    price_gap_warning: Decimal = Field(
        Decimal("0.05"),
        gt=0,
        description="Move of a price against the close before, splits apart, from which on it warns. Share.",
    )
    price_gap_limit: Decimal = Field(
        Decimal("0.10"),
        gt=0,
        description="Move from which on the security is not traded in the session. Share.",
    )
    spread_warning: Decimal = Field(
        Decimal("0.005"),
        ge=0,
        description="Spread as a share of the bid above which it warns.",
    )
    spread_limit: Decimal = Field(
        Decimal("0.01"),
        gt=0,
        description="Spread from which on the security is not traded. Share of the bid.",
    )
    quotes_required: Flag = Field(
        False, description="Whether a security without bid and ask is not traded."
    )
    loss_without_sales: Decimal = Field(
        Decimal("0.02"),
        gt=0,
        lt=1,
        description="Loss of a session from which on nothing is sold by plan. Share of the account's value.",
    )
    loss_reduce_only: Decimal = Field(
        Decimal("0.03"),
        gt=0,
        lt=1,
        description="Loss of a session from which on nothing is bought either. Share.",
    )
    loss_halt: Decimal = Field(
        Decimal("0.05"),
        gt=0,
        lt=1,
        description="Loss of a session that trips the kill switch of the account. Share.",
    )
    decisions_per_minute: Whole = Field(
        5,
        ge=1,
        le=1000,
        description=(
            "Most plans and repairs of an account that may send orders within a minute; the orders of one plan are"
            " decided together and count once."
        ),
    )
    orders_per_day: Whole = Field(
        50, ge=1, le=10_000, description="Most orders of an account in a session."
    )
    losing_sales: Whole = Field(
        3,
        ge=1,
        le=100,
        description="Sales at a loss in a row after which nothing is bought in the session of the last one.",
    )
    stale_value_warning: Decimal = Field(
        Decimal("0.05"),
        ge=0,
        le=1,
        description="Share of an account's value with a stale price above which it warns.",
    )
    stale_value_limit: Decimal = Field(
        Decimal("0.30"),
        gt=0,
        le=1,
        description="Share of an account's value with a stale price above which it is not traded.",
    )
    account_data_age: Whole = Field(
        5,
        ge=1,
        le=1440,
        description=(
            "Oldest answer of a broker on which a portfolio that is live may trade. Unit: minutes."
        ),
    )
    latch_on_drawdown: Flag = Field(
        True,
        description="Whether a drawdown at its limit trips the kill switch, so that only a person lets plans trade.",
    )
    latch_on_daily_loss: Flag = Field(
        True, description="Whether the loss of a session at `loss_halt` trips the kill switch."
    )

    @model_validator(mode="after")
    def _each_ladder_rises(self) -> Self:
        ladders = (
            ("drawdown_warning", "drawdown_limit"),
            ("price_gap_warning", "price_gap_limit"),
            ("spread_warning", "spread_limit"),
            ("loss_without_sales", "loss_reduce_only", "loss_halt"),
            ("stale_value_warning", "stale_value_limit"),
        )
        problems = [
            f"{lower} ({getattr(self, lower)}) is above {upper} ({getattr(self, upper)})"
            for ladder in ladders
            for lower, upper in pairwise(ladder)
            if getattr(self, lower) > getattr(self, upper)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self
