"""Asking the brokers: events into the ledger, and their view of positions and cash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import groupby

import dataframely as dy
import polars as pl

from assets.session_run import SessionRun
from ballast.books.broker_events import BrokerEvent, ExchangeFill, Fill
from ballast.books.postings import postings_of
from ballast.calendars import end_of_session
from ballast.errors import BrokerUnavailableError
from ballast.reconciliation.activity import broker_activity
from ballast.reconciliation.fields import net_positions
from ballast.tables import (
    BrokerAccounts,
    BrokerActivity,
    BrokerBalances,
    BrokerLots,
    BrokerPositions,
    InFlight,
    polars_schema,
)
from resources.brokers.protocol import Broker
from resources.clock import now

# Brokers book dividends and corrections with earlier dates; what is known already is skipped by its id.
_LATE_BOOKINGS = timedelta(days=30)


@dataclass(frozen=True)
class Imported:
    """How many postings were new, and which accounts could not be asked."""

    new: int
    unavailable: Mapping[str, str]


@dataclass(frozen=True)
class BrokerState:
    """What all brokers report: `BrokerPositions`, `BrokerBalances`, `BrokerLots`, `BrokerAccounts`."""

    positions: pl.DataFrame
    balances: pl.DataFrame
    lots: pl.DataFrame
    accounts: pl.DataFrame


@dataclass(frozen=True)
class SecondLook:
    """What is asked only where book and broker differ.

    Parameters
    ----------
    activity : pl.DataFrame
        `BrokerActivity` of the accounts in `sources`.
    sources : mapping of str to str
        Source of the broker's postings, per account that told what happened.
    in_flight : pl.DataFrame
        `InFlight`: what one side may not know yet.
    """

    activity: pl.DataFrame
    sources: Mapping[str, str]
    in_flight: pl.DataFrame


def import_events(run: SessionRun) -> Imported:
    """Append the brokers' events to the ledger; an account that cannot be asked leaves the others untouched."""
    new = 0
    unavailable: dict[str, str] = {}
    for account_id, broker in run.workspace.brokers.items():
        try:
            events = _new_events(run, account_id, broker)
        except BrokerUnavailableError as error:
            unavailable[account_id] = error.what
            continue
        new += run.workspace.ledger.append(postings_of(events, source=broker.name))
        run.workspace.orders.apply_fills(
            event for event in events if isinstance(event, Fill | ExchangeFill)
        )
    return Imported(new, unavailable)


def ask_brokers(run: SessionRun) -> BrokerState:
    """Ask every broker for positions, lots and cash; an account is available only if it answered everything."""
    positions: list[dict[str, object]] = []
    balances: list[dict[str, object]] = []
    lots: list[dict[str, object]] = []
    accounts: list[dict[str, object]] = []
    for account_id, broker in run.workspace.brokers.items():
        answer: dict[str, object] = {
            "account_id": account_id,
            "broker": broker.name,
            "is_available": True,
            "asked_as_of": run.session,
            # Of a past session the broker tells what was so at its end.
            "asked_at": min(now(), end_of_session(run.session)),
            "reports_lots": False,
        }
        try:
            held = broker.positions(account_id, run.session)
            cash = broker.balances(account_id, run.session)
            answer["equity"] = broker.equity(account_id, run.session)
            by_lots = broker.lots(account_id, run.session)
        except BrokerUnavailableError as error:
            accounts.append(answer | {"is_available": False, "detail": error.what})
            continue
        accounts.append(answer | {"reports_lots": by_lots is not None})
        own = {"account_id": account_id}
        positions += [own | asdict(position) for position in held]
        lots += [
            own | asdict(lot) | {"number": number}
            for _, of_symbol in groupby(by_lots or [], key=lambda lot: lot.symbol)
            for number, lot in enumerate(of_symbol, 1)
        ]
        balances += [
            own | {"currency": currency, "balance": amount}
            for currency, amount in sorted(cash.items())
        ]
    return BrokerState(
        _netted(positions),
        _table(BrokerBalances, balances),
        _table(BrokerLots, lots).sort("account_id", "symbol", "number"),
        _table(BrokerAccounts, accounts),
    )


def look_again(run: SessionRun, accounts: pl.DataFrame, differing: Sequence[str]) -> SecondLook:
    """Ask the brokers of some accounts what happened, and whether something has happened since the import.

    What a second import brings, and what was filled within the settle window before the broker was asked, is in flight.
    It is in the ledger now, so that the next run knows it.

    Parameters
    ----------
    accounts : pl.DataFrame
        `BrokerAccounts` of the session.
    differing : sequence of str
        Accounts whose books and broker differ.
    """
    activity, in_flight, sources = [], [], {}
    asked_at = dict(accounts.select("account_id", "asked_at").iter_rows())
    for account_id in differing:
        broker = run.workspace.broker(account_id)
        try:
            events = broker.activity(account_id, run.session)
            late = postings_of(_new_events(run, account_id, broker), source=broker.name)
        except BrokerUnavailableError:
            # The difference stands; there is only nothing to explain it with.
            continue
        told = broker_activity(events, source=broker.name)
        known = run.workspace.ledger.known_ids(account_id)
        window = timedelta(seconds=run.workspace.portfolio.tolerances[account_id].settle_window)
        young = told.filter(pl.col("occurred_at") > asked_at[account_id] - window)
        arrived = late.filter(~pl.col("posting_id").is_in(known))
        run.workspace.ledger.append(arrived)
        in_flight += [arrived, young.select(arrived.columns)]
        activity.append(told)
        sources[account_id] = broker.name
    return SecondLook(
        pl.concat(activity) if activity else BrokerActivity.create_empty(),
        sources,
        _in_flight(in_flight),
    )


def _new_events(run: SessionRun, account_id: str, broker: Broker) -> list[BrokerEvent]:
    newest = run.workspace.ledger.newest_moment(account_id, broker.name)
    since = None if newest is None else newest - _LATE_BOOKINGS
    return [
        *broker.fills_since(account_id, since, run.session),
        *broker.cash_movements_since(account_id, since, run.session),
    ]


def _in_flight(postings: Sequence[pl.DataFrame]) -> pl.DataFrame:
    if not postings:
        return InFlight.create_empty()
    reason = pl.format("{} of {}", pl.col("kind").cast(pl.String), pl.col("occurred_at"))
    return InFlight.validate(
        pl.concat(postings)
        .select("account_id", item="commodity", reason=reason)
        .unique(["account_id", "item"], keep="first", maintain_order=True)
    )


def _netted(positions: list[dict[str, object]]) -> pl.DataFrame:
    """Return `BrokerPositions`; rows in which a broker reports one position (lots, hedging) are one."""
    names = {"symbol": "item", "average_price": "average_cost"}
    rows = pl.DataFrame(positions, schema=polars_schema(BrokerPositions)).rename(names)
    netted = net_positions(rows).rename({new: old for old, new in names.items()})
    columns = polars_schema(BrokerPositions).names()
    return BrokerPositions.validate(netted.select(columns).sort("account_id", "symbol"))


def _table(schema: type[dy.Schema], rows: list[dict[str, object]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=polars_schema(schema))
    return frame.pipe(schema.validate)
