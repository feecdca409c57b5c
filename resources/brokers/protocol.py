"""The two protocols that every broker adapter implements: asking, and acting.

All amounts are Decimals and all moments aware UTC. An adapter that cannot get a complete answer raises
`BrokerUnavailableError`; it never returns a partial or empty one in its place, and it never retries an order by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol

from ballast.books.broker_events import BrokerEvent, ExchangeFill, Fill
from ballast.trading.currency_pairs import CurrencyPair
from ballast.trading.orders import OrderIntent

OrderWord = Literal[
    "submitted", "accepted", "partially_filled", "filled", "cancelled", "rejected", "expired"
]


@dataclass(frozen=True)
class BrokerPosition:
    """A holding, signed."""

    symbol: str
    quantity: Decimal
    average_price: Decimal | None
    currency: str
    cost_basis: Decimal | None = None


@dataclass(frozen=True)
class BrokerLot:
    """A tax lot of a holding, signed like it."""

    symbol: str
    acquired_on: date | None
    quantity: Decimal
    currency: str
    cost_basis: Decimal | None


@dataclass(frozen=True)
class OpenOrder:
    """An order that may still be filled; `symbol` is FROM/TO for an exchange, `quantity` what is left of it."""

    client_order_id: str
    symbol: str
    quantity: Decimal
    side: str | None = None


@dataclass(frozen=True)
class OrderStatus:
    """The broker's word about one order, with the fills that it knows of; they may be fewer than there were."""

    client_order_id: str
    state: OrderWord
    detail: str | None = None
    fills: tuple[Fill | ExchangeFill, ...] = ()


class BrokerQuery(Protocol):
    """Read-only questions about one account. `session` asks for the state at its end, where the broker can tell."""

    @property
    def name(self) -> str:
        """Name of the broker, recorded as the source of its postings."""
        ...

    def positions(self, account_id: str, session: date) -> list[BrokerPosition]:
        """Return all holdings."""
        ...

    def balances(self, account_id: str, session: date) -> dict[str, Decimal]:
        """Return cash per currency."""
        ...

    def lots(self, account_id: str, session: date) -> list[BrokerLot] | None:
        """Return the tax lots of all holdings, oldest first; None where the broker reports none."""
        ...

    def equity(self, account_id: str, session: date) -> Decimal | None:
        """Return the account's value in its base currency by the broker's own prices; None if it reports none."""
        ...

    def currency_pairs(self, account_id: str) -> tuple[CurrencyPair, ...] | None:
        """Return the pairs of currencies that it exchanges; None for any with any."""
        ...

    def arriving_cash(self, account_id: str, session: date) -> dict[str, Decimal]:
        """Return the cash of executed trades that is not in the balances yet, per currency."""
        ...

    def open_orders(self, account_id: str) -> list[OpenOrder]:
        """Return orders that may still be filled."""
        ...

    def fills_since(
        self, account_id: str, since: datetime | None, session: date
    ) -> list[Fill | ExchangeFill]:
        """Return executions at or after a moment (all, if None) up to the end of the session."""
        ...

    def cash_movements_since(
        self, account_id: str, since: datetime | None, session: date
    ) -> list[BrokerEvent]:
        """Return deposits, dividends and the like, and splits, at or after a moment up to the end of the session."""
        ...

    def activity(self, account_id: str, session: date) -> list[BrokerEvent]:
        """Return everything that happened in the account up to the end of the session, asked as a whole.

        It is asked apart from `fills_since` and `cash_movements_since`, which bring the events in as they come, so that
        what those have lost, or told otherwise, comes to light.
        """
        ...


class BrokerExecution(Protocol):
    """Acting on one account."""

    def submit(self, intent: OrderIntent) -> OrderStatus:
        """Send a market order; a repeated client order id answers with the status of the first and sends nothing.

        Raises
        ------
        BrokerUnavailableError
            If it is unknown whether the order arrived.
        """
        ...

    def cancel(self, account_id: str, client_order_id: str) -> OrderStatus:
        """Cancel an order if it is still open; the answer says what became of it."""
        ...

    def status(self, account_id: str, client_order_id: str) -> OrderStatus | None:
        """Return what became of an order; None if the broker never saw it."""
        ...


class Broker(BrokerQuery, BrokerExecution, Protocol):
    """A broker that can be asked and told."""
