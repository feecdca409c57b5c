"""Section of the portfolio file: how the optimiser finds the wanted weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from ballast.settings.types import Flag, Number, Share, StrictModel, Whole

if TYPE_CHECKING:
    from ballast.settings.portfolio import AccountSettings, SecuritySettings


class OptimiserSettings(StrictModel):
    """Expected returns, risk, limits, and what becomes of a proposal."""

    blend: Share = Field(
        0.5, description="Share of hierarchical risk parity in the blend; 0 is mean-variance alone."
    )
    objective: Literal[
        "efficient_return", "minimum_volatility", "efficient_risk", "maximum_sharpe"
    ] = Field(
        "efficient_return",
        description="Which objective is tried first; the others follow in the order named here, as fallbacks.",
    )
    target_return: Number = Field(
        0.11,
        ge=-0.10,
        le=0.30,
        description="Expected return to reach, per year; no more than what is feasible.",
    )
    risk_limit: Number = Field(
        0.15,
        gt=0.0,
        le=1.0,
        description="Volatility per year that `efficient_risk` may use up.",
    )
    maximum_weight: Share = Field(
        0.20, description="Greatest weight of a security that names none of its own."
    )
    cutoff: Number = Field(
        0.005, ge=0.0, le=0.10, description="A smaller weight is not worth holding. Share."
    )
    country_tolerance: Share = Field(
        0.10, description="How far a group of countries may be from its target."
    )
    industry_tolerance: Share = Field(
        0.15, description="How far a group of industries may be from its target."
    )
    country_cap: Share = Field(0.35, description="Greatest share of a group of countries.")
    turnover_penalty: Number = Field(
        0.002,
        ge=0.0,
        le=1.0,
        description="Yearly variance that moving the whole account must save to be worth it.",
    )
    turnover_from: Literal["current", "previous"] = Field(
        "current",
        description="What turnover is measured from: what is held, or the weights published before.",
    )
    gradual_limit: Share = Field(
        0.30, description="A weight that is to change by more than this is approached in steps."
    )
    gradual_step: Number = Field(
        0.5,
        gt=0.0,
        le=1.0,
        description="Part of the way that such a step goes, for every security.",
    )
    lookback: Whole = Field(
        365, ge=60, le=2520, description="Returns that risk is estimated from. Unit: sessions."
    )
    minimum_history: Whole = Field(
        60, ge=20, le=2520, description="Fewest returns of a security. Unit: sessions."
    )
    history_cost_limit: Share = Field(
        0.5,
        description=(
            "A security is left out whose short or sparse history would cost more than this share of the returns that"
            " the others have together."
        ),
    )
    correlation_alert: Share = Field(
        0.80, description="Pairs are listed from this correlation on, whatever its sign."
    )
    return_floor: Number = Field(
        -0.10, ge=-1.0, le=0.0, description="Lowest expected return, per year."
    )
    return_cap: Number = Field(
        0.30, gt=0.0, le=2.0, description="Highest expected return, per year."
    )
    score_share: Share = Field(
        0.30, description="Share of the score, as a multiple of the target, in the expected return."
    )
    score_share_bull: Share = Field(0.20, description="The same in a bull market.")
    bear_shift: Share = Field(
        0.25,
        description="By how much a bear market lowers every estimate, as a share of the target return.",
    )
    outlook: Path | None = Field(
        None,
        description=(
            "CSV with columns known_on, vix, yield_slope, price_earnings that shifts the estimates; left out, nothing"
            " does."
        ),
    )
    frontier_points: Whole = Field(
        15, ge=2, le=100, description="Points of the efficient frontier that is shown."
    )
    propose: Flag = Field(
        True,
        description="Whether accounts with configured targets get a proposal to compare theirs with.",
    )

    @model_validator(mode="after")
    def _history_fits_the_lookback(self) -> Self:
        if self.minimum_history > self.lookback:
            raise ValueError(
                f"minimum_history ({self.minimum_history}) is more than lookback ({self.lookback})"
            )
        return self


def problems_of_minimums(
    accounts: Sequence[AccountSettings], securities: Sequence[SecuritySettings]
) -> list[str]:
    """Return the accounts whose universe has minimum weights that no account can hold.

    What may not be bought has its minimum only where it is held, which a portfolio file does not know; the same is true
    of what an account without a universe will choose from.
    """
    least = {each.symbol: each.minimum_weight or 0.0 for each in securities if each.allow_buy}
    sums = {
        account.id: sum(least.get(symbol, 0.0) for symbol in account.universe or ())
        for account in accounts
    }
    return [
        f"account {name!r}: minimum_weight of its universe adds up to {total:.4f}, more than 1"
        for name, total in sums.items()
        if total > 1 + 1e-9
    ]
