"""A broker with halted markets, refusals, partial fills and late settlement, and emergencies carried out on it.

It shares no code with the decision but the size of an order for a pair, and computes in exact fractions. Its prices and
rates are a little off those of the decision.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from ballast.trading.costs import Costs
from ballast.trading.currency_pairs import CurrencyPair, instrument_order
from ballast.trading.emergency import Policy, Round, Situation, next_actions
from ballast.trading.exchange import Exchange
from ballast.trading.sales import Sale, Sellable
from ballast.trading.termination import most_rounds, variant
from tests.ballast.trading.markets import CURRENCIES, fee_of, in_base

CENT = Decimal("0.01")
ZERO = Decimal(0)
# How far the broker's prices, and its rates between two currencies, may be from ours.
PRICE_SLIP = Fraction(5, 1000)
RATE_SLIP = Fraction(6, 1000)
_PER_EURO = {"USD": (80, 160), "GBP": (70, 100), "HKD": (700, 1100), "JPY": (9000, 17000)}


@dataclass
class Broker:
    """One account at a broker; whatever is not possible there fails the test."""

    start: Situation
    costs: Costs
    chance: random.Random
    halted_until: dict[str, int]
    refusing: frozenset[str]
    partial_fills: dict[str, int]
    settlement_days: int
    fill_days: int
    day: int = 0
    cash: dict[str, Decimal] = field(init=False)
    held: dict[str, Decimal] = field(init=False)
    arriving: list[tuple[int, str, Decimal]] = field(default_factory=list)
    open_orders: list[tuple[int, Exchange | Sale]] = field(default_factory=list)
    used_pairs: list[str] = field(default_factory=list)
    lost_to_fees: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        self.cash = dict(self.start.balances)
        self.held = {s.symbol: s.quantity for s in self.start.sellable}
        self._slip = {c: 1 + RATE_SLIP / 2 * self.chance.randint(-10, 10) / 10 for c in CURRENCIES}

    def situation(self, refused: frozenset[str]) -> Situation:
        """Answer what the account holds, what is open and what is on its way."""
        start = self.start
        arriving: dict[str, Decimal] = {}
        for _, currency, amount in self.arriving:
            arriving[currency] = arriving.get(currency, ZERO) + amount
        sellable = tuple(
            Sellable(
                s.symbol,
                self.held[s.symbol],
                s.price,
                s.currency,
                s.lot_size,
                s.lots,
                s.target_value,
            )
            for s in start.sellable
            if self.held[s.symbol] > 0
        )
        return Situation(
            start.account_id,
            start.base_currency,
            dict(self.cash),
            sellable,
            frozenset(_symbol(order) for _, order in self.open_orders),
            bool(self.open_orders),
            start.minimums,
            arriving,
            start.offered_pairs,
            frozenset(name for name, day in self.halted_until.items() if day > self.day),
            refused,
            tuple(self.used_pairs),
        )

    def place(self, order: Exchange | Sale) -> bool:
        """Take an order, or refuse it."""
        symbol = _symbol(order)
        assert all(symbol != _symbol(other) for _, other in self.open_orders), f"{symbol} twice"
        assert self.halted_until.get(symbol, 0) <= self.day, f"{symbol} is halted"
        if symbol in self.refusing:
            return False
        self.open_orders.append((self.day + self.fill_days, order))
        self._settle()
        return True

    def next_day(self) -> None:
        """Let a day go by: orders are filled, cash arrives, markets reopen."""
        self.day += 1
        self._settle()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing will change any more."""
        reopening = any(self.day < day < 99 for day in self.halted_until.values())
        return not (self.open_orders or self.arriving or reopening)

    def shortfall(self) -> Fraction:
        """Return what is missing at fixed rates once everything has settled."""
        total = dict(self.cash)
        for _, currency, amount in self.arriving:
            total[currency] = total.get(currency, ZERO) + amount
        return _missing(total, self.start, self.costs)

    def _settle(self) -> None:
        for order in [order for day, order in self.open_orders if day <= self.day]:
            share = self._share_filled(_symbol(order))
            if isinstance(order, Sale):
                self._sell(order, share)
            else:
                self._exchange(order, share)
        self.open_orders = [(day, order) for day, order in self.open_orders if day > self.day]
        for _, currency, amount in [due for due in self.arriving if due[0] <= self.day]:
            self.cash[currency] = self.cash.get(currency, ZERO) + amount
        self.arriving = [due for due in self.arriving if due[0] > self.day]

    def _share_filled(self, symbol: str) -> Fraction:
        if self.partial_fills.get(symbol, 0) == 0:
            return Fraction(1)
        self.partial_fills[symbol] -= 1
        return Fraction(self.chance.randint(1, 9), 10)

    def _sell(self, sale: Sale, share: Fraction) -> None:
        (source,) = [s for s in self.start.sellable if s.symbol == sale.symbol]
        assert 0 < sale.quantity <= self.held[sale.symbol], f"{sale} is more than is held"
        assert sale.quantity % source.lot_size == 0, f"{sale} is not in whole lots"
        lots = max(1, floor(share * Fraction(sale.quantity / source.lot_size)))
        quantity = lots * source.lot_size
        slip = 1 + PRICE_SLIP * self.chance.randint(-10, 10) / 10
        value = floor(Fraction(quantity) * Fraction(sale.price) * slip * 100) * CENT
        fee = fee_of(value, sale.currency, self.costs)
        self.held[sale.symbol] -= quantity
        self._arrive(sale.currency, value - fee)
        if value < fee:
            lost = in_base({sale.currency: fee - value}, self.costs.rates, self.start.base_currency)
            self.lost_to_fees += lost
        self.used_pairs.clear()

    def _exchange(self, exchange: Exchange, share: Fraction) -> None:
        source, target = exchange.from_currency, exchange.to_currency
        rate = Fraction(exchange.rate) * self._slip[source] / self._slip[target]
        pair = exchange.instrument or CurrencyPair(source, target)
        order = instrument_order(pair, source, target, exchange.from_amount, exchange.rate)
        quantity = max(1, floor(share * Fraction(order.quantity / pair.increment))) * pair.increment
        assert order.quantity >= quantity > 0, f"{exchange} orders nothing"
        if order.side == "sell":
            paid, bought = quantity, floor(Fraction(quantity) * rate * 100) * CENT
        else:
            paid, bought = ceil(Fraction(quantity) / rate * 100) * CENT, quantity
        fee = (
            Fraction(paid) * Fraction(self.costs.settings.exchange_percent) * 100
        ).__round__() * CENT
        self.cash[source] = self.cash.get(source, ZERO) - paid - fee
        least = self.start.minimums.get(source, ZERO)
        assert self.cash[source] >= least, f"{exchange} leaves {self.cash[source]} {source}"
        self._arrive(target, bought)
        self.used_pairs.append(exchange.pair)

    def _arrive(self, currency: str, amount: Decimal) -> None:
        if self.settlement_days:
            self.arriving.append((self.day + self.settlement_days, currency, amount))
        else:
            self.cash[currency] = self.cash.get(currency, ZERO) + amount


@dataclass
class Episode:
    """What became of an emergency."""

    last: Round
    acting_rounds: int
    days: int


def carry_out(broker: Broker, policy: Policy) -> Episode:
    """Repair day after day; fails where a round does not bring the end nearer or the shortfall rises.

    What was refused is left alone while there is another way, and tried again when there is none.
    """
    acting = 0
    refused: frozenset[str] = frozenset()
    least = broker.shortfall()
    bound = most_rounds(broker.situation(frozenset())) * (1 + len(broker.halted_until))
    while True:
        decided, rounds, least, refused = _run(broker, policy, least, refused)
        acting += rounds
        assert acting <= bound
        if decided.outcome in {"repaired", "cannot_pay"} or broker.is_quiet:
            return Episode(decided, acting, broker.day)
        if decided.outcome == "halted":
            refused = frozenset()
        broker.next_day()
        after = broker.shortfall()
        assert after <= least + broker.lost_to_fees, "the shortfall rose"
        broker.lost_to_fees, least = Fraction(0), after


def _run(
    broker: Broker, policy: Policy, least: Fraction, refused: frozenset[str]
) -> tuple[Round, int, Fraction, frozenset[str]]:
    before: tuple[int, int] | None = None
    rounds = 0
    while True:
        situation = broker.situation(refused)
        decided = next_actions(situation, broker.costs, policy)
        if decided.outcome != "act":
            return decided, rounds, least, refused
        assert decided.exchanges or decided.sales
        now = variant(situation)
        assert before is None or now < before, f"{before} became {now}"
        before = now
        rounds += 1
        orders: list[Exchange | Sale] = [*decided.exchanges, *decided.sales]
        for order in orders:
            if not broker.place(order):
                refused |= {_symbol(order)}
        after = broker.shortfall()
        assert after <= least + broker.lost_to_fees, f"{decided} made {least} into {after}"
        broker.lost_to_fees, least = Fraction(0), after


def _missing(cash: dict[str, Decimal], start: Situation, costs: Costs) -> Fraction:
    names = {*cash, *start.minimums}
    missing = {c: start.minimums.get(c, ZERO) - cash.get(c, ZERO) for c in names}
    short = {c: amount for c, amount in missing.items() if amount > 0}
    return in_base(short, costs.rates, start.base_currency)


def _symbol(order: Exchange | Sale) -> str:
    return order.symbol if isinstance(order, Sale) else order.pair
