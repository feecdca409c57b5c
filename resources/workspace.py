"""Everything that a portfolio file leads to, opened once per process and handed to the assets."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from ballast.calendars import TradingCalendars
from ballast.configuration import Portfolio, load, securities_table
from ballast.trading.currency_pairs import CurrencyPair
from resources.alerts import AlertDesk
from resources.backup import BackupShelf
from resources.books_of_store import BooksOfStore
from resources.brokers.paper import PaperBroker
from resources.brokers.paper_market import PaperMarket
from resources.brokers.paper_opening import read_opening
from resources.brokers.protocol import Broker
from resources.brokers.statement_broker import StatementBroker
from resources.calendars import trading_calendars
from resources.catalog import refresh_catalog
from resources.discreet_broker import discreet
from resources.lake import Lake
from resources.market_data.ecb import EcbReferenceRates
from resources.market_data.fundamentals import (
    NONE,
    YAHOO,
    FundamentalsFile,
    FundamentalsSource,
    NoFundamentals,
)
from resources.market_data.protocol import MarketData, ReferenceRateSource
from resources.market_data.recorded import RecordedMarketData, RecordedReferenceRates
from resources.market_data.yahoo import YahooMarketData
from resources.market_data.yahoo_fundamentals import YahooFundamentals
from resources.redaction import Redaction
from resources.secrets import STORE_VARIABLE, redaction_of_environment
from resources.statements import StatementBook
from resources.store import Store, open_store, sqlite_url

if TYPE_CHECKING:
    from resources.metrics import Metrics

PORTFOLIO_VARIABLE = "BALLAST_PORTFOLIO"
_LONGEST_HOLIDAY = 14

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Workspace(BooksOfStore):
    """A portfolio with its store, lake, sources and brokers.

    Parameters
    ----------
    portfolio : Portfolio
        The parsed portfolio file.
    folder : Path
        Folder of the portfolio file; relative paths in it start here.
    """

    portfolio: Portfolio
    folder: Path

    @property
    def code_version(self) -> str:
        """Version of the code, recorded with every publication."""
        return version("ballast")

    @property
    def data(self) -> Path:
        """Folder of the store, the lake and the catalog."""
        return (self.folder / self.portfolio.storage.directory).resolve()

    @cached_property
    def store(self) -> Store:
        """The store: `BALLAST_STORE_URL`, else a SQLite file in the data folder."""
        return open_store(os.environ.get(STORE_VARIABLE) or sqlite_url(self.data / "ballast.db"))

    @cached_property
    def lake(self) -> Lake:
        """The lake; each publication refreshes the catalog for people."""
        return Lake(self.data / "lake", self.store, self._refresh_catalog)

    @cached_property
    def alerts(self) -> AlertDesk:
        """Who is told of what: the outbox of alerts and broadcasts."""
        last = self.portfolio.sessions.last
        return AlertDesk(self.store, self.portfolio.alerts, last_session=last)

    @cached_property
    def metrics(self) -> Metrics:
        """What can be measured of all this, for Prometheus."""
        from resources.metrics import Metrics

        routes = [route.name for route in self.portfolio.alerts.routes]
        return Metrics(self.store, self.lake, self.portfolio.base_currencies, routes)

    @property
    def metrics_file(self) -> Path:
        """File of the metrics, renewed after each run."""
        return self.data / "metrics" / "ballast.prom"

    @property
    def backups(self) -> BackupShelf:
        """The backups of the store, the lake and the statements."""
        folder = (self.folder / self.portfolio.maintenance.backup_directory).resolve()
        return BackupShelf(folder, self.data, self.code_version)

    @property
    def portfolio_calendars(self) -> TradingCalendars:
        """Sessions of the configured exchanges, which make the portfolio's sessions; the store is not asked."""
        return trading_calendars(self.portfolio.exchanges, self.data / "calendars")

    def securities(self, session: date) -> pl.DataFrame:
        """The configured securities, and those that only statements up to a session name, which are never traded."""
        learned = self.statements.learned_instruments(session)
        return securities_table(self.portfolio, learned)

    def calendars(self, session: date) -> TradingCalendars:
        """Sessions of the exchange of every security."""
        exchanges = self.securities(session)["exchange"].unique().sort().to_list()
        return trading_calendars(exchanges, self.data / "calendars")

    def currencies(self, session: date) -> tuple[str, ...]:
        """Currencies in use: those of the portfolio, of all securities and of cash in the ledger."""
        securities = self.securities(session)
        booked = set(self.ledger.commodities(session)) - set(securities["symbol"])
        return tuple(sorted({*self.portfolio.currencies, *securities["currency"], *booked}))

    @cached_property
    def statements(self) -> StatementBook:
        """The imported statements."""
        numbers = {a.number: a.id for a in self.portfolio.accounts if a.number is not None}
        currencies = {security.symbol: security.currency for security in self.portfolio.securities}
        return StatementBook(self.store, self.data / "statements", numbers, currencies)

    @property
    def inbox(self) -> Path:
        """Folder into which statements are dropped."""
        return (self.folder / self.portfolio.statements.inbox).resolve()

    @cached_property
    def market_data(self) -> MarketData:
        """The configured source of prices."""
        if self.portfolio.market_data.source == "yahoo":
            return YahooMarketData()
        return RecordedMarketData()

    @cached_property
    def fundamentals(self) -> FundamentalsSource:
        """The configured source of fundamental figures."""
        name = self.portfolio.market_data.fundamentals
        if name == NONE:
            return NoFundamentals()
        if name == YAHOO:
            # Together with the prices where those are Yahoo's too, so that the pace is kept.
            market = self.market_data
            yahoo = market if isinstance(market, YahooMarketData) else YahooMarketData()
            return YahooFundamentals(yahoo, self.next_close)
        return FundamentalsFile(self.folder / name)

    @cached_property
    def reference_rates(self) -> ReferenceRateSource:
        """The configured source of reference rates."""
        if self.portfolio.market_data.exchange_rates == "ecb":
            return EcbReferenceRates()
        return RecordedReferenceRates()

    @cached_property
    def paper(self) -> PaperBroker:
        """The paper broker."""
        portfolio = self.portfolio
        offered = portfolio.paper.currency_pairs
        market = PaperMarket(
            source=self.market_data,
            reference=self.reference_rates,
            cost_settings=portfolio.costs,
            currencies_by_symbol={s.symbol: s.currency for s in portfolio.securities},
            lots_by_symbol={s.symbol: s.lot_size for s in portfolio.securities},
            currencies=portfolio.currencies,
            rate_age_limit=portfolio.market_data.rate_age_limit,
            pairs=None if offered is None else tuple(CurrencyPair(n[:3], n[4:]) for n in offered),
        )
        opening = read_opening(portfolio.paper.opening, self.folder)
        return PaperBroker(
            self.store,
            market,
            portfolio.base_currencies,
            opening,
            lot_methods=portfolio.lot_methods,
        )

    def _refresh_catalog(self, lake: Lake) -> None:
        try:
            refresh_catalog(lake, self.data / "catalog.duckdb")
        except (duckdb.Error, OSError):
            # The publication stands; the catalog is for people, and the next one refreshes it again.
            _log.warning("the catalog could not be refreshed", exc_info=True)

    def broker(self, account_id: str) -> Broker:
        """Return the broker of an account."""
        return self.brokers[account_id]

    @cached_property
    def redact(self) -> Redaction:
        """Takes every secret of the environment out of a text."""
        return redaction_of_environment()

    @cached_property
    def brokers(self) -> dict[str, Broker]:
        """The broker of every account; what its errors say is stored, so they tell no secret."""
        return {
            account: discreet(broker, self.redact) for account, broker in self.adapters().items()
        }

    def adapters(self) -> dict[str, Broker]:
        """Return the adapter of every account's broker as it is."""
        by_name: dict[str, Callable[[], Broker]] = {
            "paper": lambda: self._rehearsed(self.paper),
            "statements": lambda: StatementBroker(self.statements, self.last_day_of),
        }
        return {account.id: by_name[account.broker]() for account in self.portfolio.accounts}

    def _rehearsed(self, broker: PaperBroker) -> Broker:
        """Give the paper broker the faults of the configured script."""
        portfolio = self.portfolio
        if portfolio.paper.faults is None:
            return broker
        from resources.brokers.fault_claims import FaultClaims
        from resources.brokers.faults_broker import FaultyBroker
        from resources.brokers.faults_script import read_script

        script = read_script(self.folder / portfolio.paper.faults)
        return FaultyBroker(
            broker,
            script,
            broker.market,
            portfolio.base_currencies,
            portfolio.lot_methods,
            FaultClaims(self.store),
        )

    def last_day_of(self, session: date) -> date:
        """Return the day before the next session of the portfolio's exchanges."""
        calendars = self.portfolio_calendars
        day = session
        for _ in range(_LONGEST_HOLIDAY):
            if calendars.any_session(self.portfolio.exchanges, day + timedelta(days=1)):
                break
            day += timedelta(days=1)
        return day

    def next_close(self, session: date) -> datetime:
        """Return the moment at which the first exchange closes in the session after a session."""
        from resources.trading_hours import first_close

        return first_close(self.portfolio.exchanges, self.last_day_of(session) + timedelta(days=1))


def portfolio_path() -> Path:
    """Return the portfolio file: `BALLAST_PORTFOLIO`, or portfolio.toml in the current folder."""
    return Path(os.environ.get(PORTFOLIO_VARIABLE) or "portfolio.toml").resolve()


@cache
def open_workspace(path: Path) -> Workspace:
    """Read a portfolio file and return its workspace.

    Raises
    ------
    ConfigurationError
        If the file cannot be read or a setting is wrong.
    """
    return Workspace(load(path), path.parent)
