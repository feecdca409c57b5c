"""Sections of the portfolio file: sessions, market data, costs, books, storage, accounts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ballast.settings.planner import Objective
from ballast.settings.reconciliation import ReconciliationTolerances
from ballast.settings.types import Currency, Flag, LotMethod, Number, Share, StrictModel, Whole


class SessionSettings(StrictModel):
    """Which trading sessions exist for this portfolio."""

    first: date = Field(date(2019, 1, 2), description="First session that may be run.")
    last: date | None = Field(
        None, description="Last session that may be run; leave out for a portfolio that is live."
    )

    @model_validator(mode="after")
    def _last_is_not_before_first(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise ValueError(f"last ({self.last}) lies before first ({self.first})")
        return self


class MarketDataSettings(StrictModel):
    """Where prices, corporate actions and exchange rates come from."""

    source: Literal["recorded", "yahoo"] = Field("recorded", description="Source of prices.")
    exchange_rates: Literal["recorded", "ecb"] = Field(
        "recorded", description="Source of central bank reference rates."
    )
    fundamentals: str = Field(
        "none",
        min_length=1,
        description=(
            "Source of fundamental figures and opinions for the scores: `none`, `yahoo`, or the path of a CSV with the"
            " columns symbol, known_on, metric and value, which docs/scores.md explains."
        ),
    )
    history_start: date = Field(
        date(2015, 1, 1), description="First day of the price history to load."
    )
    stale_limit: Whole = Field(
        3,
        ge=0,
        le=30,
        description="A price older than this blocks planning for the security. Unit: sessions.",
    )
    rate_age_limit: Whole = Field(
        7, ge=1, le=30, description="Oldest usable exchange rate. Unit: calendar days."
    )
    jump_limit: Number = Field(
        0.40,
        gt=0.0,
        le=10.0,
        description="A daily move above this share without a split is quarantined.",
    )


class CostSettings(StrictModel):
    """What trading costs, at the paper broker and in the plan."""

    fixed: Decimal = Field(
        Decimal("2.00"), ge=0, description="Fixed fee per trade. Unit: `currency`."
    )
    currency: Currency = Field("EUR", description="Currency of the fixed fee.")
    percent: Decimal = Field(
        Decimal("0.002"), ge=0, lt=1, description="Fee as a share of the traded value."
    )
    exchange_percent: Decimal = Field(
        Decimal("0.0005"), ge=0, lt=1, description="Fee as a share of an exchanged amount."
    )
    maximum_cost_ratio: Decimal = Field(
        Decimal("0.01"), gt=0, le=1, description="Highest acceptable cost as a share of a trade."
    )


class PerformanceSettings(StrictModel):
    """How returns and risk are measured."""

    risk_free: Number = Field(
        0.0, ge=-0.05, le=0.5, description="Risk-free rate per year in the ratios, as a share."
    )
    sessions_per_year: Whole = Field(
        252, ge=1, le=366, description="Returns per year in everything annualised."
    )
    benchmark: str | None = Field(
        None, description="Security or index that beta refers to; default: the regime's index."
    )
    risk_window: Whole = Field(
        252, ge=60, le=2520, description="Sessions that risk is measured over."
    )
    confidence: Number = Field(
        0.95, gt=0.5, lt=1.0, description="Confidence of value at risk and expected shortfall."
    )


class TaxSettings(StrictModel):
    """What the tax law of the owner asks of the lots; the lot method is a matter of each account."""

    wash_sales: Flag = Field(
        False, description="Defer losses as the US wash sale rule asks, across all accounts."
    )


class StorageSettings(StrictModel):
    """Where state lives. `BALLAST_STORE_URL` in the environment names another database."""

    directory: Path = Field(
        Path("data"), description="Folder of the store, the lake and the catalog."
    )


class StatementSettings(StrictModel):
    """Where statements are dropped: Interactive Brokers activity statements (CSV) and Flex files (XML)."""

    inbox: Path = Field(
        Path("inbox"), description="Folder that is watched; files in it are read and never changed."
    )


class PaperSettings(StrictModel):
    """The simulated broker."""

    opening: str = Field(
        "demonstration",
        description=(
            "History that the paper accounts begin with: `demonstration`, or the path of a CSV"
            " with the same columns."
        ),
    )
    currency_pairs: tuple[Annotated[str, Field(pattern=r"^[A-Z]{3}/[A-Z]{3}$")], ...] | None = (
        Field(
            None,
            description=(
                "Pairs of currencies that the simulated broker offers, as BASE/QUOTE; default: any with any. Others are"
                " reached over several pairs."
            ),
        )
    )
    faults: str | None = Field(
        None,
        description=(
            "Path of a script of faults (CSV or TOML) that the simulated broker has, for a rehearsal:"
            " docs/reconciliation.md says how to write one."
        ),
    )


class SecuritySettings(StrictModel):
    """One security that may be held."""

    symbol: str = Field(min_length=1, description="Ticker at the market data source.")
    name: str = Field(min_length=1, description="Name shown to people.")
    exchange: str = Field(pattern=r"^X[A-Z]{3}$", description="Market identifier code (MIC).")
    currency: Currency = Field(description="Currency of the quotation.")
    kind: Literal["equity", "etf", "index"] = Field("equity", description="Kind of security.")
    country: str | None = Field(None, description="Country, for attribution.")
    industry: str | None = Field(None, description="Industry, for attribution.")
    lot_size: Decimal = Field(Decimal(1), gt=0, description="Smallest tradable quantity.")
    multiplier: Decimal = Field(
        Decimal(1), gt=0, description="Units of the underlying in one contract; 1 but for options."
    )
    allow_buy: Flag = Field(True, description="Whether the planner may buy it.")
    allow_sell: Flag = Field(True, description="Whether the planner may sell it.")
    minimum_weight: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        strict=True,
        description="Least weight that the optimiser gives it in an account that may hold it.",
    )
    maximum_weight: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        strict=True,
        description="Greatest weight; default: the optimiser's for all securities.",
    )
    preference: Number = Field(
        1.0,
        ge=0.0,
        le=3.0,
        description="How much the owner likes it: 1 is neutral. Raises its expected return and its priority.",
    )

    @model_validator(mode="after")
    def _minimum_is_not_above_maximum(self) -> Self:
        if (self.minimum_weight or 0.0) > (
            1.0 if self.maximum_weight is None else self.maximum_weight
        ):
            raise ValueError(
                f"{self.symbol!r}: minimum_weight {self.minimum_weight} is above maximum_weight {self.maximum_weight}"
            )
        return self


class LotChoice(StrictModel):
    """A lot that the owner names for a sale, whatever the account's method would take."""

    sale: str = Field(
        pattern=r"^[0-9a-f]{32}$", description="`closing_id` of the sale in `realised_gains`."
    )
    lot: str = Field(
        pattern=r"^[0-9a-f]{32}$",
        description="`lot_id` of the lot in `tax_lots`; what it lacks is taken by the method.",
    )


class AccountSettings(StrictModel):
    """One account at one broker."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="Short name of the account.")
    broker: Literal["paper", "statements"] = Field(
        "paper",
        description="Who holds the account: the simulated broker, or one whose statements are imported.",
    )
    number: str | None = Field(
        None,
        min_length=1,
        repr=False,
        description="The broker's number of the account, as its statements show it.",
    )
    base_currency: Currency | None = Field(
        None, description="Currency of reports and plans; default: the portfolio's."
    )
    lot_method: LotMethod = Field(
        "fifo",
        description=(
            "Which lots a sale uses up: the oldest, the newest, those of the highest or the lowest cost, or all at"
            " their average cost."
        ),
    )
    single_position: Flag = Field(
        False,
        description="Whether an order must open a position from nothing or close the whole of one.",
    )
    targets: dict[str, Share] = Field(
        default_factory=dict, description="Wanted share of the account's value per security."
    )
    objective: Objective | None = Field(
        None, description="What its best plan is: `score` or `targets`; default: the planner's."
    )
    targets_from: Literal["configured", "optimiser"] = Field(
        "configured",
        description="Whose weights the plan follows: `targets` of this file, or the optimiser's.",
    )
    universe: tuple[str, ...] | None = Field(
        None,
        description=(
            "Securities that the optimiser may choose from, beside what is held; default: those of `targets`, and with"
            ' targets_from = "optimiser" all that may be bought.'
        ),
    )
    reconciliation: ReconciliationTolerances = Field(
        ReconciliationTolerances(),
        description="Tolerances of this account, by the names of `[reconciliation]`.",
    )

    @model_validator(mode="after")
    def _statements_name_the_account(self) -> Self:
        if (self.broker == "statements") != (self.number is not None):
            raise ValueError(f'account {self.id!r}: `number` belongs to broker = "statements"')
        return self

    @model_validator(mode="after")
    def _targets_have_one_source(self) -> Self:
        if self.targets_from == "optimiser" and self.targets:
            raise ValueError(
                f'account {self.id!r}: leave out `targets`, or set targets_from = "configured"'
            )
        return self

    @model_validator(mode="after")
    def _weights_fit_into_one(self) -> Self:
        total = sum(self.targets.values())
        if total > 1.0 + 1e-9:
            raise ValueError(f"targets of account {self.id!r} add up to {total:.4f}, more than 1")
        return self
