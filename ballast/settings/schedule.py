"""Section of the portfolio file: how often things happen by themselves."""

from __future__ import annotations

from pydantic import Field

from ballast.settings.types import StrictModel, Whole


class ScheduleSettings(StrictModel):
    """How often a portfolio that is live is looked after between its daily runs."""

    sync_cycle_minutes: Whole = Field(
        15, ge=1, le=60, description="Time between runs of `sync_cycle`. Unit: minutes."
    )
