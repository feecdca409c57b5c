"""Paper brokers on the recorded market of the demonstration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from ballast.configuration import Portfolio, load
from ballast.trading.orders import OrderIntent
from resources.brokers.paper import PaperBroker
from resources.brokers.paper_market import PaperMarket
from resources.brokers.paper_opening import OpeningEvent, read_opening
from resources.market_data.recorded import RecordedMarketData, RecordedReferenceRates
from resources.store import Store
from resources.store.schema import paper_accounts, paper_movements, paper_orders

_PORTFOLIO = Path(__file__).parents[3] / "portfolio.toml"
Rows = list[tuple[object, ...]]
NewStore = Callable[[], Store]


@cache
def portfolio() -> Portfolio:
    """The demonstration portfolio."""
    return load(_PORTFOLIO)


@cache
def market() -> PaperMarket:
    """The recorded market; what it has looked up once it keeps."""
    facts = portfolio()
    return PaperMarket(
        source=RecordedMarketData(),
        reference=RecordedReferenceRates(),
        cost_settings=facts.costs,
        currencies_by_symbol={s.symbol: s.currency for s in facts.securities},
        lots_by_symbol={s.symbol: s.lot_size for s in facts.securities},
        currencies=facts.currencies,
        rate_age_limit=facts.market_data.rate_age_limit,
    )


def paper(store: Store, opening: Sequence[OpeningEvent] | None = None) -> PaperBroker:
    """A paper broker with the demonstration's opening history, or another."""
    if opening is None:
        opening = read_opening("demonstration", _PORTFOLIO.parent)
    return PaperBroker(store, market(), portfolio().base_currencies, opening)


def event(
    number: int, day: date, action: str, symbol: str, quantity: str, account: str = "america"
) -> OpeningEvent:
    """A line of an opening history."""
    return OpeningEvent(f"opening-{number:04d}", day, account, action, symbol, Decimal(quantity))


def order(
    identifier: str, side: str, symbol: str, quantity: str, session: date, account: str = "america"
) -> OrderIntent:
    """An order for the paper broker."""
    return OrderIntent(
        client_order_id=f"{account}.{identifier}",
        account_id=account,
        origin="plan",
        origin_id="plan",
        session=session,
        side=side,
        symbol=symbol,
        quantity=Decimal(quantity),
    )


def book_of(store: Store) -> dict[str, Rows]:
    """Everything that the broker keeps, row by row."""
    found = {}
    with store.read() as connection:
        for table in (paper_accounts, paper_movements, paper_orders):
            query = sa.select(table).order_by(*table.primary_key.columns)
            found[table.name] = [tuple(row) for row in connection.execute(query)]
    return found


def book_at(url: str) -> dict[str, Rows]:
    """Everything that the broker keeps in the store at a URL."""
    with closing(Store(url)) as store:
        return book_of(store)


# An account that holds one security: forty shares of Apple, before its split of 31 August 2020.
APPLES = [
    event(2, date(2020, 8, 3), "deposit", "USD", "50000"),
    event(3, date(2020, 8, 4), "buy", "AAPL", "40"),
]


def held(broker: PaperBroker, session: date, account: str = "america") -> dict[str, Decimal]:
    """Quantities by symbol."""
    return {p.symbol: p.quantity for p in broker.positions(account, session)}
