"""Section of the portfolio file: how the market regime is found, and the cash reserve that it asks for."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from ballast.settings.types import Number, StrictModel, Whole


class RegimeSettings(StrictModel):
    """The moving-average rule and the cash reserve that each regime asks for."""

    index: str = Field("^GSPC", min_length=1, description="Index whose trend decides.")
    window: Whole = Field(
        200, ge=20, le=400, description="Length of the moving average. Unit: sessions."
    )
    bull_threshold: Number = Field(
        0.05, gt=0.0, lt=1.0, description="At or above this distance from the mean: bull."
    )
    bear_threshold: Number = Field(
        -0.05, gt=-1.0, lt=0.0, description="At or below this distance from the mean: bear."
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
