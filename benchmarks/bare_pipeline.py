"""The daily pipeline as a bare script: the same sources, computations and tables in one DuckDB file, and nothing else.

No orchestrator, checks, plots, publications or idempotence; whoever interrupts it starts again. The brokers are the
product's own paper brokers, because in earnest they are somebody else's.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

import duckdb
import polars as pl

from ballast.books.attribution import contributions, linked_contributions
from ballast.books.lots.book import match_postings, realised_gains, tax_lots
from ballast.books.performance import portfolio_performance
from ballast.books.positions import positions_snapshot
from ballast.books.postings import postings_of
from ballast.books.valuation import value_portfolios
from ballast.calendars import end_of_session
from ballast.configuration import target_weights_table
from ballast.market import history, quality
from ballast.market.daily_rates import daily_rates
from ballast.market.exchange_rates import Rates, cross_rates
from ballast.market.indicators import true_ranges
from ballast.market.prices import latest_prices
from ballast.market.regime import moving_average_regime
from ballast.market.returns import security_returns
from ballast.market.risk import correlations, risk_metrics
from ballast.planning.account import accounts_of
from ballast.planning.plan import plan_account
from ballast.planning.tables import plans_table, recommendations_table
from ballast.reconciliation.compare import blocked_accounts, compare
from ballast.reporting.daily import DailyFacts, daily_report
from ballast.tables import (
    BrokerAccounts,
    BrokerBalances,
    BrokerLots,
    BrokerPositions,
    CorporateActions,
    InFlight,
    Postings,
    polars_schema,
)
from ballast.trading.costs import Costs
from resources.frames import from_duckdb, register
from resources.workspace import Workspace

_CORRECTION_WINDOW = timedelta(days=14)
_GAP_WINDOW = timedelta(days=92)
_LATE_BOOKINGS = timedelta(days=30)
_SESSIONS_SHOWN = 260
_RISK_WINDOW = 403


def run(workspace: Workspace, session: date, database: Path) -> str:
    """Run one session; returns the report."""
    portfolio, listed = workspace.portfolio, workspace.securities(session)
    with duckdb.connect(database) as connection:
        connection.begin()
        tables = _Tables(connection, session)
        bars, actions = _update_history(workspace, session, tables)
        prices = latest_prices(
            bars, listed, workspace.calendars(session), session,
            stale_limit=portfolio.market_data.stale_limit,
        )  # fmt: skip
        limit = portfolio.market_data.rate_age_limit
        fixings = workspace.reference_rates.reference_rates(
            portfolio.currencies, session - timedelta(days=limit), session
        )
        rates_table = cross_rates(fixings, portfolio.currencies, session, age_limit=limit)
        ledger = _update_ledger(workspace, session, tables)
        exchanges = dict(listed.select("symbol", "exchange").iter_rows())
        matched = match_postings(ledger, exchanges, portfolio.lot_methods)
        lots = tax_lots(matched.lots, prices, listed, session)
        positions = positions_snapshot(
            ledger, lots, listed, prices, rates_table, portfolio.base_currencies, session
        )
        held, cash, asked, by_lots = _ask_brokers(workspace, session)
        reconciliation = compare(
            positions, held, cash, asked, InFlight.create_empty(), portfolio.tolerances, session,
            securities=listed, lots=lots, broker_lots=by_lots,
        )  # fmt: skip
        index = bars.filter(pl.col("symbol") == portfolio.regime.index)
        adjusted = history.adjusted_for_splits(index, actions, session)
        regimes = moving_average_regime(adjusted, portfolio.regime, session).tail(_SESSIONS_SHOWN)
        targets = target_weights_table(portfolio)
        rates, last = Rates.of(rates_table), regimes.row(-1, named=True)
        accounts = accounts_of(
            portfolio, positions, listed, prices, targets,
            last["regime"], last["reserve_share"], blocked_accounts(reconciliation), session,
        )  # fmt: skip
        fingerprint = portfolio.fingerprint()
        hashes = {a.account_id: a.inputs_hash(rates.by_pair, fingerprint) for a in accounts}
        costs, most = Costs(portfolio.costs, rates), portfolio.planner.maximum_trades
        plans = [plan_account(account, costs, maximum_trades=most) for account in accounts]
        recommendations = recommendations_table(plans, rates, hashes)
        outcomes = plans_table(plans, hashes)
        measures = _performance(workspace, session, ledger, listed, bars, actions)
        report = daily_report(
            DailyFacts(
                session=session, mode=portfolio.mode, positions=positions, prices=prices,
                reconciliation=reconciliation, regimes=regimes, plans=outcomes,
                recommendations=recommendations, returns=measures["portfolio_returns"],
                periods=measures["portfolio_periods"], base_currency=portfolio.base_currency,
            )
        )  # fmt: skip
        for name, table in measures.items():
            tables.replace(name, table)
        tables.replace("securities", listed)
        tables.replace("prices", prices)
        tables.replace("exchange_rates", rates_table)
        tables.replace("tax_lots", lots)
        tables.replace("realised_gains", realised_gains(matched.matches))
        tables.replace("positions_snapshot", positions)
        tables.replace("broker_positions", held)
        tables.replace("broker_balances", cash)
        tables.replace("broker_accounts", asked)
        tables.replace("broker_lots", by_lots)
        tables.replace("reconciliation_report", reconciliation)
        tables.replace("regime_detection", regimes)
        tables.replace("target_weights", targets)
        tables.replace("planner_recommendations", recommendations)
        tables.replace("account_plans", outcomes)
        tables.replace("daily_report", pl.DataFrame({"session": [session], "report": [report]}))
        connection.commit()
    return report


def _update_history(
    workspace: Workspace, session: date, tables: _Tables
) -> tuple[pl.DataFrame, pl.DataFrame]:
    settings, source = workspace.portfolio.market_data, workspace.market_data
    symbols = workspace.securities(session)["symbol"].to_list()
    before = tables.bars()
    asked = history.windows(
        before, symbols, session, history_start=settings.history_start, overlap=_CORRECTION_WINDOW
    )
    observed = pl.concat([source.bars(group, start, session) for start, group in asked.items()])
    actions = history.combine_actions(
        [tables.read("corporate_actions", CorporateActions.create_empty())]
        + [source.corporate_actions(group, start, session) for start, group in asked.items()]
    )
    judged = quality.judge(observed, before, actions, jump_limit=settings.jump_limit)
    versions = history.new_versions(before, judged.accepted, session)
    tables.append("bars", versions)
    tables.replace("corporate_actions", actions)
    after = tables.bars()
    gaps = quality.gaps(
        after,
        workspace.securities(session),
        workspace.calendars(session),
        session - _GAP_WINDOW,
        session,
    )
    tables.replace("quality_findings", pl.concat([judged.findings, gaps]))
    return after, actions


def _update_ledger(workspace: Workspace, session: date, tables: _Tables) -> pl.DataFrame:
    known = tables.read("postings", Postings.create_empty())
    for account_id, broker in workspace.brokers.items():
        newest = known.filter(pl.col("account_id") == account_id)["occurred_at"].max()
        since = None if newest is None else newest - _LATE_BOOKINGS  # type: ignore[operator]
        events = [
            *broker.fills_since(account_id, since, session),
            *broker.cash_movements_since(account_id, since, session),
        ]
        reported = postings_of(events, source=broker.name)
        new = reported.join(known, on="posting_id", how="anti")
        tables.append("postings", new)
        known = pl.concat([known, new.select(known.columns)])
    return Postings.validate(known.sort("occurred_at", "posting_id"))


def _performance(
    workspace: Workspace,
    session: date,
    ledger: pl.DataFrame,
    listed: pl.DataFrame,
    bars: pl.DataFrame,
    actions: pl.DataFrame,
) -> dict[str, pl.DataFrame]:
    portfolio, limit = workspace.portfolio, workspace.portfolio.market_data.rate_age_limit
    first = ledger["occurred_at"].dt.date().min()
    sessions = workspace.portfolio_calendars.sessions_of_any(
        portfolio.exchanges,
        first,
        session,  # type: ignore[arg-type]
    )
    fixings = workspace.reference_rates.reference_rates(
        portfolio.currencies, sessions[0] - timedelta(days=limit), session
    )
    base = portfolio.base_currency
    rates = daily_rates(fixings, portfolio.currencies, base, sessions, age_limit=limit)
    valuation = value_portfolios(ledger, listed, bars, actions, rates, sessions, base)
    found = portfolio_performance(valuation)
    daily = pl.concat([contributions(valuation, listed, level) for level in ("total", "account")])
    shown = found.returns.filter(pl.col("level") != "bucket")
    recent = bars.filter(pl.col("session") >= session - timedelta(days=_RISK_WINDOW))
    returns = security_returns(recent, actions)
    return {
        "portfolio_performance": found.measures,
        "portfolio_values": valuation.portfolios,
        "portfolio_returns": found.drawdowns,
        "portfolio_rolling": found.rolling,
        "portfolio_periods": found.periods,
        "portfolio_turnover": found.turnover,
        "portfolio_attribution": linked_contributions(daily, shown),
        "daily_contributions": daily,
        "risk_metrics": risk_metrics(pl.concat([returns, shown]), portfolio.benchmark),
        "correlations": correlations(returns),
        "true_ranges": true_ranges(recent, actions, session),
    }


def _ask_brokers(
    workspace: Workspace, session: date
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    held, cash, asked, lots = [], [], [], []
    for account_id, broker in workspace.brokers.items():
        account = {"account_id": account_id}
        held += [account | asdict(each) for each in broker.positions(account_id, session)]
        for currency, balance in sorted(broker.balances(account_id, session).items()):
            cash.append(account | {"currency": currency, "balance": balance})
        by_lots = broker.lots(account_id, session)
        for _, of_symbol in groupby(by_lots or [], key=lambda lot: lot.symbol):
            lots += [
                account | asdict(lot) | {"number": number}
                for number, lot in enumerate(of_symbol, 1)
            ]
        asked.append(
            account
            | {
                "broker": broker.name, "is_available": True, "asked_as_of": session,
                "equity": broker.equity(account_id, session), "asked_at": end_of_session(session),
                "reports_lots": by_lots is not None,
            }
        )  # fmt: skip
    return (
        pl.DataFrame(held, schema=polars_schema(BrokerPositions)).sort("account_id", "symbol"),
        pl.DataFrame(cash, schema=polars_schema(BrokerBalances)),
        pl.DataFrame(asked, schema=polars_schema(BrokerAccounts)),
        pl.DataFrame(lots, schema=polars_schema(BrokerLots)),
    )


class _Tables:
    """Tables of the DuckDB file; those of a session are added to those of earlier ones."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, session: date) -> None:
        self._connection = connection
        self._session = session
        names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        self._names = {name for (name,) in names}

    def bars(self) -> pl.DataFrame:
        """Return the newest version of every bar, by symbol and session."""
        if "bars" not in self._names:
            return history.combine([])
        rows = from_duckdb(
            self._connection.sql(
                f"SELECT * FROM bars WHERE known_on <= DATE '{self._session}'"
                " ORDER BY symbol, session, known_on"
            )
        )
        is_same = (pl.col("session") == pl.col("session").shift(-1)) & (
            pl.col("symbol") == pl.col("symbol").shift(-1)
        )
        return rows.filter(~is_same.fill_null(False))

    def read(self, name: str, empty: pl.DataFrame) -> pl.DataFrame:
        """Return all rows of a table."""
        if name not in self._names:
            return empty
        rows = from_duckdb(self._connection.sql(f"SELECT * FROM {name}"))
        return rows.select(empty.columns).cast(dict(empty.schema))

    def append(self, name: str, frame: pl.DataFrame) -> None:
        """Add rows."""
        register(self._connection, "new", frame)
        if name in self._names:
            self._connection.execute(f"INSERT INTO {name} SELECT * FROM new")
        else:
            self._connection.execute(f"CREATE TABLE {name} AS SELECT * FROM new")
            self._names.add(name)

    def replace(self, name: str, frame: pl.DataFrame) -> None:
        """Write a table of the session."""
        register(self._connection, "new", frame)
        self._connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM new")
