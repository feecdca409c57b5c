"""An account that only its statements speak of: it can be asked for the days they end on, and takes no orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ballast.books.broker_events import BrokerEvent, ExchangeFill, Fill, moment_of
from ballast.books.statement_import import SOURCE
from ballast.books.statements import Statement
from ballast.books.statements.cells import local_day
from ballast.calendars import end_of_session
from ballast.errors import BrokerUnavailableError
from ballast.money import ZERO, divide
from ballast.trading.currency_pairs import CurrencyPair
from ballast.trading.orders import OrderIntent
from resources.brokers.protocol import BrokerLot, BrokerPosition, OpenOrder, OrderStatus
from resources.statements import StatementBook

_NO_ORDERS = "the account is known by its statements only: place the order at the broker"


@dataclass(frozen=True)
class StatementBroker:
    """Answers from the statement that ends with a session.

    Parameters
    ----------
    book : StatementBook
        The imported statements.
    last_day_of : callable
        The last day that belongs to a session: the one before the next session.
    """

    book: StatementBook
    last_day_of: Callable[[date], date]
    name: str = SOURCE

    def positions(self, account_id: str, session: date) -> list[BrokerPosition]:
        """Return all holdings at the end of a session."""
        statement = self._statement(account_id, session)
        if statement.positions is None:
            raise _unavailable(account_id, "the statement does not list positions")
        return [
            BrokerPosition(
                position.symbol,
                position.quantity,
                None
                if position.cost_basis is None
                else divide(position.cost_basis, position.quantity),
                position.currency,
                position.cost_basis,
            )
            for position in statement.positions
            if position.quantity != ZERO
        ]

    def balances(self, account_id: str, session: date) -> dict[str, Decimal]:
        """Return cash per currency at the end of a session."""
        statement = self._statement(account_id, session)
        if statement.cash is None:
            raise _unavailable(account_id, "the statement has no cash report")
        return {balance.currency: balance.ending for balance in statement.cash}

    def lots(self, account_id: str, session: date) -> list[BrokerLot] | None:
        """Return the lots of the statement; None where it does not list them."""
        lots = self._statement(account_id, session).open_lots
        if lots is None:
            return None
        return [
            BrokerLot(
                lot.symbol, local_day(lot.opened_at), lot.quantity, lot.currency, lot.cost_basis
            )
            for lot in sorted(lots, key=lambda lot: (lot.symbol, lot.opened_at))
        ]

    def equity(self, account_id: str, session: date) -> Decimal | None:
        """Return the net asset value of the statement."""
        value = self._statement(account_id, session).net_asset_value
        return None if value is None else value.total

    def currency_pairs(self, account_id: str) -> tuple[CurrencyPair, ...] | None:
        """Return none: it takes no orders."""
        return ()

    def arriving_cash(self, account_id: str, session: date) -> dict[str, Decimal]:
        """Return none: a statement's balances are those of its executions."""
        return {}

    def open_orders(self, account_id: str) -> list[OpenOrder]:
        """Return none: a statement tells of no orders."""
        return []

    def fills_since(
        self,
        account_id: str,
        since: datetime | None,
        session: date,
    ) -> list[Fill | ExchangeFill]:
        """Return none: statements enter the ledger when they are imported."""
        return []

    def cash_movements_since(
        self,
        account_id: str,
        since: datetime | None,
        session: date,
    ) -> list[BrokerEvent]:
        """Return none: statements enter the ledger when they are imported."""
        return []

    def activity(self, account_id: str, session: date) -> list[BrokerEvent]:
        """Return what all statements up to a session tell, and what the account held before the first."""
        self._statement(account_id, session)
        events = self.book.activity(account_id, self.last_day_of(session))
        return [event for event in events if moment_of(event) < end_of_session(session)]

    def submit(self, intent: OrderIntent) -> OrderStatus:
        """Refuse the order."""
        return OrderStatus(intent.client_order_id, "rejected", _NO_ORDERS)

    def cancel(self, account_id: str, client_order_id: str) -> OrderStatus:
        """Say that no order was ever taken."""
        return OrderStatus(client_order_id, "rejected", _NO_ORDERS)

    def status(self, account_id: str, client_order_id: str) -> OrderStatus | None:
        """Return None: no order was ever taken."""
        return None

    def _statement(self, account_id: str, session: date) -> Statement:
        statement = self.book.newest(account_id, self.last_day_of(session))
        if statement is None:
            raise _unavailable(account_id, "no statement that ends by this session was imported")
        if statement.last_day < session:
            raise _unavailable(account_id, f"its newest statement ends on {statement.last_day}")
        return statement


def _unavailable(account_id: str, what: str) -> BrokerUnavailableError:
    return BrokerUnavailableError(
        what, where=f"account {account_id}", remedy="Drop the statement into the inbox."
    )
