"""Section of the portfolio file: how the market regime is found, and the cash reserve that it asks for."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator

from ballast.settings.types import Number, Share, StrictModel, Whole

# Of the window that the model is fitted to, what must be known at least.
_LARGEST_PART = 0.9


class RegimeSettings(StrictModel):
    """The moving-average rule, the model of market states, and the cash reserve that each regime asks for."""

    index: str = Field("^GSPC", min_length=1, description="Index whose trend decides.")
    regions: dict[str, str] = Field(
        default_factory=dict,
        description=(
            "Further indices, by region: a country, an exchange (MIC) or a currency of the securities. Each region gets"
            " a regime of its own; the cash reserve follows the main index."
        ),
    )
    method: Literal["markov", "rule"] = Field(
        "markov",
        description=(
            "What names the regime: `markov`, the model of calm and turbulent market states, or `rule`, the distance"
            " from the moving average. The other one is shown beside it, and the rule decides while the model has too"
            " little history."
        ),
    )
    window: Whole = Field(
        200, ge=20, le=400, description="Length of the moving average. Unit: sessions."
    )
    bull_threshold: Number = Field(
        0.05, gt=0.0, lt=1.0, description="At or above this distance from the mean: bull."
    )
    bear_threshold: Number = Field(
        -0.05, gt=-1.0, lt=0.0, description="At or below this distance from the mean: bear."
    )
    states: Whole = Field(
        3, ge=2, le=3, description="Market states in the model; with two, hardly any is sideways."
    )
    # Always more than the longest moving average, so that whoever knows the model's regime knows the distance too.
    least_history: Whole = Field(
        504, ge=504, le=5040, description="Returns that the model needs. Unit: sessions."
    )
    fit_window: Whole = Field(
        2520,
        ge=504,
        le=12_600,
        description=(
            "Most history that the model is fitted to; `least_history` may be at most 90 % of it. Unit: sessions."
        ),
    )
    minimum_dwell: Whole = Field(
        3,
        ge=0,
        le=63,
        description=(
            "Sessions in a row that the model must recognise a new regime before it counts: fewer switches and false"
            " alarms, but later. 0 or 1 switches at once. Unit: sessions."
        ),
    )
    stale_sessions: Whole = Field(
        5,
        ge=0,
        le=63,
        description=(
            "With a newest close older than this the regime is unknown, and the largest cash reserve applies. Unit:"
            " sessions."
        ),
    )
    least_confidence: Share = Field(
        0.3, description="Below this confidence in the regime a check warns."
    )
    reserve_bull: Number = Field(
        0.02, ge=0.01, le=0.40, description="Cash share of the account in a bull market."
    )
    reserve_sideways: Number = Field(
        0.03, ge=0.01, le=0.40, description="Cash share of the account in a sideways market."
    )
    reserve_bear: Number = Field(
        0.05, ge=0.01, le=0.40, description="Cash share of the account in a bear market."
    )
    reserve_floor: Decimal = Field(
        Decimal("500"), ge=0, description="Least cash reserve. Unit: base currency of the account."
    )

    @model_validator(mode="after")
    def _history_fits_the_window(self) -> Self:
        # Closes that are missing take from the window, and must not leave the model without any fit.
        if self.least_history > _LARGEST_PART * self.fit_window:
            raise ValueError(
                f"least_history ({self.least_history}) may be at most 90 % of fit_window"
                f" ({self.fit_window}), so that missing closes leave enough"
            )
        return self

    @property
    def indices(self) -> tuple[str, ...]:
        """The indices of the regions by name, then the main index."""
        others = sorted(set(self.regions.values()) - {self.index})
        return (*others, self.index)

    @property
    def reserve_shares(self) -> dict[str, float]:
        """Cash share per regime."""
        return {
            "bull": self.reserve_bull,
            "sideways": self.reserve_sideways,
            "bear": self.reserve_bear,
        }
