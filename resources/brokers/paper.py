"""The paper broker: a simulated broker that keeps its own book, apart from ours, in the store.

It is deterministic. Orders fill at once and whole at the last close as of their session, unless a rehearsal gives other
terms; fees and exchange rates are those of the configuration, dividends and splits arrive on their ex dates. Its time
only moves forward: an order for a session before the newest one that it has seen is refused, so that its past never
changes.

The market is asked before the store is locked, for it may take seconds to answer. What is booked then was decided on a
read; if the book has changed since, it is decided anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from ballast.books.broker_events import BrokerEvent, ExchangeFill, Fill, moment_of
from ballast.errors import (
    BrokerUnavailableError,
    MissingPriceError,
    MissingRateError,
    OrderRefusedError,
)
from ballast.money import ZERO, multiply
from ballast.settings import LotMethod
from ballast.trading.currency_pairs import CurrencyPair
from ballast.trading.orders import OrderIntent
from resources.brokers import paper_book, paper_orders
from resources.brokers.paper_days import events_between
from resources.brokers.paper_filling import PaperFilling
from resources.brokers.paper_market import PaperMarket
from resources.brokers.paper_opening import OpeningEvent
from resources.brokers.paper_orders import AT_ONCE, FillTerms
from resources.brokers.paper_rules import transfer
from resources.brokers.protocol import (
    BrokerLot,
    BrokerPosition,
    OpenOrder,
    OrderStatus,
)
from resources.store import Store

# Hour (UTC) at which orders are booked: after the other events of a day.
ORDERS_HOUR = 20


@dataclass(frozen=True)
class PaperBroker:
    """Simulates every account that names `paper` as its broker.

    Parameters
    ----------
    store : Store
        Holds the broker's own book.
    market : PaperMarket
        Closes, corporate actions, rates and fees that the broker works with.
    base_currencies : mapping of str to str
        Base currency per account.
    opening : sequence of OpeningEvent
        What happened in the accounts before Ballast.
    lot_methods : mapping of str to LotMethod
        How sales use up lots, per account; at average cost where none is named.
    """

    store: Store
    market: PaperMarket
    base_currencies: Mapping[str, str]
    opening: Sequence[OpeningEvent] = ()
    name: str = "paper"
    lot_methods: Mapping[str, LotMethod] = field(default_factory=dict)

    def positions(self, account_id: str, session: date) -> list[BrokerPosition]:
        """Return all holdings at the end of a session."""
        movements = self._movements(account_id, session)
        held = self._held(movements)
        method = self._method(account_id)
        average = paper_book.average_prices(account_id, movements, method, held)
        return [
            BrokerPosition(symbol, quantity, average.get(symbol), self.market.currency(symbol))
            for symbol, quantity in held.items()
        ]

    def balances(self, account_id: str, session: date) -> dict[str, Decimal]:
        """Return cash per currency at the end of a session."""
        totals = paper_book.totals(self._movements(account_id, session))
        return {
            commodity: amount
            for commodity, amount in totals.items()
            if not self.market.is_security(commodity)
        }

    def lots(self, account_id: str, session: date) -> list[BrokerLot] | None:
        """Return what is held by purchase, by the account's lot method; None at average cost, which knows no lots."""
        movements = self._movements(account_id, session)
        method = self._method(account_id)
        if method == "average":
            return None
        return paper_book.lots(account_id, movements, method, self._held(movements))

    def equity(self, account_id: str, session: date) -> Decimal | None:
        """Return the account's value in its base currency at the broker's closes; None if one is unknown."""
        totals = paper_book.totals(self._movements(account_id, session))
        try:
            return sum(
                (
                    self._value(account_id, commodity, amount, session)
                    for commodity, amount in totals.items()
                    if amount != ZERO
                ),
                ZERO,
            )
        except (MissingPriceError, MissingRateError):
            return None

    def currency_pairs(self, account_id: str) -> tuple[CurrencyPair, ...] | None:
        """Return the configured pairs; None where any currency is exchanged for any other."""
        return self.market.pairs

    def arriving_cash(self, account_id: str, session: date) -> dict[str, Decimal]:
        """Return nothing: cash is there with the fill."""
        return {}

    def open_orders(self, account_id: str) -> list[OpenOrder]:
        """Return the orders that a rehearsal has left open."""
        with self.store.read() as connection:
            return paper_orders.open_orders(connection, account_id)

    def fills_since(
        self, account_id: str, since: datetime | None, session: date
    ) -> list[Fill | ExchangeFill]:
        """Return executions at or after a moment up to the end of a session."""
        events = self._events(account_id, since, session)
        return [event for event in events if isinstance(event, Fill | ExchangeFill)]

    def cash_movements_since(
        self, account_id: str, since: datetime | None, session: date
    ) -> list[BrokerEvent]:
        """Return deposits, withdrawals, dividends and splits at or after a moment."""
        events = self._events(account_id, since, session)
        return [event for event in events if not isinstance(event, Fill | ExchangeFill)]

    def activity(self, account_id: str, session: date) -> list[BrokerEvent]:
        """Return all events up to the end of a session."""
        return self._events(account_id, None, session)

    def submit(self, intent: OrderIntent, terms: FillTerms = AT_ONCE) -> OrderStatus:
        """Fill or refuse a market order, on the terms of a rehearsal; a repeated client order id changes nothing."""
        if intent.account_id not in self.base_currencies:
            return OrderStatus(intent.client_order_id, "rejected", "the broker has no such account")
        status = self.status(intent.account_id, intent.client_order_id)
        while status is None:
            self._advance(intent.account_id, intent.session)
            status = self._filling.try_to_fill(intent, terms)
        return status

    def cancel(self, account_id: str, client_order_id: str) -> OrderStatus:
        """Cancel what is still to be filled; the answer says what became of the order."""
        with self.store.write() as connection:
            known = paper_orders.status(connection, account_id, client_order_id)
            if known is not None and paper_orders.is_open(connection, client_order_id):
                paper_orders.close_rest(connection, client_order_id, "cancelled", "cancelled")
                known = paper_orders.status(connection, account_id, client_order_id)
        return known or OrderStatus(client_order_id, "rejected", "the broker never saw this order")

    def status(self, account_id: str, client_order_id: str) -> OrderStatus | None:
        """Return what became of an order, with its fills; None if it never arrived."""
        with self.store.read() as connection:
            return paper_orders.status(connection, account_id, client_order_id)

    def move_cash(
        self, account_id: str, currency: str, amount: Decimal, session: date, reference: str
    ) -> None:
        """Pay cash in, or out if negative, even beyond the balance; a repeated reference changes nothing.

        Raises
        ------
        OrderRefusedError
            If the session lies before the newest one that the account has seen, the amount is zero or the currency has
            no exchange rates.
        """
        if amount == ZERO or not self.market.is_currency(currency):
            raise OrderRefusedError(
                f"{amount} {currency} cannot be paid in or out",
                where=account_id,
                remedy=f"Use an amount in one of {', '.join(self.market.currencies)}.",
            )
        self._advance(account_id, session)
        with self.store.write() as connection:
            if paper_book.is_booked(connection, account_id, reference):
                return
            if paper_book.revision(connection, account_id).is_beyond(session):
                raise OrderRefusedError(
                    f"the paper account has already moved beyond {session}",
                    where=account_id,
                    remedy="Use a later session, or start with a fresh data folder.",
                )
            moved_at = paper_book.moment_of(
                session, ORDERS_HOUR, paper_book.events_on(connection, account_id, session)
            )
            paper_book.write(
                connection, account_id, transfer(reference, moved_at, currency, amount)
            )

    @property
    def _filling(self) -> PaperFilling:
        return PaperFilling(self.store, self.market, ORDERS_HOUR)

    def _method(self, account_id: str) -> LotMethod:
        return self.lot_methods.get(account_id, "average")

    def _held(self, movements: Sequence[paper_book.Row]) -> dict[str, Decimal]:
        return {
            symbol: quantity
            for symbol, quantity in paper_book.totals(movements).items()
            if self.market.is_security(symbol) and quantity != ZERO
        }

    def _value(self, account_id: str, commodity: str, amount: Decimal, session: date) -> Decimal:
        base, rates = self.base_currencies[account_id], self.market.rates(session)
        if not self.market.is_security(commodity):
            return rates.convert(amount, commodity, base)
        value = multiply(amount, self.market.close(commodity, session))
        return rates.convert(value, self.market.currency(commodity), base)

    def _events(self, account_id: str, since: datetime | None, session: date) -> list[BrokerEvent]:
        events = paper_book.events_of(account_id, self._movements(account_id, session))
        return [event for event in events if since is None or moment_of(event) >= since]

    def _movements(self, account_id: str, session: date) -> list[paper_book.Row]:
        self._advance(account_id, session)
        with self.store.read() as connection:
            return paper_book.read(connection, account_id, session)

    def _advance(self, account_id: str, session: date) -> None:
        """Book what happened up to a session: the opening history, dividends and splits on their ex dates."""
        if account_id not in self.base_currencies:
            raise BrokerUnavailableError(
                f"the paper broker has no account {account_id!r}",
                where=account_id,
                remedy="Add it to the accounts of the portfolio file.",
            )
        with self.store.read() as connection:
            due = paper_orders.open_rests(connection, account_id, until=session)
        # What an order has left open is filled between the days before and after its session.
        for rest in due:
            self._move_to(account_id, rest.session)
            while not self._filling.try_to_fill_rest(account_id, rest):
                pass
        self._move_to(account_id, session)

    def _move_to(self, account_id: str, session: date) -> None:
        while not self._try_to_advance(account_id, session):
            pass

    def _try_to_advance(self, account_id: str, session: date) -> bool:
        """Book the days up to a session; False if the book has changed meanwhile, so that nothing was booked."""
        with self.store.read() as connection:
            revision = paper_book.revision(connection, account_id)
            if revision.has_seen(session):
                return True
            movements = paper_book.read(connection, account_id, session)
        script = [event for event in self.opening if event.account_id == account_id]
        first = script[0].session if script else session
        if revision.seen_until is not None:
            first = revision.seen_until + timedelta(days=1)
        events = events_between(self.market, script, paper_book.totals(movements), first, session)
        with self.store.write() as connection:
            if paper_book.revision(connection, account_id) != revision:
                return False
            for event in events:
                paper_book.write(connection, account_id, event)
            paper_book.mark_seen(connection, account_id, session)
            return True
