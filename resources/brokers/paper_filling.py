"""Filling paper orders: decided on a read of the book, booked only if it has not changed since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ballast.money import ZERO
from ballast.trading.orders import OrderIntent
from resources.brokers import paper_book, paper_orders
from resources.brokers.paper_market import PaperMarket
from resources.brokers.paper_orders import FillTerms, OpenRest
from resources.brokers.paper_rules import Movement, Refusal, execute
from resources.brokers.protocol import OrderStatus, OrderWord
from resources.store import Store

_SIDES = ("buy", "sell", "exchange")
_ONE = Decimal(1)


@dataclass(frozen=True)
class PaperFilling:
    """Fills orders in the paper broker's book; `hour` (UTC) is when orders of a session are booked."""

    store: Store
    market: PaperMarket
    hour: int

    def try_to_fill(self, intent: OrderIntent, terms: FillTerms) -> OrderStatus | None:
        """Fill or refuse an order; None if the book has changed meanwhile, so that nothing was booked."""
        revision, held, filled_at = self._book_of(intent.account_id, intent.session)
        outcome = self._whole(intent, revision, held, filled_at, terms)
        first, rest = intent.quantity, ZERO
        if not isinstance(outcome, Refusal) and terms.first_share < _ONE:
            is_exchange = intent.side == "exchange"
            first = terms.at_once(
                intent, _ONE if is_exchange else self.market.lot_size(intent.symbol)
            )
            rest = intent.quantity - first
            if first:
                outcome = self._execute(
                    intent.model_copy(update={"quantity": first}), held, filled_at
                )
        with self.store.write() as connection:
            known = paper_orders.status(connection, intent.account_id, intent.client_order_id)
            if known is not None:
                return known
            if paper_book.revision(connection, intent.account_id) != revision:
                return None
            if isinstance(outcome, Refusal):
                paper_orders.write(connection, intent, "rejected", outcome.reason)
            else:
                if first:
                    paper_book.write(connection, intent.account_id, outcome)
                state, detail = _word(first, rest, terms)
                left = rest if terms.later else ZERO
                paper_orders.write(connection, intent, state, detail, left, terms.later)
            return paper_orders.status(connection, intent.account_id, intent.client_order_id)

    def try_to_fill_rest(self, account_id: str, rest: OpenRest) -> bool:
        """Fill what an order has left open; False if the book has changed meanwhile, so that nothing was booked."""
        revision, held, filled_at = self._book_of(account_id, rest.session)
        outcome = execute(
            self.market,
            held,
            event_id=f"{rest.client_order_id}:{rest.number}",
            side=rest.side,
            symbol=rest.symbol,
            quantity=rest.quantity,
            session=rest.session,
            filled_at=filled_at,
        )
        with self.store.write() as connection:
            if not paper_orders.is_open(connection, rest.client_order_id):
                return True
            if paper_book.revision(connection, account_id) != revision:
                return False
            if isinstance(outcome, Refusal):
                paper_orders.close_rest(
                    connection, rest.client_order_id, "cancelled", outcome.reason
                )
            else:
                paper_book.write(connection, account_id, outcome)
                paper_orders.close_rest(connection, rest.client_order_id, "filled", None)
            return True

    def _whole(
        self,
        intent: OrderIntent,
        revision: paper_book.Revision,
        held: Mapping[str, Decimal],
        filled_at: datetime,
        terms: FillTerms,
    ) -> list[Movement] | Refusal:
        """Return what filling an order whole would book, or why it is refused."""
        # The other sides of the opening history pay cash in or out; no order does.
        if intent.side not in _SIDES:
            return Refusal(f"unknown side {intent.side!r}")
        if revision.is_beyond(intent.session):
            return Refusal(f"the paper account has already moved beyond {intent.session}")
        if terms.refusal is not None:
            return Refusal(terms.refusal)
        return self._execute(intent, held, filled_at)

    def _execute(
        self, intent: OrderIntent, held: Mapping[str, Decimal], filled_at: datetime
    ) -> list[Movement] | Refusal:
        return execute(
            self.market,
            held,
            event_id=f"{intent.client_order_id}:1",
            side=intent.side,
            symbol=intent.symbol,
            quantity=intent.quantity,
            session=intent.session,
            filled_at=filled_at,
        )

    def _book_of(
        self, account_id: str, session: date
    ) -> tuple[paper_book.Revision, Mapping[str, Decimal], datetime]:
        """Return how far the account's book has come, what it holds, and the moment of its next order."""
        with self.store.read() as connection:
            revision = paper_book.revision(connection, account_id)
            held = paper_book.totals(paper_book.read(connection, account_id, session))
            number = paper_book.events_on(connection, account_id, session)
        return revision, held, paper_book.moment_of(session, self.hour, number)


def _word(first: Decimal, rest: Decimal, terms: FillTerms) -> tuple[OrderWord, str | None]:
    """Return what an order is called of which some is filled and some is not."""
    if not rest:
        return "filled", None
    if terms.later is None:
        return "cancelled", f"the rest of {rest} was cancelled"
    return ("partially_filled" if first else "accepted"), None
