"""Which holdings to sell for an amount of cash: the fewest trades, and among equally few the least stated cost.

The stated cost of a sale, in the base currency of the account, is its fee + the tax on its gain + the drift:

    tax   = gain_tax × (value sold − cost of the lots that the sale uses up); a loss counts negative
    drift = drift_cost × (|value kept − target value| − |value held − target value|); towards the target is negative

A lot whose cost nobody knows counts as if all of its proceeds were gain, the worst case. All holdings of a choice but
one are sold whole, down to the last whole lot; of that one as few lots go as the need takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from math import comb
from typing import Literal

from ballast.money import ZERO, divide, floor_to_multiple, multiply, to_cents
from ballast.trading.costs import Costs

# Every choice of so many holdings is weighed; of more, only those among the holdings that sell cheapest.
MOST_CHOICES = 2000

SalePolicy = Literal["least_cost", "largest_first"]


@dataclass(frozen=True)
class SaleLot:
    """A tax lot; its cost is in the currency of the quotation, None where the books do not know it."""

    quantity: Decimal
    unit_cost: Decimal | None


@dataclass(frozen=True)
class Sellable:
    """A holding that could be sold; price and currency are those of its quotation.

    Parameters
    ----------
    lots : tuple of SaleLot
        In the order in which a sale uses them up. What they do not cover has an unknown basis.
    target_value : Decimal or None
        Wanted value in the base currency of the account; None where there is no target.
    """

    symbol: str
    quantity: Decimal
    price: Decimal
    currency: str
    lot_size: Decimal
    lots: tuple[SaleLot, ...] = ()
    target_value: Decimal | None = None


@dataclass(frozen=True)
class SaleCosts:
    """What a sale costs beside its fee: a share of the gain, and of the value moved away from its target."""

    gain_tax: Decimal = ZERO
    drift_cost: Decimal = ZERO


@dataclass(frozen=True)
class StatedCost:
    """The cost of a sale in the base currency of the account; tax and drift are negative where the sale saves them."""

    fee: Decimal
    tax: Decimal
    drift: Decimal

    @property
    def total(self) -> Decimal:
        """Sum of all three."""
        return self.fee + self.tax + self.drift


@dataclass(frozen=True)
class Sale:
    """A sale of whole lots."""

    symbol: str
    quantity: Decimal
    price: Decimal
    currency: str
    cost: StatedCost | None = None


def choose_sales(
    sellable: Iterable[Sellable],
    needed: Decimal,
    costs: Costs,
    base_currency: str,
    policy: SalePolicy,
    sale_costs: SaleCosts,
) -> tuple[Sale, ...]:
    """Choose what to sell for an amount in the base currency.

    Parameters
    ----------
    needed : Decimal
        What the proceeds, after fees, must come to.
    policy : {"least_cost", "largest_first"}
        `largest_first` sells the largest holding, then the next, whatever it costs.

    Returns
    -------
    tuple of Sale
        Whole lots, at most what is held, each bringing more than its fee. Together they cover the need; where nothing
        does, everything that brings more than its fee is sold.

    Notes
    -----
    `least_cost` is exact while there are at most `MOST_CHOICES` ways to choose the holdings. Beyond that it weighs the
    choices among the largest, without which the need would take more trades, and those that cost least per unit of
    proceeds when they are sold whole.
    """
    if needed <= ZERO:
        return ()
    offers = [_Offer(holding, costs, base_currency, sale_costs) for holding in sellable]
    useful = [offer for offer in offers if offer.most > ZERO]
    if policy == "largest_first":
        return _largest_first(useful, needed)
    by_proceeds = sorted(useful, key=lambda offer: (-offer.most, offer.holding.symbol))
    fewest, raised = 0, ZERO
    while raised < needed and fewest < len(by_proceeds):
        raised += by_proceeds[fewest].most
        fewest += 1
    if raised < needed:
        return tuple(offer.whole for offer in by_proceeds)
    return _cheapest(_candidates(by_proceeds, fewest), fewest, needed)


class _Offer:
    """A holding with what it brings at most and what its sale costs."""

    def __init__(self, holding: Sellable, costs: Costs, base: str, sale_costs: SaleCosts) -> None:
        self.holding, self._costs, self._base, self._sale_costs = holding, costs, base, sale_costs
        self._rate = costs.rates.rate(holding.currency, base)
        self.value = self._in_base(multiply(holding.quantity, holding.price))
        self._lots = int(floor_to_multiple(holding.quantity, holding.lot_size) / holding.lot_size)
        self.most = self.proceeds(self._lots)
        self.whole = self.sale(self._lots)

    def proceeds(self, lots: int) -> Decimal:
        """Return what is left of a sale after its fee, in the base currency."""
        value = to_cents(multiply(lots * self.holding.lot_size, self.holding.price))
        return self._in_base(value - self._costs.trade_fee(value, self.holding.currency))

    def covering(self, needed: Decimal) -> Sale | None:
        """Return the smallest sale that brings an amount; None where the whole holding does not."""
        if needed > self.most:
            return None
        few, enough = 0, self._lots
        while enough - few > 1:
            middle = (few + enough) // 2
            if self.proceeds(middle) >= needed:
                enough = middle
            else:
                few = middle
        return self.sale(enough)

    def sale(self, lots: int) -> Sale:
        """Return the sale of a number of lots, with its stated cost."""
        holding = self.holding
        quantity = lots * holding.lot_size
        value = to_cents(multiply(quantity, holding.price))
        fee = self._in_base(self._costs.trade_fee(value, holding.currency))
        gain = self._in_base(value - basis_used_up(holding.lots, quantity))
        tax = multiply(self._sale_costs.gain_tax, gain)
        drift = multiply(self._sale_costs.drift_cost, self._moved_away(self._in_base(value)))
        cost = StatedCost(fee, tax, drift)
        return Sale(holding.symbol, quantity, holding.price, holding.currency, cost)

    def _moved_away(self, value: Decimal) -> Decimal:
        target = self.holding.target_value
        if target is None:
            return ZERO
        return abs(self.value - value - target) - abs(self.value - target)

    def _in_base(self, amount: Decimal) -> Decimal:
        return multiply(amount, self._rate)


def basis_used_up(lots: Sequence[SaleLot], quantity: Decimal) -> Decimal:
    """Return the known cost of what a sale uses up, in the currency of the lots."""
    basis = ZERO
    for lot in lots:
        used = min(lot.quantity, quantity)
        basis += multiply(used, lot.unit_cost) if lot.unit_cost is not None else ZERO
        quantity -= used
    return basis


def _largest_first(offers: Sequence[_Offer], needed: Decimal) -> tuple[Sale, ...]:
    sales = []
    for offer in sorted(offers, key=lambda offer: (-offer.value, offer.holding.symbol)):
        if needed <= ZERO:
            break
        sales.append(offer.covering(needed) or offer.whole)
        needed -= offer.most
    return tuple(sales)


def _candidates(by_proceeds: Sequence[_Offer], fewest: int) -> list[_Offer]:
    """Return as many holdings as there may be for all choices of them to be weighed."""
    if comb(len(by_proceeds), fewest) <= MOST_CHOICES:
        return list(by_proceeds)
    kept = list(by_proceeds[:fewest])
    others = sorted(
        by_proceeds[fewest:],
        key=lambda offer: (divide(_cost(offer.whole), offer.most), offer.holding.symbol),
    )
    while comb(len(kept) + 1, fewest) <= MOST_CHOICES:
        kept.append(others[len(kept) - fewest])
    return kept


def _cheapest(offers: Sequence[_Offer], fewest: int, needed: Decimal) -> tuple[Sale, ...]:
    best: tuple[Decimal, tuple[Sale, ...]] | None = None
    for chosen in combinations(offers, fewest):
        raised = sum((offer.most for offer in chosen), ZERO)
        if raised < needed:
            continue
        whole = sum((_cost(offer.whole) for offer in chosen), ZERO)
        for offer in chosen:
            partial = offer.covering(needed - (raised - offer.most))
            if partial is None:
                continue
            cost = whole - _cost(offer.whole) + _cost(partial)
            if best is None or cost < best[0]:
                best = (cost, tuple(partial if one is offer else one.whole for one in chosen))
    return best[1] if best is not None else ()


def _cost(sale: Sale) -> Decimal:
    return sale.cost.total if sale.cost is not None else ZERO
