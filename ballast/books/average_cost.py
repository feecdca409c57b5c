"""Average cost of a position, fees included, from its trades in order.

A purchase adds price × quantity and its fee to the basis; a sale removes basis in proportion to the quantity, so the
average of what remains does not move; a split changes the quantity and never the basis; a flip closes the position and
opens the remainder at the fill price. A basis that is unknown stays unknown until the position passes through zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ballast.money import ZERO, divide, multiply, scale, to_amount


@dataclass(frozen=True)
class Change:
    """One change of a position.

    Parameters
    ----------
    quantity : Decimal
        Signed.
    price : Decimal, optional
        Price per unit; None where the basis of what arrived is unknown.
    fee : Decimal
        Fee in the price currency, never negative.
    is_split : bool
        The quantity changes, the basis does not.
    """

    quantity: Decimal
    price: Decimal | None
    fee: Decimal = ZERO
    is_split: bool = False


@dataclass(frozen=True)
class Holding:
    """Quantity and total basis; the basis of a short position is negative, None is unknown."""

    quantity: Decimal = ZERO
    basis: Decimal | None = ZERO

    @property
    def average(self) -> Decimal | None:
        """Basis per unit, or None when flat or unknown."""
        if self.quantity == ZERO or self.basis is None:
            return None
        return divide(self.basis, self.quantity)


def hold(changes: Iterable[Change]) -> Holding:
    """Apply changes in order, starting flat."""
    holding = Holding()
    for change in changes:
        holding = _apply(holding, change)
    return holding


def _apply(holding: Holding, change: Change) -> Holding:
    if change.quantity == ZERO:
        return holding
    quantity = to_amount(holding.quantity + change.quantity)
    if quantity == ZERO:
        return Holding()
    if change.is_split:
        # Shares that a split gives to a position we know nothing of, or turns over, have a basis we do not know.
        keeps_side = holding.quantity * quantity > ZERO
        return Holding(quantity, holding.basis if keeps_side else None)
    opens = holding.quantity * change.quantity >= ZERO
    flips = not opens and holding.quantity * quantity < ZERO
    if opens:
        added = _basis(change, change.quantity)
        if holding.basis is None or added is None:
            return Holding(quantity, None)
        return Holding(quantity, to_amount(holding.basis + added))
    if flips:
        return Holding(quantity, _basis(change, quantity))
    if holding.basis is None:
        return Holding(quantity, None)
    return Holding(quantity, scale(holding.basis, quantity, holding.quantity))


def _basis(change: Change, quantity: Decimal) -> Decimal | None:
    """Basis of the part of a change that opens a position; its fee is shared by quantity."""
    if change.price is None:
        return None
    fee = scale(change.fee, abs(quantity), abs(change.quantity))
    # A purchase fee raises the basis; a short sale's fee lowers its proceeds, a negative basis nearer zero.
    return to_amount(multiply(quantity, change.price) + fee)
