"""Fund what is needed in some currencies from what is left over in others.

Where the broker offers only some pairs, an exchange may take several legs; the currencies in between end with no less
than they had. Sources are combined: one that cannot cover a shortfall alone covers a part of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil

from ballast.money import CENT, ZERO, ceil_to_multiple, divide, floor_to_multiple, multiply
from ballast.trading.costs import Costs
from ballast.trading.currency_pairs import CurrencyPair, Leg, instrument_order, route

# Proceeds are rounded to cents by whoever fills the exchange; one cent more keeps the target whole.
_ROUNDING_MARGIN = CENT


@dataclass(frozen=True)
class Exchange:
    """An exchange of currency: `from_amount` leaves, at least `to_amount` arrives, the fee is in the currency left.

    `leg` counts along a route; a later leg spends what the one before it brings. `instrument` is the pair that the
    broker offers for it, None where every pair is offered.
    """

    from_currency: str
    to_currency: str
    from_amount: Decimal
    to_amount: Decimal
    rate: Decimal
    fee: Decimal
    leg: int = 1
    instrument: CurrencyPair | None = None

    @property
    def pair(self) -> str:
        """Name of the pair, FROM/TO."""
        return f"{self.from_currency}/{self.to_currency}"


@dataclass(frozen=True)
class Funding:
    """The exchanges that cover shortfalls, what each currency holds afterwards, and what stays uncovered."""

    exchanges: tuple[Exchange, ...]
    balances: dict[str, Decimal]
    uncovered: dict[str, Decimal]


def fund(
    balances: Mapping[str, Decimal],
    costs: Costs,
    base_currency: str,
    blocked_pairs: frozenset[str],
    *,
    pairs: Collection[CurrencyPair] | None = None,
    buffer: Decimal = ZERO,
) -> Funding:
    """Cover negative balances from positive ones, the largest shortfall first.

    Parameters
    ----------
    balances : mapping of str to Decimal
        Balance per currency after everything else has been paid.
    costs : Costs
        Fees and rates; amount_to = amount_from × rate(from, to).
    base_currency : str
        Used first as a source, then the largest balance; partial sources are combined. A source with fewer legs to the
        target comes before all others.
    blocked_pairs : frozenset of str
        FROM/TO pairs with an open order; never ordered a second time. Another route may be used instead.
    pairs : collection of CurrencyPair, optional
        What the broker offers; None stands for any currency against any other.
    buffer : Decimal
        Share bought beyond the shortfall where that leaves no other shortfall uncovered. As much stays behind in a
        source whose order is sized in the currency bought, because the broker's rate decides what leaves it; and a
        source that would bring less than this share of a shortfall is left alone.

    Returns
    -------
    Funding
        No balance that was positive becomes negative.
    """
    market = _Market(costs, base_currency, blocked_pairs, pairs, buffer)
    exact = market.fund(balances, ZERO)
    if buffer == ZERO:
        return exact
    generous = market.fund(balances, buffer)
    return generous if generous.uncovered == exact.uncovered else exact


@dataclass(frozen=True)
class _Market:
    costs: Costs
    base_currency: str
    blocked: frozenset[str]
    pairs: Collection[CurrencyPair] | None
    buffer: Decimal

    def fund(self, balances: Mapping[str, Decimal], beyond: Decimal) -> Funding:
        left = dict(balances)
        found: list[Exchange] = []
        spent: set[tuple[str, str]] = set()
        # A few cents too many in one currency may serve the next, but not what was bought on purpose or on the way.
        is_exact = self.pairs is None and self.buffer == ZERO
        spare = left if is_exact else {name: held for name, held in left.items() if held > ZERO}
        # No route leads through a currency that is short; once it is covered, others have their turn.
        while covered := self._pass(left, spare, beyond, spent):
            found += covered
            if is_exact:
                break
        uncovered = {currency: -balance for currency, balance in left.items() if balance < ZERO}
        return Funding(tuple(found), left, uncovered)

    def _pass(
        self,
        left: dict[str, Decimal],
        spare: dict[str, Decimal],
        beyond: Decimal,
        spent: set[tuple[str, str]],
    ) -> list[Exchange]:
        rates = self.costs.rates
        short = sorted(
            (currency for currency, balance in left.items() if balance < ZERO),
            key=lambda currency: (
                rates.convert(left[currency], currency, self.base_currency),
                currency,
            ),
        )
        found: list[Exchange] = []
        for target in short:
            for way in self._ways(left, spare, target):
                shortfall = -left[target]
                if shortfall <= ZERO:
                    break
                source = way[0].source
                if (source, target) in spent:
                    continue
                wanted = shortfall + multiply(shortfall, beyond) if beyond else shortfall
                exchanges = self._along(way, spare[source], wanted)
                if not exchanges or exchanges[-1].to_amount < multiply(shortfall, self.buffer):
                    continue
                spent.add((source, target))
                found += exchanges
                if spare is not left:
                    paid = exchanges[0].from_amount + exchanges[0].fee
                    spare[source] -= multiply(paid, self._room(way[0]))
                for exchange in exchanges:
                    left[exchange.from_currency] -= exchange.from_amount + exchange.fee
                    left[exchange.to_currency] = (
                        left.get(exchange.to_currency, ZERO) + exchange.to_amount
                    )
        return found

    def _ways(
        self, left: Mapping[str, Decimal], spare: Mapping[str, Decimal], target: str
    ) -> Iterator[tuple[Leg, ...]]:
        """Yield a way from every source with something left, in the order in which they are used."""
        rates, base = self.costs.rates, self.base_currency
        sources = sorted(
            (name for name, balance in spare.items() if balance > ZERO and name != target),
            key=lambda name: (name != base, -rates.convert(spare[name], name, base), name),
        )
        short = frozenset(name for name, balance in left.items() if balance < ZERO)
        avoided = self.blocked | (short - {target})
        found = (route(source, target, self.pairs, rates, avoided) for source in sources)
        ways = (way for way in found if way is not None)
        yield from ways if self.pairs is None else sorted(ways, key=len)

    def _along(
        self, way: Sequence[Leg], available: Decimal, needed: Decimal
    ) -> list[Exchange] | None:
        """Exchange along a route; None where a leg is too small for its pair."""
        found: list[Exchange] = []
        for number, (leg, amount) in enumerate(zip(way, self._wanted(way, needed), strict=True), 1):
            exchange = self._exchange(leg, available, amount, number)
            if exchange is None:
                return None
            found.append(exchange)
            available = exchange.to_amount
        return found

    def _wanted(self, way: Sequence[Leg], needed: Decimal) -> list[Decimal]:
        """Return what must be given away on every leg, from the last to the first, for the need to be met."""
        wanted: list[Decimal] = []
        for leg in reversed(way):
            if leg.side == "sell":
                amount = divide(needed + _ROUNDING_MARGIN, leg.rate)
                amount = ceil_to_multiple(amount, leg.pair.increment)
            else:
                amount = _price(ceil_to_multiple(needed, leg.pair.increment), leg)
            wanted.insert(0, amount)
            # A cent for the rounding of the fee, one for that of what it is taken from.
            needed = multiply(amount + self.costs.exchange_fee(amount), self._room(leg)) + 2 * CENT
        return wanted

    def _exchange(
        self, leg: Leg, available: Decimal, wanted: Decimal, number: int
    ) -> Exchange | None:
        step = leg.pair.increment if leg.side == "sell" else CENT
        spendable = divide(available, self._room(leg))
        affordable = divide(spendable, Decimal(1) + self.costs.settings.exchange_percent)
        amount = min(wanted, floor_to_multiple(affordable, step))
        while amount > ZERO and amount + self.costs.exchange_fee(amount) > spendable:
            amount -= step
        if amount <= ZERO:
            return None
        if leg.side == "sell":
            arriving = floor_to_multiple(multiply(amount, leg.rate), CENT)
        else:
            order = instrument_order(leg.pair, leg.source, leg.target, amount, leg.rate)
            arriving, amount = order.quantity, _price(order.quantity, leg)
        if arriving <= ZERO:
            return None
        fee = self.costs.exchange_fee(amount)
        offered = leg.pair if self.pairs is not None else None
        return Exchange(leg.source, leg.target, amount, arriving, leg.rate, fee, number, offered)

    def _room(self, leg: Leg) -> Decimal:
        return Decimal(1) + (self.buffer if leg.side == "buy" else ZERO)


def _price(quantity: Decimal, leg: Leg) -> Decimal:
    """Return what a purchase of the target takes, up to the cent, so that it is never a fraction short."""
    cents = ceil(Fraction(quantity) / Fraction(leg.rate) / Fraction(CENT))
    return cents * CENT
