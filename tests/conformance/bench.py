"""What the conformance suite needs to know about a broker, beside the protocol itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import count

from ballast.books.broker_events import CashMovement, ExchangeFill, Fill, SplitEvent
from ballast.money import to_cents
from ballast.trading.orders import OrderIntent
from resources.brokers.protocol import Broker, OrderStatus


@dataclass(frozen=True)
class Listed:
    """A security that the account may trade; `price` is what an order costs about."""

    symbol: str
    currency: str
    lot_size: Decimal
    price: Decimal


@dataclass(frozen=True)
class Bench:
    """An account at a broker, ready for orders.

    Parameters
    ----------
    broker : Broker
        The adapter under test; the suite uses its protocol only.
    pay_in : callable
        Brings about a deposit (currency, amount, session, reference), by whatever means the venue has.
    sessions : sequence of date
        At least three sessions in order; what is not said otherwise happens in the first. A venue's time may only move
        forward, so nothing is ordered in a session after a later one was asked about.
    securities : sequence of Listed
        The first has a lot of one; at least one has a larger lot.
    pair : tuple of str
        FROM and TO of an exchange that the venue offers.
    value : callable
        The value of the account at a session by the venue's prices, computed apart from the adapter.
    """

    broker: Broker
    account_id: str
    sessions: Sequence[date]
    securities: Sequence[Listed]
    pair: tuple[str, str]
    pay_in: Callable[[str, Decimal, date, str], None]
    value: Callable[[dict[str, Decimal], dict[str, Decimal], date], Decimal]
    _numbers: count[int] = field(default_factory=count)

    @property
    def security(self) -> Listed:
        """A security with a lot of one."""
        return next(listed for listed in self.securities if listed.lot_size == 1)

    @property
    def lots(self) -> Listed:
        """A security with a larger lot."""
        return next(listed for listed in self.securities if listed.lot_size > 1)

    def intent(
        self, side: str, symbol: str, quantity: Decimal | int, session: date | None = None
    ) -> OrderIntent:
        """An order with an id of its own."""
        number = next(self._numbers)
        return OrderIntent(
            client_order_id=f"{self.account_id}.conformance.{number}",
            account_id=self.account_id,
            origin="plan",
            origin_id="conformance",
            session=session or self.sessions[0],
            side=side,
            symbol=symbol,
            quantity=Decimal(quantity),
        )

    def order(
        self, side: str, symbol: str, quantity: Decimal | int, session: date | None = None
    ) -> tuple[OrderIntent, OrderStatus]:
        """Submit an order with an id of its own."""
        intent = self.intent(side, symbol, quantity, session)
        return intent, self.broker.submit(intent)

    def fund(self, currency: str, amount: Decimal | int, session: date | None = None) -> None:
        """Pay cash in."""
        reference = f"conformance-{next(self._numbers)}"
        self.pay_in(currency, Decimal(amount), session or self.sessions[0], reference)

    def state(self, session: date | None = None) -> State:
        """What the broker says the account holds."""
        asked = session or self.sessions[0]
        held = self.broker.positions(self.account_id, asked)
        return State(
            {position.symbol: position.quantity for position in held},
            {c: a for c, a in self.broker.balances(self.account_id, asked).items() if a},
        )

    def fills(self, session: date | None = None) -> list[Fill | ExchangeFill]:
        """All executions up to the end of a session."""
        return self.broker.fills_since(self.account_id, None, session or self.sessions[0])


@dataclass
class State:
    """Holdings and cash; what is zero is left out."""

    positions: dict[str, Decimal] = field(default_factory=dict)
    cash: dict[str, Decimal] = field(default_factory=dict)

    def after(self, *events: Fill | ExchangeFill | CashMovement | SplitEvent) -> State:
        """Book events by hand: price × quantity to the cent, and the fee beside it."""
        changed = State(dict(self.positions), dict(self.cash))
        for event in events:
            match event:
                case Fill():
                    changed._add(changed.positions, event.symbol, event.quantity)
                    value = to_cents(event.quantity * event.price)
                    changed._add(changed.cash, event.currency, -value)
                    changed._add(changed.cash, event.fee_currency, -event.fee)
                case ExchangeFill():
                    changed._add(changed.cash, event.from_currency, -event.from_amount)
                    changed._add(changed.cash, event.to_currency, event.to_amount)
                    changed._add(changed.cash, event.fee_currency, -event.fee)
                case CashMovement():
                    changed._add(changed.cash, event.currency, event.amount)
                case SplitEvent():
                    changed._add(changed.positions, event.symbol, event.quantity)
        return changed

    def _add(self, amounts: dict[str, Decimal], key: str, amount: Decimal) -> None:
        amounts[key] = amounts.get(key, Decimal(0)) + amount
        if amounts[key] == 0:
            del amounts[key]
