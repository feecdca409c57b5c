"""A broker with faults from a script, around one that has none.

What it says of positions, cash, lots and equity is the truth: the book of the broker inside, and what the script makes
happen by itself. What comes in by `fills_since` and `cash_movements_since` is the truth with the faults of the script,
and `activity` tells the truth but for what is told nowhere. With an empty script every answer is that of the broker
inside.

Orders go to the broker inside, which knows nothing of what the script makes happen: it neither pays with a deposit of
the script nor refuses to sell what the script has sold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

import polars as pl

from ballast.books.broker_events import BrokerEvent, ExchangeFill, Fill, moment_of
from ballast.books.statements.effects import cash_changes, quantity_changes
from ballast.errors import (
    BrokerUnavailableError,
    ConfigurationError,
    MissingPriceError,
    MissingRateError,
)
from ballast.money import ZERO, multiply
from ballast.settings import LotMethod
from ballast.trading.currency_pairs import CurrencyPair
from ballast.trading.orders import OrderIntent
from resources.brokers import matched_lots
from resources.brokers.fault_claims import FaultClaims
from resources.brokers.faults import EVENT_FAULTS, Fault, FaultKind, Question
from resources.brokers.faults_orders import OrderFaults, TermedBroker
from resources.brokers.faults_reports import Happening, happenings, is_sale_of
from resources.brokers.paper_rules import Market
from resources.brokers.protocol import BrokerLot, BrokerPosition, OpenOrder, OrderStatus

# A purchase in two parts makes two lots.
_REWRITING = (*EVENT_FAULTS, "lost_remainder")


@dataclass(frozen=True)
class FaultyBroker:
    """Asks and tells the broker inside, and does to the answers what the script says.

    Parameters
    ----------
    broker : Broker
        The broker inside.
    script : sequence of Fault
        Of any accounts, with distinct ids.
    market : Market
        What the securities of the script are quoted in and worth.
    base_currencies : mapping of str to str
        Base currency per account.
    lot_methods : mapping of str to LotMethod
        How sales use up lots, per account; at average cost where none is named.
    claims : FaultClaims, optional
        Remembers which order each fault has taken; without it no fault strikes an order.
    """

    broker: TermedBroker
    script: Sequence[Fault]
    market: Market
    base_currencies: Mapping[str, str]
    lot_methods: Mapping[str, LotMethod] = field(default_factory=dict)
    claims: FaultClaims | None = None

    def __post_init__(self) -> None:
        """Refuse a script that names what the market does not know, or one id twice."""
        known: set[str] = set()
        for fault in self.script:
            if fault.fault_id in known:
                raise _unusable(fault, "its id is used twice")
            known.add(fault.fault_id)
            names = [fault.symbol, None if fault.kind == "exchange" else fault.other]
            for symbol in filter(None, names):
                if "/" not in symbol and not self.market.is_security(symbol):
                    raise _unusable(fault, f"the security {symbol!r} is not known")
            pair = [fault.currency, fault.other if fault.kind == "exchange" else None]
            for currency in filter(None, pair):
                if not self.market.is_currency(currency):
                    raise _unusable(fault, f"the currency {currency!r} has no exchange rates")

    @property
    def name(self) -> str:
        """Name of the broker inside."""
        return self.broker.name

    def positions(self, account_id: str, session: date) -> list[BrokerPosition]:
        """Return all holdings, those changed by the script included, at the end of a session."""
        self._require(account_id, session, "positions")
        told = self.broker.positions(account_id, session)
        changes = quantity_changes(self._by_script(account_id, session))
        quantities = {position.symbol: position.quantity for position in told}
        for symbol, change in sorted(changes.items()):
            quantities[symbol] = quantities.get(symbol, ZERO) + change
        if changes:
            kept = {
                position.symbol: position for position in told if position.symbol not in changes
            }
            average = matched_lots.average_prices(self._lots(account_id, session))
            told = [
                kept.get(symbol)
                or BrokerPosition(symbol, held, average.get(symbol), self.market.currency(symbol))
                for symbol, held in quantities.items()
                if held != ZERO
            ]
        return [self._misstated(account_id, session, position) for position in told]

    def balances(self, account_id: str, session: date) -> dict[str, Decimal]:
        """Return cash per currency; what is not settled yet, only where the script says so, is not in it."""
        self._require(account_id, session, "balances")
        balances = dict(self.broker.balances(account_id, session))
        for currency, change in cash_changes(self._by_script(account_id, session)).items():
            balances[currency] = balances.get(currency, ZERO) + change
        for currency, coming in cash_changes(self._unsettled(account_id, session)).items():
            balances[currency] = balances.get(currency, ZERO) - coming
        return balances

    def lots(self, account_id: str, session: date) -> list[BrokerLot] | None:
        """Return the lots; those of securities that the script moved are matched anew."""
        self._require(account_id, session, "lots")
        told = self.broker.lots(account_id, session)
        if told is None:
            return None
        moved = self._moved(account_id, session)
        if moved:
            matched = matched_lots.broker_lots(self._lots(account_id, session))
            anew = [lot for lot in matched if lot.symbol in moved]
            kept = [lot for lot in told if lot.symbol not in moved]
            told = sorted([*kept, *anew], key=lambda lot: lot.symbol)
        factors = self._factors("wrong_lots", account_id, session)
        return [
            replace(lot, cost_basis=_scaled(lot.cost_basis, factors.get(lot.symbol)))
            for lot in told
        ]

    def equity(self, account_id: str, session: date) -> Decimal | None:
        """Return the account's value, unsettled cash included; None if the broker or a price does not tell it."""
        self._require(account_id, session, "equity")
        equity = self.broker.equity(account_id, session)
        if equity is None:
            return None
        events = self._by_script(account_id, session)
        try:
            for symbol, quantity in quantity_changes(events).items():
                value = multiply(quantity, self.market.close(symbol, session)) if quantity else ZERO
                equity += self._in_base(account_id, self.market.currency(symbol), value, session)
            for currency, amount in cash_changes(events).items():
                equity += self._in_base(account_id, currency, amount, session)
        except (MissingPriceError, MissingRateError):
            return None
        return equity

    def currency_pairs(self, account_id: str) -> tuple[CurrencyPair, ...] | None:
        """Return the pairs of the broker inside."""
        return self.broker.currency_pairs(account_id)

    def arriving_cash(self, account_id: str, session: date) -> dict[str, Decimal]:
        """Return what the script keeps out of the balances until it is settled."""
        return cash_changes(self._unsettled(account_id, session))

    def open_orders(self, account_id: str) -> list[OpenOrder]:
        """Return the open orders of the broker inside."""
        return self.broker.open_orders(account_id)

    def fills_since(
        self, account_id: str, since: datetime | None, session: date
    ) -> list[Fill | ExchangeFill]:
        """Return executions as they come in."""
        self._require(account_id, session, "fills")
        coming = self._coming(account_id, since, session)
        return [event for event in coming if isinstance(event, Fill | ExchangeFill)]

    def cash_movements_since(
        self, account_id: str, since: datetime | None, session: date
    ) -> list[BrokerEvent]:
        """Return what happened without a trade as it comes in."""
        self._require(account_id, session, "movements")
        coming = self._coming(account_id, since, session)
        return [event for event in coming if not isinstance(event, Fill | ExchangeFill)]

    def activity(self, account_id: str, session: date) -> list[BrokerEvent]:
        """Return everything that happened, but for what is told nowhere."""
        self._require(account_id, session, "activity")
        happened = self.happenings(account_id, session)
        return [each.event for each in happened if each.told != "nowhere"]

    def submit(self, intent: OrderIntent) -> OrderStatus:
        """Send an order to the broker inside."""
        self._require(intent.account_id, intent.session, "orders")
        if self._orders is None:
            return self.broker.submit(intent)
        return self._orders.submit(intent, self.broker)

    def cancel(self, account_id: str, client_order_id: str) -> OrderStatus:
        """Cancel an order at the broker inside."""
        if self._orders is not None:
            self._orders.refuse_connection(account_id, None)
        return self.broker.cancel(account_id, client_order_id)

    def status(self, account_id: str, client_order_id: str) -> OrderStatus | None:
        """Return what became of an order at the broker inside."""
        status = self.broker.status(account_id, client_order_id)
        if self._orders is None:
            return status
        return self._orders.answered(account_id, client_order_id, status)

    def happenings(self, account_id: str, session: date) -> list[Happening]:
        """Return the broker's own book up to the end of a session, and what comes in of each event."""
        events = self.broker.activity(account_id, session)
        return happenings(events, self._of(account_id), session, self.market.currency)

    @property
    def _orders(self) -> OrderFaults | None:
        return None if self.claims is None else OrderFaults(self.script, self.claims)

    def _of(self, account_id: str, *kinds: FaultKind) -> list[Fault]:
        return [
            fault
            for fault in self.script
            if fault.account_id == account_id and (not kinds or fault.kind in kinds)
        ]

    def _require(self, account_id: str, session: date, question: Question) -> None:
        for fault in self._of(account_id, "unreachable"):
            if fault.is_on(session) and question in (fault.questions or (question,)):
                raise BrokerUnavailableError(
                    f"the broker does not answer ({fault.fault_id})",
                    where=f"account {account_id}, {question}",
                    remedy="Ask again later.",
                )

    def _by_script(self, account_id: str, session: date) -> list[BrokerEvent]:
        """Return what happened only because the script says so."""
        if not any(fault.session <= session for fault in self._of(account_id, *EVENT_FAULTS)):
            return []
        return [
            each.event
            for each in self.happenings(account_id, session)
            if each.fault is not None and each.fault.kind in EVENT_FAULTS
        ]

    def _moved(self, account_id: str, session: date) -> set[str]:
        """Return the securities of which the broker's own book differs from that of the broker inside."""
        return {
            symbol
            for each in self.happenings(account_id, session)
            if each.fault is not None and each.fault.kind in _REWRITING
            for symbol in quantity_changes([each.event])
        }

    def _coming(self, account_id: str, since: datetime | None, session: date) -> list[BrokerEvent]:
        return [
            event
            for each in self.happenings(account_id, session)
            if each.comes_on <= session
            for event in each.comes
            if since is None or moment_of(event) >= since
        ]

    def _unsettled(self, account_id: str, session: date) -> list[BrokerEvent]:
        pending = [f for f in self._of(account_id, "pending_settlement") if f.is_on(session)]
        if not pending:
            return []
        events = self.broker.activity(account_id, session)
        return [event for event in events if any(is_sale_of(event, fault) for fault in pending)]

    def _lots(self, account_id: str, session: date) -> pl.DataFrame:
        """Match the lots of the broker's own book, script included."""
        events = [each.event for each in self.happenings(account_id, session)]
        method = self.lot_methods.get(account_id, "average")
        return matched_lots.open_lots(
            account_id, events, method, quantity_changes(events), self.name
        )

    def _misstated(self, account_id: str, session: date, told: BrokerPosition) -> BrokerPosition:
        factor = self._factors("wrong_average", account_id, session).get(told.symbol)
        if factor is None:
            return told
        return replace(
            told,
            average_price=_scaled(told.average_price, factor),
            cost_basis=_scaled(told.cost_basis, factor),
        )

    def _factors(self, kind: FaultKind, account_id: str, session: date) -> dict[str, Decimal]:
        return {
            fault.symbol: fault.factor
            for fault in self._of(account_id, kind)
            if fault.symbol is not None and fault.factor is not None and fault.is_on(session)
        }

    def _in_base(self, account_id: str, currency: str, amount: Decimal, session: date) -> Decimal:
        base = self.base_currencies[account_id]
        return self.market.rates(session).convert(amount, currency, base)


def _unusable(fault: Fault, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the script of faults cannot be played: {why}",
        where=f"fault {fault.fault_id}",
        remedy="Correct the line; nothing was played.",
    )


def _scaled(amount: Decimal | None, factor: Decimal | None) -> Decimal | None:
    return amount if amount is None or factor is None else multiply(amount, factor)
