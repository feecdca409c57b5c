"""The portfolio file: one strict model, in which every setting has its type, range, default, unit and meaning.

`docs/settings.md` is generated from this file. Secrets are never part of it; they come from the environment.
"""

from __future__ import annotations

import hashlib
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator

from ballast.errors import ConfigurationError
from ballast.money import to_amount
from ballast.tables import Securities, TargetWeights, polars_schema

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
# TOML has types of its own: a number in quotes or `true` for 1 is a mistake, not a spelling.
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]
LotMethod = Literal["fifo", "lifo", "hifo", "lofo", "average"]
Share = Annotated[Number, Field(ge=0.0, le=1.0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SessionSettings(_Strict):
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


class MarketDataSettings(_Strict):
    """Where prices, corporate actions and exchange rates come from."""

    source: Literal["recorded", "yahoo"] = Field("recorded", description="Source of prices.")
    exchange_rates: Literal["recorded", "ecb"] = Field(
        "recorded", description="Source of central bank reference rates."
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


class CostSettings(_Strict):
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


class RegimeSettings(_Strict):
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


class ReconciliationSettings(_Strict):
    """How far book and broker may differ before it is a discrepancy."""

    quantity_tolerance: Decimal = Field(
        Decimal("0"), ge=0, description="Per position. Unit: shares; whole shares compare exactly."
    )
    average_cost_tolerance: Decimal = Field(
        Decimal("0.0001"), ge=0, description="Relative difference of the average cost."
    )
    cash_tolerance: Decimal = Field(
        Decimal("1.00"), ge=0, description="Per cash balance. Unit: its own currency."
    )
    equity_tolerance: Decimal = Field(
        Decimal("0.001"), ge=0, description="Relative difference of the account's equity."
    )


class PerformanceSettings(_Strict):
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


class TaxSettings(_Strict):
    """What the tax law of the owner asks of the lots; the lot method is a matter of each account."""

    wash_sales: Flag = Field(
        False, description="Defer losses as the US wash sale rule asks, across all accounts."
    )


class PlannerSettings(_Strict):
    """Limits of the plan."""

    maximum_trades: Whole = Field(
        20, ge=1, le=100, description="Most purchases and sales in one plan, per account."
    )


class EmergencySettings(_Strict):
    """The repair of negative cash balances."""

    sell_buffer: Decimal = Field(
        Decimal("0.02"),
        ge=0,
        le=1,
        description="Share sold beyond the shortfall, for fees and rates.",
    )


class StorageSettings(_Strict):
    """Where state lives. `BALLAST_STORE_URL` in the environment names another database."""

    directory: Path = Field(
        Path("data"), description="Folder of the store, the lake and the catalog."
    )


class StatementSettings(_Strict):
    """Where statements are dropped: Interactive Brokers activity statements (CSV) and Flex files (XML)."""

    inbox: Path = Field(
        Path("inbox"), description="Folder that is watched; files in it are read and never changed."
    )


class PaperSettings(_Strict):
    """The simulated broker."""

    opening: str = Field(
        "demonstration",
        description=(
            "History that the paper accounts begin with: `demonstration`, or the path of a CSV"
            " with the same columns."
        ),
    )


class SecuritySettings(_Strict):
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


class AccountSettings(_Strict):
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
    targets: dict[str, Share] = Field(
        default_factory=dict, description="Wanted share of the account's value per security."
    )

    @model_validator(mode="after")
    def _statements_name_the_account(self) -> Self:
        if (self.broker == "statements") != (self.number is not None):
            raise ValueError(f'account {self.id!r}: `number` belongs to broker = "statements"')
        return self

    @model_validator(mode="after")
    def _weights_fit_into_one(self) -> Self:
        total = sum(self.targets.values())
        if total > 1.0 + 1e-9:
            raise ValueError(f"targets of account {self.id!r} add up to {total:.4f}, more than 1")
        return self


class Portfolio(_Strict):
    """The whole portfolio file."""

    base_currency: Currency = Field("EUR", description="Base currency of the portfolio.")
    mode: Literal["research", "paper"] = Field(
        "research",
        description="`research` stores recommendations; `paper` also trades with the paper broker.",
    )
    sessions: SessionSettings = SessionSettings()
    market_data: MarketDataSettings = MarketDataSettings()
    costs: CostSettings = CostSettings()
    regime: RegimeSettings = RegimeSettings()
    reconciliation: ReconciliationSettings = ReconciliationSettings()
    performance: PerformanceSettings = PerformanceSettings()
    taxes: TaxSettings = TaxSettings()
    planner: PlannerSettings = PlannerSettings()
    emergency: EmergencySettings = EmergencySettings()
    storage: StorageSettings = StorageSettings()
    paper: PaperSettings = PaperSettings()
    statements: StatementSettings = StatementSettings()
    accounts: tuple[AccountSettings, ...]
    securities: tuple[SecuritySettings, ...]

    @model_validator(mode="after")
    def _names_are_unique_and_known(self) -> Self:
        symbols = [security.symbol for security in self.securities]
        ids = [account.id for account in self.accounts]
        # A minimum length would be reported beside the mistake in the only entry, which is no second mistake.
        problems = [
            f"list at least one entry under [[{name}]]"
            for name, entries in (("accounts", ids), ("securities", symbols))
            if not entries
        ]
        if repeated := _repeated(symbols):
            problems.append(f"securities listed twice: {repeated}")
        if repeated := _repeated(ids):
            problems.append(f"accounts listed twice: {repeated}")
        numbers = [account.number for account in self.accounts if account.number]
        if len(set(numbers)) < len(numbers):
            problems.append("two accounts have the same number")
        if clashes := sorted(set(symbols) & set(self.currencies)):
            problems.append(f"symbols that are also currencies in use: {clashes}")
        for account in self.accounts:
            if unknown := sorted(set(account.targets) - set(symbols)):
                problems.append(f"account {account.id!r} targets unknown securities: {unknown}")
        if symbols and self.regime.index not in symbols:
            problems.append(f"regime.index {self.regime.index!r} is not among the securities")
        if symbols and self.benchmark not in symbols:
            problems.append(f"performance.benchmark {self.benchmark!r} is not among the securities")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def base_currency_of(self, account_id: str) -> str:
        """Return the base currency of an account."""
        account = next(a for a in self.accounts if a.id == account_id)
        return account.base_currency or self.base_currency

    @property
    def base_currencies(self) -> dict[str, str]:
        """Base currency per account."""
        return {account.id: self.base_currency_of(account.id) for account in self.accounts}

    @property
    def benchmark(self) -> str:
        """Symbol that beta refers to."""
        return self.performance.benchmark or self.regime.index

    @property
    def lot_methods(self) -> dict[str, LotMethod]:
        """Lot method per account."""
        return {account.id: account.lot_method for account in self.accounts}

    @property
    def exchanges(self) -> tuple[str, ...]:
        """Exchanges of all securities, sorted."""
        return tuple(sorted({security.exchange for security in self.securities}))

    @property
    def currencies(self) -> tuple[str, ...]:
        """Currencies in use, sorted: quotation, base and fee currencies."""
        in_use = {security.currency for security in self.securities}
        in_use |= set(self.base_currencies.values()) | {self.base_currency, self.costs.currency}
        return tuple(sorted(in_use))

    def fingerprint(self) -> str:
        """Return the hash recorded with each run; it covers what can change a result, not where data is kept."""
        text = self.model_dump_json(exclude={"storage", "statements"})
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def parse(text: str, *, where: str) -> Portfolio:
    """Parse the text of a portfolio file.

    Raises
    ------
    ConfigurationError
        Naming every offending key at once, and once all values are right every name that does not fit another;
        nothing is accepted in part.
    """
    try:
        return Portfolio.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"not valid TOML: {error}", where=where, remedy="Correct the line named."
        ) from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'portfolio'}:"
            f" {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        )
        raise ConfigurationError(
            problems, where=where, remedy="Every setting is explained in docs/settings.md."
        ) from error


def load(path: Path) -> Portfolio:
    """Read and parse a portfolio file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the portfolio file: {error.strerror}",
            where=str(path),
            remedy="Name it in BALLAST_PORTFOLIO or put portfolio.toml into the current folder.",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"not valid UTF-8: {error.reason} at byte {error.start}",
            where=str(path),
            remedy="Save the file as UTF-8.",
        ) from error
    return parse(text, where=str(path))


def securities_table(portfolio: Portfolio, learned: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return the configured securities as a `Securities` frame.

    Parameters
    ----------
    learned : pl.DataFrame, optional
        Securities that statements name: symbol, name, currency, exchange, kind, multiplier. Those that are not
        configured are added, and are neither bought nor sold.
    """
    rows: list[dict[str, object]] = [
        security.model_dump()
        | {
            "lot_size": to_amount(security.lot_size),
            "multiplier": to_amount(security.multiplier),
        }
        for security in portfolio.securities
    ]
    if learned is not None:
        configured = {security.symbol for security in portfolio.securities}
        only_watched = {"lot_size": Decimal(1), "allow_buy": False, "allow_sell": False}
        rows += [
            row | only_watched
            for row in learned.iter_rows(named=True)
            if row["symbol"] not in configured
        ]
    frame = pl.DataFrame(rows, schema=polars_schema(Securities))
    return Securities.validate(frame.sort("symbol"))


def target_weights_table(portfolio: Portfolio) -> pl.DataFrame:
    """Return the configured targets as a `TargetWeights` frame."""
    rows = [
        {"account_id": account.id, "symbol": symbol, "target_weight": weight}
        for account in portfolio.accounts
        for symbol, weight in sorted(account.targets.items())
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(TargetWeights))
    return TargetWeights.validate(frame.sort("account_id", "symbol"))
