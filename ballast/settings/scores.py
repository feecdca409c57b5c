"""Section of the portfolio file: how securities and positions are scored."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from ballast.settings.types import Number, Share, StrictModel, Whole

_Weight = Annotated[Number, Field(ge=0.0, le=100.0)]


class GroupWeights(StrictModel):
    """How much each group counts in the total; only the proportions matter."""

    long_term: _Weight = Field(0.20, description="Weight of growth, Sortino and Sharpe ratio.")
    fundamentals: _Weight = Field(0.15, description="Weight of financial strength and steadiness.")
    opportunity: _Weight = Field(
        0.15, description="Weight of the distance from the high and the price in earnings."
    )
    dividends: _Weight = Field(0.12, description="Weight of yield and payout.")
    short_term: _Weight = Field(0.10, description="Weight of momentum and drawdown.")
    technicals: _Weight = Field(
        0.10, description="Weight of relative strength, Bollinger bands and average."
    )
    opinion: _Weight = Field(0.10, description="Weight of what analysts recommend.")
    diversification: _Weight = Field(
        0.08, description="Weight of what a purchase does to the account's spread."
    )

    @model_validator(mode="after")
    def _something_of_the_security_counts(self) -> Self:
        if sum(self.model_dump(exclude={"diversification"}).values()) <= 0:
            raise ValueError("at least one weight beside `diversification` must be above 0")
        return self


class SellWeights(StrictModel):
    """How much each component counts in the sell score; only the proportions matter."""

    underperformance: _Weight = Field(0.35, description="Weight of a return below what is wanted.")
    time_held: _Weight = Field(0.18, description="Weight of the time that it was held.")
    portfolio_balance: _Weight = Field(
        0.18, description="Weight of the size of the position and its groups in the account."
    )
    instability: _Weight = Field(
        0.14, description="Weight of an overheated price: rate of gain, volatility, stretch."
    )
    drawdown: _Weight = Field(0.15, description="Weight of the fall below the last high.")

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if sum(self.model_dump().values()) <= 0:
            raise ValueError("at least one weight must be above 0")
        return self


class ScoreSettings(StrictModel):
    """Weights and thresholds of the scores of securities and positions."""

    weights: GroupWeights = Field(GroupWeights(), description="Weights of the eight groups.")
    sell_weights: SellWeights = Field(
        SellWeights(), description="Weights of the components of the sell score."
    )
    target_growth: Number = Field(
        0.11, gt=0.0, le=1.0, description="Annual growth of the price that scores best."
    )
    target_return: Number = Field(
        0.12, gt=0.0, le=1.0, description="Annual growth and dividend yield that score best."
    )
    average_price_earnings: Number = Field(
        22.0, gt=0.0, le=200.0, description="Price-earnings ratio that is neither cheap nor dear."
    )
    price_age: Whole = Field(
        14,
        ge=1,
        le=366,
        description="Where the newest bar is older than this, nothing is known of the price. Unit: calendar days.",
    )
    fundamentals_age: Whole = Field(
        120,
        ge=1,
        le=1000,
        description="A fundamental figure older than this counts as missing. Unit: calendar days.",
    )
    expected_growth: Number = Field(
        0.10,
        gt=-1.0,
        le=1.0,
        description="Annual growth that a gain is compared with where the security's own is unknown.",
    )
    sale_cooldown_days: Whole = Field(
        180, ge=0, le=3650, description="Days from the last sale until another is suggested."
    )
    maximum_loss: Share = Field(
        0.20, description="A position with a loss above this share of its cost is not sold."
    )
    minimum_sale: Number = Field(
        100.0,
        ge=0.0,
        description="Smallest sale that is suggested. Unit: base currency of the account.",
    )
    known_share: Share = Field(
        0.35,
        description="Share of the weights that must rest on known inputs for a security that is held.",
    )
