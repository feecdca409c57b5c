"""Section of the portfolio file: what the planner may do, and what it looks for."""

from __future__ import annotations

from pydantic import Field

from ballast.settings.types import StrictModel, Whole


class PlannerSettings(StrictModel):
    """Limits of the plan."""

    maximum_trades: Whole = Field(
        20, ge=1, le=100, description="Most purchases and sales in one plan, per account."
    )
