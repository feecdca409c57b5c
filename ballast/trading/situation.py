"""An account that may be short of cash: what its broker says now, and how it is to be repaired."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ballast.trading.currency_pairs import CurrencyPair
from ballast.trading.sales import SaleCosts, SalePolicy, Sellable

# Once should do; a partial fill, or a route that shares a leg with others, takes it again.
MOST_USES_OF_A_PAIR = 5


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
        What was refused may be remembered for later runs, until one is halted: then it is worth another try.
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
