"""Random accounts that are short of cash, and the repair carried out round by round."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from ballast.trading.costs import Costs
from ballast.trading.emergency import Round, Sellable, Situation, next_actions
from tests.ballast.trading.markets import (
    CURRENCIES,
    Venue,
    cents,
    costs_of_a_day,
    fee_of,
    in_base,
    prices,
)

# The assets give up after as many rounds.
MOST_ROUNDS = 25
_LOTS = st.sampled_from([Decimal(1), Decimal(1), Decimal(100), Decimal("0.5")])


@dataclass(frozen=True)
class Emergency:
    """An account, what trading costs, and what its broker refuses."""

    situation: Situation
    costs: Costs
    sell_buffer: Decimal
    refused: frozenset[str] = frozenset()


@dataclass
class Repair:
    """What became of an account: its shortfall before every round, and the answer of the last."""

    venue: Venue
    shortfalls: list[Fraction] = field(default_factory=list)
    outcome: str = ""

    @property
    def rounds(self) -> int:
        """Number of rounds in which something was done."""
        return len(self.shortfalls) - 1


@st.composite
def _sellables(draw: st.DrawFn) -> tuple[Sellable, ...]:
    found = []
    for number in range(draw(st.integers(0, 6))):
        price = draw(prices())
        most = min(20_000, int(20_000 / price)) + 1
        odd = draw(st.sampled_from([Decimal(0), Decimal("0.25")]))
        quantity = Decimal(draw(st.integers(1, most))) + odd
        currency = draw(st.sampled_from(CURRENCIES))
        found.append(Sellable(f"S{number}", quantity, price, currency, draw(_LOTS)))
    return tuple(found)


@st.composite
def emergencies(draw: st.DrawFn, *, refusals: bool = False) -> Emergency:
    """Accounts with at least one negative balance, and holdings that may or may not pay for it."""
    balances = draw(
        st.dictionaries(
            st.sampled_from(CURRENCIES),
            st.one_of(cents(-10_000, -1), cents(0, 10_000), cents(-2, 2)),
            max_size=4,
        )
    )
    short = draw(st.sampled_from(CURRENCIES))
    balances[short] = draw(cents(-10_000, -1))
    sellable = draw(_sellables())
    situation = Situation(
        "a", draw(st.sampled_from(["EUR", "USD"])), balances, sellable, frozenset()
    )
    refused: frozenset[str] = frozenset()
    if refusals:
        refusable = [s.symbol for s in sellable]
        refusable += [f"{a}/{b}" for a in CURRENCIES for b in CURRENCIES if a != b]
        refused = draw(st.frozensets(st.sampled_from(refusable), max_size=6))
    buffer = draw(st.sampled_from([Decimal("0.02"), Decimal("0.10")]))
    return Emergency(situation, draw(costs_of_a_day()), buffer, refused)


def repair(emergency: Emergency) -> Repair:
    """Carry out round after round; what was refused is left out of the next ones."""
    start, costs = emergency.situation, emergency.costs
    venue = Venue(costs, dict(start.balances), {s.symbol: s.quantity for s in start.sellable})
    found = Repair(venue)
    refused: frozenset[str] = frozenset()
    while True:
        found.shortfalls.append(_shortfall(venue, emergency))
        now = _situation(emergency, venue, refused)
        decided = next_actions(now, costs, sell_buffer=emergency.sell_buffer)
        if decided.outcome != "act":
            found.outcome = decided.outcome
            return found
        assert decided.exchanges or decided.sales
        assert found.rounds < MOST_ROUNDS
        refused |= _carry_out(decided, emergency, venue)


def can_pay(emergency: Emergency) -> bool | None:
    """Say whether selling and exchanging everything covers the shortfalls; None where cents or fees decide.

    Every holding that the broker takes is sold whole (in whole lots, unless the fee is more than it yields), every
    surplus is exchanged at its fee. A repair in two steps pays a fixed fee twice, so as much is left undecided.
    """
    situation, costs = emergency.situation, emergency.costs
    cash = dict(situation.balances)
    for s in situation.sellable:
        quantity = s.quantity // s.lot_size * s.lot_size
        value = (quantity * s.price).quantize(Decimal("0.01"))
        proceeds = value - fee_of(value, s.currency, costs)
        if s.symbol not in emergency.refused and proceeds > 0:
            cash[s.currency] = cash.get(s.currency, Decimal(0)) + proceeds
    surplus = {currency: amount for currency, amount in cash.items() if amount > 0}
    missing = {currency: -amount for currency, amount in cash.items() if amount < 0}
    base, fee = situation.base_currency, Fraction(costs.settings.exchange_percent)
    spare = in_base(surplus, costs.rates, base) / (1 + fee) - in_base(missing, costs.rates, base)
    undecided = in_base({costs.settings.currency: costs.settings.fixed}, costs.rates, base)
    undecided += in_base(dict.fromkeys(CURRENCIES, Decimal("0.10")), costs.rates, base)
    undecided *= 1 + len(situation.sellable)
    return None if abs(spare) <= undecided else spare > 0


def _situation(emergency: Emergency, venue: Venue, refused: frozenset[str]) -> Situation:
    start = emergency.situation
    held = tuple(
        Sellable(s.symbol, venue.held[s.symbol], s.price, s.currency, s.lot_size)
        for s in start.sellable
        if venue.held[s.symbol] > 0 and s.symbol not in refused
    )
    pairs = frozenset(symbol for symbol in refused if "/" in symbol)
    return Situation("a", start.base_currency, dict(venue.cash), held, pairs)


def _carry_out(decided: Round, emergency: Emergency, venue: Venue) -> frozenset[str]:
    """Fill what the broker takes; return what it refuses."""
    refused = set()
    for exchange in decided.exchanges:
        if exchange.pair in emergency.refused:
            refused.add(exchange.pair)
        else:
            venue.exchange(exchange.from_currency, exchange.to_currency, exchange.from_amount)
    for sale in decided.sales:
        if sale.symbol in emergency.refused:
            refused.add(sale.symbol)
        else:
            venue.sell(sale.symbol, sale.quantity, sale.price, sale.currency)
    return frozenset(refused)


def _shortfall(venue: Venue, emergency: Emergency) -> Fraction:
    missing = {currency: -amount for currency, amount in venue.cash.items() if amount < 0}
    return in_base(missing, emergency.costs.rates, emergency.situation.base_currency)
