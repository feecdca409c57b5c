"""Repair negative cash: exchange what other currencies have left over, then sell, then exchange again.

`next_actions` decides one round from what the broker says now; the caller carries the actions out, asks the broker
again and repeats, leaving out what the broker refused. The rounds end (`termination` has the proof): with every balance
at or above its minimum, with something to wait for, or with the plain statement that the account cannot pay, or not
now. Exchanges take only what a currency has above its minimum, and nothing with an open order is ordered again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from ballast.money import ZERO, multiply, to_cents
from ballast.trading.costs import Costs
from ballast.trading.exchange import Exchange, Funding, fund
from ballast.trading.raising import Raised, raise_cash
from ballast.trading.sales import Sale, Sellable
from ballast.trading.situation import MOST_USES_OF_A_PAIR, Policy, Situation

__all__ = [
    "Policy",
    "Round",
    "Sale",
    "Sellable",
    "Situation",
    "next_actions",
    "proposal",
    "shortfalls",
]

Outcome = Literal["repaired", "act", "wait", "halted", "cannot_pay"]


@dataclass(frozen=True)
class Round:
    """What to do now, and why, in a sentence for a person.

    `outcome` is `repaired` (no balance is below its minimum), `act` (there are actions), `wait` (open orders or
    arriving cash come first), `halted` (the account could pay, but `held_back` is closed, refused or used up in this
    run) or `cannot_pay` (nothing is left to exchange or to sell that would cover it).
    """

    outcome: Outcome
    exchanges: tuple[Exchange, ...] = ()
    sales: tuple[Sale, ...] = ()
    why: str = field(default="", compare=False)
    held_back: tuple[str, ...] = field(default=(), compare=False)


def shortfalls(
    balances: Mapping[str, Decimal], minimums: Mapping[str, Decimal] | None = None
) -> dict[str, Decimal]:
    """Return the currencies below their minimum, by default zero, and how much is missing in each."""
    above = _above(balances, minimums or {})
    return {currency: -amount for currency, amount in above.items() if amount < ZERO}


def next_actions(
    situation: Situation,
    costs: Costs,
    policy: Policy | None = None,
    *,
    sell_buffer: Decimal | None = None,
) -> Round:
    """Decide one round.

    Parameters
    ----------
    costs : Costs
        Fees and rates of the session.
    policy : Policy, optional
        The default policy where none is given.
    sell_buffer : Decimal, optional
        Instead of a policy: the largest holdings first, nothing exchanged beyond the need.

    Raises
    ------
    MissingRateError
        If a currency involved has no exchange rate.
    """
    decision = _Decision(situation, costs, _policy(policy, sell_buffer))
    if not decision.missing:
        return Round("repaired", why="No balance is below its minimum.")
    # What is under way is not in the balances yet: to act now would cover the same shortfall twice.
    if situation.is_repair_in_flight:
        return decision.round("wait", "orders of this repair are still open.")
    return decision.exchange() or decision.await_cash() or decision.sell() or decision.give_up()


def proposal(
    situation: Situation,
    costs: Costs,
    policy: Policy | None = None,
    *,
    sell_buffer: Decimal | None = None,
) -> Round:
    """Return everything that the repair would take, for a person to read: exchanges in order, then sales."""
    decision = _Decision(situation, costs, _policy(policy, sell_buffer))
    exchanges = decision.now.exchanges
    sales = decision.raised(decision.unavailable).sales
    if not exchanges and not sales:
        return next_actions(situation, costs, policy, sell_buffer=sell_buffer)
    return replace(decision.act(exchanges, sales), exchanges=exchanges, sales=sales)


def _policy(policy: Policy | None, sell_buffer: Decimal | None) -> Policy:
    if sell_buffer is not None:
        return Policy(sell_buffer, ZERO, "largest_first")
    return policy if policy is not None else Policy()


class _Decision:
    """What one situation offers: cash at hand, cash to come, and what could be sold."""

    def __init__(self, situation: Situation, costs: Costs, policy: Policy) -> None:
        self._situation, self._costs, self._policy = situation, costs, policy
        balances, arriving = situation.balances, situation.arriving
        at_hand = _above(balances, situation.minimums)
        expected = _above(_sum(balances, arriving), situation.minimums)
        self.missing = _missing(at_hand) | _missing(expected)
        self._missing_at_hand = _missing(at_hand)
        self._out = situation.closed_symbols | situation.refused
        used = situation.used_pairs
        self._used_up = frozenset(p for p in used if used.count(p) >= MOST_USES_OF_A_PAIR)
        self.unavailable = self._out | situation.open_symbols
        self._expected = expected
        self._is_cash_arriving = any(amount > ZERO for amount in arriving.values())
        # What arrives cannot be spent before it is there, and what will be taken is spent already.
        self._spendable = {
            name: max(ZERO, min(at_hand.get(name, ZERO), amount))
            for name, amount in expected.items()
        }
        self.now = self._plan(self.unavailable | self._used_up)
        self.later = self._plan(self._out | self._used_up)

    def exchange(self) -> Round | None:
        """Exchange what is at hand, as far as the plan for all that is expected takes it."""
        spendable = dict(self._spendable)
        orders: dict[str, Exchange] = {}
        for exchange in self.now.exchanges:
            # A later leg spends what its first one brings, in a round to come.
            if exchange.leg > 1:
                continue
            order, source = (
                self._joined(orders.get(exchange.pair), exchange),
                exchange.from_currency,
            )
            already = self._at_most(orders[order.pair]) if order.pair in orders else ZERO
            if self._at_most(order) - already <= spendable[source]:
                spendable[source] -= self._at_most(order) - already
                orders[order.pair] = order
        return self.act(tuple(orders.values()), ()) if orders else None

    def await_cash(self) -> Round | None:
        """Wait for what covers it: nothing is sold while the cash is there and only an order in the way."""
        on_its_way = "what is on its way, or an open order holds back, covers it."
        if not self.later.uncovered:
            return self.round("wait", on_its_way)
        # A remainder within the buffer is known only when the cash is there; a sale of its own would be all fee.
        beyond = multiply(self._value(self._missing_at_hand), self._policy.sell_buffer)
        if self._is_cash_arriving and self._value(self.later.uncovered) <= beyond:
            return self.round("wait", on_its_way)
        return None

    def sell(self) -> Round | None:
        """Sell for what no cash, at hand or on its way, covers."""
        sales = self.raised(self.unavailable).sales
        return self.act((), sales) if sales else None

    def give_up(self) -> Round:
        """Say why nothing can be done: it is not there yet, not allowed now, or does not exist."""
        if self.later.exchanges or self._is_cash_arriving or self.raised(self._out).sales:
            return self.round(
                "wait", "an open order, or cash on its way, holds back what would help."
            )
        free = self._fund(frozenset())
        raised = raise_cash(self._situation, free.uncovered, self._costs, self._policy, frozenset())
        if not raised.is_enough:
            return self.round(
                "cannot_pay", "nothing is left to exchange or to sell that covers it."
            )
        needed = {exchange.pair for exchange in free.exchanges}
        needed |= {sale.symbol for sale in raised.sales} | raised.pairs
        held_back = tuple(sorted(needed & (self._out | self._used_up)))
        names = ", ".join(held_back)
        return self.round(
            "halted", f"it could be paid, but {names} cannot be traded now.", held_back
        )

    def act(self, exchanges: tuple[Exchange, ...], sales: tuple[Sale, ...]) -> Round:
        """Return a round with actions."""
        done = []
        if exchanges:
            pairs = ", ".join(exchange.pair for exchange in exchanges)
            done.append(f"cash to spare is exchanged ({pairs})")
        if sales:
            cost = sum((sale.cost.total for sale in sales if sale.cost is not None), ZERO)
            symbols = ", ".join(sale.symbol for sale in sales)
            stated = f"{to_cents(cost)} {self._situation.base_currency}"
            done.append(f"no cash covers it, so {symbols} is sold at a cost of {stated}")
        return replace(self.round("act", "; ".join(done) + "."), exchanges=exchanges, sales=sales)

    def raised(self, unavailable: frozenset[str]) -> Raised:
        """Return the sales for what stays uncovered."""
        return raise_cash(
            self._situation, self.later.uncovered, self._costs, self._policy, unavailable
        )

    def round(self, outcome: Outcome, reason: str, held_back: tuple[str, ...] = ()) -> Round:
        """Return a round with its sentence."""
        amounts = ", ".join(f"{to_cents(a)} {name}" for name, a in sorted(self.missing.items()))
        return Round(outcome, why=f"Short of {amounts}: {reason}", held_back=held_back)

    def _joined(self, one: Exchange | None, other: Exchange) -> Exchange:
        """Return one order for two exchanges of a pair, which routes to different currencies may share."""
        if one is None:
            return other
        paid = one.from_amount + other.from_amount
        brought = one.to_amount + other.to_amount
        fee = self._costs.exchange_fee(paid)
        return replace(one, from_amount=paid, to_amount=brought, fee=fee)

    def _at_most(self, exchange: Exchange) -> Decimal:
        """Return what may leave the source: of an order sized in the target, the broker's rate decides."""
        paid, instrument = exchange.from_amount + exchange.fee, exchange.instrument
        if instrument is None or instrument.base != exchange.to_currency:
            return paid
        return multiply(paid, Decimal(1) + self._policy.exchange_buffer)

    def _value(self, amounts: Mapping[str, Decimal]) -> Decimal:
        rates, base = self._costs.rates, self._situation.base_currency
        return sum((rates.convert(amount, name, base) for name, amount in amounts.items()), ZERO)

    def _plan(self, blocked: frozenset[str]) -> Funding:
        # What one run refuses the next may try again: cash is not sent to and fro unless there is no other way.
        back = {"/".join(reversed(pair.split("/"))) for pair in self._situation.used_pairs}
        forward = self._fund(blocked | back)
        if not (forward.uncovered and back):
            return forward
        either_way = self._fund(blocked)
        gained = self._value(forward.uncovered) - self._value(either_way.uncovered)
        return either_way if gained > ZERO else forward

    def _fund(self, blocked: frozenset[str]) -> Funding:
        # The symbol of a security may spell a currency; only FROM/TO names are exchanges.
        pairs = frozenset(name for name in blocked if "/" in name)
        return fund(
            self._expected,
            self._costs,
            self._situation.base_currency,
            pairs,
            pairs=self._situation.offered_pairs,
            buffer=self._policy.exchange_buffer,
        )


def _sum(one: Mapping[str, Decimal], other: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {name: one.get(name, ZERO) + other.get(name, ZERO) for name in sorted({*one, *other})}


def _above(amounts: Mapping[str, Decimal], minimums: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return _sum(amounts, {name: -minimum for name, minimum in minimums.items()})


def _missing(above: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {name: -amount for name, amount in above.items() if amount < ZERO}
