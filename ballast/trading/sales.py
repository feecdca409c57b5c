"""Which holdings to sell for an amount of cash."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ballast.money import ZERO

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
