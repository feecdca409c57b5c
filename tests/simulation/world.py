"""Fifty accounts at the paper broker on the recorded market, with the orders of a month."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import polars as pl

from ballast.market.exchange_rates import cross_rates
from ballast.settings import LotMethod
from ballast.tables import CorporateActions, Prices, Securities, polars_schema
from ballast.trading.orders import OrderIntent
from resources.brokers.faults import Fault
from resources.brokers.faults_broker import FaultyBroker
from resources.brokers.paper_opening import OpeningEvent
from resources.brokers.protocol import Broker
from resources.market_data.recorded import RecordedMarketData
from resources.store import Store, sqlite_url
from tests.resources.brokers.faulty import OPTION, market_with_option, remembering
from tests.resources.brokers.papers import paper, portfolio

D = Decimal
LAST = date(2020, 8, 20)
# Each account trades some securities, keeps others untouched, and has never had the rest.
_TRADED, _KEPT = 5, 4
_METHODS: Sequence[LotMethod] = ("fifo", "average", "lifo", "hifo")
_HOLDINGS_WORTH = D(6000)


@dataclass
class Account:
    """One account: what it begins with, its orders by session, and what a script has moved in it."""

    account_id: str
    base_currency: str
    method: LotMethod
    traded: list[str]
    kept: list[str]
    absent: list[str]
    orders: dict[date, list[OrderIntent]] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)

    @property
    def has_option(self) -> bool:
        """Whether it has sold an option, so that its equity is not known."""
        return int(self.account_id.removeprefix("account_")) % 5 == 3


@dataclass(frozen=True)
class World:
    """Accounts with their orders filled, at a broker that has no faults yet."""

    accounts: Sequence[Account]
    sessions: Sequence[date]
    inside: Broker

    @property
    def methods(self) -> dict[str, LotMethod]:
        return {account.account_id: account.method for account in self.accounts}

    @property
    def base_currencies(self) -> dict[str, str]:
        return {account.account_id: account.base_currency for account in self.accounts}

    @property
    def orders(self) -> list[OrderIntent]:
        """All orders in the order in which they were sent."""
        return [
            order
            for session in self.sessions
            for account in self.accounts
            for order in account.orders.get(session, [])
        ]

    def with_faults(self, script: Sequence[Fault]) -> Broker:
        return remembering(
            FaultyBroker(
                self.inside, script, market_with_option(), self.base_currencies, self.methods
            )
        )


@contextmanager
def world(folder: Path, accounts: int, sessions: int, seed: int) -> Iterator[World]:
    """Open the accounts, send their orders session by session, and return when everything is filled."""
    dice = random.Random(seed)
    days = trading_days()[-sessions:]
    people = [_account(number, dice, days) for number in range(accounts)]
    opening = [event for account in people for event in _opening(account, days[0])]
    store = Store(sqlite_url(folder / "paper.db"))
    bases = {account.account_id: account.base_currency for account in people}
    methods = {account.account_id: account.method for account in people}
    broker = replace(
        paper(store, opening),
        market=market_with_option(),
        base_currencies=bases,
        lot_methods=methods,
    )
    for session in days:
        for account in people:
            for order in account.orders.get(session, []):
                assert broker.submit(order).state == "filled", order
            broker.balances(account.account_id, session)
    yield World(people, days, remembering(broker))
    store.close()


@cache
def trading_days() -> list[date]:
    """Sessions on which the recorded exchanges trade."""
    bars = RecordedMarketData().bars(["SPY", "ASML.AS"], LAST - timedelta(days=200), LAST)
    both = bars.group_by("session").agg(pl.len()).filter(pl.col("len") == 2)
    return both["session"].sort().to_list()


@cache
def listed() -> dict[str, str]:
    """Currency of every security that can be traded one by one."""
    single = (s for s in portfolio().securities if s.kind != "index" and s.lot_size == 1)
    return {security.symbol: security.currency for security in single}


@cache
def securities() -> pl.DataFrame:
    """The listed securities and the option."""
    known = {s.symbol: s for s in portfolio().securities}
    rows = [
        {
            "symbol": symbol,
            "name": symbol,
            "exchange": known[symbol].exchange if symbol in known else "XNYS",
            "currency": listed().get(symbol, "USD"),
            "kind": "equity",
            "lot_size": D(1),
            "multiplier": D(1),
            "allow_buy": True,
            "allow_sell": True,
        }
        for symbol in sorted([*listed(), OPTION])
    ]
    return Securities.validate(pl.DataFrame(rows, schema=polars_schema(Securities)))


@cache
def prices(session: date) -> pl.DataFrame:
    """Closes as the broker sees them; nobody quotes the option."""
    rows = [
        {
            "symbol": symbol,
            "currency": currency,
            "price": None if symbol == OPTION else market_with_option().close(symbol, session),
            "price_session": None if symbol == OPTION else session,
            "sessions_old": None if symbol == OPTION else 0,
            "is_stale": symbol == OPTION,
            "blocks_planning": symbol == OPTION,
        }
        for symbol, currency in securities().select("symbol", "currency").iter_rows()
    ]
    return Prices.validate(pl.DataFrame(rows, schema=polars_schema(Prices)))


@cache
def rates(session: date) -> pl.DataFrame:
    """Exchange rates of a session."""
    market = market_with_option()
    fixings = market.reference.reference_rates(
        market.currencies, session - timedelta(days=market.rate_age_limit), session
    )
    return cross_rates(fixings, market.currencies, session, age_limit=market.rate_age_limit)


@cache
def actions(first: date, last: date) -> pl.DataFrame:
    """Dividends and splits that the market knows of."""
    return CorporateActions.validate(
        RecordedMarketData().corporate_actions(sorted(listed()), first, last)
    )


def _account(number: int, dice: random.Random, days: Sequence[date]) -> Account:
    symbols = dice.sample(sorted(listed()), len(listed()))
    account = Account(
        account_id=f"account_{number:02}",
        base_currency=("EUR", "USD")[number % 2],
        method=_METHODS[number % len(_METHODS)],
        traded=symbols[:_TRADED],
        kept=symbols[_TRADED : _TRADED + _KEPT],
        absent=symbols[_TRADED + _KEPT :],
    )
    held = {symbol: _units(symbol, days[0]) for symbol in account.traded}
    for session in days:
        for step in range(dice.choice([0, 0, 1, 1, 2])):
            account.orders.setdefault(session, []).append(
                _order(account, session, step, held, dice)
            )
    return account


def _order(
    account: Account, session: date, step: int, held: dict[str, Decimal], dice: random.Random
) -> OrderIntent:
    side = dice.choice(["buy", "sell", "buy", "sell", "exchange"])
    if side == "exchange":
        symbol, quantity = dice.choice(["EUR/USD", "USD/EUR"]), D(dice.randrange(1000, 4000))
    else:
        symbol = dice.choice(account.traded)
        quantity = D(dice.randrange(10, max(11, int(_units(symbol, session)) // 2)))
        if quantity > held[symbol]:
            side = "buy"
        held[symbol] += quantity if side == "buy" else -quantity
    return OrderIntent(
        client_order_id=f"{account.account_id}.{session:%y%m%d}.{step}",
        account_id=account.account_id,
        origin="plan",
        origin_id="simulation",
        session=session,
        side=side,
        symbol=symbol,
        quantity=quantity,
    )


def _opening(account: Account, first: date) -> list[OpeningEvent]:
    day = trading_days()[trading_days().index(first) - 4]
    steps: list[tuple[str, str, Decimal]] = [
        ("deposit", "USD", D(300_000)),
        ("deposit", "EUR", D(300_000)),
    ]
    steps += [("buy", s, _units(s, first)) for s in (*account.traded, *account.kept)]
    return [
        OpeningEvent(
            f"opening-{account.account_id}-{number}", day, account.account_id, action, symbol, units
        )
        for number, (action, symbol, units) in enumerate(steps)
    ]


def _units(symbol: str, session: date) -> Decimal:
    close = market_with_option().close(symbol, session)
    return D(max(40, int(_HOLDINGS_WORTH / close)))


def by_account(world: World) -> Mapping[str, Account]:
    return {account.account_id: account for account in world.accounts}
