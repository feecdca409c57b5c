"""Sections of the portfolio file: what the gate asks of every order, and how negative cash is repaired."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from ballast.settings.types import Flag, StrictModel, Whole


class TradingSettings(StrictModel):
    """What the gate asks of every order, whoever wants it; docs/trading.md explains its layers."""

    limit_frequency: Flag = Field(
        True,
        description="Whether the three limits of frequency hold; repairs and closes pass them.",
    )
    minutes_between_trades: Whole = Field(
        60,
        ge=0,
        le=10_080,
        description="Least time between two trades of an account in any securities. Unit: minutes.",
    )
    trades_per_day: Whole = Field(
        4, ge=1, le=10_000, description="Most trades of an account on one calendar day (UTC)."
    )
    trades_per_week: Whole = Field(
        10, ge=1, le=50_000, description="Most trades of an account within seven days."
    )
    buy_cooldown_days: Whole = Field(
        30,
        ge=0,
        le=3650,
        description="Days after a purchase in which the same security is not bought again.",
    )
    minimum_hold_days: Whole = Field(
        90,
        ge=0,
        le=3650,
        description="Days after the last trade in a security in which it is not sold.",
    )
    duplicate_minutes: Whole = Field(
        5,
        ge=0,
        le=1440,
        description="An order of the same security and side within this time is a duplicate.",
    )
    duplicate_sale_hours: Whole = Field(
        2, ge=0, le=168, description="The same for two sales. Unit: hours."
    )
    strict_venues: tuple[str, ...] = Field(
        ("XHKG", "XSHG", "XTKS", "XTSE", "XASX"),
        description=(
            "Exchanges where a purchase, too, is sent in trading hours only, as they queue no orders; a sale always is."
        ),
    )
    price_collar: Decimal = Field(
        Decimal("0.05"),
        gt=0,
        le=1,
        description="An order whose price has moved further since it was decided is not sent. Share.",
    )
    slippage: Decimal = Field(
        Decimal(0),
        ge=0,
        le=1,
        description="How much worse than the last price a market order may be filled; funds must suffice then. Share.",
    )


class EmergencySettings(StrictModel):
    """The repair of negative cash balances."""

    sell_buffer: Decimal = Field(
        Decimal("0.02"),
        ge=0,
        le=1,
        description="Share sold beyond the shortfall, for fees and rates.",
    )
    exchange_buffer: Decimal = Field(
        Decimal("0.02"),
        ge=0,
        le=1,
        description="Share exchanged beyond the shortfall, where there is cash for it.",
    )
    reserve: Decimal = Field(
        Decimal(0),
        ge=0,
        description=(
            "Least balance of every currency in an account; below it the repair begins. Unit: base currency of the"
            " account."
        ),
    )
    sales: Literal["least_cost", "largest_first"] = Field(
        "least_cost",
        description=(
            "Which holdings are sold: as few as suffice and of those the least cost (fees, tax, drift), or the largest."
        ),
    )
    gain_tax: Decimal = Field(
        Decimal("0.25"),
        ge=0,
        le=1,
        description="Tax on a realised gain in the cost of a sale; a loss counts negative. Share.",
    )
    drift_cost: Decimal = Field(
        Decimal("0.01"),
        ge=0,
        le=1,
        description="Cost per unit of value that a sale moves a holding away from its target.",
    )
