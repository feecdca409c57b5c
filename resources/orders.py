"""Orders in the store: written before they are sent, sent once, and asked about whenever the answer is missing.

This is the record and the carrier. Whether an order may be sent is the gate's question: `assets.order_desk` asks it,
and nothing else calls `place`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.books.broker_events import ExchangeFill, Fill
from ballast.errors import BrokerUnavailableError, OrderRefusedError
from ballast.trading.orders import (
    FINAL_STATES,
    ON_ITS_WAY,
    EventKind,
    OrderEvent,
    OrderIntent,
    OrderProgress,
    after,
)
from resources import order_record
from resources.brokers.protocol import BrokerExecution, OrderStatus
from resources.order_tables import OrderTables
from resources.store.trading_schema import executions, order_events, orders

# What the broker's words say beside the fills; that it was received changes nothing.
_KINDS: Mapping[str, EventKind] = {
    "accepted": "accepted",
    "partially_filled": "accepted",
    "filled": "filled",
    "cancelled": "cancelled",
    "rejected": "rejected",
    "expired": "expired",
}


class OrderBookMovedError(OrderRefusedError):
    """Another order of the account was written since the facts were gathered; nothing was written."""


@dataclass(frozen=True)
class OrderBook(OrderTables):
    """Orders, their events and their fills."""

    def place(
        self, intent: OrderIntent, broker: BrokerExecution, *, expecting: int | None = None
    ) -> OrderStatus:
        """Carry an order to the broker exactly once.

        An order that may have been sent before is not sent again until the broker says that it never saw it; one whose
        fate is final is neither sent nor asked about. A timeout leaves it `unknown`, to be resolved by the next call.

        Parameters
        ----------
        expecting : int, optional
            `revision` of the account on which a new order was decided.

        Raises
        ------
        BrokerUnavailableError
            If its fate is unknown.
        OrderBookMovedError
            If the account's orders have changed since.
        OrderRefusedError
            If another order was written under this id, or the broker contradicts what it said before.
        """
        known = self.write(intent, expecting=expecting)
        if known.is_final:
            return self._told(intent)
        if known.state != "intent":
            status = self.ask(intent, broker)
            if status is not None:
                return status
        return self._send(intent, broker)

    def ask(self, intent: OrderIntent, broker: BrokerExecution) -> OrderStatus | None:
        """Ask the broker what became of an order and record it; None if it never saw it.

        Raises
        ------
        BrokerUnavailableError
            If it does not answer.
        """
        try:
            status = broker.status(intent.account_id, intent.client_order_id)
        except BrokerUnavailableError as error:
            self._time_out(intent.client_order_id, error.what)
            raise
        if status is not None:
            self._record(intent.client_order_id, status)
        return status

    def cancel(self, intent: OrderIntent, broker: BrokerExecution, reason: str) -> OrderStatus:
        """Ask the broker to cancel an order; what it answers counts, for a fill may cross the cancellation.

        An order that was never sent is cancelled without asking.
        """
        with self.store.write() as connection:
            known = order_record.progress(connection, intent.client_order_id)
            order_record.append(
                connection, intent.client_order_id, OrderEvent("cancel_requested", detail=reason)
            )
            if known.state == "intent":
                order_record.append(
                    connection, intent.client_order_id, OrderEvent("cancelled", detail=reason)
                )
        if known.state == "intent" or known.is_final:
            return self._told(intent)
        asked = self.ask(intent, broker)
        if asked is None:
            # The request may still be on its way; whoever asks later finds that it is not wanted.
            return OrderStatus(
                intent.client_order_id, "submitted", "the broker does not know it yet"
            )
        try:
            status = broker.cancel(intent.account_id, intent.client_order_id)
        except BrokerUnavailableError as error:
            self._time_out(intent.client_order_id, error.what)
            raise
        self._record(intent.client_order_id, status)
        return status

    def give_up(self, client_order_id: str, reason: str) -> bool:
        """Cancel an order that was surely never sent; returns whether it was such a one."""
        with self.store.write() as connection:
            if order_record.progress(connection, client_order_id).state != "intent":
                return False
            order_record.append(connection, client_order_id, OrderEvent("cancelled", detail=reason))
            return True

    def expire(self, client_order_id: str, reason: str) -> None:
        """Give up an order that the broker never saw and that nobody wants any more."""
        with self.store.write() as connection:
            if not order_record.progress(connection, client_order_id).is_final:
                order_record.append(
                    connection, client_order_id, OrderEvent("expired", detail=reason)
                )

    def apply_fills(self, fills: Iterable[Fill | ExchangeFill]) -> int:
        """Record fills of our orders, however they became known; returns how many were new.

        Fills of orders that are not ours are left to the ledger alone.
        """
        named = [(fill.client_order_id, fill) for fill in fills if fill.client_order_id]
        if not named:
            return 0
        with self.store.read() as connection:
            ours = set(connection.scalars(sa.select(orders.c.client_order_id)))
            known = {
                (row.account_id, row.fill_id) for row in connection.execute(sa.select(executions))
            }
        news = [
            (name, fill)
            for name, fill in named
            if name in ours and (fill.account_id, fill.fill_id) not in known
        ]
        if not news:
            return 0
        with self.store.write() as connection:
            return sum(order_record.apply_fill(connection, name, fill) for name, fill in news)

    def write(self, intent: OrderIntent, *, expecting: int | None = None) -> OrderProgress:
        """Write a new order, or return the progress of one that was written before under its id."""
        with self.store.write() as connection:
            row = connection.execute(
                sa.select(orders).where(orders.c.client_order_id == intent.client_order_id)
            ).first()
            if row is None:
                if (
                    expecting is not None
                    and order_record.revision_of(connection, intent.account_id) != expecting
                ):
                    raise OrderBookMovedError(
                        "another order of the account was written meanwhile",
                        where=intent.client_order_id,
                        remedy="Judge the order again on what is known now.",
                    )
                connection.execute(sa.insert(orders).values(**intent.model_dump()))
                order_record.append(connection, intent.client_order_id, OrderEvent("written"))
            elif _core(OrderIntent(**row._mapping)) != _core(intent):
                raise OrderRefusedError(
                    "another order was written under this id",
                    where=intent.client_order_id,
                    remedy="Finish that order first; a different order needs an id of its own.",
                )
            return order_record.progress(connection, intent.client_order_id)

    def revision(self, account_id: str) -> int:
        """Return a number that grows with everything that happens to the orders of an account."""
        with self.store.read() as connection:
            return order_record.revision_of(connection, account_id)

    def progress(self, client_order_id: str) -> OrderProgress | None:
        """Return where an order stands; None if it was never written."""
        with self.store.read() as connection:
            if _intent(connection, client_order_id) is None:
                return None
            return order_record.progress(connection, client_order_id)

    def _send(self, intent: OrderIntent, broker: BrokerExecution) -> OrderStatus:
        with self.store.write() as connection:
            known = order_record.progress(connection, intent.client_order_id)
            if known.state in ON_ITS_WAY:
                order_record.append(connection, intent.client_order_id, OrderEvent("sent"))
        if known.is_final:
            return self._told(intent)
        if known.state not in ON_ITS_WAY:
            # Another process has carried it meanwhile.
            return self.ask(intent, broker) or OrderStatus(intent.client_order_id, "accepted")
        try:
            status = broker.submit(intent)
        except BrokerUnavailableError as error:
            self._time_out(intent.client_order_id, error.what)
            raise
        self._record(intent.client_order_id, status)
        return status

    def _time_out(self, client_order_id: str, detail: str) -> None:
        with self.store.write() as connection:
            progress = order_record.progress(connection, client_order_id)
            if progress.state != "unknown" and not progress.is_final:
                order_record.append(
                    connection, client_order_id, OrderEvent("timed_out", detail=detail)
                )

    def _record(self, client_order_id: str, status: OrderStatus) -> None:
        if status.client_order_id != client_order_id:
            raise OrderRefusedError(
                f"the broker answers about another order, {status.client_order_id}",
                where=client_order_id,
                remedy="Compare the order with the broker's own record.",
            )
        # Fills are facts; they stay, whatever becomes of the word beside them.
        if status.fills:
            with self.store.write() as connection:
                for fill in status.fills:
                    order_record.apply_fill(connection, client_order_id, fill)
        with self.store.write() as connection:
            kind = _KINDS.get(status.state)
            if kind is None:
                return
            word = OrderEvent(kind, detail=status.detail)
            progress = order_record.progress(connection, client_order_id)
            if after(progress, word) != progress:
                order_record.append(connection, client_order_id, word)

    def _told(self, intent: OrderIntent) -> OrderStatus:
        with self.store.read() as connection:
            row = connection.execute(
                sa.select(order_events.c.state, order_events.c.detail)
                .where(
                    order_events.c.client_order_id == intent.client_order_id,
                    order_events.c.state.in_(FINAL_STATES),
                )
                .order_by(order_events.c.sequence.desc())
                .limit(1)
            ).one()
        return OrderStatus(intent.client_order_id, row.state, row.detail)


def _core(intent: OrderIntent) -> dict[str, Any]:
    """Return what makes an order this order; when and on what it was decided may differ in a retry."""
    return intent.model_dump(exclude={"price", "reason", "decided_at"})


def _intent(connection: Connection, client_order_id: str) -> OrderIntent | None:
    row = connection.execute(
        sa.select(orders).where(orders.c.client_order_id == client_order_id)
    ).first()
    return None if row is None else OrderIntent(**row._mapping)
