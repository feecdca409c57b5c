"""Section of the portfolio file: how far book and broker may differ, and what is done about it."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from ballast.settings.types import Flag, StrictModel, Whole


class ReconciliationTolerances(StrictModel):
    """How far book and broker may differ before it is a discrepancy; in an account, instead of the portfolio's."""

    quantity_tolerance: Decimal | None = Field(
        None, ge=0, description="Per position. Unit: shares."
    )
    average_cost_tolerance: Decimal | None = Field(
        None, ge=0, description="Relative difference of the average cost."
    )
    basis_tolerance: Decimal | None = Field(
        None, ge=0, description="Per position and lot. Unit: currency of the basis."
    )
    cash_tolerance: Decimal | None = Field(
        None, ge=0, description="Per cash balance. Unit: its own currency."
    )
    equity_tolerance: Decimal | None = Field(
        None, ge=0, description="Relative difference of the account's equity."
    )


class ReconciliationSettings(StrictModel):
    """How far book and broker may differ before it is a discrepancy, and what is done about one."""

    quantity_tolerance: Decimal = Field(
        Decimal("0"),
        ge=0,
        description=(
            "Per position. Unit: shares. Whole shares compare exactly; of a security that trades in fractions, one unit"
            " of its lot size is allowed where that is more."
        ),
    )
    average_cost_tolerance: Decimal = Field(
        Decimal("0.0001"), ge=0, description="Relative difference of the average cost."
    )
    basis_tolerance: Decimal = Field(
        Decimal("0.04"),
        ge=0,
        description="Per position and lot, where the broker reports a basis. Unit: its currency.",
    )
    cash_tolerance: Decimal = Field(
        Decimal("1.00"), ge=0, description="Per cash balance. Unit: its own currency."
    )
    statement_cash_tolerance: Decimal = Field(
        Decimal("0.01"),
        ge=0,
        description="Per cash balance of an account known by its statements. Unit: its own currency.",
    )
    equity_tolerance: Decimal = Field(
        Decimal("0.001"), ge=0, description="Relative difference of the account's equity."
    )
    settle_window: Whole = Field(
        20,
        ge=0,
        le=86_400,
        description="A fill this young leaves its security inconclusive: it is asked again. Unit: seconds.",
    )
    rounding_limit: Decimal = Field(
        Decimal("5.00"),
        ge=0,
        description=(
            "Most that is accepted as rounding without a person, per account, currency and run. Unit: EUR, converted."
        ),
    )
    accept_rounding_of_cash: Flag = Field(
        True, description="Whether cash differences of rounding size are accepted without a person."
    )
    accept_rounding_of_positions: Flag = Field(
        False, description="The same for quantities of securities."
    )
    escalate_after: Whole = Field(
        3,
        ge=1,
        le=60,
        description="A difference that stays open this long is told of again, more urgently. Unit: sessions.",
    )
    fill_quiet_time: Whole = Field(
        5, ge=0, le=60, description="Reconciling waits for this long without a fill. Unit: seconds."
    )
    fill_longest_wait: Whole = Field(
        30, ge=1, le=600, description="Most that it waits after the first fill. Unit: seconds."
    )
    interval: Whole = Field(
        5,
        ge=1,
        le=60,
        description="Time between periodic reconciliations of a portfolio that is live. Unit: minutes.",
    )
