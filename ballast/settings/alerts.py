"""Section of the portfolio file: who is told of what."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from ballast.alerts import Severity
from ballast.settings.types import StrictModel, Whole

BROADCAST_ROUTE = "redis"


class AlertRoute(StrictModel):
    """One way to a person: a chat, a mailbox, a telephone. Its address is a secret and stays in the environment."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="Short name of the route.")
    environment: str = Field(
        pattern=r"^BALLAST_ALERTS_[A-Z0-9_]+$",
        description="Environment variable with the address: one URL as apprise understands it.",
    )
    least_severity: Severity = Field(
        "warning", description="Alerts below this severity do not take the route."
    )
    kinds: tuple[str, ...] = Field(
        (), description="Only alerts of these kinds take the route; all when empty."
    )


class AlertSettings(StrictModel):
    """Who is told of what; `BALLAST_REDIS_URL` in the environment also publishes every reconciliation."""

    routes: tuple[AlertRoute, ...] = Field(
        (), description="Ways to people, in `[[alerts.routes]]`."
    )
    first_retry: Whole = Field(
        30, ge=1, le=3_600, description="Wait after the first failed delivery. Unit: seconds."
    )
    longest_retry: Whole = Field(
        3_600,
        ge=1,
        le=86_400,
        description="The wait doubles with each failure up to this. Unit: seconds.",
    )
    give_up_after: Whole = Field(
        72, ge=1, le=720, description="What is older is not tried again. Unit: hours."
    )
    lease: Whole = Field(
        300,
        ge=30,
        le=3_600,
        description="A delivery whose process died is tried again after this. Unit: seconds.",
    )
    news_days: Whole = Field(
        10,
        ge=1,
        le=36_500,
        description=(
            "An alert about a session longer ago than this is kept and sent to nobody: a backfill is no news."
            " Unit: days."
        ),
    )
    stream_length: Whole = Field(
        10_000, ge=100, le=10_000_000, description="Newest messages kept in the Redis stream."
    )
    keep_broadcasts: Whole = Field(
        30, ge=1, le=3_650, description="Published messages are forgotten after this. Unit: days."
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [route.name for route in self.routes]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"routes listed twice: {repeated}")
        if BROADCAST_ROUTE in names:
            raise ValueError(f"a route cannot be called {BROADCAST_ROUTE!r}")
        return self

    @model_validator(mode="after")
    def _the_longest_wait_is_not_shorter_than_the_first(self) -> Self:
        if self.longest_retry < self.first_retry:
            raise ValueError(
                f"longest_retry ({self.longest_retry}) is less than first_retry ({self.first_retry})"
            )
        return self
