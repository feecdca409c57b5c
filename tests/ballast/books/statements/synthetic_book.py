"""A small book that invented statements are written from, so that their sums hold by construction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

D = Decimal
CENT = D("0.01")
ONE = D(1)


@dataclass
class Lot:
    """Signed like the position: what a short sale brought is a negative basis."""

    opened: str
    quantity: Decimal
    basis: Decimal


@dataclass(frozen=True)
class Security:
    symbol: str
    category: str = "Stocks"
    currency: str = "USD"
    multiplier: Decimal = ONE
    isin: str = "US0000000001"

    @property
    def sentence(self) -> str:
        return f"{self.symbol}({self.isin})"

    @property
    def triple(self) -> str:
        return f"({self.symbol}, {self.symbol} INVENTED INC, {self.isin})"


@dataclass
class Book:
    """What is owned while statements are written one after another."""

    cash: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: D(0)))
    lots: dict[Security, list[Lot]] = field(default_factory=lambda: defaultdict(list))
    prices: dict[Security, Decimal] = field(default_factory=dict)

    def quantity(self, security: Security) -> Decimal:
        return sum((lot.quantity for lot in self.lots[security]), D(0))

    def basis(self, security: Security) -> Decimal:
        return sum((lot.basis for lot in self.lots[security]), D(0))

    def held(self) -> Iterator[Security]:
        return (security for security in list(self.lots) if self.quantity(security) != 0)

    def close(self, security: Security, quantity: Decimal) -> list[Lot]:
        """Take lots of the other sign out, first in first out, up to a signed quantity."""
        taken: list[Lot] = []
        left = quantity
        lots = self.lots[security]
        while left and lots and lots[0].quantity * left < 0:
            lot = lots[0]
            part = min(abs(lot.quantity), abs(left)) * (1 if lot.quantity > 0 else -1)
            basis = (
                lot.basis
                if part == lot.quantity
                else (lot.basis * part / lot.quantity).quantize(CENT)
            )
            taken.append(Lot(lot.opened, part, basis))
            lot.quantity -= part
            lot.basis -= basis
            left += part
            if lot.quantity == 0:
                lots.pop(0)
        return taken

    def trade(
        self, security: Security, quantity: Decimal, proceeds: Decimal, fee: Decimal, at: str
    ) -> tuple[Decimal, Decimal, list[Lot]]:
        """Return signed basis and realised gain as the broker states them, and the lots that were closed."""
        self.cash[security.currency] += proceeds + fee
        closed = self.close(security, quantity)
        opened = quantity + sum((lot.quantity for lot in closed), D(0))
        basis = -sum((lot.basis for lot in closed), D(0))
        if opened:
            cost = -((proceeds + fee) * opened / quantity).quantize(CENT)
            self.lots[security].append(Lot(at[:10], opened, cost))
            basis += cost
        realised = proceeds + fee + basis if closed else D(0)
        return basis, realised, closed

    def scale(self, security: Security, added: Decimal) -> None:
        """Spread units of a split over the lots; the last takes the rest."""
        before = self.quantity(security)
        left = added
        for lot in self.lots[security][:-1]:
            part = (added * lot.quantity / before).quantize(D("0.0001"))
            lot.quantity += part
            left -= part
        self.lots[security][-1].quantity += left

    def convert(self, old: Security, new: Security, quantity: Decimal) -> Decimal:
        """Turn all units of one security into units of another and return how many went."""
        gone, basis = self.quantity(old), self.basis(old)
        opened = self.lots[old][0].opened
        self.lots[old].clear()
        self.lots[new].append(Lot(opened, quantity, basis))
        return gone
