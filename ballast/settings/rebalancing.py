"""Section of the portfolio file: what asks for a plan between two daily runs."""

from __future__ import annotations

from pydantic import Field

from ballast.settings.types import Flag, Number, StrictModel


class RebalancingSettings(StrictModel):
    """When the plan is made anew before the next daily run: after drift, or when cash has come together."""

    on_events: Flag = Field(True, description="Whether drift and cash ask for a new plan.")
    drift_threshold: Number = Field(
        0.05,
        gt=0.0,
        le=1.0,
        description="Distance of a weight from its target, held or not, from which on. Share of the account.",
    )
    cash_multiple: Number = Field(
        2.0,
        gt=0.0,
        le=1000.0,
        description="Cash above the reserve from which on, as a multiple of the smallest trade worth its cost.",
    )
