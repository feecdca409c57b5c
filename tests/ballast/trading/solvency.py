"""Whether an account can pay at all: everything sold and everything exchanged, without deciding how."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from ballast.trading.currency_pairs import CurrencyPair
from ballast.trading.emergency import Policy, Situation
from tests.ballast.trading.episodes import CENT, RATE_SLIP, ZERO, Broker
from tests.ballast.trading.markets import CURRENCIES, fee_of, in_base


def expected_outcome(broker: Broker, policy: Policy) -> str | None:
    """Say how an emergency must end; None where fees, buffers or what is halted decide.

    It pays surely if every group of currencies that can be exchanged freely raises enough, when everything in it that
    is neither halted for good nor refused is sold at the worst and everything left over is exchanged at the worst. It
    surely cannot pay if a group that could at best be exchanged would not raise enough at the best.
    """
    never = broker.refusing | {name for name, day in broker.halted_until.items() if day > 0}
    groups = _groups(broker.start, never)
    # Where every exchange is offered, one that is not possible has no way around it.
    is_direct = broker.start.offered_pairs is None and any("/" in name for name in never)
    if not is_direct and all(
        _spare(broker, policy, group, never, is_worst=True) > 0 for group in groups
    ):
        return "repaired"
    nothing: frozenset[str] = frozenset()
    groups = _groups(broker.start, nothing)
    at_best = (_spare(broker, policy, group, nothing, is_worst=False) for group in groups)
    return "cannot_pay" if any(spare < 0 for spare in at_best) else None


def _groups(start: Situation, never: frozenset[str]) -> list[set[str]]:
    pairs = start.offered_pairs
    edges = (
        [(a, b) for a in CURRENCIES for b in CURRENCIES]
        if pairs is None
        else [(pair.base, pair.quote) for pair in pairs]
    )
    groups = [{currency} for currency in CURRENCIES]
    for a, b in edges:
        if {f"{a}/{b}", f"{b}/{a}"} & never:
            continue
        joined = set().union(*(group for group in groups if group & {a, b}))
        groups = [group for group in groups if not group & {a, b}] + [joined]
    return groups


def _spare(
    broker: Broker, policy: Policy, group: set[str], never: frozenset[str], *, is_worst: bool
) -> Fraction:
    start, costs = broker.start, broker.costs
    cash = {c: broker.cash.get(c, ZERO) - start.minimums.get(c, ZERO) for c in group}
    fees = 0
    for s in start.sellable:
        value = s.quantity // s.lot_size * s.lot_size * s.price
        value *= 1 - Decimal("0.006") if is_worst else 1 + Decimal("0.006")
        fee = fee_of(value, s.currency, costs)
        if s.symbol in never or s.currency not in group or value <= fee:
            continue
        fees += 1 + broker.partial_fills.get(s.symbol, 0)
        cash[s.currency] += value - fee
    rates, base = costs.rates, start.base_currency
    surplus = in_base({c: a for c, a in cash.items() if a > 0}, rates, base)
    missing = in_base({c: -a for c, a in cash.items() if a < 0}, rates, base)
    if not is_worst:
        return surplus * (1 + 2 * RATE_SLIP) - missing + Fraction(1, 10)
    if not missing:
        return Fraction(1)
    legs = 1 if start.offered_pairs is None else len(CURRENCIES) - 1
    lost = Fraction(costs.settings.exchange_percent) + RATE_SLIP + Fraction(policy.exchange_buffer)
    surplus *= (1 - lost) ** legs
    fixed = in_base({costs.settings.currency: costs.settings.fixed}, rates, base) * (1 + fees)
    increments = [CurrencyPair(c, c) for c in group] + list(start.offered_pairs or ())
    coarse = in_base({p.base: 2 * p.increment + 1 * CENT for p in increments}, rates, base)
    needed = missing * (1 + Fraction(policy.sell_buffer)) * (1 + Fraction(policy.exchange_buffer))
    return surplus - needed - fixed - coarse * len(group)
