"""Sales for the shortfalls of several currencies: how much to raise, and with what that can reach them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ballast.money import CENT, ZERO, multiply, to_cents
from ballast.trading.costs import Costs
from ballast.trading.currency_pairs import Leg, route
from ballast.trading.sales import Sale, Sellable, choose_sales
from ballast.trading.situation import Policy, Situation


@dataclass(frozen=True)
class Raised:
    """Sales, the FROM/TO exchanges that their proceeds need, and whether they cover everything."""

    sales: tuple[Sale, ...]
    pairs: frozenset[str]
    is_enough: bool


def raise_cash(
    situation: Situation,
    missing: Mapping[str, Decimal],
    costs: Costs,
    policy: Policy,
    unavailable: frozenset[str],
) -> Raised:
    """Choose the sales that cover what is missing.

    Parameters
    ----------
    missing : mapping of str to Decimal
        What no cash covers, per currency.
    unavailable : frozenset of str
        Symbols that must not be sold, and FROM/TO pairs. A pair that is merely open is free by the time it is needed.

    Returns
    -------
    Raised
        A holding whose currency cannot be exchanged for what is missing is not sold. Where some holdings reach only
        some currencies, the currencies are served one after the other, the largest shortfall first.
    """
    return _Raising(situation, missing, costs, policy, unavailable).raised()


class _Raising:
    def __init__(
        self,
        situation: Situation,
        missing: Mapping[str, Decimal],
        costs: Costs,
        policy: Policy,
        unavailable: frozenset[str],
    ) -> None:
        self._base, self._costs, self._policy = situation.base_currency, costs, policy
        self._missing = missing
        self._is_offered_only = situation.offered_pairs is not None
        self._sellable = [s for s in situation.sellable if s.symbol not in unavailable]
        shut = unavailable & (situation.closed_symbols | situation.refused)
        # The symbol of a security may spell a currency; only FROM/TO names are exchanges.
        blocked = frozenset(name for name in shut if "/" in name)
        self._ways = {
            (source, target): route(source, target, situation.offered_pairs, costs.rates, blocked)
            for source in {s.currency for s in self._sellable}
            for target in missing
        }

    def raised(self) -> Raised:
        """Raise everything at once where every holding helps everywhere, else one currency at a time."""
        if not any(way is None for way in self._ways.values()):
            return self._for(sorted(self._missing), self._sellable)
        parts: list[Raised] = []
        for target in sorted(self._missing, key=lambda name: (-self._value(name), name)):
            sold = {sale.symbol for part in parts for sale in part.sales}
            helping = [
                s
                for s in self._sellable
                if s.symbol not in sold and self._ways[s.currency, target] is not None
            ]
            parts.append(self._for([target], helping))
        return Raised(
            tuple(sale for part in parts for sale in part.sales),
            frozenset[str]().union(*(part.pairs for part in parts)),
            all(part.is_enough for part in parts),
        )

    def _for(self, targets: Sequence[str], sellable: Collection[Sellable]) -> Raised:
        needed = sum((self._needed(target, sellable) for target in targets), ZERO)
        sales = choose_sales(
            sellable, needed, self._costs, self._base, self._policy.sales, self._policy.sale_costs
        )
        legs = [
            leg for sale in sales for target in targets for leg in self._way(sale.currency, target)
        ]
        is_enough = sum((self._proceeds(sale) for sale in sales), ZERO) >= needed
        return Raised(sales, frozenset(leg.name for leg in legs), is_enough)

    def _needed(self, target: str, sellable: Iterable[Sellable]) -> Decimal:
        """Return what must be raised for one currency, in the base currency, by the dearest way to it."""
        ways = [self._way(currency, target) for currency in {s.currency for s in sellable}]
        beyond = Decimal(1) + self._policy.sell_buffer
        least = Decimal(1) + self._costs.settings.exchange_percent
        value = multiply(self._value(target), beyond)
        return max((self._before(way, value) for way in ways), default=ZERO) or multiply(
            value, least
        )

    def _before(self, way: Sequence[Leg], value: Decimal) -> Decimal:
        """Return what a value takes at the start of its way: fees, cents, what stays behind, whole increments."""
        fee = Decimal(1) + self._costs.settings.exchange_percent
        for leg in way:
            value = multiply(value, fee)
            # Amounts, fees and proceeds are rounded to the cent.
            for currency in (leg.source, leg.target):
                value += self._costs.rates.convert(2 * CENT, currency, self._base)
            if self._is_offered_only:
                increment = leg.pair.increment
                value += self._costs.rates.convert(increment, leg.pair.base, self._base)
                if leg.side == "buy":
                    value = multiply(value, Decimal(1) + self._policy.exchange_buffer)
        return value if way else multiply(value, fee)

    def _way(self, source: str, target: str) -> tuple[Leg, ...]:
        return self._ways[source, target] or ()

    def _value(self, target: str) -> Decimal:
        return self._costs.rates.convert(self._missing[target], target, self._base)

    def _proceeds(self, sale: Sale) -> Decimal:
        value = to_cents(multiply(sale.quantity, sale.price))
        proceeds = value - self._costs.trade_fee(value, sale.currency)
        return self._costs.rates.convert(proceeds, sale.currency, self._base)
