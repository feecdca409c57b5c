"""What the bare script asks: the source of prices, the central bank, and the brokers."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from itertools import groupby

import polars as pl

from ballast.books.postings import postings_of
from ballast.calendars import end_of_session
from ballast.market import history, quality
from ballast.market.exchange_rates import cross_rates
from ballast.market.prices import latest_prices
from ballast.tables import (
    BrokerAccounts,
    BrokerBalances,
    BrokerLots,
    BrokerPositions,
    CorporateActions,
    Postings,
    polars_schema,
)
from benchmarks.bare_tables import File, Tables
from resources.workspace import Workspace

_CORRECTION_WINDOW = timedelta(days=14)
_GAP_WINDOW = timedelta(days=92)
_LATE_BOOKINGS = timedelta(days=30)


def market(workspace: Workspace, session: date, file: File) -> Tables:
    """Bring the history up to date; returns it with securities, prices and exchange rates."""
    portfolio, listed = workspace.portfolio, workspace.securities(session)
    calendars = workspace.calendars(session)
    bars, actions, findings = _updated_history(workspace, session, file)
    gaps = quality.gaps(bars, listed, calendars, session - _GAP_WINDOW, session)
    return {
        "securities": listed,
        "bars": bars,
        "corporate_actions": actions,
        "quality_findings": pl.concat([findings, gaps]),
        "prices": latest_prices(
            bars, listed, calendars, session, stale_limit=portfolio.market_data.stale_limit
        ),
        "exchange_rates": cross_rates(
            fixings(workspace, session, session),
            portfolio.currencies,
            session,
            age_limit=portfolio.market_data.rate_age_limit,
        ),
    }


def fixings(workspace: Workspace, first: date, session: date) -> pl.DataFrame:
    """Return the reference rates that are usable from a first day to the session."""
    limit = timedelta(days=workspace.portfolio.market_data.rate_age_limit)
    source, currencies = workspace.reference_rates, workspace.portfolio.currencies
    return source.reference_rates(currencies, first - limit, session)


def _updated_history(
    workspace: Workspace, session: date, file: File
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    settings, source = workspace.portfolio.market_data, workspace.market_data
    symbols = [security.symbol for security in workspace.portfolio.securities]
    before = file.bars()
    asked = history.windows(
        before, symbols, session, history_start=settings.history_start, overlap=_CORRECTION_WINDOW
    )
    observed = pl.concat([source.bars(group, start, session) for start, group in asked.items()])
    actions = history.combine_actions(
        [file.read("corporate_actions", CorporateActions.create_empty())]
        + [source.corporate_actions(group, start, session) for start, group in asked.items()]
    )
    judged = quality.judge(observed, before, actions, jump_limit=settings.jump_limit)
    file.append("bars", history.new_versions(before, judged.accepted, session))
    return file.bars(), actions, judged.findings


def ledger(workspace: Workspace, session: date, file: File) -> pl.DataFrame:
    """Add what the brokers have booked; returns all postings."""
    known = file.read("postings", Postings.create_empty())
    for account_id, broker in workspace.brokers.items():
        newest = known.filter(pl.col("account_id") == account_id)["occurred_at"].max()
        since = None if newest is None else newest - _LATE_BOOKINGS  # type: ignore[operator]
        events = [
            *broker.fills_since(account_id, since, session),
            *broker.cash_movements_since(account_id, since, session),
        ]
        reported = postings_of(events, source=broker.name)
        new = reported.join(known, on="posting_id", how="anti")
        file.append("postings", new)
        known = pl.concat([known, new.select(known.columns)])
    return Postings.validate(known.sort("occurred_at", "posting_id"))


def brokers(workspace: Workspace, session: date) -> Tables:
    """Ask every broker for positions, lots and cash."""
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
    positions = pl.DataFrame(held, schema=polars_schema(BrokerPositions))
    return {
        "broker_positions": positions.sort("account_id", "symbol"),
        "broker_balances": pl.DataFrame(cash, schema=polars_schema(BrokerBalances)),
        "broker_accounts": pl.DataFrame(asked, schema=polars_schema(BrokerAccounts)),
        "broker_lots": pl.DataFrame(lots, schema=polars_schema(BrokerLots)),
    }
