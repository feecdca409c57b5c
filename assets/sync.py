"""Asking the brokers: events into the ledger, and their view of positions and cash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from assets.session_run import SessionRun
from ballast.books.postings import postings_of
from ballast.errors import BrokerUnavailableError
from ballast.tables import BrokerAccounts, BrokerBalances, BrokerPositions, polars_schema

# Brokers book dividends and corrections with earlier dates; what is known already is skipped by its id.
_LATE_BOOKINGS = timedelta(days=30)


@dataclass(frozen=True)
class Imported:
    """How many postings were new, and which accounts could not be asked."""

    new: int
    unavailable: Mapping[str, str]


@dataclass(frozen=True)
class BrokerState:
    """What all brokers report: `BrokerPositions`, `BrokerBalances`, `BrokerAccounts`."""

    positions: pl.DataFrame
    balances: pl.DataFrame
    accounts: pl.DataFrame


def import_events(run: SessionRun) -> Imported:
    """Append the brokers' events to the ledger; an account that cannot be asked leaves the others untouched."""
    new = 0
    unavailable: dict[str, str] = {}
    for account_id, broker in run.workspace.brokers.items():
        newest = run.workspace.ledger.newest_moment(account_id, broker.name)
        since = None if newest is None else newest - _LATE_BOOKINGS
        try:
            events = [
                *broker.fills_since(account_id, since, run.session),
                *broker.cash_movements_since(account_id, since, run.session),
            ]
        except BrokerUnavailableError as error:
            unavailable[account_id] = error.what
            continue
        new += run.workspace.ledger.append(postings_of(events, source=broker.name))
    return Imported(new, unavailable)


def ask_brokers(run: SessionRun) -> BrokerState:
    """Ask every broker for positions and cash; an account is available only if it answered everything."""
    positions: list[dict[str, object]] = []
    balances: list[dict[str, object]] = []
    accounts: list[dict[str, object]] = []
    for account_id, broker in run.workspace.brokers.items():
        answer: dict[str, object] = {
            "account_id": account_id,
            "broker": broker.name,
            "is_available": True,
            "asked_as_of": run.session,
        }
        try:
            held = broker.positions(account_id, run.session)
            cash = broker.balances(account_id, run.session)
            answer["equity"] = broker.equity(account_id, run.session)
            fills = broker.fills_since(account_id, None, run.session)
        except BrokerUnavailableError as error:
            accounts.append(answer | {"is_available": False, "detail": error.what})
            continue
        answer["latest_fill_at"] = max((fill.filled_at for fill in fills), default=None)
        accounts.append(answer)
        positions += [
            {
                "account_id": account_id,
                "symbol": position.symbol,
                "quantity": position.quantity,
                "average_price": position.average_price,
                "currency": position.currency,
            }
            for position in held
        ]
        balances += [
            {"account_id": account_id, "currency": currency, "balance": amount}
            for currency, amount in sorted(cash.items())
        ]
    return BrokerState(
        BrokerPositions.validate(
            pl.DataFrame(positions, schema=polars_schema(BrokerPositions)).sort(
                "account_id", "symbol"
            )
        ),
        BrokerBalances.validate(pl.DataFrame(balances, schema=polars_schema(BrokerBalances))),
        BrokerAccounts.validate(pl.DataFrame(accounts, schema=polars_schema(BrokerAccounts))),
    )
