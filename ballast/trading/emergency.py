"""Repair negative cash: exchange what other currencies have left over, then sell, then exchange again.

`next_actions` decides one round from what the broker says now; the caller carries the actions out, asks the broker
again and repeats, leaving out what the broker refused. Every round either covers a shortfall from cash at hand or
reduces what is held, and nothing with an open order is ordered a second time, so the rounds end: with every balance at
or above zero, with orders to wait for, or with the plain statement that the account cannot pay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from ballast.money import ZERO, ceil_to_multiple, divide, floor_to_multiple, multiply, to_cents
from ballast.trading.costs import Costs
from ballast.trading.currency_pairs import CurrencyPair
from ballast.trading.exchange import Exchange, Funding, fund
from ballast.trading.sales import Sale, SaleCosts, SalePolicy, Sellable

__all__ = [
    "Outcome",
    "Policy",
    "Round",
    "Sale",
    "SaleCosts",
    "SalePolicy",
    "Sellable",
    "Situation",
    "next_actions",
    "proposal",
    "shortfalls",
]


@dataclass(frozen=True)
class Situation:
    """What the broker says about one account at one moment.

    `open_symbols` have an order that may still be filled, whoever sent it; `is_repair_in_flight` says that one of them
    belongs to this repair, whose proceeds are still to come. Symbols are those of securities, and FROM/TO for an
    exchange.

    Parameters
    ----------
    minimums : mapping of str to Decimal
        Least balance per currency, in that currency; zero where none is given.
    arriving : mapping of str to Decimal
        Cash of executed trades and exchanges that the balances do not contain yet; negative where it will be taken.
    offered_pairs : collection of CurrencyPair or None
        What the broker exchanges; None means any currency for any other.
    closed_symbols, refused : frozenset of str
        What cannot be traded in this run: its market is closed, or the broker refused it or filled not even a lot.
    used_pairs : tuple of str
        The FROM/TO of every exchange of this episode since its last sale that was filled at least in part; one that
        was carried out twice is listed twice.
    """

    account_id: str
    base_currency: str
    balances: Mapping[str, Decimal]
    sellable: tuple[Sellable, ...]
    open_symbols: frozenset[str]
    is_repair_in_flight: bool = False
    minimums: Mapping[str, Decimal] = field(default_factory=dict)
    arriving: Mapping[str, Decimal] = field(default_factory=dict)
    offered_pairs: Collection[CurrencyPair] | None = None
    closed_symbols: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    used_pairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """How an account is repaired: shares sold and exchanged beyond the need, and which holdings go."""

    sell_buffer: Decimal = Decimal("0.02")
    exchange_buffer: Decimal = Decimal("0.02")
    sales: SalePolicy = "least_cost"
    sale_costs: SaleCosts = field(default_factory=SaleCosts)


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


def shortfalls(balances: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return the currencies with a negative balance and how much is missing in each."""
    return {currency: -amount for currency, amount in sorted(balances.items()) if amount < ZERO}


def next_actions(
    situation: Situation,
    costs: Costs,
    policy: Policy = Policy(),
    *,
    sell_buffer: Decimal | None = None,
) -> Round:
    """Decide one round.

    Parameters
    ----------
    costs : Costs
        Fees and rates of the session.
    sell_buffer : Decimal
        Share sold beyond the shortfall and its fees, for rates and prices that move.

    Raises
    ------
    MissingRateError
        If a currency involved has no exchange rate.
    """
    sell_buffer = policy.sell_buffer if sell_buffer is None else sell_buffer
    if not shortfalls(situation.balances):
        return Round("repaired")
    # What is under way is not in the balances yet: to act now would cover the same shortfall twice.
    if situation.is_repair_in_flight:
        return Round("wait")
    unhindered = replace(situation, open_symbols=frozenset())
    funding = _funding(situation, costs)
    if funding.exchanges:
        return Round("act", exchanges=funding.exchanges)
    # Nothing is sold while the cash is there and only an open order of its pair is in the way.
    if not _funding(unhindered, costs).uncovered:
        return Round("wait")
    sales = _sales(situation, costs, sell_buffer)
    if sales:
        return Round("act", sales=sales)
    would_help = _funding(unhindered, costs).exchanges or _sales(unhindered, costs, sell_buffer)
    return Round("wait" if would_help else "cannot_pay")


def proposal(
    situation: Situation,
    costs: Costs,
    policy: Policy = Policy(),
    *,
    sell_buffer: Decimal | None = None,
) -> Round:
    """Return everything that the repair would take, for a person to read: exchanges now, then sales."""
    sell_buffer = policy.sell_buffer if sell_buffer is None else sell_buffer
    funding = _funding(situation, costs)
    after = replace(situation, balances=funding.balances)
    sales = _sales(after, costs, sell_buffer) if funding.uncovered else ()
    if not funding.exchanges and not sales:
        return Round("cannot_pay" if funding.uncovered else "repaired")
    return Round("act", funding.exchanges, sales)


def _funding(situation: Situation, costs: Costs) -> Funding:
    return fund(situation.balances, costs, situation.base_currency, situation.open_symbols)


def _sales(situation: Situation, costs: Costs, sell_buffer: Decimal) -> tuple[Sale, ...]:
    """Sell the largest holdings first until the shortfall, with all fees, is covered."""
    rates, base = costs.rates, situation.base_currency
    missing = shortfalls(situation.balances)
    needed = multiply(
        sum((rates.convert(amount, currency, base) for currency, amount in missing.items()), ZERO),
        (Decimal(1) + costs.settings.exchange_percent) * (Decimal(1) + sell_buffer),
    )
    sales = []
    for holding in _largest_first(situation.sellable, costs, base):
        if needed <= ZERO:
            break
        if holding.symbol in situation.open_symbols:
            continue
        proceeds = rates.needed(needed, base, holding.currency)
        wanted = costs.value_yielding(proceeds, holding.currency)
        whole = ceil_to_multiple(divide(wanted, holding.price), holding.lot_size)
        quantity = min(whole, floor_to_multiple(holding.quantity, holding.lot_size))
        value = to_cents(multiply(quantity, holding.price))
        proceeds = value - costs.trade_fee(value, holding.currency)
        # A sale that earns less than its fee would deepen the shortfall.
        if quantity <= ZERO or proceeds <= ZERO:
            continue
        sales.append(Sale(holding.symbol, quantity, holding.price, holding.currency))
        needed -= rates.convert(proceeds, holding.currency, base)
    return tuple(sales)


def _largest_first(sellable: Iterable[Sellable], costs: Costs, base: str) -> list[Sellable]:
    def size(holding: Sellable) -> tuple[Decimal, str]:
        value = multiply(holding.quantity, holding.price)
        return (-costs.rates.convert(value, holding.currency, base), holding.symbol)

    return sorted(sellable, key=size)
