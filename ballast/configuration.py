"""The portfolio file: one strict model of all sections, and the tables that it says."""

from __future__ import annotations

import hashlib
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

import polars as pl
from pydantic import Field, ValidationError, model_validator

from ballast.errors import ConfigurationError
from ballast.money import to_amount
from ballast.settings import (
    AccountSettings,
    AlertSettings,
    CostSettings,
    Currency,
    EmergencySettings,
    GroupSettings,
    GuardSettings,
    LotChoice,
    LotMethod,
    MaintenanceSettings,
    MarketDataSettings,
    OptimiserSettings,
    PaperSettings,
    PerformanceSettings,
    PlannerSettings,
    RebalancingSettings,
    ReconciliationSettings,
    RegimeSettings,
    ScheduleSettings,
    ScoreSettings,
    SecuritySettings,
    SessionSettings,
    StatementSettings,
    StorageSettings,
    StrictModel,
    TaxSettings,
    TradingSettings,
)
from ballast.settings.groups import problems_of
from ballast.settings.optimiser import problems_of_minimums
from ballast.tables import Securities, TargetWeights, polars_schema

# What cannot change a result: where data is kept, who is told, when things happen.
_WITHOUT_INFLUENCE = {"storage", "statements", "alerts", "maintenance", "schedule"}


class Portfolio(StrictModel):
    """The whole portfolio file."""

    base_currency: Currency = Field("EUR", description="Base currency of the portfolio.")
    mode: Literal["research", "paper", "live"] = Field(
        "research",
        description=(
            "`research` stores recommendations; `paper` also trades with the simulated broker; `live` sends orders to"
            " the brokers of the accounts that BALLAST_LIVE_ACCOUNTS in the environment names."
        ),
    )
    sessions: SessionSettings = SessionSettings()
    market_data: MarketDataSettings = MarketDataSettings()
    costs: CostSettings = CostSettings()
    regime: RegimeSettings = RegimeSettings()
    reconciliation: ReconciliationSettings = ReconciliationSettings()
    guards: GuardSettings = GuardSettings()
    alerts: AlertSettings = AlertSettings()
    performance: PerformanceSettings = PerformanceSettings()
    taxes: TaxSettings = TaxSettings()
    scores: ScoreSettings = ScoreSettings()
    planner: PlannerSettings = PlannerSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    country_groups: tuple[GroupSettings, ...] = ()
    industry_groups: tuple[GroupSettings, ...] = ()
    emergency: EmergencySettings = EmergencySettings()
    trading: TradingSettings = TradingSettings()
    rebalancing: RebalancingSettings = RebalancingSettings()
    storage: StorageSettings = StorageSettings()
    maintenance: MaintenanceSettings = MaintenanceSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    paper: PaperSettings = PaperSettings()
    statements: StatementSettings = StatementSettings()
    lot_choices: tuple[LotChoice, ...] = ()
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
        if repeated := _repeated([choice.sale for choice in self.lot_choices]):
            problems.append(f"two lots are chosen for one sale: {repeated}")
        if clashes := sorted(set(symbols) & set(self.currencies)):
            problems.append(f"symbols that are also currencies in use: {clashes}")
        for account in self.accounts:
            if unknown := sorted(set(account.targets) - set(symbols)):
                problems.append(f"account {account.id!r} targets unknown securities: {unknown}")
            if unknown := sorted(set(account.universe or ()) - set(symbols)):
                problems.append(
                    f"account {account.id!r} has unknown securities in universe: {unknown}"
                )
        problems += problems_of("country_groups", self.country_groups)
        problems += problems_of("industry_groups", self.industry_groups)
        problems += problems_of_minimums(self.accounts, self.securities)
        if symbols and self.regime.index not in symbols:
            problems.append(f"regime.index {self.regime.index!r} is not among the securities")
        if symbols and (unlisted := sorted(set(self.regime.regions.values()) - set(symbols))):
            problems.append(f"regime.regions names unknown securities: {unlisted}")
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
    def choices(self) -> dict[str, frozenset[str]]:
        """What each account may come to hold: its targets, or all that it chooses from by itself, sorted by account."""
        tradable = {s.symbol for s in self.securities if s.kind != "index" and s.allow_buy}
        found = {}
        for account in self.accounts:
            chosen = set(account.targets)
            if account.targets_from == "optimiser" or not chosen:
                own = tradable if account.universe is None else tradable & set(account.universe)
                chosen |= own
            found[account.id] = frozenset(chosen)
        return found

    @property
    def benchmark(self) -> str:
        """Symbol that beta refers to."""
        return self.performance.benchmark or self.regime.index

    @property
    def lot_methods(self) -> dict[str, LotMethod]:
        """Lot method per account."""
        return {account.id: account.lot_method for account in self.accounts}

    @property
    def tolerances(self) -> dict[str, ReconciliationSettings]:
        """How each account is reconciled: its own tolerances, else those of the portfolio."""
        return {
            account.id: self.reconciliation.model_copy(
                update=account.reconciliation.model_dump(exclude_none=True)
            )
            for account in self.accounts
        }

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
        text = self.model_dump_json(exclude=_WITHOUT_INFLUENCE)
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
        {
            "account_id": account.id,
            "symbol": symbol,
            "target_weight": weight,
            "source": "configured",
        }
        for account in portfolio.accounts
        for symbol, weight in sorted(account.targets.items())
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(TargetWeights))
    return TargetWeights.validate(frame.sort("account_id", "symbol"))
